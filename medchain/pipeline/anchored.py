"""Verify a ledger against a checkpoint that its reader kept, and keep the evidence of a fork."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import LedgerTampered, PolicyUnmet, UsageError
from ..fs import readable
from ..ledger import anchor
from ..ledger import note as notes
from ..ledger.anchor import Demand
from ..ledger.checkpoint import checkpoint_path
from ..ledger.clocks import contradiction
from ..ledger.verify import Anchor, Check, Report
from .checkpoint import read_policy
from .evidence import keep_evidence


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader asks, with the files read; `token` and `certificates` where time is asked."""

    demand: Demand
    token: bytes | None = None
    certificates: bytes | None = None


def demand(
    ledger: str | Path,
    checkpoint: str | Path | None,
    policy: str | Path,
    max_age: str | None,
    least_bits: int | None,
    incremental: bool,
    certificates: str | Path | None,
) -> Wanted:
    """Read what the reader names; raises `UsageError` where a file cannot be used."""
    if checkpoint is None and str(ledger) == "-":
        raise UsageError(
            "a ledger on standard input has no checkpoint beside it",
            hint="name it with --checkpoint",
        )
    file = Path(checkpoint) if checkpoint else checkpoint_path(Path(ledger))
    wanted = Demand(
        readable(file, "the checkpoint").read_bytes(),
        read_policy(policy),
        int(time.time()),
        None if max_age is None else anchor.parse_age(max_age),
        least_bits,
        incremental,
    )
    if certificates is None:
        return Wanted(wanted)
    roots = readable(Path(certificates), "a file of certificates").read_bytes()
    token = readable(Path(f"{file}.tsr"), "the checkpoint's time-stamp").read_bytes()
    return Wanted(wanted, token, roots)


def verify_anchored(
    ledger: str | Path,
    wanted: Wanted,
    check: Check | None,
    progress: Callable[[int], None] | None,
) -> Report:
    """The report on `ledger`, with its anchor; a contradiction leaves an evidence file."""
    demand = wanted.demand
    report = anchor.verify_anchored(ledger, demand, check=check, progress=progress)
    assert report.anchor
    found = _stamped(report.anchor, wanted)
    if report.finding and report.finding.kind == "checkpoint" and str(ledger) != "-":
        path = keep_evidence(Path(ledger), notes.parse(demand.note), demand.policy)
        found = replace(found, evidence=str(path) if path else None)
    return replace(report, anchor=found)


def _stamped(found: Anchor, wanted: Wanted) -> Anchor:
    """The anchor with what an authority says of the time; a token that does not hold is unmet."""
    if wanted.token is None or wanted.certificates is None:
        return found
    from .timestamp import check

    try:
        said = check(wanted.demand.note, wanted.token, wanted.certificates)
    except (LedgerTampered, PolicyUnmet) as error:
        return replace(found, unmet=(*found.unmet, f"the time-stamp: {error.message}"))
    found = replace(found, stamped=said.time, authority=said.authority)
    why = contradiction("the time-stamp", said.time, found.block_time)
    return replace(found, unmet=(*found.unmet, why)) if why else found
