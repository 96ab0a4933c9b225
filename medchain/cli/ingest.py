"""`medchain ingest`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RowsRejected
from ..ledger.lines import printable
from .options import Delimiter, Json, ModelKey, seconds
from .output import (
    Bar,
    bar,
    note_core,
    plural,
    result,
    result_json,
    say,
    say_recovered,
    say_shredded,
    table,
)

if TYPE_CHECKING:
    from ..pipeline.ingest import IngestSummary
    from ..pipeline.scored import Progress

_SHOWN_REJECTS = 5


def ingest(
    patients: Annotated[
        str, typer.Argument(metavar="PATIENTS.csv", help="The table, or - for standard input.")
    ],
    model: Annotated[str, typer.Option(help="The model bundle's folder.")] = "model",
    ledger: Annotated[
        str, typer.Option(help="The ledger to append to; made when missing.")
    ] = "ledger.jsonl",
    batch_size: Annotated[int, typer.Option(help="Rows in a block.")] = 100,
    bits: Annotated[
        int | None,
        typer.Option(
            help="Work of a block in bits, 0 to 32 (default: 16, or what the ledger demands)."
        ),
    ] = None,
    target_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Instead of --bits: as much work as a block can have in this time, e.g. 500ms.",
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="sealed|open",
            help="Where rows are kept: in the vault, or in the ledger; chosen when it begins.",
        ),
    ] = None,
    batch_id: Annotated[
        str | None,
        typer.Option(help="Your id of this run: 32 hex digits or a UUID (default: random)."),
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="Name of the log in checkpoints; chosen when it begins.")
    ] = None,
    delimiter: Delimiter = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and score; write nothing.")
    ] = False,
    skip_bad_rows: Annotated[
        bool,
        typer.Option(
            "--skip-bad-rows", help="Leave unreadable rows out and list them in --rejects."
        ),
    ] = False,
    rejects: Annotated[
        str | None,
        typer.Option(help="Where to list them: line, column, reason (default: beside the ledger)."),
    ] = None,
    allow_duplicate: Annotated[
        bool,
        typer.Option("--allow-duplicate", help="Record a table again that is recorded already."),
    ] = False,
    no_reasons: Annotated[
        bool,
        typer.Option("--no-reasons", help="Do not seal what made a row anomalous beside it."),
    ] = False,
    model_key: ModelKey = None,
    json: Json = False,
) -> None:
    """Score the rows of a table and record them in a ledger.

    Rows are scored by the model, sealed, and appended in mined blocks. A run that was interrupted
    is completed by repeating the command; a table that is recorded already appends nothing.
    """
    from ..pipeline.ingest import ingest as run

    note_core()
    with bar("ingest") as shown:
        summary = run(
            patients,
            model=model,
            ledger=ledger,
            batch_size=batch_size,
            bits=bits,
            target_time=None if target_time is None else seconds(target_time),
            rows=rows,
            batch_id=batch_id,
            origin=origin,
            delimiter=delimiter,
            dry_run=dry_run,
            skip_bad_rows=skip_bad_rows,
            rejects=rejects,
            allow_duplicate=allow_duplicate,
            reasons=not no_reasons,
            model_key=model_key or (),
            progress=lambda progress: _show(shown, progress),
            mining=lambda nonces: shown.note(f"mining a block: {nonces:,} nonces"),
        )
    say_recovered(summary.recovered)
    say_shredded(summary.shredded)
    result_json(asdict(summary)) if json else result(_words(summary))
    if summary.rejects:
        _reject(summary)


def _show(shown: Bar, progress: Progress) -> None:
    note = f"{progress.rows:,} rows, {shown.rate(progress.rows):,.0f} rows/s"
    if progress.blocks:
        note += f", {plural(progress.blocks, 'block')}"
    shown.update(progress.position, progress.size, note, progress.stage)


def _words(summary: IngestSummary) -> str:
    about = [
        ("model", summary.model),
        ("threshold", f"{summary.threshold:g}"),
    ]
    if summary.signed_by:
        about.insert(1, ("signed by", ", ".join(map(printable, summary.signed_by))))
    if summary.ignored:
        about.append(("not scored", ", ".join(summary.ignored)))
    if summary.duplicate:
        return (
            f"This table is recorded already, as batch {summary.batch}; nothing was appended\n"
            + table([("records", f"{summary.already:,}"), *about])
        )
    share = summary.anomalies / summary.records if summary.records else 0.0
    about.insert(0, ("anomalies", f"{summary.anomalies:,} ({share:.1%})"))
    if summary.dry_run:
        head = f"Would record {plural(summary.records, 'row')} in {plural(summary.blocks, 'block')}"
        return f"{head}; nothing was written\n{table(about)}"
    head = (
        f"Recorded {plural(summary.records, 'row')} in {plural(summary.blocks, 'block')}"
        f" of {summary.ledger}"
    )
    if summary.already:
        about.insert(0, ("completed", f"{plural(summary.already, 'row')} stood there already"))
    if summary.first_record is not None:
        last = summary.first_record + summary.records - 1
        about.insert(0, ("records", f"{summary.first_record:,} to {last:,}"))
    about.append(("work", f"{summary.bits} bits a block"))
    about += [("batch", summary.batch), ("head", summary.head)]
    return f"{head}\n{table(about)}"


def _reject(summary: IngestSummary) -> None:
    for reject in summary.rejects[:_SHOWN_REJECTS]:
        column = f", column {reject.column!r}" if reject.column else ""
        say(f"  line {reject.line}{column}: {reject.reason}")
    if len(summary.rejects) > _SHOWN_REJECTS:
        say(f"  and {len(summary.rejects) - _SHOWN_REJECTS:,} more")
    where = "" if summary.dry_run else f"; they are listed in {summary.rejects_file}"
    raise RowsRejected(
        f"{plural(len(summary.rejects), 'row')} could not be read and were left out{where}",
        hint="correct them in a table of their own, then ingest that",
    )
