"""Numbers are read by value, in whatever notation, and never in one that they may not have."""

from __future__ import annotations

from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medchain.detect.cells import floats
from medchain.detect.columns.dates import DateMarks, Dates
from medchain.detect.columns.numbers import AMBIGUOUS, Marks, Notation

COMMA = Notation(",", ".")


def written(value: str, decimal: str, thousands: str) -> str:
    """A decimal number of Python in another notation."""
    sign, digits = ("-", value[1:]) if value.startswith("-") else ("", value)
    whole, point, rest = digits.partition(".")
    return sign + f"{int(whole):,}".replace(",", thousands) + (decimal + rest if point else "")


NUMBERS = st.decimals(-(10**9), 10**9, places=4).map(str) | st.integers(-(10**9), 10**9).map(str)
NOTATIONS = st.sampled_from(
    [(d, t) for d in ".," for t in ("", ".", ",", " ", "'", "\u00a0", "\u202f") if d != t]
)


@given(NUMBERS, NOTATIONS, st.sampled_from(["", "mg/dl", "%"]), st.sampled_from(["", "<", ">="]))
def test_a_number_comes_back_from_any_notation(
    value: str, notation: tuple[str, str], unit: str, side: str
) -> None:
    decimal, thousands = notation
    plain = {"\u00a0": " ", "\u202f": " "}.get(thousands, thousands)
    by = Notation(decimal, plain, (("mg/dl", 1.0), ("%", 1.0)), censored=True)
    read = by.read(f" {side}{written(value, decimal, thousands)} {unit}")
    assert read.value == float(value)
    assert read.side == {"": "", "<": "below", ">=": "above"}[side]


@given(st.lists(NUMBERS, min_size=30), NOTATIONS)
def test_the_notation_is_found_from_a_column(values: list[str], notation: tuple[str, str]) -> None:
    values = [*values, "1234567.25", "1.5"]
    cells = [written(value, *notation) for value in values]
    found = Marks.of(dict.fromkeys(cells, 1)).notation(None, ())
    read = [found.read(cell).value for cell in cells]
    unclear = [value for value in read if value is None]
    assert not unclear or found.thousands is None
    for value, number in zip(values, read, strict=True):
        assert number is None or number == float(value)


@given(st.floats(allow_nan=False, allow_infinity=False).map(repr) | NUMBERS)
def test_plain_numbers_mean_what_they_mean_to_the_fast_path(cell: str) -> None:
    assert Notation().read(cell).value == floats([cell])[0]


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused_with_a_reason(cell: str) -> None:
    for notation in (Notation(), COMMA):
        value, side, reason = notation.read(cell)
        assert (value is None) == bool(reason)
        assert not side


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1,25", 1.25),
        ("1.25", 1.25),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1 234,5", 1234.5),
        ("1'234.5", 1234.5),
        ("1\u00a0234", 1234.0),
        ("\u22125", -5.0),
        ("\u20135,5", -5.5),
        ("١٢٣", 123.0),
        ("٣٫٥", 3.5),
        ("1e5", 1e5),
        ("1.234.567", 1234567.0),
        ("0,123", 0.123),
    ],
)
def test_one_reading_alone_is_read_in_every_column(cell: str, value: float) -> None:
    assert Notation().read(cell).value == value
    assert Notation(",").read(cell).value == value


def test_two_readings_are_decided_by_the_notation_or_refused() -> None:
    assert Notation().read("1.234").value == 1.234
    assert COMMA.read("1.234").value == 1234
    assert Notation(",", "").read("1.234").value == 1.234
    assert Notation(",").read("1.234").reason == AMBIGUOUS
    assert Notation().read("1,234").reason == AMBIGUOUS
    assert Notation(".", ",").read("1,234").value == 1234


@pytest.mark.parametrize("cell", ["12,34,567", "1,2,3", "1_0", "120/80", "5'10\"", "abc", "5,"])
def test_what_is_no_number_is_refused(cell: str) -> None:
    assert Notation().read(cell).value is None


def test_units_limits_and_codes_are_read_where_the_plan_has_them() -> None:
    by = Notation(units=(("mg/dl", 1.0), ("mmol/l", 18.0)), censored=True, missing=("-999",))
    assert by.read("42 MG/dl").value == 42
    assert by.read("2 mmol / l").value == 36
    assert by.read("<0.5") == (0.5, "below", "")
    for missing in ("-999", "-999.0", "#DIV/0!", "not done", ""):
        found = by.read(missing).value
        assert found is not None
        assert isnan(found)
    assert by.read("42 g").reason == "a unit or a word beside the number"
    assert Notation().read("<0.5").reason.startswith("a limit")
    assert Notation(boolean=True).read("yes").value == 1


def test_a_long_cell_costs_no_more_than_its_length() -> None:
    for cell in ("1" + " " * 100_000 + "\n1", "1," * 50_000, "<" + "1 " * 50_000 + "x\ny"):
        assert Notation().read(cell).value is None
        Marks.of({cell: 1})
        assert Dates().read(cell).reason
        assert not DateMarks.of({cell: 1}).dates
