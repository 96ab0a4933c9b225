"""Inspect: what each column of a table is taken for and why, without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import fs
from ..errors import UsageError
from .rejects import by_reason
from .train import plan_of, read_plain, read_rows

if TYPE_CHECKING:
    from ..detect.columns.plan import TablePlan


@dataclass(frozen=True)
class Inspected:
    """A table seen without training: of each column its kind and how it is read, and what is odd.

    No text in it holds a cell that fewer than ten patients share.
    """

    table: str
    rows: int
    columns: tuple[tuple[str, str, str], ...]
    warnings: tuple[str, ...]
    bad_rows: tuple[str, ...]
    plan: TablePlan


def inspect(
    table: str | Path,
    *,
    label: str | None = None,
    id: str | None = None,
    group: str | None = None,
    drop: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    positive: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    where: tuple[str, str] | None = None,
    output: str | Path | None = None,
) -> Inspected:
    """Say what `medchain train` would take each column of `table` for.

    The options mean what they mean for `train`. With `output` the column plan is written there, to
    be edited and given to `train`. Raises `TableError`, `UsageError` and `NotDurable`.
    """
    from ..detect.columns.toml import write_plan
    from ..detect.label import read_label
    from ..detect.schema import Schema

    whole = read_rows(table, delimiter)
    try:
        whole, plan = plan_of(
            whole,
            None,
            decimal,
            where=where,
            label=label,
            id=id,
            group=group,
            drop=drop,
            kinds=kinds or {},
        )
        columns, rows, bad = read_plain(whole, plan)
        schema = Schema.infer(
            columns,
            rows,
            label=label and read_label(label, _cells(columns, rows, label), positive),
            id=plan.id,
            group=plan.group,
            drop=[column.name for column in plan.columns if column.kind == "dropped"],
            kinds=plan.kinds,
            patients=_patients(plan, columns, rows),
            notes=plan.notes,
        )
    except UsageError as error:
        raise UsageError(f"{whole.name}: {error.message}", hint=error.hint) from None
    if output is not None:
        fs.replace(Path(output), write_plan(plan).encode())
    return Inspected(
        whole.name,
        len(whole.rows) + len(whole.rejects),
        tuple(schema.describe()),
        (*plan.lost, *schema.warnings),
        tuple(by_reason(bad)),
        plan,
    )


def _patients(
    plan: TablePlan, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[int] | None:
    """Whose each row is, where a column says so."""
    from ..detect.columns.tally import numbered

    name = plan.id or plan.group
    return numbered(_cells(columns, rows, name)) if name else None


def _cells(columns: Sequence[str], rows: Sequence[Sequence[str]], name: str) -> list[str]:
    place = columns.index(name)
    return [row[place] for row in rows]
