"""Held-out rows and folds: no patient on both sides, no class forgotten."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medchain.detect.split import folds, groups_of, hold_out, member_masks

CASES = st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=20, max_size=120)


def arrays(case: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    groups = groups_of([f"P{number}" for number, _ in case], len(case))
    return groups, np.array([int(anomaly) for _, anomaly in case])


def test_groups() -> None:
    assert groups_of(None, 3).tolist() == [0, 1, 2]
    assert groups_of(["a", "", "a ", "NA", "b"], 5).tolist() == [0, 1, 0, 2, 3]


@given(CASES, st.integers(0, 5))
def test_no_group_is_on_both_sides(case: list[tuple[int, bool]], seed: int) -> None:
    groups, labels = arrays(case)
    learn, held = hold_out(groups, labels, 0.2, np.random.default_rng(seed))
    assert sorted([*learn, *held]) == list(range(len(case)))
    assert not set(groups[learn]) & set(groups[held])


@given(st.integers(2, 60), st.integers(20, 200), st.integers(0, 5))
def test_both_sides_hold_the_share_of_each_class(anomalies: int, normal: int, seed: int) -> None:
    labels = np.array([1] * anomalies + [0] * normal)
    groups = groups_of(None, len(labels))
    learn, held = hold_out(groups, labels, 0.2, np.random.default_rng(seed))
    for level, count in ((1, anomalies), (0, normal)):
        assert (labels[held] == level).sum() == max(1, round(0.2 * count))
        assert (labels[learn] == level).any()


def test_nothing_is_held_out_when_asked() -> None:
    learn, held = hold_out(np.arange(9), np.zeros(9, int), 0.0, np.random.default_rng(0))
    assert (len(learn), len(held)) == (9, 0)


@given(CASES, st.integers(0, 5))
def test_each_row_is_unseen_by_some_member_together_with_its_group(
    case: list[tuple[int, bool]], seed: int
) -> None:
    groups, labels = arrays(case)
    masks = member_masks(groups, labels, 8, 4, np.random.default_rng(seed))
    assert (masks.sum(axis=1) == 6).all()
    for group in set(groups):
        assert len({tuple(row) for row in masks[groups == group].tolist()}) == 1


def test_folds_spread_each_class_evenly() -> None:
    labels = np.array([1] * 8 + [0] * 92)
    fold = folds(np.arange(100), labels, 4, np.random.default_rng(0))
    assert np.bincount(fold[:8]).tolist() == [2] * 4
    assert np.bincount(fold).tolist() == [25] * 4
