"""`medchain inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .options import Decimal, Delimiter, Json, Where, kind_of, where_of
from .output import plural, result, result_json, say, table

if TYPE_CHECKING:
    from ..pipeline.inspect import Inspected


def inspect(
    patients: Annotated[
        str, typer.Argument(metavar="TABLE.csv", help="The table, or - for standard input.")
    ],
    label: Annotated[
        str | None, typer.Option(help="Column that says which rows are anomalous.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="The label's value that means anomalous.")
    ] = None,
    id: Annotated[str | None, typer.Option(help="Column that tells patients apart.")] = None,
    group: Annotated[str | None, typer.Option(help="Column whose rows belong together.")] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Column to leave out; may be repeated.")
    ] = None,
    type: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=KIND", help="Overrule what a column is; may be repeated."),
    ] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    where: Where = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the column plan here, to edit."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what each column of a table is taken for, and what looks odd, without training.

    The column plan that -o writes is for editing and for train --plan.
    """
    from ..pipeline.inspect import inspect as run

    found = run(
        patients,
        label=label,
        positive=positive,
        id=id,
        group=group,
        drop=drop or (),
        kinds=dict(kind_of(text) for text in type or ()),
        delimiter=delimiter,
        decimal=decimal,
        where=where_of(where),
        output=output,
    )
    result_json(_document(found)) if json else result(_words(found, output))
    if found.bad_rows:
        say("medchain: rows that cannot be read, which train refuses or leaves out:")
        for line in found.bad_rows:
            say(f"  {line}")


def _document(found: Inspected) -> dict[str, object]:
    return {
        "rows": found.rows,
        "columns": [
            {"column": column, "kind": kind, "note": note} for column, kind, note in found.columns
        ],
        "warnings": list(found.warnings),
        "bad_rows": list(found.bad_rows),
        "plan": found.plan.to_json(),
    }


def _words(found: Inspected, output: str | None) -> str:
    columns = [(column, f"{kind:<12} {note}") for column, kind, note in found.columns]
    parts = [f"{plural(found.rows, 'row')} of {found.table}", table(columns)]
    if found.warnings:
        parts += ["To look at", *(f"  {line}" for line in found.warnings)]
    if output:
        parts.append(f"Wrote the column plan to {output}")
    return "\n".join(parts)
