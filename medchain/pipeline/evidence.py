"""Evidence of a fork: two signed checkpoints of one log that cannot both be true."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from .. import fs
from ..errors import MedchainError, NotDurable
from ..ledger import checkpoint as checkpoints
from ..ledger import merkle
from ..ledger.checkpoint import beside
from ..ledger.history import Fork
from ..ledger.merkle import SIZE
from ..ledger.note import Note
from ..ledger.path import consistency
from ..ledger.policy import Policy
from .checkpoint import last_note, under


def keep_evidence(ledger: Path, kept: Note, policy: Policy) -> Path | None:
    """Write evidence that the log of `ledger` signed a fork of the checkpoint in `kept`.

    It is written beside the ledger, or else into the current folder. For it, the ledger's own
    checkpoint must be signed too, and cover as many blocks at least.
    ``None`` where that is not so: the ledger then contradicts `kept`, but nobody signed for it.
    """
    fork = None
    with suppress(MedchainError):
        fork = _fork(ledger, kept, policy)
    return _write(ledger, fork.encode()) if fork else None


def _write(ledger: Path, data: bytes) -> Path:
    path = beside(ledger, f".fork-{sha256(data).hexdigest()[:8]}")
    try:
        fs.replace(path, data)
    except NotDurable:
        # The folder may be the suspect's; where the reader stands, there is another.
        path = Path(path.name)
        fs.replace(path, data)
    return path


def _fork(ledger: Path, kept: Note, policy: Policy) -> Fork | None:
    other = last_note(ledger)
    if other is None:
        return None
    size = checkpoints.parse(kept.text).size
    if checkpoints.parse(other.text).size < size:
        return None
    _, hashes = under(ledger, other)
    fork = Fork(kept, other, merkle.root(hashes[: size * SIZE]), consistency(hashes, size))
    fork.check(policy)
    return fork
