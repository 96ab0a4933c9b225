"""Rows that belong together for more than one reason: an identifier, a centre, a visit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.intp]


def together(groupings: Sequence[Ints], count: int) -> Ints:
    """A number for each of `count` rows: equal where a chain of rows that share a group joins them.

    Each of `groupings` gives every row the number of its group; without any, a row stands alone.
    """
    if not groupings:
        return np.arange(count)
    found, *others = groupings
    for other in others:
        found = _joined(found, other)
    return np.unique(found, return_inverse=True)[1].astype(np.intp)


def _joined(left: Ints, right: Ints) -> Ints:
    """Groups that share a row become one (union-find, with halved paths)."""
    parent = list(range(int(left.max()) + 1 + int(right.max()) + 1))
    offset = int(left.max()) + 1

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    for one, other in zip(left.tolist(), (right + offset).tolist(), strict=True):
        parent[root(one)] = root(other)
    return np.array([root(place) for place in left.tolist()], np.intp)
