"""The rows of a training run: labels read, some held out, the others encoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .encode import Encoder, Table
from .groups import together
from .label import Label, read_label
from .schema import MIN_ROWS, Schema, check_columns, counted, refuse_spoilt_numbers
from .split import groups_of, hold_out

Rows = Sequence[Sequence[str]]
Places = NDArray[np.intp]
_FEW = 10
SUPERVISED, UNLABELLED, NORMAL_ONLY = MODES = "supervised", "unlabelled", "normal-only"


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
    """The training rows, or the held-out ones: as read, with labels (0 without) and groups."""

    table: Table = field(repr=False)
    labels: NDArray[Any] = field(repr=False)
    groups: Places = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Material:
    """What a model is made of and measured with, and what the user should know of it."""

    schema: Schema
    encoder: Encoder
    train: Side
    held: Side
    warnings: tuple[str, ...]
    mode: str


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
) -> Material:
    """Hold rows out, then decide kinds and fit the encoder on the training rows alone.

    Rows without a label, and rows with a cell that cannot be read, are left out and counted in the
    warnings; in the mode `NORMAL_ONLY` rows labelled anomalous are for measuring alone. Raises
    `UsageError`.
    """
    drop, needed = tuple(drop), label if mode == SUPERVISED else None
    check_columns(columns, label=label, id=id, group=group, drop=drop, kinds=kinds)
    least = MIN_ROWS if held_out else MIN_ROWS // 2
    _demand_rows(len(rows), least, "in the table")
    cells = dict(zip(columns, zip(*rows, strict=True), strict=True))
    for name in columns:
        if name not in {label, id, group, *drop, *(kinds or ())}:
            refuse_spoilt_numbers(name, cells[name])
    found, labels, usable = _labels(label, cells, len(rows), positive)
    _demand_rows(len(usable), least, "with a label")
    apart = [[cells[name][row] for row in usable] for name in (id, group) if name]
    groups = together([groups_of(column, len(usable)) for column in apart], len(usable))
    labels = labels[usable]
    learn, held = hold_out(groups, labels, held_out, random)
    if mode == NORMAL_ONLY:
        learn = learn[labels[learn] == 0]
    _demand_classes(needed, labels[learn])
    patients = groups[learn].tolist()
    schema = Schema.infer(
        columns,
        [rows[row] for row in usable[learn]],
        label=found,
        id=id,
        group=group,
        drop=drop,
        kinds=kinds,
        patients=patients,
    )
    chosen = {name: cells[name] for name in schema.features}
    encoder = Encoder.fit(schema, _pick(chosen, usable[learn]), patients)
    train, held_side = (
        _side(encoder, _pick(chosen, usable[places]), labels[places], groups[places])
        for places in (learn, held)
    )
    _demand_classes(needed, train.labels)
    _demand_groups(train.groups)
    left_out = {
        "row(s) without a label": len(rows) - len(usable),
        "training row(s) with a cell that is no number": len(learn) - len(train),
        "held-out row(s) with a cell that is no number": len(held) - len(held_side),
    }
    warnings = (*schema.warnings, *_warnings(left_out, needed, train))
    return Material(schema, encoder, train, held_side, warnings, mode)


def _demand_rows(count: int, least: int, which: str) -> None:
    if count < least:
        raise UsageError(
            f"{counted(count, 'row')} {which}, and at least {least} are needed", hint="add rows"
        )


def _warnings(left_out: Mapping[str, int], label: str | None, train: Side) -> list[str]:
    found = [f"left out {count} {what}" for what, count in left_out.items() if count]
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


def _demand_groups(groups: Places) -> None:
    if len(np.unique(groups)) < 2:
        raise UsageError(
            "all training rows are of one group, and each must be judged without its group",
            hint="group by a column with at least three values, or leave the groups out",
        )


def _pick(cells: Mapping[str, Sequence[str]], places: Places) -> dict[str, list[str]]:
    return {name: [column[place] for place in places] for name, column in cells.items()}


def _side(
    encoder: Encoder, cells: Mapping[str, Sequence[str]], labels: NDArray[Any], groups: Places
) -> Side:
    """The rows that can be read."""
    table = encoder.read([cells[name] for name in encoder.columns])
    bad = {problem.row for problem in table.problems}
    good = np.array([row for row in range(len(labels)) if row not in bad], np.intp)
    return Side(table.take(good), labels[good], groups[good])
