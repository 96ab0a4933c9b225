"""`medchain erase`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json, LedgerFile, Reason
from .output import (
    bar,
    note_core,
    numbers,
    plural,
    result,
    result_json,
    say,
    say_recovered,
    say_shredded,
    table,
)

if TYPE_CHECKING:
    from ..pipeline.erase import ErasureSummary


def erase(
    ledger: LedgerFile,
    reason: Reason,
    subject: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Whose rows; may be given several times."),
    ] = None,
    record: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="The row of this record; may be given several times."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be erased; write nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Destroy rows in the vault for ever, and record in the ledger that and why.

    Score, verdict and seal stay in the ledger, which verifies as before. A run that was interrupted
    is completed by repeating the command, or by the next ingest.
    """
    from ..pipeline.erase import erase as run

    note_core()
    with bar("erase") as shown:
        summary = run(
            ledger,
            subject=subject or (),
            record=record or (),
            reason=reason,
            dry_run=dry_run,
            mining=lambda nonces: shown.note(f"mining a block: {nonces:,} nonces"),
        )
    say_recovered(summary.recovered)
    say_shredded(summary.shredded)
    result_json(asdict(summary)) if json else result(_words(summary))
    if summary.records and not dry_run:
        say("medchain: copies and backups of the vault still hold these rows")
        say("  hint: erase in them too, or put this vault in their place")


def _words(summary: ErasureSummary) -> str:
    about = [("reason", summary.reason)]
    if summary.already:
        about.append(("before", f"{numbers(summary.already)} erased already"))
    if summary.unrecorded:
        rest = f"{plural(summary.unrecorded, 'row')} that no block had committed to"
        about.append(("and also", rest))
    if summary.block is not None:
        about += [("block", f"{summary.block:,}"), ("head", summary.head)]
    count = len(summary.records)
    rows = f"{plural(count, 'row')} of {numbers(summary.records)}" if count else "no recorded row"
    if summary.dry_run:
        return f"Would erase {rows}; nothing was written\n{table(about)}"
    return f"Erased {rows}\n{table(about)}"
