"""Check a file of proof: read it, read the policy, and let the ledger package judge."""

from __future__ import annotations

from pathlib import Path

from .. import fs
from ..ledger import check as ledger_check
from ..ledger.check import Facts
from .checkpoint import read_policy


def check(file: str | Path, *, policy: str | Path, old: str | Path | None = None) -> Facts:
    """What `file` proves to a reader with `policy`: a proof, a checkpoint, a fork or a rotation.

    `old` is the older checkpoint of a consistency proof. Raises `LedgerTampered` where the file
    does not hold, `PolicyUnmet` where the policy does not accept its signatures.
    """
    rules = read_policy(policy)
    data = fs.readable(Path(file), "a file to check").read_bytes()
    before = fs.readable(Path(old), "a checkpoint file").read_bytes() if old else None
    return ledger_check.check(data, rules, before)
