"""Boosted trees: what they say is what a plain walk says, and what they learn is in the rows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from medchain.detect.boosting import (
    DEPTH,
    Forest,
    Growth,
    Rows,
    codes_of,
    edges_of,
    grow,
    member_forests,
)

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(400, 5)).astype(np.float32)
CORNER = ((ROWS[:, 1] > 0.5) & (ROWS[:, 3] < 0)).astype(int)
EVERY = np.ones(400, bool)


def table(inputs: np.ndarray, labels: np.ndarray) -> Rows:
    """Rows of as many patients, shown as they are."""
    return Rows(inputs, inputs, labels, np.arange(len(inputs)))


def walk(forest: Forest, row: np.ndarray) -> float:
    """Tree by tree, question by question."""
    said = forest.base
    for columns, cuts, leaves in zip(forest.columns, forest.cuts, forest.leaves, strict=True):
        leaf = 0
        for column, cut in zip(columns, cuts, strict=True):
            leaf = 2 * leaf + int(row[column] > cut)
        said += leaves[leaf]
    return said


@pytest.mark.parametrize("trees", [1, 2, 7, 30])
def test_a_forest_says_what_a_walk_through_its_trees_says(trees: int) -> None:
    forest, _ = grow(table(ROWS, CORNER), EVERY, Growth(trees=trees), np.random.default_rng(1))
    wanted = [walk(forest, row) for row in ROWS[:60]]
    assert forest(ROWS[:60]) == pytest.approx(wanted, abs=1e-12)


def test_a_row_alone_gets_what_it_gets_among_others() -> None:
    forest, _ = grow(table(ROWS, CORNER), EVERY, Growth(), np.random.default_rng(1))
    together = forest(ROWS)
    assert [forest(ROWS[place : place + 1])[0] for place in range(400)] == together.tolist()
    for few in (2, 3, 5, 8, 17):
        assert np.array_equal(forest(ROWS[3 : 3 + few]), together[3 : 3 + few])
    assert len(forest(ROWS[:0])) == 0
    again = Forest.from_json(json.loads(json.dumps(forest.to_json())))
    assert np.array_equal(again(ROWS), together)


def test_a_corner_is_found() -> None:
    forest, losses = grow(
        table(ROWS, CORNER), np.arange(400) < 300, Growth(), np.random.default_rng(1)
    )
    assert losses[-1] < 0.2 * losses[0]
    fresh = RANDOM.normal(size=(500, 5)).astype(np.float32)
    truth = (fresh[:, 1] > 0.5) & (fresh[:, 3] < 0)
    assert np.mean((forest(fresh) > 0) == truth) > 0.95


def test_what_is_said_of_a_row_comes_from_members_that_never_saw_it() -> None:
    masks = np.ones((400, 4), np.float32)
    for member in range(4):
        masks[member::4, member] = 0
    _, said = member_forests(table(ROWS, CORNER), masks, np.arange(5), 0)
    turned = CORNER.copy()
    turned[0::4] = 1 - turned[0::4]
    members = [
        grow(table(ROWS, labels), masks[:, 0] > 0, Growth(), np.random.default_rng([0, 4, 0]))[0]
        for labels in (CORNER, turned)
    ]
    assert np.array_equal(members[0].leaves, members[1].leaves)
    assert (said > 0).mean() == pytest.approx(CORNER.mean(), abs=0.05)


def test_only_the_columns_asked_for_are_asked() -> None:
    masks = np.ones((400, 2), np.float32)
    masks[::2, 0] = masks[1::2, 1] = 0
    forest, _ = member_forests(table(ROWS, CORNER), masks, np.array([1, 3]), 0)
    assert set(np.unique(forest.columns)) <= {1, 3}


@pytest.mark.parametrize(
    "column", [np.zeros(60), np.arange(60.0), np.repeat([0.0, 1.0], 30), np.full(60, 1e30)]
)
def test_codes_and_cuts_agree(column: np.ndarray) -> None:
    values = column.astype(np.float32)[:, None]
    (cuts,) = edges = edges_of(values)
    codes = codes_of(values, edges)[:, 0]
    for place, cut in enumerate(cuts):
        assert np.array_equal(values[:, 0] > cut, codes > place)


def test_equal_rows_have_nothing_to_ask() -> None:
    flat = np.zeros((40, 2), np.float32)
    labels = np.arange(40) % 4 == 0
    forest, _ = grow(
        table(flat, labels), np.ones(40, bool), Growth(trees=3), np.random.default_rng(0)
    )
    assert forest(flat) == pytest.approx(np.full(40, np.log(0.2561 / 0.7439)), abs=0.01)
    assert forest.columns.shape[1] == DEPTH


def test_a_region_as_rare_as_anomalies_has_cuts_of_its_own() -> None:
    column = np.random.default_rng(1).normal(size=(3000, 1)).astype(np.float32)
    (cuts,) = edges_of(column)
    shares = np.sort(column[:, 0]).searchsorted(cuts) / 3000
    assert np.diff(shares, prepend=0, append=1).max() < 0.015
