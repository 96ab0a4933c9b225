"""Evaluate: a model and a labelled table in, figures with intervals and curves out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fs
from ..errors import TableError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..detect.bundle import Bundle
    from ..detect.label import Label

REPORT = "evaluation.json"


def evaluate(
    model: str | Path,
    table: str | Path,
    *,
    label: str,
    positive: str | None = None,
    by: Sequence[str] = (),
    output: str | Path | None = None,
    delimiter: str | None = None,
) -> dict[str, Any]:
    """Score the rows of `table` with `model` and compare the scores with its `label` column.

    Rows without a label are left out and counted. `by` names columns whose groups are told of one
    by one. With `output`, a folder, the report is written there, and its curves as pictures.

    Raises `TableError`, `ModelError`, `UsageError` before anything is written, and `NotDurable`.
    """
    import numpy as np

    from ..detect.bundle import Bundle
    from ..detect.evaluate import evaluate as judge
    from ..detect.evaluate import groups
    from ..detect.scoring import Scorer
    from ..detect.split import groups_of

    bundle = Bundle.load(model)
    scorer = Scorer(bundle)
    cells, scores = _scored(scorer, table, delimiter, [label, *by])
    found = _label(bundle, label, cells[label], positive)
    codes = [found.code(cell) for cell in cells[label]]
    usable = np.flatnonzero([code is not None for code in codes])
    labels = np.array([codes[row] for row in usable], np.intp)
    if not 0 < labels.sum() < len(labels):
        raise UsageError(
            f"the rows of {table} are of one class only, or none has a label",
            hint="name the label's anomalous value with --positive, or take another table",
        )
    name = bundle.schema.id
    patients = groups_of(
        [cells[name][row] for row in usable] if name in cells else None, len(usable)
    )
    known: dict[str, Any] = {"probabilities": bundle.mode == "supervised"}
    some, cut = scores[usable], bundle.threshold
    report = {
        "model": bundle.digest,
        "mode": bundle.mode,
        "left_out": len(scores) - len(usable),
        "resampled": "patients" if name in cells else "rows",
        **judge(some, labels, cut, patients, **known),
        "groups": [
            group
            for column in by
            for group in groups(
                column,
                [cells[column][row] for row in usable],
                some,
                labels,
                cut,
                patients,
                **known,
            )
        ],
    }
    if output is not None:
        _write(Path(output), report)
    return report


def _scored(
    scorer: Any, table: str | Path, delimiter: str | None, wanted: Sequence[str]
) -> tuple[dict[str, list[str]], NDArray[np.float64]]:
    """The cells of the wanted columns and of the identifier, and every row's score."""
    import numpy as np

    from ..detect.schema import check_columns
    from ..tabular import open_table

    with open_table(table, delimiter=delimiter) as source:
        scorer.bind(source.columns)
        for name in wanted:
            check_columns(source.columns, label=name)
        names = {*wanted, scorer.schema.id} & set(source.columns)
        places = {name: source.columns.index(name) for name in names}
        cells: dict[str, list[str]] = {name: [] for name in places}
        scores = []
        for batch in source.batches(4096):
            some, problems = scorer.score(batch.rows)
            if problems:
                first = problems[0]
                raise TableError(
                    first.reason,
                    file=source.name,
                    line=batch.lines[first.row],
                    column=first.column,
                    hint="correct the row, or leave it out",
                )
            scores.append(some)
            for name, place in places.items():
                cells[name] += [row[place] for row in batch.rows]
    return cells, np.concatenate(scores)


def _label(bundle: Bundle, column: str, cells: Sequence[str], positive: str | None) -> Label:
    """How the label is read: as the model's was, unless `positive` says otherwise."""
    from ..detect.label import read_label

    if bundle.schema.label and positive is None:
        return replace(bundle.schema.label, column=column)
    return read_label(column, cells, positive)


def _write(folder: Path, report: Mapping[str, Any]) -> None:
    from ..plotting import evaluation, figures

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", hint="name a folder")
    drawn = {
        f"{kind}.png": figures.render(evaluation.draw(report, kind), "png")
        for kind in evaluation.kinds(report)
    }
    fs.make_folder(folder)
    for name, data in drawn.items():
        fs.replace(folder / name, data)
    fs.replace(folder / REPORT, (json.dumps(report, indent=1) + "\n").encode("ascii"))
