"""Train: a table in, a bundle out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .rejects import by_reason, refuse_rows, write_rejects

if TYPE_CHECKING:
    from ..detect.columns.plan import TablePlan
    from ..detect.train import Trained
    from ..tabular import Reject
    from .keys import SigningKey


@dataclass(frozen=True)
class Rows:
    """A whole table: its columns, its rows as text with the line of each, and rows left out."""

    name: str
    columns: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    rejects: list[Reject]


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
    decimal: str | None = None,
    where: tuple[str, str] | None = None,
    plan: str | Path | None = None,
    skip_bad_rows: bool = False,
    rejects: str | Path | None = None,
    key: SigningKey | str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Trained:
    """Learn a detector from `table` and save its bundle in the folder `output`.

    With a `label` column it is supervised, without one it learns the rows as they are, unless
    `mode` says ``unlabelled`` or ``normal-only``: a label then serves to measure and, in the
    latter, to choose the normal rows to learn from. `id` names the column that tells patients
    apart; it is never a feature, and neither is `group`: rows with the same value in either are
    never on both sides of a split. `kinds` overrules what a column is taken for: ``numeric``,
    ``categorical``, ``identifier`` or ``dropped``.

    How columns are read is decided from the table, with `decimal` for numbers that leave their
    decimal mark open, or said by the column plan in the file `plan`. Bad rows are listed in the
    file `rejects`, and left out with `skip_bad_rows`. `where`, a column and a value, picks rows of
    one kind; the model then rejects others. With `key` the bundle is signed: a file without a
    passphrase, or a key that was loaded (`keys.load`).

    Raises `TableError` where the table cannot be read or has no header, `UsageError` where it
    cannot be learnt from, `NotDurable` where the bundle cannot be written; a former bundle is then
    still there.
    """
    from ..detect.bundle import check_target
    from ..detect.train import fit
    from .keys import loaded
    from .signed_model import sign

    check_target(output)
    signer = loaded(key) if key is not None else None
    whole = read_rows(table, delimiter)
    drop, kinds = tuple(drop), dict(kinds or {})
    said: dict[str, Any] = {"label": label, "id": id, "group": group, "drop": drop, "kinds": kinds}
    try:
        whole, by = plan_of(whole, plan, decimal, where=where, **said)
        lenient = [name for name, kind in kinds.items() if kind == "numeric"]
        columns, rows, bad = read_plain(whole, by, lenient)
        if bad and rejects is not None:
            write_rejects(rejects, bad)
        if bad and not skip_bad_rows:
            raise refuse_rows(whole.name, bad, rejects)
        by = left_out(by, bad)
        trained = fit(
            columns,
            rows,
            label=by.label,
            id=by.id,
            group=by.group,
            drop=[column.name for column in by.columns if column.kind == "dropped"],
            kinds=by.kinds,
            positive=positive,
            mode=mode,
            seed=seed,
            target_precision=target_precision,
            target_recall=target_recall,
            alert_rate=alert_rate,
            cost_ratio=cost_ratio,
            progress=progress,
            read_by=by,
        )
    except UsageError as error:
        raise UsageError(f"{whole.name}: {error.message}", hint=error.hint) from None
    if signer:
        trained.bundle.signatures = sign(trained.bundle, signer).encode()
    trained.save(output)
    return trained


def read_rows(table: str | Path, delimiter: str | None) -> Rows:
    """All rows of a table with a header; those of another width are left out and listed."""
    from ..tabular import open_table
    from ..tabular.headless import refuse_headless

    with open_table(table, delimiter=delimiter, skip_bad_rows=True) as source:
        batches = list(source.batches(4096))
        found = Rows(
            source.name,
            source.columns,
            [row for batch in batches for row in batch.rows],
            [line for batch in batches for line in batch.lines],
            source.rejects,
        )
    refuse_headless(found.columns, found.rows[:4096], found.name)
    return found


def plan_of(
    whole: Rows,
    plan: str | Path | None,
    decimal: str | None,
    *,
    where: tuple[str, str] | None,
    **options: Any,
) -> tuple[Rows, TablePlan]:
    """The rows of the kind that is asked for, and how to read them: by a file, or as they look."""
    if not whole.rows:
        raise refuse_rows(whole.name, whole.rejects, None)
    if plan is None:
        from ..detect.columns.decide import decide

        whole = only(whole, where)
        return whole, decide(whole.columns, whole.rows, decimal=decimal, where=where, **options)
    if decimal is not None:
        raise UsageError("a plan says how numbers are written", hint="leave out --decimal")
    from ..detect.columns.toml import overruled, read_plan

    by = overruled(read_plan(plan), whole.columns, where=where, **options)
    return only(whole, by.where), by


def only(whole: Rows, where: tuple[str, str] | None) -> Rows:
    """The rows that hold a value in a column, as written but for case and blanks."""
    if where is None:
        return whole
    from ..detect.columns.words import folded
    from ..detect.schema import check_columns

    column, value = where
    check_columns(whole.columns, group=column)
    place, wanted = whole.columns.index(column), folded(value)
    places = [number for number, row in enumerate(whole.rows) if folded(row[place]) == wanted]
    if not places:
        raise UsageError(
            f"no row holds the value asked for in column {column!r}",
            hint="--where COLUMN=VALUE takes the value as the table has it",
        )
    rows, lines = [whole.rows[at] for at in places], [whole.lines[at] for at in places]
    return replace(whole, rows=rows, lines=lines)


def left_out(plan: TablePlan, bad: Sequence[Reject]) -> TablePlan:
    """The plan with a line for each reason why rows are left out."""
    if not bad:
        return plan
    from ..detect.schema import counted

    count = counted(len({reject.line for reject in bad}), "row")
    said = f"{count} could not be read and were left out: " + "; ".join(by_reason(bad))
    return replace(plan, remarks=(*plan.remarks, said))


def read_plain(
    whole: Rows, plan: TablePlan, lenient: Collection[str] = ()
) -> tuple[list[str], list[tuple[str, ...]], list[Reject]]:
    """Plain columns and their rows without the bad ones, and every bad row of the table.

    Rows are not bad for what stands in the columns `lenient`.
    """
    from ..detect.cells import columns_of
    from ..detect.columns.reader import Reader
    from ..tabular import Reject

    cells = dict(zip(whole.columns, columns_of(whole.rows), strict=True))
    plain = Reader(plan).read(cells)
    found = [bad for bad in plain.bad if bad.column not in lenient]
    rejects = [Reject(whole.lines[bad.row], bad.column, bad.reason) for bad in found]
    left_out = {bad.row for bad in found}
    rows = zip(*plain.cells.values(), strict=True)
    kept = [row for number, row in enumerate(rows) if number not in left_out]
    everything = sorted([*whole.rejects, *rejects], key=lambda reject: reject.line)
    return list(plain.cells), kept, everything
