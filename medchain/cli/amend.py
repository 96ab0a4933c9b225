"""`medchain amend`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ..errors import UsageError
from .options import Json, LedgerFile, Reason
from .output import (
    bar,
    note_core,
    result,
    result_json,
    say_recovered,
    say_shredded,
    table,
)

_VERDICTS = {"true": True, "false": False, None: None}


def amend(
    ledger: LedgerFile,
    record: Annotated[int, typer.Option(metavar="N", help="The number of the record.")],
    reason: Reason,
    verdict: Annotated[
        str | None,
        typer.Option(metavar="true|false", help="Whether it is anomalous after all."),
    ] = None,
    json: Json = False,
) -> None:
    """Add a correction or a remark that points at a record; the record itself stays as it is."""
    from ..pipeline.amend import amend as run

    if verdict not in _VERDICTS:
        raise UsageError("a verdict is 'true' (anomalous) or 'false'")
    note_core()
    with bar("amend") as shown:
        summary = run(
            ledger,
            record=record,
            reason=reason,
            anomaly=_VERDICTS[verdict],
            mining=lambda nonces: shown.note(f"mining a block: {nonces:,} nonces"),
        )
    say_recovered(summary.recovered)
    say_shredded(summary.shredded)
    if json:
        result_json(asdict(summary))
        return
    about = [("reason", summary.reason), ("block", f"{summary.block:,}"), ("head", summary.head)]
    if verdict:
        about.insert(0, ("verdict", "anomalous" if summary.anomaly else "not anomalous"))
    result(f"Amended record {summary.record:,}\n{table(about)}")
