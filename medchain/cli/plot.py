"""`medchain plot`."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import note_core, say


def plot(
    ledgers: Annotated[
        list[str],
        typer.Argument(metavar="LEDGER...", help="One or more ledgers, live or archived."),
    ],
    kind: Annotated[
        str,
        typer.Option(
            metavar="anomaly-rate|scores|timeline|mining|drift|overview",
            help="Which picture to draw.",
        ),
    ] = "anomaly-rate",
    output: Annotated[
        str, typer.Option("--output", "-o", help="The picture: .png, .svg or .pdf.")
    ] = "ledger.png",
) -> None:
    """Draw pictures from ledgers; needs neither model nor vault."""
    from ..pipeline.plot import plot as run

    note_core()
    run(ledgers, output, kind=kind)
    say(f"Wrote {output}")
