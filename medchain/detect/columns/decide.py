"""Makes a column plan from a table: what each column is, how it is written, and what is lost.

Notes and remarks count cells and never show one that fewer than ten patients share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from math import isfinite, isnan

from ...errors import UsageError
from ..cells import columns_of, floats
from ..schema import MAX_LEVELS, MIN_ROWS, check_columns
from . import names
from .dates import AGE, DAYS, EXCEL, HOUR, TIME, WEEKDAY, YMD, DateMarks, Dates, compact
from .numbers import Marks, Notation, unit_of
from .plan import (
    BOOLEAN,
    CATEGORICAL,
    DATE,
    DROPPED,
    IDENTIFIER,
    LABEL,
    NUMERIC,
    PAIR,
    TEXT,
    ColumnPlan,
    TablePlan,
    Words,
)
from .reader import Reader
from .rowkinds import several_kinds
from .tally import Tally, numbered, some
from .words import (
    MISSING_ANYWHERE,
    MISSING_NUMBER,
    SEXES,
    boolean,
    folded,
    whole,
)

MOSTLY = 0.9
_NEAR_UNIQUE = 0.9
_FEW_CODES = 12
_LONG_NUMBER = range(8, 20)
_CODES = {sign * int(digit * n) for digit in "987" for n in range(1, 7) for sign in (1, -1)}
_ZEROS = re.compile(r"0\d+", re.ASCII)
_THOUSANDTHS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
_UNIT = re.compile(r"[^\W\d_][^<>=]{0,14}|[%‰°][^<>=]{0,14}")


def decide(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    label: str | None = None,
    id: str | None = None,
    group: str | None = None,
    drop: Iterable[str] = (),
    kinds: Mapping[str, str] | None = None,
    decimal: str | None = None,
    where: tuple[str, str] | None = None,
) -> TablePlan:
    """The plan of a table of at least one row; `kinds` overrules what a column is taken for.

    `decimal` is the decimal mark where a column leaves it open; without, the other columns say.
    `where` is what the rows were picked by.
    Raises `UsageError` for a name that is no column.
    """
    drop, kinds = tuple(drop), dict(kinds or {})
    check_columns(columns, label=label, id=id, group=group, drop=drop, kinds=kinds)
    cells = dict(zip(columns, columns_of(rows), strict=True))
    kinds_of_rows = None if where else several_kinds(cells)
    remarks = [kinds_of_rows] if kinds_of_rows else []
    fixed = {name: ColumnPlan(name, DROPPED, "left out as asked", sure=True) for name in drop}
    if id is None and group is None:
        group = _repeating(columns, cells, {label, *drop, *kinds}, remarks)
    for role, name in (("group", group), ("identifier", id)):
        if name is not None:
            fixed[name] = ColumnPlan(name, IDENTIFIER, f"named as the {role}", sure=True)
    if label is not None:
        fixed[label] = ColumnPlan(label, LABEL, sure=True)
    whose = numbered(cells[id or group]) if id or group else None  # type: ignore[index]
    tallies = {name: Tally(cells[name], whose) for name in columns if name not in fixed}
    looks = {name: _Look(name, tally) for name, tally in tallies.items()}
    hint = decimal or _decimal_of(looks.values())
    found = [
        fixed[name] if name in fixed else looks[name].decide(kinds.get(name), hint)
        for name in columns
    ]
    return _checked(TablePlan(tuple(_dated(found)), label, id, group, where, tuple(remarks)))


def _checked(plan: TablePlan) -> TablePlan:
    try:
        return plan.checked()
    except ValueError as error:
        raise UsageError(
            f"a plan for these columns does not fit: {error}", hint="rename one"
        ) from None


def _repeating(
    columns: Sequence[str],
    cells: Mapping[str, Sequence[str]],
    taken: set[str | None],
    remarks: list[str],
) -> str | None:
    """The first column that is a patient's by its name and has several rows of each."""
    for name in columns:
        if name in taken or not names.PATIENT.search(names.spoken(name)):
            continue
        distinct = len(set(numbered(cells[name])))
        if MIN_ROWS // 2 <= distinct <= _NEAR_UNIQUE * len(cells[name]):
            remarks.append(
                f"column {name!r} has {distinct:,} values in {len(cells[name]):,} rows: taken as "
                f"the group, whose rows stay on one side (if not: --type {name}=categorical)"
            )
            return name
    return None


