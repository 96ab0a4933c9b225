"""`medchain export`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .options import Ledger
from .output import note_core, plural, say


def export(
    ledger: Ledger,
    output: Annotated[
        str, typer.Option("--output", "-o", help="A .csv or .parquet file, or - for stdout (csv).")
    ] = "-",
    what: Annotated[
        str, typer.Option(metavar="records|blocks", help="One row a record, or one a block.")
    ] = "records",
) -> None:
    """Write the records or the blocks of a ledger as CSV or Parquet."""
    from ..pipeline.export import export as run

    note_core()
    count = run(ledger, sys.stdout.buffer if output == "-" else output, what=what)
    if output != "-":
        say(f"Wrote {plural(count, what.rstrip('s'))} to {output}")
