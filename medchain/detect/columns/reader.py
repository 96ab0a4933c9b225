"""Reads the cells of a table by its plan into plain ones, which hold one notation alone.

What a cell becomes depends on the cell and the plan and on no other row. Numbers and dates become
the shortest text that `float` reads back; a cell that cannot be read becomes `UNREADABLE`, which is
no number, and is told of by its row and the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from .dates import AGE, DAYS, HOUR, WEEKDAYS, YEAR, Moment
from .plan import BOOLEAN, CATEGORICAL, DATE, NUMERIC, PAIR, ColumnPlan, TablePlan
from .words import MISSING_ANYWHERE, ascii_signs, folded

UNREADABLE = "!"
OTHER_KIND = "a row of another kind than the model's"
_REMEMBERED = 1 << 16
Cells = Sequence[str]


class Bad(NamedTuple):
    """A cell that cannot be read: its row (from 0), its column in the table, and why."""

    row: int
    column: str
    reason: str


@dataclass(frozen=True)
class Plain:
    """Plain columns by name, and the cells that could not be read, in the order of the rows."""

    cells: dict[str, Cells] = field(repr=False)
    bad: list[Bad]


class Reader:
    """Reads the columns that `features`, names of plain columns, are made of; or all columns."""

    def __init__(self, plan: TablePlan, features: Sequence[str] | None = None) -> None:
        self._plan = plan
        every = [part for column in plan.columns for part in column.parts]
        self._features = set(every if features is None else features)
        self.sources = plan.sources(self._features)
        if not self._features <= set(every):
            raise ValueError("a feature that the plan does not make")
        self._columns = [c for c in plan.columns if self._features & set(c.parts)]
        dated = {name for name in self.sources if plan.by_name[name].kind == DATE}
        self._moments = {name: _Memo(plan.by_name[name].dates.read) for name in dated}
        self._levels = {c.name: {"", *c.words.levels} for c in self._columns}
        self._memos = {c.name: _Memo(_cell_reader(c)) for c in self._columns if c.kind in _READERS}

    def read(self, cells: Mapping[str, Cells], *, quick: bool = False) -> Plain:
        """Plain columns from the cells of `sources`.

        With `quick`, columns of plain numbers stay as they are, unread: enough where every cell of
        them is a number that `float` reads.
        """
        found: dict[str, Cells] = {}
        bad: list[Bad] = []
        moments = {
            name: [memo[cell] for cell in cells[name]] for name, memo in self._moments.items()
        }
        for column in self._columns:
            if column.kind == DATE:
                parts = _dated(column, moments, bad)
            elif quick and self._stands(column, cells[column.name]):
                parts = [cells[column.name]]
            elif column.name in self._memos:
                parts = _looked_up(column, self._memos[column.name], cells[column.name], bad)
            else:
                parts = [cells[column.name]]
            found |= zip(column.parts, parts, strict=True)
        if self._plan.where:
            bad += self._others(cells)
        return Plain(found, sorted(bad, key=lambda each: each.row))

    def _stands(self, column: ColumnPlan, cells: Cells) -> bool:
        """Whether cells may stay as they are: plain numbers, or levels as the model has them."""
        if column.kind == NUMERIC:
            return column.notation.plain
        return column.kind in (CATEGORICAL, BOOLEAN) and self._levels[column.name].issuperset(cells)

    def _others(self, cells: Mapping[str, Cells]) -> list[Bad]:
        assert self._plan.where
        name, value = self._plan.where
        kept = folded(value)
        return [
            Bad(row, name, OTHER_KIND)
            for row, cell in enumerate(cells[name])
            if folded(cell) != kept
        ]


class _Memo(dict[str, Any]):
    """What a function says of a cell, kept for the next such cell."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, cell: str) -> Any:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[cell] = self._read(cell)
        return found


def _looked_up(column: ColumnPlan, memo: _Memo, cells: Cells, bad: list[Bad]) -> list[Cells]:
    """The parts of each cell, of which the last is the reason why it cannot be read, or ""."""
    entries = [memo[cell] for cell in cells]
    if not entries:
        return [() for _ in column.parts]
    *parts, reasons = zip(*entries, strict=True)
    if any(reasons):
        bad += [Bad(row, column.name, why) for row, why in enumerate(reasons) if why]
    return [*parts]


def _cell_reader(column: ColumnPlan) -> Callable[[str], tuple[str, ...]]:
    return _READERS[column.kind](column)


def _numeric(column: ColumnPlan) -> Callable[[str], tuple[str, ...]]:
    notation, width = column.notation, len(column.parts)

    def read(cell: str) -> tuple[str, ...]:
        value, side, reason = notation.read(cell)
        return (*(_text(value), side or "within")[:width], reason)

    return read


def _pair(column: ColumnPlan) -> Callable[[str], tuple[str, ...]]:
    notation = column.notation

    def read(cell: str) -> tuple[str, ...]:
        text = ascii_signs(cell)
        whole = notation.read(text)
        if whole.value is not None and whole.value != whole.value:
            return "", "", ""
        halves = [notation.read(half) for half in text.split("/")]
        if len(halves) != 2 or any(half.value is None for half in halves):
            return UNREADABLE, UNREADABLE, "not a pair of numbers like 120/80"
        return _text(halves[0].value), _text(halves[1].value), ""

    return read


def _words(column: ColumnPlan) -> Callable[[str], tuple[str, ...]]:
    words, known = column.words, column.words.lookup()
    exact = set(words.levels)
    missing = MISSING_ANYWHERE | {folded(word) for word in words.missing}

    def read(cell: str) -> tuple[str, ...]:
        text = cell.strip()
        if folded(cell) in missing and text not in exact:
            return "", ""
        return (text if text in exact else known.get(words.key(cell), text)), ""

    return read


_READERS = {NUMERIC: _numeric, PAIR: _pair, CATEGORICAL: _words, BOOLEAN: _words}


def _text(value: float | None) -> str:
    if value is None:
        return UNREADABLE
    return repr(value) if value == value else ""


def _dated(
    column: ColumnPlan, moments: Mapping[str, Sequence[Moment]], bad: list[Bad]
) -> list[Cells]:
    """What is made of each moment of the column."""
    mine, since = moments[column.name], column.dates.since
    bad += [Bad(row, column.name, m.reason) for row, m in enumerate(mine) if m.reason]
    starts: Sequence[date | None]
    starts = [m.day for m in moments[since]] if isinstance(since, str) else [since] * len(mine)
    return [
        [
            UNREADABLE if moment.reason else _feature(feature, moment, start)
            for moment, start in zip(mine, starts, strict=True)
        ]
        for feature in column.dates.features
    ]


def _feature(feature: str, moment: Moment, start: date | None) -> str:
    day, hour, _ = moment
    if feature == HOUR:
        return "" if hour is None else repr(round(hour, 4))
    if day is None:
        return ""
    if feature in (AGE, DAYS):
        if start is None:
            return ""
        days = (start - day if feature == AGE else day - start).days
        return repr(round(days / YEAR, 4)) if feature == AGE else repr(float(days))
    return WEEKDAYS[day.weekday()]
