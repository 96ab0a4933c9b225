"""Train: a table in, a bundle out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import TableError

if TYPE_CHECKING:
    from ..detect.train import Trained


def train(
    table: str | Path,
    *,
    label: str | None = None,
    id: str | None = None,
    drop: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    positive: str | None = None,
    output: str | Path = "model",
    seed: int = 0,
    target_precision: float | None = None,
    target_recall: float | None = None,
    alert_rate: float | None = None,
    delimiter: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Trained:
    """Learn a detector from `table` and save its bundle in the folder `output`.

    With a `label` column it is supervised, without one it learns the rows as they are. `id` names
    the column that tells patients apart; it is never a feature. `kinds` overrules what a column is
    taken for: ``numeric``, ``categorical``, ``identifier`` or ``dropped``.

    Raises `TableError` where the table cannot be read, `UsageError` where it cannot be learnt from,
    `NotDurable` where the bundle cannot be written; a former bundle is then still there.
    """
    from ..tabular import open_table

    with open_table(table, delimiter=delimiter) as source:
        rows: list[list[str]] = []
        places: list[int] = []
        for batch in source.batches(4096):
            rows += batch.rows
            places += batch.lines
        columns, name = source.columns, source.name
    from ..detect.train import UnreadableRow, fit

    try:
        trained = fit(
            columns,
            rows,
            label=label,
            id=id,
            drop=drop,
            kinds=dict(kinds or {}),
            positive=positive,
            seed=seed,
            target_precision=target_precision,
            target_recall=target_recall,
            alert_rate=alert_rate,
            progress=progress,
        )
    except UnreadableRow as bad:
        raise TableError(
            bad.reason, file=name, line=places[bad.row], column=bad.column, hint=bad.hint
        ) from None
    trained.save(Path(output))
    return trained
