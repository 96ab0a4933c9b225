"""Train: a table in, a bundle out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import TableError, UsageError

if TYPE_CHECKING:
    from ..detect.train import Trained


def train(
    table: str | Path,
    *,
    label: str | None = None,
    id: str | None = None,
    group: str | None = None,
    drop: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    positive: str | None = None,
    output: str | Path = "model",
    mode: str = "auto",
    seed: int = 0,
    target_precision: float | None = None,
    target_recall: float | None = None,
    alert_rate: float | None = None,
    cost_ratio: float | None = None,
    delimiter: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Trained:
    """Learn a detector from `table` and save its bundle in the folder `output`.

    With a `label` column it is supervised, without one it learns the rows as they are, unless
    `mode` says ``unlabelled`` or ``normal-only``: a label then serves to measure and, in the
    latter, to choose the normal rows to learn from. `id` names the column that tells patients
    apart; it is never a feature, and neither is `group`: rows with the same value in either are
    never on both sides of a split. `kinds` overrules what a column is taken for: ``numeric``,
    ``categorical``, ``identifier`` or ``dropped``.

    Raises `TableError` where the table cannot be read or has no header, `UsageError` where it
    cannot be learnt from, `NotDurable` where the bundle cannot be written; a former bundle is then
    still there.
    """
    from ..detect.bundle import check_target
    from ..detect.schema import SpoiltNumbers
    from ..detect.train import fit
    from ..tabular import open_table
    from ..tabular.headless import refuse_headless

    check_target(output)
    with open_table(table, delimiter=delimiter) as source:
        batches = list(source.batches(4096))
        columns, name = source.columns, source.name
    rows = [row for batch in batches for row in batch.rows]
    refuse_headless(columns, rows[:4096], name)
    try:
        trained = fit(
            columns,
            rows,
            label=label,
            id=id,
            group=group,
            drop=drop,
            kinds=kinds,
            positive=positive,
            mode=mode,
            seed=seed,
            target_precision=target_precision,
            target_recall=target_recall,
            alert_rate=alert_rate,
            cost_ratio=cost_ratio,
            progress=progress,
        )
    except SpoiltNumbers as spoilt:
        line = [line for batch in batches for line in batch.lines][spoilt.row]
        raise TableError(
            f"{spoilt.why}, one of few",
            file=name,
            line=line,
            column=spoilt.column,
            hint=f"correct it, or leave such rows out with --type {spoilt.column}=numeric",
        ) from None
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", hint=error.hint) from None
    trained.save(output)
    return trained
