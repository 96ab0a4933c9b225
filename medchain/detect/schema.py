"""What each column of a table is, decided from training rows as text. Imports no numpy.

Notes and errors count values and never show one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import isfinite, isinf
from typing import Any

from ..errors import ModelError, UsageError
from .cells import columns_of, floats, is_missing, reason
from .label import Label, canonical

NUMERIC, CATEGORICAL, IDENTIFIER = "numeric", "categorical", "identifier"
CONSTANT, DROPPED, LABEL = "constant", "dropped", "label"
OVERRULABLE = (NUMERIC, CATEGORICAL, IDENTIFIER, DROPPED)
SUPERVISED, UNLABELLED, NORMAL_ONLY = MODES = "supervised", "unlabelled", "normal-only"

MIN_ROWS = 20
MAX_FEATURES = 4096
MIN_PATIENTS = 10
"""No number or level of a model rests on fewer patients."""

MAX_LEVELS = 50
_NEAR_UNIQUE = 0.9
_MOSTLY_NUMBERS = 0.9
_ID_NAME = re.compile(
    r"(?i:(?:^|[^a-z])(?:id|ids|uid|uuid|guid|mrn|nr|no|number|row|key|record|patient)$)"
    r"|(?i:^unnamed)|[a-z](?:ID|Id|Nr|No)$"
)


@dataclass(frozen=True)
class Column:
    """A column's name, its kind, and why."""

    name: str
    kind: str
    note: str


