"""Verify a ledger against a checkpoint that its reader kept, and keep the evidence of a fork."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from ..fs import readable
from ..ledger import anchor
from ..ledger import note as notes
from ..ledger.anchor import Demand
from ..ledger.checkpoint import checkpoint_path
from ..ledger.verify import Check, Report
from .checkpoint import read_policy
from .evidence import keep_evidence


def demand(
    ledger: str | Path,
    checkpoint: str | Path | None,
    policy: str | Path,
    max_age: str | None,
    least_bits: int | None,
    incremental: bool,
) -> Demand:
    """What the reader asks, with the files read; raises `UsageError` where one cannot be used."""
    if checkpoint is None and str(ledger) == "-":
        raise UsageError(
            "a ledger on standard input has no checkpoint beside it",
            hint="name it with --checkpoint",
        )
    file = Path(checkpoint) if checkpoint else checkpoint_path(Path(ledger))
    return Demand(
        readable(file, "the checkpoint").read_bytes(),
        read_policy(policy),
        int(time.time()),
        None if max_age is None else anchor.parse_age(max_age),
        least_bits,
        incremental,
    )


def verify_anchored(
    ledger: str | Path,
    wanted: Demand,
    check: Check | None,
    progress: Callable[[int], None] | None,
) -> Report:
    """The report on `ledger`, with its anchor; a contradiction leaves an evidence file."""
    report = anchor.verify_anchored(ledger, wanted, check=check, progress=progress)
    if not report.finding or report.finding.kind != "checkpoint" or str(ledger) == "-":
        return report
    assert report.anchor
    path = keep_evidence(Path(ledger), notes.parse(wanted.note), wanted.policy)
    return replace(report, anchor=replace(report.anchor, evidence=str(path) if path else None))
