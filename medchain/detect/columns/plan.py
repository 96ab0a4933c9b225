"""The column plan: how each column of a table is read, as part of a model and as a file.

A plan names a level, a unit or a code for missing values only if ten patients share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from math import isfinite
from typing import Any

from .dates import AGE, DAYS, FEATURES, HOUR, ORDERS, WEEKDAY, Dates
from .numbers import MARKS, SEPARATORS, Notation, unit_key
from .words import FALSE, MISSING_ANYWHERE, NO, SEXES, TRUE, YES, ascii_signs, folded, whole

NUMERIC, CATEGORICAL, BOOLEAN, DATE, PAIR = "numeric", "categorical", "boolean", "date", "pair"
TEXT, IDENTIFIER, DROPPED, LABEL = "text", "identifier", "dropped", "label"
READ = (NUMERIC, CATEGORICAL, BOOLEAN, DATE, PAIR)
KINDS = (*READ, TEXT, IDENTIFIER, DROPPED, LABEL)
LIMIT = "limit"
HALVES = ("first", "second")
MOST_COLUMNS = 1 << 16
MOST_LEVELS = 1 << 10
_LONGEST = 1 << 12


@dataclass(frozen=True)
class Words:
    """How the cells of a category are read: what is one level, and what is missing.

    `levels` are spelt as the model has them; a cell that differs in case or blanks is the same.
    `same` are other words for a level. `sexes` reads ``m`` and ``f``; `width` is that of codes
    whose zeros in front may be lost. The two levels of a boolean are yes and no.
    """

    levels: tuple[str, ...] = field(default=(), repr=False)
    same: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    missing: tuple[str, ...] = field(default=(), repr=False)
    width: int = 0
    sexes: bool = False
    boolean: bool = False

    def lookup(self) -> dict[str, str]:
        """Folded spellings with the level that each stands for; none that two levels share."""
        found: dict[str, str] = {}
        if self.boolean and len(self.levels) == 2:
            for words, level in zip((TRUE, FALSE), self.levels, strict=True):
                found |= dict.fromkeys(words, level)
        twice = set()
        for level in self.levels:
            key = self.key(level)
            twice |= {key} if key in found and found[key] != level and not self.boolean else set()
            found[key] = level
        found |= {self.key(word): level for word, level in self.same}
        return {key: level for key, level in found.items() if key not in twice}

    def key(self, cell: str) -> str:
        """The spelling by which a cell is looked up."""
        text = folded(cell)
        if self.width:
            return text.zfill(self.width) if text.isdigit() else text
        if self.sexes:
            return SEXES.get(text, text)
        return (whole(text) or text) if self._whole else text

    @property
    def _whole(self) -> bool:
        return bool(self.levels) and all(whole(level) for level in self.levels)


@dataclass(frozen=True)
class ColumnPlan:
    """How one column is read, with a `note` on it and `remarks` on what is lost in reading.

    `sure` columns are what the plan says; of others the training rows have the last word.
    """

    name: str
    kind: str
    note: str = ""
    notation: Notation = field(default_factory=Notation)
    dates: Dates = field(default_factory=Dates)
    words: Words = field(default_factory=Words)
    sure: bool = False
    remarks: tuple[str, ...] = field(default=(), compare=False)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the plain columns that it becomes."""
        if self.kind == NUMERIC and self.notation.censored:
            return self.name, f"{self.name}: {LIMIT}"
        if self.kind == PAIR:
            return tuple(f"{self.name}: {half}" for half in HALVES)
        if self.kind == DATE:
            return tuple(f"{self.name}: {feature}" for feature in self.dates.features)
        return (self.name,)

    @property
    def plain_kinds(self) -> tuple[str, ...]:
        """Of each part, what it is for the detector."""
        if self.kind == NUMERIC:
            return (NUMERIC, CATEGORICAL)[: len(self.parts)]
        if self.kind == PAIR:
            return NUMERIC, NUMERIC
        if self.kind == DATE:
            return tuple(_DATE_KINDS[feature] for feature in self.dates.features)
        return ({BOOLEAN: CATEGORICAL, TEXT: IDENTIFIER}.get(self.kind, self.kind),)

    @classmethod
    def from_json(cls, data: object) -> ColumnPlan:
        """The column that a plan holds as plain lists and dicts; ValueError for anything else."""
        return _column(data)