@dataclass(frozen=True)
class Schema:
    """The columns of the training table in their order, the label, and warnings for the user."""

    columns: tuple[Column, ...]
    label: Label | None = None
    id: str | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def infer(
        cls,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        label: Label | str | None = None,
        id: str | None = None,
        group: str | None = None,
        drop: Iterable[str] = (),
        kinds: Mapping[str, str] | None = None,
        patients: Sequence[int] | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> Schema:
        """Decide the kind of every column from `rows`; `patients` says whose each row is.

        `notes` are what is known of columns already, how they are written or why they are left out.

        A `label` given by name only is set aside; given as a `Label` it is compared with every
        feature, and one that says the same is warned about. Raises `UsageError`.
        """
        kinds, drop = dict(kinds or {}), tuple(drop)
        name = label.column if isinstance(label, Label) else label
        check_columns(columns, label=name, id=id, group=group, drop=drop, kinds=kinds)
        if len(rows) < MIN_ROWS // 2:
            raise UsageError(f"{counted(len(rows), 'row')} to learn from: too few", hint="add rows")
        fixed = dict.fromkeys(drop, (DROPPED, "left out as asked"))
        if group is not None:
            fixed[group] = (IDENTIFIER, "named as the group")
        if id is not None:
            fixed[id] = (IDENTIFIER, "named as the identifier")
        cells = dict(zip(columns, columns_of(rows), strict=True))
        kept = label if isinstance(label, Label) else None
        codes = [kept.code(cell) for cell in cells[kept.column]] if kept else []
        if name is not None:
            fixed[name] = (LABEL, _label_note(kept, codes))
        decided, warnings = [], []
        for column in columns:
            if column in fixed:
                decided.append(Column(column, *fixed[column]))
                continue
            found, warning = _decide(column, cells[column], kinds.get(column), patients)
            found = _noted(found, (notes or {}).get(column, ""))
            decided.append(found)
            warnings += warning
            if found.kind in (NUMERIC, CATEGORICAL):
                warnings += _leakage(column, cells[column], codes)
        schema = cls(tuple(decided), kept, id, tuple(warnings))
        schema._demand_features()
        return schema

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are scored, in the order of the training table."""
        return tuple(c.name for c in self.columns if c.kind in (NUMERIC, CATEGORICAL))

    @property
    def numeric(self) -> tuple[str, ...]:
        """The numeric features."""
        return tuple(c.name for c in self.columns if c.kind == NUMERIC)

    @property
    def categorical(self) -> tuple[str, ...]:
        """The categorical features."""
        return tuple(c.name for c in self.columns if c.kind == CATEGORICAL)

    def describe(self) -> list[tuple[str, str, str]]:
        """(column, kind, note) for every column; a note never shows a cell."""
        return [(c.name, c.kind, c.note) for c in self.columns]

    def bind(
        self, columns: Sequence[str], sources: Sequence[str] | None = None
    ) -> tuple[list[int], list[str]]:
        """Find the features, or the columns that they are made of, in a table's `columns`.

        Returns the position of each, and the columns that are not scored. Raises `ModelError`,
        which names every column that the table lacks.
        """
        needed = self.features if sources is None else sources
        place = {name: position for position, name in enumerate(columns)}
        lacking = [name for name in needed if name not in place]
        if lacking:
            raise ModelError(
                f"the table lacks {counted(len(lacking), 'column')} of the model: "
                + ", ".join(map(repr, lacking)),
                hint=_differences(lacking, [c for c in columns if c not in needed]),
            )
        wanted = set(needed)
        return [place[name] for name in needed], [c for c in columns if c not in wanted]

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dicts, from which `from_json` builds the same schema."""
        label = self.label and {
            "column": self.label.column,
            "positive": self.label.positive,
            "negative": self.label.negative,
            "rule": self.label.rule,
        }
        columns = [{"name": c.name, "kind": c.kind, "note": c.note} for c in self.columns]
        return {"columns": columns, "label": label, "id": self.id, "warnings": list(self.warnings)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schema:
        """The schema that `to_json` wrote; KeyError or TypeError when it is none."""
        label = Label(**data["label"]) if data["label"] else None
        columns = tuple(Column(c["name"], c["kind"], c["note"]) for c in data["columns"])
        if data["id"] is not None and data["id"] not in [column.name for column in columns]:
            raise ValueError("an identifier that is no column")
        return cls(columns, label, data["id"], tuple(data["warnings"]))

    def _demand_features(self) -> None:
        if not self.features:
            raise UsageError(
                "no column is left to learn from: every one is constant, an identifier or left out",
                hint="overrule a column's kind, or name fewer columns in --drop",
            )


def check_columns(
    columns: Sequence[str],
    *,
    label: str | None = None,
    id: str | None = None,
    group: str | None = None,
    drop: Iterable[str] = (),
    kinds: Mapping[str, str] | None = None,
) -> None:
    """Raise `UsageError` for a name that is no column, a kind that is none, or too many columns."""
    drop, kinds = tuple(drop), kinds or {}
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise UsageError(f"column {twice[0]!r} occurs more than once", hint="rename one of them")
    named = [("label", label), ("identifier", id), ("group", group)]
    named += [("dropped", name) for name in drop] + [("overruled", name) for name in kinds]
    for role, name in named:
        if name is not None and name not in columns:
            raise UsageError(f"no column {name!r} ({role})", hint=_meant(name, columns))
    for name, kind in kinds.items():
        if kind not in OVERRULABLE:
            raise UsageError(
                f"{kind!r} is no kind for column {name!r}",
                hint="choose one of " + ", ".join(OVERRULABLE),
            )
    if label is not None and (label in (id, group) or label in drop or label in kinds):
        raise UsageError(
            f"column {label!r} is the label and cannot be anything else as well",
            hint="name it once",
        )
    count = len(columns) - len({*drop, label, id, group} - {None})
    if count > MAX_FEATURES:
        raise UsageError(
            f"{count} columns to learn from, and at most {MAX_FEATURES} are possible",
            hint="leave columns out with --drop",
        )


def levels(cells: Iterable[str]) -> Counter[str]:
    """How often each category occurs; a missing cell is not counted."""
    return Counter(cell.strip() for cell in cells if not is_missing(cell))


def kept_levels(cells: Sequence[str], patients: Sequence[int] | None = None) -> list[str]:
    """The levels worth a place of their own, most frequent first; the others are rare.

    A level is rare by the number of its patients, of whom each row is another if not said.
    """
    counts = levels(cells)
    having = counts if patients is None else _patients(cells, patients)
    frequent = [level for level in counts if having[level] >= MIN_PATIENTS]
    return sorted(frequent, key=lambda level: (-counts[level], level))[:MAX_LEVELS]


def _patients(cells: Sequence[str], patients: Sequence[int]) -> Counter[str]:
    """How many patients have each category."""
    pairs = set(zip(map(str.strip, cells), patients, strict=True))
    return Counter(level for level, _ in pairs if not is_missing(level))


def few(cells: Sequence[bool], patients: Sequence[int] | None) -> bool:
    """Whether some of the cells, of which `cells` tells, are of too few patients to be told of."""
    if patients is None:
        return sum(cells) < MIN_PATIENTS
    return len({who for cell, who in zip(cells, patients, strict=True) if cell}) < MIN_PATIENTS


class SpoiltNumbers(UsageError):
    """A column of numbers with a few cells that are none; `row` is the first of these, from 0."""

    def __init__(self, column: str, row: int, count: int, why: str) -> None:
        super().__init__(
            f"column {column!r} holds numbers but for {counted(count, 'cell')}",
            hint=f"correct them, or overrule its kind: with {NUMERIC} such rows are left out, "
            f"with {CATEGORICAL} its values are names",
        )
        self.column, self.row, self.why = column, row, why


def refuse_spoilt_numbers(column: str, cells: Sequence[str]) -> None:
    """Raise `SpoiltNumbers` for a column that a typing error would turn into a categorical one."""
    values = floats(cells)
    spoilt = [row for row, value in enumerate(values) if isinf(value)]
    readable = sum(map(isfinite, values))
    if spoilt and readable >= _MOSTLY_NUMBERS * (readable + len(spoilt)):
        raise SpoiltNumbers(column, spoilt[0], len(spoilt), reason(cells[spoilt[0]]))


def _noted(column: Column, note: str) -> Column:
    """The column with what was known of it: alone for what is no feature, else behind its note."""
    if not note:
        return column
    other = column.kind in (IDENTIFIER, DROPPED)
    return replace(column, note=note if other else f"{column.note}; {note}")


def _decide(
    column: str, cells: Sequence[str], wanted: str | None, patients: Sequence[int] | None
) -> tuple[Column, list[str]]:
    """The kind of one column, and warnings about it."""
    if wanted in (IDENTIFIER, DROPPED):
        return Column(column, wanted, "as you said"), []
    present = [cell for cell in cells if not is_missing(cell)]
    if not present:
        return Column(column, CONSTANT, "no value at all"), []
    gaps = [is_missing(cell) for cell in cells]
    if few([not gap for gap in gaps], patients):
        return Column(column, CONSTANT, f"values of fewer than {MIN_PATIENTS} patients"), []
    values = floats(present)
    readable = sum(map(isfinite, values))
    if len(levels(present)) == 1 or (readable == len(values) and len(set(values)) == 1):
        return _single(column, gaps, patients), []
    if wanted == NUMERIC or (wanted is None and readable == len(values)):
        return _numeric(column, values, len(cells), readable, wanted), []
    return _categorical(column, cells, present, wanted, patients), []


def _numeric(
    column: str, values: Sequence[float], rows: int, readable: int, wanted: str | None
) -> Column:
    if readable == 0:
        raise UsageError(
            f"column {column!r} holds no number and cannot be numeric",
            hint=f"leave its kind to medchain, or make it {CATEGORICAL}",
        )
    finite = [value for value in values if isfinite(value)]
    distinct = len(set(finite))
    if wanted is None and (why := _row_number(column, finite, distinct)):
        return Column(column, IDENTIFIER, why)
    note = f"{counted(distinct, 'value')}{_missing_note(len(values), rows)}"
    if readable < len(values):
        note += f", {counted(sum(map(isinf, values)), 'cell')} unreadable"
    return Column(column, NUMERIC, note)


def _row_number(column: str, values: Sequence[float], distinct: int) -> str:
    """Why a column of numbers is an identifier, or nothing."""
    if len(values) < MIN_ROWS // 2 or distinct < 0.95 * len(values):
        return ""
    if any(value != int(value) for value in values):
        return ""
    if max(values) - min(values) <= 2 * len(values):
        return "nearly unique whole numbers without gaps, like row numbers"
    if distinct == len(values) and _ID_NAME.search(column):
        return "unique whole numbers under the name of an identifier"
    return ""


def _categorical(
    column: str,
    cells: Sequence[str],
    present: Sequence[str],
    wanted: str | None,
    patients: Sequence[int] | None,
) -> Column:
    counts, rows = levels(present), len(cells)
    kept = kept_levels(cells, patients)
    if wanted is None and (not kept or len(counts) >= _NEAR_UNIQUE * len(present)):
        return Column(
            column, IDENTIFIER, f"text with {counted(len(counts), 'value')}, few repeated"
        )
    rare = len(counts) - len(kept)
    note = counted(len(counts), "level") + (f", {rare} of them rare" if rare else "")
    return Column(column, CATEGORICAL, note + _missing_note(len(present), rows))


def _single(column: str, gaps: Sequence[bool], patients: Sequence[int] | None) -> Column:
    """A column of one value: constant, unless it is missing often enough to tell rows apart."""
    if not few(gaps, patients):
        note = f"one value{_missing_note(gaps.count(False), len(gaps))}: whether it is there"
        return Column(column, CATEGORICAL, note)
    return Column(column, CONSTANT, "one value")


def _label_note(label: Label | None, codes: Sequence[int | None]) -> str:
    if label is None:
        return "what is learnt"
    anomalies = sum(code or 0 for code in codes)
    return f"{anomalies} anomalies in {counted(len(codes), 'row')}; anomalous is {label.rule}"


def _leakage(column: str, cells: Sequence[str], codes: Sequence[int | None]) -> list[str]:
    if not codes:
        return []
    if _says_the_same(cells, codes):
        return [
            f"LEAKAGE: column {column!r} says exactly what the label says, so a model that reads "
            f"it has learnt nothing; leave it out with --drop {column}"
        ]
    if _is_cut_in_two(cells, codes):
        return [
            f"LEAKAGE? One limit on column {column!r} tells all anomalies from all normal rows; if "
            f"it is known only after the diagnosis, leave it out with --drop {column}"
        ]
    return []


def _is_cut_in_two(cells: Sequence[str], codes: Sequence[int | None]) -> bool:
    """Whether all numbers of one class are greater than all of the other, with many of each."""
    sides: tuple[list[float], list[float]] = ([], [])
    for value, code in zip(floats(cells), codes, strict=True):
        if code is not None and isfinite(value):
            sides[code].append(value)
    low, high = sides
    if min(len(low), len(high)) < MIN_ROWS // 2:
        return False
    return max(low) < min(high) or max(high) < min(low)


def _says_the_same(cells: Sequence[str], codes: Sequence[int | None]) -> bool:
    """Whether a two-valued column decides the label on every row, and the label it."""
    pairs = set()
    for cell, code in zip(cells, codes, strict=True):
        if code is None:
            continue
        pairs.add(("" if is_missing(cell) else canonical(cell), code))
        if len(pairs) > 2:
            return False
    return len(pairs) == 2 and len({value for value, _ in pairs}) == len({c for _, c in pairs}) == 2


def _missing_note(present: int, rows: int) -> str:
    if present == rows:
        return ""
    if rows - present < MIN_PATIENTS:
        return f", fewer than {MIN_PATIENTS} missing"
    return f", {100 * (rows - present) / rows:.1f} % missing"


def _meant(name: str, columns: Sequence[str]) -> str:
    lower = {column.lower(): column for column in columns}
    close = get_close_matches(name.lower(), lower, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(lower[match]) for match in close) + "?"
    shown = ", ".join(map(repr, columns[:12]))
    return f"the columns are {shown}" + (" and more" if len(columns) > 12 else "")


def _differences(lacking: Sequence[str], others: Sequence[str]) -> str:
    pairs = []
    for name in lacking:
        close = get_close_matches(name, others, n=1, cutoff=0.6)
        if close:
            pairs.append(f"{close[0]!r} for {name!r}")
    if pairs:
        return "the table has " + ", ".join(pairs) + ": rename them, if they mean the same"
    return "take the model that was trained on such a table, or train one"


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural unless it is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