def _decimal_of(looks: Iterable[_Look]) -> str | None:
    """The decimal mark that most columns have, where one has any."""
    votes = [look.marks.decimals for look in looks]
    points = sum(vote["."] > vote[","] for vote in votes)
    commas = sum(vote[","] > vote["."] for vote in votes)
    if points == commas:
        return None
    return "." if points > commas else ","


class _Look:
    """One column's cells, looked at for each kind that it may be."""

    def __init__(self, name: str, tally: Tally) -> None:
        self.name, self.tally = name, tally
        self.spoken = names.spoken(name)
        self.present = [cell for cell in tally.counts if folded(cell) not in MISSING_ANYWHERE]
        self.count = tally.count(self.present)
        values = floats(self.present)
        self.values = dict(zip(self.present, values, strict=True))
        self.plain = all(map(isfinite, values))
        self.marks = self._marks()

    def _marks(self) -> Marks:
        if not self.plain:
            return Marks.of({cell: self.tally.counts[cell] for cell in self.present})
        marks = Marks()
        pointed = [cell for cell in self.present if "." in cell]
        unclear = bool(pointed) and all(_THOUSANDTHS.fullmatch(cell.strip()) for cell in pointed)
        (marks.unclear if unclear else marks.decimals)["."] = self.tally.count(pointed)
        return marks

    def decide(self, wanted: str | None, hint: str | None) -> ColumnPlan:
        """What the column is, unless the user has said so."""
        if wanted in (IDENTIFIER, DROPPED):
            return ColumnPlan(self.name, wanted, "as you said", sure=True)
        if wanted == NUMERIC:
            return replace(self._numeric(self._notation(hint)), sure=True)
        if wanted == CATEGORICAL:
            return replace(self._categorical(), sure=True)
        if not self.present:
            return ColumnPlan(self.name, CATEGORICAL)
        return self._near_identifier() or self._kind(hint)

    def _kind(self, hint: str | None) -> ColumnPlan:
        if self.plain:
            return self._code() or self._excel_dates() or self._numeric(self._notation(hint))
        notation = self._notation(hint)
        share = self._share_read(notation)
        if share >= MOSTLY:
            return self._code() or self._boolean() or self._numeric(notation)
        return (
            self._code()
            or self._dates()
            or self._pair(notation)
            or self._boolean()
            or self._text()
            or self._categorical(share)
        )

    # Numbers

    def _notation(self, hint: str | None) -> Notation:
        if self.plain and {*self.values.values()} == {0.0, 1.0}:
            return Notation(boolean=True)
        if self.plain and hint != ",":
            return Notation()
        return self.marks.notation(hint, self._units())

    def _units(self) -> list[str]:
        """The one unit that nearly all cells with a unit have, if enough patients have it."""
        units = self.marks.units
        best = max(units, key=units.__getitem__, default="")
        most = units.get(best, 0)
        if not _UNIT.fullmatch(best) or most < MOSTLY * sum(units.values()):
            return []
        having = [cell for cell in self.present if best in "".join(cell.split()).casefold()]
        return [best] if self.tally.many(having) else []

    def _several_units(self) -> list[str]:
        """The units, if most cells are numbers in one of several that enough patients have."""
        found = self.tally.grouped(unit_of)
        told = {unit: cells for unit, cells in found.items() if _UNIT.fullmatch(unit)}
        count = sum(self.tally.count(cells) for cells in told.values())
        many = [unit for unit, cells in told.items() if self.tally.many(cells)]
        return many if len(many) > 1 and count >= MOSTLY * self.count else []

    def _share_read(self, notation: Notation) -> float:
        """Of the cells that are no word for missing values, how many are numbers."""
        read = {cell: notation.read(cell).value for cell in self.present}
        known = [cell for cell, value in read.items() if value is None or not isnan(value)]
        good = [cell for cell in known if read[cell] is not None]
        return self.tally.count(good) / max(self.tally.count(known), 1)

    def _numeric(self, notation: Notation) -> ColumnPlan:
        remarks = self._ambiguity(notation)
        read = {cell: notation.read(cell) for cell in self.present} if not self.plain else {}
        values = {c: n.value for c, n in read.items() if n.value is not None} or self.values
        known = {cell: value for cell, value in values.items() if not isnan(value)}
        notation, more = self._sentinels(notation, known)
        limits = [cell for cell, number in read.items() if number.side]
        words = [cell for cell, value in values.items() if isnan(value)]
        flagged = notation.censored and self.tally.many(limits)
        notes = _written(notation)
        if limits:
            notes.append(f"{some(self.tally.count(limits))} below or above a limit")
        if words:
            notes.append(f"{some(self.tally.count(words))} with a word for missing")
        if limits and not flagged:
            remarks.append(self._says("the limits of so few cells are read as values"))
        column = ColumnPlan(self.name, NUMERIC, ", ".join(notes), notation)
        codes = self._nominal(known)
        return replace(codes or column, remarks=(*remarks, *more))

    def _ambiguity(self, notation: Notation) -> list[str]:
        other = "," if notation.decimal == "." else "."
        marks = self.marks
        if marks.unclear[other] and not marks.thousands[other] and notation.thousands == other:
            what = f"{some(marks.unclear[other])} like 1{other}234 are read as thousands"
        elif marks.unclear[other] and notation.thousands is None:
            what = f"{some(marks.unclear[other])} like 1{other}234 may be two numbers: not read"
        elif marks.unclear[notation.decimal] and not marks.decimals[notation.decimal]:
            what = f"{some(marks.unclear[notation.decimal])} like 1{notation.decimal}234 are read "
            what += "as decimals"
        else:
            return []
        return [self._says(f"{what}; say decimal and thousands in a plan if that is wrong")]

    def _sentinels(
        self, notation: Notation, known: Mapping[str, float]
    ) -> tuple[Notation, list[str]]:
        """The notation with typical codes for missing values that lie far outside."""
        codes = {value for value in known.values() if value in _CODES}
        others = [value for value in known.values() if value not in _CODES]
        if not codes or not others:
            return notation, []
        low, high = min(others), max(others)
        span = max(high - low, 1.0)
        far = [
            code
            for code in codes
            if code > max(high + span, 90) or code < low - span or (low >= 0 and code <= -9)
        ]
        told, hidden = [], 0
        for code in sorted(far):
            cells = [cell for cell, value in known.items() if value == code]
            if self.tally.many(cells):
                told.append(str(int(code)))
            elif self.tally.count(cells) > 1:
                hidden += self.tally.count(cells)
        remarks = []
        if told:
            count = self.tally.count([c for c, v in known.items() if str(int(v)) in told])
            remarks.append(
                self._says(f"{' and '.join(told)} taken as missing in {some(count)}, far outside")
            )
        if hidden:
            remarks.append(
                self._says(
                    f"{some(hidden)} hold what looks like a code for missing values, and are read "
                    "as numbers; name it under missing in a plan"
                )
            )
        return replace(notation, missing=tuple(told)), remarks

    def _nominal(self, known: Mapping[str, float]) -> ColumnPlan | None:
        """A few whole numbers under the name of what has no order."""
        codes = {value for value in known.values() if value == int(value)}
        few = 3 <= len(codes) <= _FEW_CODES and len(codes) == len(set(known.values()))
        if not (few and self.plain and names.NOMINAL.search(self.spoken)):
            return None
        levels = self.tally.grouped(lambda cell: whole(cell.strip()))
        kept = [cells[0].strip() for cells in levels.values() if self.tally.many(cells)]
        note = "whole numbers under a name without order, taken as codes"
        return ColumnPlan(
            self.name, CATEGORICAL, note, words=Words(tuple(kept[:MAX_LEVELS])), sure=True
        )

    # Codes and identifiers

    def _code(self) -> ColumnPlan | None:
        """Whole numbers of which some have a zero in front."""
        digits = [cell for cell in self.present if cell.strip().isdigit()]
        zeros = [cell for cell in digits if _ZEROS.fullmatch(cell.strip())]
        if not zeros or self.tally.count(digits) < MOSTLY * self.count or self._days():
            return None
        widths = {len(cell.strip()) for cell in digits}
        words = replace(self._words(), width=widths.pop() if len(widths) == 1 else 0)
        if not words.levels:
            note = "codes with a zero in front, none of which ten patients have"
            return ColumnPlan(self.name, IDENTIFIER, note, sure=True)
        note = "codes: a zero in front is part of them"
        return ColumnPlan(self.name, CATEGORICAL, note, words=words, sure=True)

    def _near_identifier(self) -> ColumnPlan | None:
        """What could name a person, by the name of the column or by its digits."""
        distinct = len(self.present)
        unlike = distinct >= _NEAR_UNIQUE * self.count
        why = ""
        if names.PHONE.search(self.spoken) and self._digits_in_cells(5):
            why = "phone numbers by the name"
        elif names.COORDINATE.search(self.spoken) and self._coordinates():
            why = "coordinates by the name"
        elif names.INSURANCE.search(self.spoken) and distinct > self.count / 2:
            why = "numbers of a person by the name"
        elif names.CONTACT.search(self.spoken) and distinct > self.count / 2 and not self.plain:
            why = "addresses by the name"
        elif self._mails():
            why = "addresses"
        elif unlike and self.plain and self._long_numbers() and not self._days():
            why = "unlike whole numbers as long as a phone or record number"
        elif names.PATIENT.search(self.spoken) and not unlike and not self._has_decimals():
            why = "an identifier by its name that repeats"
        elif names.COMPLETE.fullmatch(self.name):
            why = "administration of the export"
        if not why:
            return None
        return ColumnPlan(self.name, IDENTIFIER, why, sure=True)

    def _digits_in_cells(self, least: int) -> bool:
        having = [cell for cell in self.present if sum(map(str.isdigit, cell)) >= least]
        return self.tally.count(having) >= MOSTLY * self.count

    def _coordinates(self) -> bool:
        value = Notation(self.marks.notation(None, ()).decimal).read
        read = [value(cell).value for cell in self.present]
        inside = [v for v in read if v is not None and abs(v) <= 180 and v != int(v)]
        return len(inside) >= MOSTLY * len(read)

    def _mails(self) -> bool:
        having = [cell for cell in self.present if re.search(r"\S@\S+\.\S", cell)]
        return bool(having) and self.tally.count(having) >= MOSTLY * self.count

    def _long_numbers(self) -> bool:
        lengths = [len(cell.strip()) for cell in self.present if cell.strip().isdigit()]
        long = [length for length in lengths if length in _LONG_NUMBER]
        return len(long) >= MOSTLY * len(self.present) and self.count >= MIN_ROWS // 2

    def _has_decimals(self) -> bool:
        return any(isfinite(v) and v != int(v) for v in self.values.values())

    # Dates, pairs, booleans, text

    def _days(self) -> bool:
        return len(self.present) > 5 and compact(self.present)

    def _excel_dates(self) -> ColumnPlan | None:
        values = self.values.values()
        if self._days():
            return self._serial_dates("days of eight digits", YMD)
        dated = names.DATED.search(self.spoken) or names.BIRTH.search(self.spoken)
        if dated and all(10_000 <= value <= 60_000 for value in values) and len(self.present) > 5:
            return self._serial_dates("dates as Excel numbers", EXCEL)
        return None

    def _serial_dates(self, note: str, order: str) -> ColumnPlan:
        days = filter(None, (Dates(order).read(cell).day for cell in self.present))
        last = max(day.year for day in days)
        return ColumnPlan(self.name, DATE, note, dates=Dates(order, since=date(last, 12, 31)))

    def _dates(self) -> ColumnPlan | None:
        wanted = [c for c in self.present if folded(c) not in MISSING_NUMBER]
        marks = DateMarks.of({cell: self.tally.counts[cell] for cell in wanted})
        count = self.tally.count(wanted)
        if marks.times >= MOSTLY * count:
            return ColumnPlan(self.name, DATE, "times of day", dates=Dates(TIME, (HOUR,)))
        if marks.dates < MOSTLY * count:
            return None
        features = (WEEKDAY, HOUR) if marks.clocks >= MOSTLY * marks.dates else (WEEKDAY,)
        since = None
        if names.BIRTH.search(self.spoken):
            features, since = (AGE,), marks.last
        remarks: tuple[str, ...] = ()
        if marks.unclear:
            what = "day and month cannot be told apart: read with the day first; "
            remarks = (self._says(f'{what}say order = "mdy" in a plan if that is wrong'),)
        dates = Dates(marks.order, features, since)
        return ColumnPlan(self.name, DATE, "dates", dates=dates, remarks=remarks)

    def _pair(self, notation: Notation) -> ColumnPlan | None:
        column = ColumnPlan(self.name, PAIR, "pairs such as 120/80, two numbers")
        slashed = [cell for cell in self.present if cell.count("/") == 1]
        if not slashed:
            return None
        marks = Marks.of({half: 1 for cell in slashed for half in cell.split("/")})
        column = replace(column, notation=marks.notation(notation.decimal, ()))
        read = Reader(TablePlan((column,))).read({self.name: slashed})
        wanted = [c for c in self.present if folded(c) not in MISSING_NUMBER]
        bad = [slashed[row] for row, _, _ in read.bad]
        good = self.tally.count(slashed) - self.tally.count(bad)
        return column if good and good >= MOSTLY * self.tally.count(wanted) else None

    def _boolean(self) -> ColumnPlan | None:
        """Words for yes and no in any mixture."""
        sides = self.tally.grouped(lambda cell: boolean(folded(cell)))
        if set(sides) != {"yes", "no"} or sum(map(len, sides.values())) < len(self.present):
            return None
        spelt = len({folded(cell) for cell in self.present})
        kept = [side if spelt > 2 else self._spelling(sides[side], side) for side in ("yes", "no")]
        note = f"yes and no in {spelt} words" if spelt > 2 else "yes and no"
        return ColumnPlan(self.name, BOOLEAN, note, words=Words(tuple(kept), boolean=True))

    def _spelling(self, cells: Sequence[str], other: str) -> str:
        """The most frequent spelling, if enough patients have it."""
        return cells[0].strip() if self.tally.many(cells[:1]) else other

    def _text(self) -> ColumnPlan | None:
        """Cells of several words, nearly all unlike."""
        if len(self.present) < _NEAR_UNIQUE * self.count:
            return None
        words = sum(len(cell.split()) for cell in self.present)
        if words < 3 * len(self.present):
            return None
        return ColumnPlan(self.name, TEXT, "free text, which the detector cannot read", sure=True)

    # Categories

    def _words(self) -> Words:
        plain = [self.values[cell] for cell in self.present if cell in self.values]
        sexed = {folded(cell) for cell in self.present}
        sexes = sexed <= {*SEXES, *SEXES.values()} and len(sexed) > 2
        words = Words(sexes=sexes)
        numbers = bool(plain) and all(map(isfinite, plain))
        coded = numbers and not any(_ZEROS.fullmatch(cell.strip()) for cell in self.present)

        def key(cell: str) -> str | None:
            text = cell.strip()
            if folded(cell) in MISSING_ANYWHERE:
                return None
            if len(text) == 1 and not sexes:
                return text
            return (whole(text) or words.key(cell)) if coded else words.key(cell)

        groups = self.tally.grouped(key)
        kept = [
            self._spelling(_by_spelling(self.tally, cells), name)
            for name, cells in groups.items()
            if self.tally.many(cells)
        ]
        return replace(words, levels=tuple(kept[:MAX_LEVELS]))

    def _categorical(self, share: float = 0.0) -> ColumnPlan:
        words = self._words()
        distinct = len({cell.strip() for cell in self.present})
        lookup = {words.key(cell) for cell in self.present}
        note, remarks = "", []
        if len(lookup) < distinct:
            note = f"{distinct} spellings of {len(lookup)} levels"
        if share >= 0.1:
            remarks.append(
                self._says(f"{share:.0%} of the cells are numbers, and all are taken as words")
            )
        if units := self._several_units():
            remarks.append(
                self._says(
                    f"numbers in {' and '.join(units)}: say with kind and units in a plan how they "
                    "convert; as words they tell little"
                )
            )
        elif self.present and not words.levels and len(lookup) < _NEAR_UNIQUE * self.count:
            remarks.append(self._says("no level has ten patients"))
        return ColumnPlan(self.name, CATEGORICAL, note, words=words, remarks=tuple(remarks))

    def _says(self, text: str) -> str:
        return f"column {self.name!r}: {text}"