_DATE_KINDS = {AGE: NUMERIC, DAYS: NUMERIC, HOUR: NUMERIC, WEEKDAY: CATEGORICAL}


@dataclass(frozen=True)
class TablePlan:
    """The plans of a table's columns, and which of them has a role.

    With `where`, a column and a value of it, other rows are of another kind and are not read.
    """

    columns: tuple[ColumnPlan, ...]
    label: str | None = None
    id: str | None = None
    group: str | None = None
    where: tuple[str, str] | None = None
    remarks: tuple[str, ...] = field(default=(), compare=False)

    def checked(self) -> TablePlan:
        """The plan itself; ValueError where its parts do not fit together."""
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ValueError("a column that stands twice")
        parts = [part for column in self.columns for part in column.parts]
        if len(set(parts)) < len(parts):
            raise ValueError("two columns become features of one name")
        for name in (self.label, self.id, self.group, *(self.where or ())[:1]):
            if name is not None and name not in names:
                raise ValueError("a role for a column that is not there")
        for column in self.columns:
            since = column.dates.since
            if column.kind == DATE and isinstance(since, str) and since not in self.by_name:
                raise ValueError("a date counted from a column that is not there")
            if column.kind == DATE and isinstance(since, str) and self.by_name[since].kind != DATE:
                raise ValueError("a date counted from a column of another kind")
        return self

    @cached_property
    def by_name(self) -> dict[str, ColumnPlan]:
        """The columns by their names."""
        return {column.name: column for column in self.columns}

    @property
    def kinds(self) -> dict[str, str]:
        """Kinds of plain columns that are certain."""
        return {
            part: kind
            for column in self.columns
            if column.kind != LABEL and (column.sure or column.kind in (DATE, PAIR))
            for part, kind in zip(column.parts, column.plain_kinds, strict=True)
        }

    @property
    def notes(self) -> dict[str, str]:
        """What is known of each plain column."""
        return {part: column.note for column in self.columns for part in column.parts}

    @property
    def lost(self) -> tuple[str, ...]:
        """One line for each loss."""
        return (*self.remarks, *(line for column in self.columns for line in column.remarks))

    def sources(self, features: Iterable[str]) -> list[str]:
        """The table's columns that the plain columns `features` are made of, in its order."""
        wanted, needed = set(features), set((self.where or ())[:1])
        for column in self.columns:
            if wanted & set(column.parts):
                needed.add(column.name)
                if column.kind == DATE and isinstance(column.dates.since, str):
                    needed.add(column.dates.since)
        return [column.name for column in self.columns if column.name in needed]

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dicts, from which `from_json` builds the same plan."""
        return {
            "columns": [_column_json(column) for column in self.columns],
            "label": self.label,
            "id": self.id,
            "group": self.group,
            "where": list(self.where) if self.where else None,
        }

    @classmethod
    def from_json(cls, data: object, *, alone: bool = False) -> TablePlan:
        """The plan that `to_json` wrote; ValueError for anything else.

        With `alone` its parts are not held against each other.
        """
        about = _table(data, {"columns", "label", "id", "group", "where"})
        entries = _listed(about.get("columns"), MOST_COLUMNS)
        where = about.get("where")
        if where is not None and len(_strings(where)) != 2:
            raise ValueError("where names a column and a value")
        made = cls(
            tuple(map(_column, entries)),
            _optional(about.get("label")),
            _optional(about.get("id")),
            _optional(about.get("group")),
            (where[0], where[1]) if where else None,
        )
        return made if alone else made.checked()


def _column_json(column: ColumnPlan) -> dict[str, Any]:
    """The name, the kind, and all that is not as usual."""
    notation, dates, words = column.notation, column.dates, column.words
    since = dates.since.isoformat() if isinstance(dates.since, date) else dates.since
    about = {
        "name": column.name,
        "kind": column.kind,
        "note": column.note,
        "sure": column.sure,
        "decimal": "" if notation.decimal == "." else notation.decimal,
        "thousands": notation.thousands,
        "units": dict(notation.units),
        "censored": notation.censored,
        "boolean": notation.boolean,
        "order": dates.order if column.kind == DATE else "",
        "features": list(dates.features),
        "since": {"day": since} if isinstance(dates.since, date) else since,
        "levels": list(words.levels),
        "same": dict(words.same),
        "width": words.width,
        "sexes": words.sexes,
        "missing": list(notation.missing or dates.missing or words.missing),
    }
    return {
        key: value for key, value in about.items() if value or (key, value) == ("thousands", "")
    }


def _column(data: object) -> ColumnPlan:
    about = _table(data, _KEYS)
    kind = _one_of(about.get("kind"), KINDS)
    missing = _strings(about.get("missing", []))
    units = _table(about.get("units", {}), None)
    notation = Notation(
        _one_of(about.get("decimal", "."), MARKS),
        None if about.get("thousands") is None else _one_of(about["thousands"], SEPARATORS),
        tuple((unit_key(ascii_signs(unit)), _factor(factor)) for unit, factor in units.items()),
        _flag(about.get("censored", False)),
        missing,
        _flag(about.get("boolean", False)),
    )
    if notation.thousands == notation.decimal:
        raise ValueError("decimal and thousands are the same mark")
    levels = _strings(about.get("levels", []), MOST_LEVELS)
    same = tuple(
        (word, _string(level)) for word, level in _table(about.get("same", {}), None).items()
    )
    if kind == BOOLEAN and len(levels) not in (0, 2):
        raise ValueError("a boolean has two levels, yes and no")
    if any(folded(level) in MISSING_ANYWHERE for level in levels) and kind == BOOLEAN:
        raise ValueError("a level that says missing")
    words = Words(
        levels or ((YES, NO) if kind == BOOLEAN else ()),
        same,
        missing,
        _width(about.get("width", 0)),
        _flag(about.get("sexes", False)),
        kind == BOOLEAN,
    )
    made = ColumnPlan(_string(about.get("name")), kind, _string(about.get("note", "")))
    made = replace(made, sure=_flag(about.get("sure", False)))
    if kind in (NUMERIC, PAIR):
        return replace(made, notation=notation)
    if kind == DATE:
        return replace(made, dates=_dates(about, missing))
    return replace(made, words=words) if kind in (CATEGORICAL, BOOLEAN) else made


_KEYS = {"name", "kind", "note", "sure", "decimal", "thousands", "units", "censored", "boolean"}
_KEYS |= {"order", "features", "since", "levels", "same", "width", "sexes", "missing"}


def _dates(about: Mapping[str, Any], missing: tuple[str, ...]) -> Dates:
    since = about.get("since")
    if isinstance(since, dict):
        since = date.fromisoformat(_string(_table(since, {"day"}).get("day")))
    elif type(since) is not date:
        since = _optional(since)
    features = _strings(about.get("features", []))
    if len(set(features)) < len(features):
        raise ValueError("a feature that stands twice")
    for feature in features:
        _one_of(feature, FEATURES)
    if since is None and {AGE, DAYS} & {*features}:
        raise ValueError("ages and days need a column or a day in since")
    return Dates(_one_of(about.get("order", "ymd"), ORDERS), features, since, missing)


def _table(data: object, keys: set[str] | None) -> dict[str, Any]:
    if not isinstance(data, dict) or len(data) > MOST_LEVELS:
        raise ValueError("not a table of keys")
    for key in data:
        if keys is not None and key not in keys:
            raise ValueError(f"no such key: {_string(key)[:40]!r}")
        _string(key)
    return data


def _listed(data: object, most: int) -> list[Any]:
    if not isinstance(data, list) or len(data) > most:
        raise ValueError("not a list, or a longer one than any plan's")
    return data


def _string(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError("not a text, or a longer one than any plan's")
    return value


def _optional(value: object) -> str | None:
    return None if value is None else _string(value)


def _strings(value: object, most: int = MOST_LEVELS) -> tuple[str, ...]:
    return tuple(map(_string, _listed(value, most)))


def _one_of(value: object, choices: Iterable[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError("not one of " + ", ".join(map(repr, choices)))
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def _factor(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("a unit has a number that it is multiplied by")
    factor = float(value) if abs(value) < 1e300 else 0.0
    if not isfinite(factor) or factor == 0:
        raise ValueError("a unit cannot be multiplied by this number")
    return factor


def _width(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 64:
        raise ValueError("a width is a number from 0 to 64")
    return value
