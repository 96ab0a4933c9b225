"""Dates of people and programs; what is in no calendar is refused."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medchain.detect.columns.dates import DMY, EXCEL, MDY, NO_DAY, TIME, DateMarks, Dates

FORMS = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d %B %Y", "%b %d, %Y", "%d%b%Y", "%Y-%m-%dT00:00:00Z"]


@given(st.dates(date(1000, 1, 1), date(2999, 12, 31)), st.sampled_from(FORMS))
def test_a_day_comes_back(day: date, form: str) -> None:
    assert Dates().read(day.strftime(form)).day == day
    assert Dates(DMY).read(day.strftime("%d.%m.%Y")).day == day
    assert Dates(MDY).read(day.strftime("%m/%d/%Y")).day == day


@pytest.mark.parametrize("cell", ["2023-02-29", "29.02.2023", "1900-01-00", "2024-13-01"])
def test_a_day_in_no_calendar_is_refused(cell: str) -> None:
    assert Dates(DMY).read(cell).reason == NO_DAY


def test_hours_and_zones() -> None:
    assert Dates().read("2024-01-02T14:30:00+01:00").hour == 14.5
    assert Dates().read("2024-01-02 2:30 PM").hour == 14.5
    assert Dates(TIME).read("06:15").hour == 6.25
    assert Dates(EXCEL).read("45000.5") == (date(2023, 3, 15), 12.0, "")
    assert Dates(EXCEL).read("60").reason == NO_DAY


def test_day_and_month_are_told_apart_by_the_column() -> None:
    assert DateMarks.of({"03/04/2024": 1, "25/04/2024": 1}).order == DMY
    assert DateMarks.of({"03/04/2024": 1, "04/25/2024": 1}).order == MDY
    assert DateMarks.of({"03/04/2024": 1}).unclear
    assert Dates().read("03/04/2024").reason
