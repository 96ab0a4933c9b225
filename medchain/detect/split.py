"""Rows held out and folds: stratified by label, with all rows of one patient on the same side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cells import is_missing

Ints = NDArray[np.intp]


def groups_of(identifiers: Sequence[str] | None, count: int) -> Ints:
    """A number for each row: equal for equal identifiers, unique where there is none."""
    if identifiers is None:
        return np.arange(count)
    seen: dict[str, int] = {}
    found = []
    for row, cell in enumerate(identifiers):
        key = f"missing {row}" if is_missing(cell) else f"id {cell.strip()}"
        found.append(seen.setdefault(key, len(seen)))
    return np.array(found, np.intp)


def hold_out(
    groups: Ints, strata: NDArray[Any], share: float, random: np.random.Generator
) -> tuple[Ints, Ints]:
    """Positions of the training rows and of the held-out rows.

    Of every stratum with two groups or more, both sides get at least one.
    """
    held = np.zeros(int(groups.max()) + 1, bool)
    for members in _strata(groups, strata):
        count = min(max(round(share * len(members)), 1), len(members) - 1) if share else 0
        held[random.permutation(members)[:count]] = True
    return np.flatnonzero(~held[groups]), np.flatnonzero(held[groups])


def folds(groups: Ints, strata: NDArray[Any], count: int, random: np.random.Generator) -> Ints:
    """The fold, from 0 to `count` - 1, of every row; each stratum is spread evenly."""
    fold = np.zeros(int(groups.max()) + 1, np.intp)
    start = 0
    for members in _strata(groups, strata):
        fold[random.permutation(members)] = (start + np.arange(len(members))) % count
        start += len(members)
    return fold[groups]


def member_masks(
    groups: Ints, strata: NDArray[Any], members: int, count: int, random: np.random.Generator
) -> NDArray[np.float32]:
    """1 where a member (column) learns from a row; each leaves out one fold of `count`.

    After every `count` members the rows are shuffled into new folds.
    """
    masks = np.ones((len(groups), members), np.float32)
    fold = np.zeros(len(groups), np.intp)
    for member in range(members):
        if member % count == 0:
            fold = folds(groups, strata, count, random)
        masks[fold == member % count, member] = 0.0
    return masks


def _strata(groups: Ints, strata: NDArray[Any]) -> list[Ints]:
    """The groups of each stratum; a group belongs to the highest stratum among its rows."""
    top = np.zeros(int(groups.max()) + 1, np.intp)
    np.maximum.at(top, groups, strata.astype(np.intp))
    present = np.unique(groups)
    return [present[top[present] == level] for level in np.unique(top[present])]
