"""`medchain record`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .options import Delimiter, Json
from .output import bar, note_core, plural, result, result_json, table


def record(
    scored: Annotated[
        str, typer.Argument(metavar="SCORED.csv", help="The table, or - for standard input.")
    ],
    model: Annotated[str, typer.Option(help="The folder of the declaration.")] = "model",
    ledger: Annotated[str, typer.Option(help="The ledger to append to.")] = "ledger.jsonl",
    score: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of scores.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--class", metavar="COLUMN", help="The column of classes.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of texts; they are sealed.")
    ] = None,
    id: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column that tells patients apart.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="What changed, where the ledger knows another declaration.")
    ] = None,
    bits: Annotated[
        int | None, typer.Option(help="Work of each block (default: what the ledger demands).")
    ] = None,
    origin: Annotated[str | None, typer.Option(help="The name of a new ledger's log.")] = None,
    delimiter: Delimiter = None,
    json: Json = False,
) -> None:
    """Record a table that a declared model scored elsewhere, exactly once."""
    from ..pipeline.record import record as run

    note_core()
    with bar("record") as shown:
        summary = run(
            scored,
            model=model,
            ledger=ledger,
            score=score,
            label=label,
            output=output,
            id=id,
            reason=reason,
            bits=bits,
            origin=origin,
            delimiter=delimiter,
            progress=lambda position, size: shown.update(position, size, ""),
        )
    if json:
        result_json(asdict(summary))
        return
    if summary.duplicate:
        result(f"{scored} is recorded already: nothing was appended to {summary.ledger}")
        return
    result(
        f"Recorded {plural(summary.records, 'row')} in {summary.ledger}, "
        f"{summary.anomalies:,} of them anomalous"
    )
    about = [("batch", summary.batch), ("model", summary.model)]
    if summary.already:
        about.insert(0, ("completed", f"{plural(summary.already, 'row')} stood there already"))
    if summary.outside:
        about.insert(0, ("outside", f"{summary.outside:,} that the declaration does not know"))
    result(table(about))
