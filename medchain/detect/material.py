"""The rows of a training run: labels read, some held out, the others encoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .cells import floats
from .columns.plan import TablePlan
from .encode import Encoder, Table
from .groups import together
from .label import Label, read_label
from .schema import (
    CONSTANT,
    DROPPED,
    IDENTIFIER,
    MIN_PATIENTS,
    MIN_ROWS,
    MODES,
    NORMAL_ONLY,
    SUPERVISED,
    UNLABELLED,
    Schema,
    check_columns,
    counted,
    refuse_spoilt_numbers,
)
from .split import groups_of, hold_out

Rows = Sequence[Sequence[str]]
Places = NDArray[np.intp]
_FEW = 10
_MANY = 5


def mode_of(mode: str, label: str | None) -> str:
    """The mode that ``auto`` or the user chose; raises `UsageError`."""
    if mode == "auto":
        return UNLABELLED if label is None else SUPERVISED
    if mode not in MODES:
        raise UsageError(f"{mode!r} is no mode", hint="choose one of auto, " + ", ".join(MODES))
    if mode == SUPERVISED and label is None:
        raise UsageError(
            "supervised training needs a label column",
            hint="name it with --label, or leave out --mode",
        )
    return mode


@dataclass(frozen=True)
class Side:
    """The training rows, or the held-out ones: as read, with labels (0 without) and groups.

    `patients` are the rows of one identifier, of one group where there is none, or single rows.
    """

    table: Table = field(repr=False)
    labels: NDArray[Any] = field(repr=False)
    groups: Places = field(repr=False)
    patients: Places = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Material:
    """What a model is made of and measured with, and what the user should know of it."""

    schema: Schema
    encoder: Encoder
    train: Side
    held: Side
    shown: Table = field(repr=False)
    """The training rows as the model may tell of them (`Encoder.aggregated`)."""
    warnings: tuple[str, ...]
    mode: str
    counted: str
    """What counts as one patient: an ``identifier``, a ``group``, or each ``row``."""


def prepare(
    columns: Sequence[str],
    rows: Rows,
    *,
    label: str | None,
    id: str | None,
    group: str | None,
    drop: Iterable[str],
    kinds: Mapping[str, str] | None,
    positive: str | None,
    held_out: float,
    random: np.random.Generator,
    mode: str = SUPERVISED,
    read_by: TablePlan | None = None,
) -> Material:
    """Hold rows out, then decide kinds and fit the encoder on the training rows alone.

    Rows without a label, and rows with a cell that cannot be read, are left out and counted in the
    warnings; in the mode `NORMAL_ONLY` rows labelled anomalous are for measuring alone. With
    `read_by` the rows are plain ones that a plan made. Raises `UsageError`.
    """
    drop, needed = tuple(drop), label if mode == SUPERVISED else None
    check_columns(columns, label=label, id=id, group=group, drop=drop, kinds=kinds)
    least = MIN_ROWS if held_out else MIN_ROWS // 2
    _demand_rows(len(rows), least, "in the table")
    cells = dict(zip(columns, zip(*rows, strict=True), strict=True))
    notes = {} if read_by is None else read_by.notes
    for name in columns if read_by is None else ():
        if name not in {label, id, group, *drop, *(kinds or ())}:
            refuse_spoilt_numbers(name, cells[name])
    found, labels, usable = _labels(label, cells, len(rows), positive)
    _demand_rows(len(usable), least, "with a label")
    apart = [[cells[name][row] for row in usable] for name in (id, group) if name]
    groupings = [groups_of(column, len(usable)) for column in apart]
    groups = together(groupings, len(usable))
    patients = groupings[0] if groupings else groups
    labels = labels[usable]
    learn, held = hold_out(groups, labels, held_out, random)
    if mode == NORMAL_ONLY:
        learn = learn[labels[learn] == 0]
    _demand_classes(needed, labels[learn])
    whose = patients[learn].tolist()
    _demand_groups(groups[learn])
    _demand_patients(len(set(whose)), id, group)
    schema = Schema.infer(
        columns,
        [rows[row] for row in usable[learn]],
        label=found,
        id=id,
        group=group,
        drop=drop,
        kinds=kinds,
        patients=whose,
        notes=notes,
    )
    chosen = {name: cells[name] for name in schema.features}
    readable = _readable(schema, _pick(chosen, usable[learn]))
    left_out_training = len(learn) - len(readable)
    learn = learn[readable]
    _demand_classes(needed, labels[learn])
    encoder = Encoder.fit(schema, _pick(chosen, usable[learn]), patients[learn].tolist())
    train, held_side = (
        _side(encoder, _pick(chosen, usable[at]), labels[at], groups[at], patients[at])
        for at in (learn, held)
    )
    _demand_classes(needed, train.labels)
    left_out = {
        "row(s) without a label": len(rows) - len(usable),
        "training row(s) with a cell that is no number": left_out_training,
        "held-out row(s) with a cell that is no number": len(held) - len(held_side),
    }
    read = () if read_by is None else (*read_by.lost, *_unused(schema, read_by))
    warnings = (*read, *schema.warnings, *_warnings(left_out, needed, train))
    shown = encoder.aggregated(train.table, train.patients)
    counted_by = "identifier" if id else "group" if group else "row"
    return Material(schema, encoder, train, held_side, shown, warnings, mode, counted_by)


def _unused(schema: Schema, plan: TablePlan) -> list[str]:
    """One line for each column that nobody asked to leave out, and that is left out."""
    asked = {plan.label, plan.id, plan.group}
    asked |= {column.name for column in plan.columns if column.kind == DROPPED}
    return [
        f"column {column.name!r} is no feature: {column.note}"
        for column in schema.columns
        if column.kind in (IDENTIFIER, CONSTANT) and column.name not in asked
    ]


def _demand_rows(count: int, least: int, which: str) -> None:
    if count < least:
        raise UsageError(
            f"{counted(count, 'row')} {which}, and at least {least} are needed", hint="add rows"
        )


def _warnings(left_out: Mapping[str, int], label: str | None, train: Side) -> list[str]:
    found = [f"left out {count} {what}" for what, count in left_out.items() if count]
    patients = len(np.unique(train.patients))
    if patients < _MANY * MIN_PATIENTS:
        found.append(
            f"only {patients} patients to learn from, and no number of the model rests on fewer "
            f"than {MIN_PATIENTS}: it knows {patients // MIN_PATIENTS} points of a column at most"
        )
    anomalies = int(train.labels.sum())
    if label is not None and anomalies < _FEW:
        found.append(
            f"only {anomalies} of the training rows are anomalies: every figure is very uncertain"
        )
    elif label is not None and len(np.unique(train.groups[train.labels > 0])) == 1:
        found.append(
            "all anomalies of the training rows are of one group: every figure is very uncertain"
        )
    return found


def _labels(
    label: str | None, cells: Mapping[str, Sequence[str]], count: int, positive: str | None
) -> tuple[Label | None, NDArray[Any], Places]:
    """How labels are read, the label of every row (0 where there is none), and the rows to use."""
    if label is None:
        return None, np.zeros(count, np.int64), np.arange(count)
    found = read_label(label, cells[label], positive)
    codes = [found.code(cell) for cell in cells[label]]
    usable = np.flatnonzero([code is not None for code in codes])
    return found, np.array([code or 0 for code in codes]), usable


def _demand_classes(label: str | None, labels: NDArray[Any]) -> None:
    if len(labels) < MIN_ROWS // 2:
        raise UsageError("too few rows are left to train on", hint="correct the table or add rows")
    if label is not None and labels.min() == labels.max():
        raise UsageError(
            "the training rows that are left are of one class only",
            hint="add labelled rows of more patients, or train without a label",
        )


def _demand_patients(count: int, id: str | None, group: str | None) -> None:
    """On fewer no number of the model may rest."""
    if count < MIN_PATIENTS:
        whose = "group" if group and not id else "patient"
        raise UsageError(
            f"{counted(count, whose)} to learn from, and at least {MIN_PATIENTS} are needed: "
            "no number of a model rests on fewer",
            hint="name the column of the patients with --id: each group counts as one"
            if group and not id
            else "add patients",
        )


def _demand_groups(groups: Places) -> None:
    if len(np.unique(groups)) < 2:
        raise UsageError(
            "all training rows are of one group, and each must be judged without its group",
            hint="group by a column with at least three values, or leave the groups out",
        )


def _pick(cells: Mapping[str, Sequence[str]], places: Places) -> dict[str, list[str]]:
    return {name: [column[place] for place in places] for name, column in cells.items()}


def _readable(schema: Schema, cells: Mapping[str, Sequence[str]]) -> Places:
    """The rows in which every number can be read."""
    spoilt = [np.isinf(floats(cells[name])) for name in schema.numeric]
    count = len(next(iter(cells.values())))
    return np.flatnonzero(~np.any(spoilt, axis=0)) if spoilt else np.arange(count)


def _side(
    encoder: Encoder,
    cells: Mapping[str, Sequence[str]],
    labels: NDArray[Any],
    groups: Places,
    patients: Places,
) -> Side:
    """The rows that can be read."""
    table = encoder.read([cells[name] for name in encoder.columns])
    bad = {problem.row for problem in table.problems}
    good = np.array([row for row in range(len(labels)) if row not in bad], np.intp)
    return Side(table.take(good), labels[good], groups[good], patients[good])
