"""Check a file of proof: read it, read the policy, and let the ledger package judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .. import fs
from ..errors import UsageError
from ..ledger import check as ledger_check
from ..ledger.check import Facts
from ..ledger.reader import open_ledger
from ..ledger.remarks import Remarks, remarks_on
from ..ledger.verify import Walk
from .checkpoint import read_policy


def check(
    file: str | Path,
    *,
    policy: str | Path,
    old: str | Path | None = None,
    ledger: str | Path | None = None,
    later: Sequence[str | Path] = (),
) -> Facts:
    """What `file` proves to a reader with `policy`: a proof, a checkpoint, a fork or a rotation.

    `old` is the older checkpoint of a consistency proof. With `ledger`, or with
    proofs of `later` events, a proof of a record says
    as well whether the record was ``erased`` or ``amended`` since. Raises `LedgerTampered` where
    the file does not hold, `PolicyUnmet` where the policy does not accept its signatures.
    """
    rules = read_policy(policy)
    data = fs.readable(Path(file), "a file to check").read_bytes()
    events = [fs.readable(Path(one), "a later proof").read_bytes() for one in later]
    before = fs.readable(Path(old), "a checkpoint file").read_bytes() if old else None
    facts = ledger_check.check(data, rules, before, events)
    if ledger is None:
        return facts
    if facts["kind"] != "record":
        raise UsageError("a ledger is asked about a record's proof alone", hint="leave it out")
    return {**facts, **_since(ledger, facts)}


def _since(ledger: str | Path, facts: Facts) -> Facts:
    """What `ledger`, which must hold the proved block, says of the record since."""
    remarks, found = Remarks(), False
    with open_ledger(ledger) as stream:
        for block in Walk(stream):
            found |= block.hash.hex() == facts["hash"]
            remarks.visit(block.event, block.header)
    if not found:
        raise UsageError(
            f"{ledger} does not hold the block of this proof",
            hint="name the ledger that the proof is of, or a newer copy of it",
        )
    record = facts["record"]
    assert isinstance(record, int)
    return remarks_on(record, remarks)
