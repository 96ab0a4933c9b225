"""Cells: missing tokens, plain numbers, and the quick ways against the slow one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medchain.detect.cells import MISSING, floats, is_missing, number, reason

ODD = [
    "",
    " ",
    "NA",
    "n/a",
    "NaN",
    "NULL",
    "none",
    "?",
    "1_000",
    "0x10",
    "inf",
    "-Infinity",
    "1e400",
]
ODD += ["１２", "1,5", "yes", "+3", " 4 ", "-.5", "1.", ".", "e5", "1e5", "nan ", "1 2", "\t7\n"]


@pytest.mark.parametrize("cell", ["", "  ", "NA", "n/A", "NaN", "NULL", "None", "?", " ? "])
def test_missing_tokens(cell: str) -> None:
    assert is_missing(cell)
    assert math.isnan(floats([cell])[0])


@pytest.mark.parametrize(
    ("cell", "value"), [("1", 1.0), (" -2.5 ", -2.5), ("+3e2", 300.0), (".5", 0.5), ("7.", 7.0)]
)
def test_plain_numbers(cell: str, value: float) -> None:
    assert number(cell) == value
    assert floats([cell]) == [value]


@pytest.mark.parametrize(
    "cell", ["1_000", "0x10", "inf", "-inf", "Infinity", "1e400", "１２", "1,5", "yes", "1 2", "."]
)
def test_what_is_no_finite_plain_number(cell: str) -> None:
    assert number(cell) is None
    assert math.isinf(floats([cell])[0])


def test_reasons_never_show_the_cell() -> None:
    assert reason("inf") == reason("-Infinity") == "infinite, not a finite number"
    assert reason("1e400") == "too large for a number"
    assert reason("secret") == "text in a numeric column"


@given(st.lists(st.one_of(st.sampled_from(ODD), st.floats().map(repr), st.text(max_size=4))))
def test_a_column_is_read_as_its_cells_are(cells: list[str]) -> None:
    together, alone = floats(cells), [floats([cell])[0] for cell in cells]
    assert len(together) == len(cells)
    for cell, one, other in zip(cells, together, alone, strict=True):
        assert math.isinf(one) == math.isinf(other), cell
        assert one == other or math.isnan(one) == math.isnan(other) or math.isinf(one)
        if number(cell) is not None:
            assert one == number(cell)
        elif cell.strip().lower() in MISSING:
            assert math.isnan(one)
