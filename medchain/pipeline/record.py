"""Record a table that others scored: each row with what a column says of it, exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import TableError, UsageError
from ..ledger.verdicts import CLASS, SCORES
from .declaration import Declaration, load
from .recorder import MOST_ROWS, Recorder

if TYPE_CHECKING:
    from ..tabular import Table


@dataclass(frozen=True, slots=True)
class RecordSummary:
    """What was recorded of a table; `already` rows stood in the ledger before."""

    ledger: str
    batch: str
    model: str
    records: int
    anomalies: int
    outside: int
    already: int
    duplicate: bool = False


def record(
    table: str | Path,
    *,
    model: str | Path | Declaration = "model",
    ledger: str | Path = "ledger.jsonl",
    score: str | None = None,
    label: str | None = None,
    output: str | None = None,
    id: str | None = None,
    reason: str | None = None,
    bits: int | None = None,
    origin: str | None = None,
    delimiter: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RecordSummary:
    """Record the rows of `table`, of which `model`, a declaration, spoke.

    `score`, `label` or `output` names the column that holds what it said; the others are the row. A
    run that was killed is completed by repeating it, and a table that is recorded already appends
    nothing. `progress` is told bytes read and bytes in all.

    Raises `TableError` for a row that cannot be recorded, before anything is, and what `Recorder`
    raises.
    """
    from ..tabular import open_table

    declared = model if isinstance(model, Declaration) else load(model)
    with open_table(table, delimiter=delimiter) as source:
        argument, column = _spoken(declared, source, score, label, output)
        if id is not None and id not in source.columns:
            raise UsageError(f"the table has no column {id!r}", hint="name one of its header")
        for _ in _rows(source, argument, column):
            pass  # a fault is found before anything is written
        with Recorder(
            ledger, model=declared, id=id, reason=reason, bits=bits, origin=origin
        ) as recorder:
            return _recorded(recorder, source, argument, column, progress)


def _recorded(
    recorder: Recorder,
    table: Table,
    argument: str,
    column: str,
    progress: Callable[[int, int], None] | None,
) -> RecordSummary:
    already, complete = recorder.begin_table(table.digest)
    records = anomalies = outside = 0
    passed = 0
    for rows, answers in _rows(table, argument, column):
        skipped = min(max(already - passed, 0), len(rows))
        passed += len(rows)
        if complete or skipped == len(rows):
            continue
        rows, answers = rows[skipped:], answers[skipped:]
        receipts = recorder.record_many(rows, **{f"{argument}s": answers})
        records += len(receipts)
        anomalies += sum(receipt.anomaly is True for receipt in receipts)
        outside += sum(bool(receipt.outside) for receipt in receipts)
        if progress:
            progress(table.position, table.size)
    recorder.end_table()
    return RecordSummary(
        str(recorder.path),
        recorder.batch,
        recorder.model.digest,
        records,
        anomalies,
        outside,
        already,
        complete,
    )


def _spoken(
    model: Declaration, table: Table, score: str | None, label: str | None, output: str | None
) -> tuple[str, str]:
    """How a recorder is told what the model said, and the column that holds it."""
    argument = "score" if model.says in SCORES else "label" if model.says == CLASS else "output"
    given = {"score": score, "label": label, "output": output}
    column = given.pop(argument)
    if column is None or any(given.values()):
        option = {"label": "class"}.get(argument, argument)
        raise UsageError(
            f"this model is declared to say a {model.says}",
            hint=f"name the column that holds it, and no other: --{option} COLUMN",
        )
    if column not in table.columns:
        raise UsageError(f"the table has no column {column!r}", hint="name one of its header")
    return argument, column


def _rows(
    table: Table, argument: str, column: str
) -> Iterator[tuple[list[dict[str, str]], list[Any]]]:
    """The rows without what was said of them, and that; a score is a number."""
    place = table.columns.index(column)
    names = [name for name in table.columns if name != column]
    for batch in table.batches(MOST_ROWS):
        rows, answers = [], list[Any]()
        for line, cells in zip(batch.lines, batch.rows, strict=True):
            said: Any = cells[place]
            if argument == "score":
                said = _number(table, line, column, said)
            answers.append(said)
            kept = [text for at, text in enumerate(cells) if at != place]
            rows.append(dict(zip(names, kept, strict=True)))
        yield rows, answers


def _number(table: Table, line: int, column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TableError(
            "a score is a number", file=table.name, line=line, column=column,
            hint="correct the table; nothing of it was recorded",
        ) from None  # fmt: skip