def _by_spelling(tally: Tally, cells: Sequence[str]) -> list[str]:
    """The cells, those first whose trimmed spelling is the most frequent."""
    counts: dict[str, int] = {}
    for cell in cells:
        counts[cell.strip()] = counts.get(cell.strip(), 0) + tally.counts[cell]
    best = max(counts, key=counts.__getitem__)
    return sorted(cells, key=lambda cell: cell.strip() != best)


def _written(notation: Notation) -> list[str]:
    """What is unusual in the notation, in words."""
    shown = {",": "a comma", ".": "a point", " ": "a blank", "'": "an apostrophe"}
    found = ["decimal comma"] if notation.decimal == "," else []
    if notation.thousands:
        found.append(f"{shown[notation.thousands]} between thousands")
    found += [f"in {unit}" for unit, _ in notation.units]
    return found


def _dated(columns: Sequence[ColumnPlan]) -> list[ColumnPlan]:
    """Dates counted from the first date that is no birth; ages at that date, if there is one."""
    first = next(
        (
            column.name
            for column in columns
            if column.kind == DATE and column.dates.order != TIME and not _birth(column)
        ),
        None,
    )
    return [_counted(column, first) if column.kind == DATE else column for column in columns]


def _birth(column: ColumnPlan) -> bool:
    return bool(names.BIRTH.search(names.spoken(column.name)))


def _counted(column: ColumnPlan, first: str | None) -> ColumnPlan:
    dates = column.dates
    if dates.order == TIME:
        return column
    if _birth(column):
        dates = replace(dates, features=(AGE,), since=first or dates.since)
    elif first != column.name:
        hours = tuple(feature for feature in dates.features if feature == HOUR)
        dates = replace(dates, features=(DAYS, *hours), since=first)
    else:
        dates = replace(dates, features=dates.features or (WEEKDAY,), since=None)
    made = {AGE: "age in years at {}", DAYS: "days since {}", HOUR: "hour", WEEKDAY: "weekday"}
    what = ", ".join(made[feature].format(dates.since) for feature in dates.features)
    return replace(column, dates=dates, note=f"{column.note}: {what}")
