"""Dates and times of day as people and programs write them.

Read in any column: ISO 8601 and other dates with the year first, and dates whose month is a word.
Of ``03/04/2024`` the column's order decides which number is the day. Zones are read and left out:
an hour is the hour on the ward's clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from .words import MISSING_NUMBER, ascii_signs

YMD, DMY, MDY, EXCEL, TIME = ORDERS = ("ymd", "dmy", "mdy", "excel", "time")
AGE, DAYS, HOUR, WEEKDAY = FEATURES = ("age", "days", "hour", "weekday")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
YEAR = 365.2425
_LONGEST = 64
NO_DATE, NO_DAY = "no date in a column of dates", "a day that is in no calendar"
_MISSING = MISSING_NUMBER | {"0000-00-00", "0000-00-00 00:00:00"}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_OTHER_MONTHS = {"mär": 3, "mai": 5, "okt": 10, "dez": 12, "fév": 2, "avr": 4, "aoû": 8, "déc": 12}
_CLOCK = r"(?:(?:[T ,]\s*)(?P<clock>\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)\s*(?P<half>[ap]\.?m\.?)?"
_ZONE = r"\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?"
_FORMS = tuple(
    re.compile(form + _CLOCK + _ZONE, re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
        r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})",
        r"(?P<day>\d{1,2})[-./ ]*(?P<word>[^\W\d_]{3,9})[-./, ]*(?P<year>\d{4})",
        r"(?P<word>[^\W\d_]{3,9})[-./ ]*(?P<day>\d{1,2})[-./, ]+(?P<year>\d{4})",
    )
)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})", re.ASCII)
_TIME = re.compile(
    r"(?P<clock>\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)\s*(?P<half>[ap]\.?m\.?)?", re.I
)
_SERIAL = re.compile(r"\d{1,5}(?:\.\d*)?", re.ASCII)
_FIRST_DAY = datetime(1899, 12, 30)
"""Day 0 of Excel's numbers from March 1900 on; it knows a 29 February 1900 that never was."""


class Moment(NamedTuple):
    """A day and an hour with its fraction, either of which may be unknown; or why there is none."""

    day: date | None = None
    hour: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Dates:
    """How the dates of a column are written and what is made of them.

    `features` are some of `FEATURES`; ages and days are counted from `since`, another column or a
    fixed day.
    """

    order: str = YMD
    features: tuple[str, ...] = ()
    since: str | date | None = None
    missing: tuple[str, ...] = field(default=(), repr=False)

    def read(self, cell: str) -> Moment:
        """The moment in `cell`."""
        text = ascii_signs(cell)
        if text.casefold() in _MISSING or text in self.missing:
            return Moment()
        if len(text) > _LONGEST:
            return Moment(reason=NO_DATE)
        if self.order == TIME:
            found = _TIME.fullmatch(text)
            return _clock(None, found) if found else Moment(reason="no time of day")
        if self.order == EXCEL and _SERIAL.fullmatch(text):
            return _serial(float(text))
        for form in (*_FORMS, _COMPACT):
            if found := form.fullmatch(text):
                return self._moment(found)
        return Moment(reason=NO_DATE)

    def _moment(self, found: re.Match[str]) -> Moment:
        parts = found.groupdict()
        if parts.get("word"):
            month, day = _month(parts["word"]), int(parts["day"])
        elif parts.get("first"):
            pair = int(parts["first"]), int(parts["second"])
            if self.order not in (DMY, MDY):
                return Moment(reason="a date whose day and month the plan does not tell apart")
            day, month = pair if self.order == DMY else pair[::-1]
        else:
            month, day = int(parts["month"]), int(parts["day"])
        try:
            return _clock(date(int(parts["year"]), month, day), found)
        except ValueError:
            return Moment(reason=NO_DAY)


def _month(word: str) -> int:
    """The number of a month, 0 for another word."""
    head = word.casefold()[:3]
    return _MONTHS.index(head) + 1 if head in _MONTHS else _OTHER_MONTHS.get(head, 0)


def _serial(days: float) -> Moment:
    if days < 61:
        return Moment(reason=NO_DAY)
    moment = _FIRST_DAY + timedelta(days=days)
    hour = moment.hour + moment.minute / 60 + moment.second / 3600
    return Moment(moment.date(), hour if days % 1 else None)


def _clock(day: date | None, found: re.Match[str]) -> Moment:
    parts = found.groupdict()
    if not parts.get("clock"):
        return Moment(day)
    hours, minutes, *seconds = (float(part.replace(",", ".")) for part in parts["clock"].split(":"))
    if half := parts.get("half"):
        if not 1 <= hours <= 12:
            return Moment(reason="no time of day")
        hours = hours % 12 + (12 if half[0] in "pP" else 0)
    if hours > 24 or minutes > 59 or any(second >= 61 for second in seconds):
        return Moment(reason="no time of day")
    return Moment(day, hours + minutes / 60 + sum(seconds) / 3600)


@dataclass
class DateMarks:
    """How many cells of a column are dates, and which order of day and month they allow."""

    dates: int = 0
    times: int = 0
    clocks: int = 0
    pairs: int = 0
    day_first: int = 0
    month_first: int = 0
    last: date = date.min

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> DateMarks:
        """Of cells, each with how often it occurs."""
        marks = cls()
        for cell, count in counts.items():
            marks._add(ascii_signs(cell), count)
        return marks

    def _add(self, text: str, count: int) -> None:
        if len(text) > _LONGEST:
            return
        if _TIME.fullmatch(text):
            self.times += count
            return
        found = next(filter(None, (form.fullmatch(text) for form in _FORMS)), None)
        if not found or (found.groupdict().get("word") and not _month(found["word"])):
            return
        parts = found.groupdict()
        self.dates += count
        self.clocks += count if parts["clock"] else 0
        self.last = max(self.last, date(max(int(parts["year"]), 1), 12, 31))
        if parts.get("first"):
            self.pairs += count
            self.day_first += count if int(parts["first"]) > 12 else 0
            self.month_first += count if int(parts["second"]) > 12 else 0

    @property
    def order(self) -> str:
        """The order that the cells show; `YMD` where none of them needs one."""
        if not self.pairs:
            return YMD
        return MDY if self.month_first > self.day_first else DMY

    @property
    def unclear(self) -> bool:
        """Whether day and month could be either in every cell."""
        return self.pairs > 0 and self.day_first == self.month_first == 0


def compact(counts: Iterable[str]) -> bool:
    """Whether every cell is a day of eight digits between 1850 and 2150."""
    return all(
        _COMPACT.fullmatch(text) and "1850" <= text < "2150" and Dates().read(text).day
        for text in map(ascii_signs, counts)
    )
