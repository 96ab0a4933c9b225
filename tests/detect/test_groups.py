"""Rows that share a group, by whatever column, are never on both sides of a split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medchain.detect.groups import together
from medchain.detect.material import prepare
from medchain.detect.split import member_masks
from medchain.errors import UsageError

from .tables import COLUMNS, clinic

GROUPINGS = st.integers(1, 30).flatmap(
    lambda count: st.lists(
        st.lists(st.integers(0, 12), min_size=count, max_size=count), min_size=1, max_size=3
    )
)


@given(GROUPINGS)
def test_rows_are_together_exactly_where_a_chain_joins_them(groupings: list[list[int]]) -> None:
    count = len(groupings[0])
    found = together([np.array(grouping, np.intp) for grouping in groupings], count)
    slow = np.arange(count)
    for _ in range(count):  # whoever shares a group takes the least number, until nothing changes
        for grouping in groupings:
            for value in set(grouping):
                rows = [row for row in range(count) if grouping[row] == value]
                slow[rows] = slow[rows].min()
    assert [[a == b for b in found] for a in found] == [[a == b for b in slow] for a in slow]
    assert set(found) == set(range(len(set(found))))


def test_without_groupings_every_row_stands_alone() -> None:
    assert together([], 3).tolist() == [0, 1, 2]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**16), st.integers(2, 30))
def test_a_group_is_on_one_side_of_the_hold_out_and_of_every_fold(seed: int, size: int) -> None:
    columns = [*COLUMNS, "centre"]
    rows = [[*row, f"C{number // size}"] for number, row in enumerate(clinic(200, seed=seed % 50))]
    for number, row in enumerate(rows):
        row[COLUMNS.index("weight")] = f"{number}.5"  # by which a row is known again
    made = prepare(
        columns,
        rows,
        label="anomaly",
        id="patient",
        group="centre",
        drop=(),
        kinds=None,
        positive=None,
        held_out=0.2,
        random=np.random.default_rng(seed),
    )
    place = made.schema.numeric.index("weight")
    centres, held = (
        (side.table.numbers[:, place] // size).astype(int) for side in (made.train, made.held)
    )
    assert not set(centres) & set(held)
    assert "centre" not in made.schema.features
    masks = member_masks(made.train.groups, made.train.labels, 8, 4, np.random.default_rng(seed))
    for centre in set(centres):
        rows_of = masks[centres == centre]
        assert (rows_of.min(0) == rows_of.max(0)).all()


@pytest.mark.parametrize("options", [{"group": "anomaly"}, {"group": "nowhere"}])
def test_a_group_that_cannot_be_one(options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"anomaly|nowhere"):
        prepare(
            COLUMNS,
            clinic(40),
            label="anomaly",
            id=None,
            drop=(),
            kinds=None,
            positive=None,
            held_out=0.2,
            random=np.random.default_rng(0),
            **options,
        )
