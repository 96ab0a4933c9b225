"""Prove what a checkpoint covers: one record, or that the checkpoint extends an older one.

A proof is checked before it is given out, so that nothing here, the index least of all, is trusted.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .. import fs
from ..errors import UsageError
from ..ledger import checkpoint as checkpoints
from ..ledger import proof as proofs
from ..ledger.block import Header
from ..ledger.checkpoint import checkpoint_path
from ..ledger.history import Extension
from ..ledger.index import Index, read_block
from ..ledger.lines import Record, parse_object
from ..ledger.merkle import SIZE
from ..ledger.note import Note
from ..ledger.path import consistency
from ..ledger.proof import Proof
from ..ledger.reader import RawBlock, open_ledger
from ..ledger.remarks import Remarks, remarks_on
from ..ledger.seals import as_bytes, open_seal
from ..ledger.verify import Walk
from .checkpoint import live, parse_note, under


def prove_record(
    ledger: str | Path,
    record: int,
    *,
    checkpoint: str | Path | None = None,
    open_seal: bool = False,
    vault: str | Path | None = None,
) -> Proof:
    """Prove `record` of `ledger` under `checkpoint` (default: the last one beside the ledger).

    With `open_seal` its row is shown, from `vault` (default: the one beside the ledger). Raises
    `UsageError` where the checkpoint covers no such record, or the vault has no row for it.
    """
    path = live(ledger)
    note = _under_which(path, checkpoint)
    found = _prove(path, note, record)
    if open_seal:
        found = replace(found, sealed=_sealed_line(path, record, vault))
    proved = proofs.check(proofs.parse(found.encode()))
    if found.sealed is not None:
        assert proved.record
        _of_this_ledger(path, found.sealed, proved.record)
    return found


def _of_this_ledger(path: Path, sealed: bytes, record: Record) -> None:
    with open_ledger(path) as stream:
        genesis = next(iter(Walk(stream))).event
    try:
        open_seal(sealed, record.seal, record.number, str(genesis["ledger"]))
    except ValueError as error:
        raise proofs.BadProof(str(error)) from error


def prove_event(ledger: str | Path, block: int, *, checkpoint: str | Path | None = None) -> Proof:
    """Prove the event of `block` under `checkpoint`: an erasure or an amendment, for instance.

    Raises `UsageError` where the checkpoint covers no such block.
    """
    path = live(ledger)
    note = _under_which(path, checkpoint)
    index, hashes = under(path, note)
    if not 0 <= block < len(hashes) // SIZE:
        raise UsageError(
            f"the checkpoint does not cover a block {block}: it ends with block "
            f"{len(hashes) // SIZE - 1}",
            hint="make a new one with: medchain checkpoint",
        )
    raw, _ = _read(path, note, block, index, hashes)
    found = proofs.build_event(raw.body, raw.block_line, hashes, note)
    proofs.check(proofs.parse(found.encode()))
    return found


def remarks_since(ledger: str | Path, proof: Proof) -> dict[str, object]:
    """What `ledger` says since of the record in `proof`: ``erased``, and how it was ``amended``.

    Read are the blocks without records behind that of the proof, where such events stand, under
    the proof's checkpoint by their hashes, and all that came after it.
    """
    path = live(ledger)
    index, hashes = under(path, proof.note)
    remarks, size = Remarks(), len(hashes) // SIZE
    with open_ledger(path) as stream:
        for height in index.without_records(proof.index + 1, size):
            digest = hashes[height * SIZE : (height + 1) * SIZE]
            found = read_block(stream, index.offset(height), digest)
            if found:
                raw, header = found
                remarks.visit(parse_object(raw.body.partition(b"\n")[0]), header)
        stream.seek(index.offset(size - 1))
        remarks.read(stream)
    record = proofs.check(proof).record
    assert record
    return remarks_on(record.number, remarks)


def prove_extension(
    ledger: str | Path, old: str | Path, *, checkpoint: str | Path | None = None
) -> Extension:
    """Prove that `checkpoint` of `ledger` (default: the last) extends that in the file `old`."""
    path = live(ledger)
    note = _under_which(path, checkpoint)
    start, end = (checkpoints.parse(n.text) for n in (parse_note(Path(old)), note))
    if start.origin != end.origin or start.size > end.size:
        raise UsageError(
            f"{old} is no older checkpoint of the same log", hint="name the older one with --from"
        )
    _, hashes = under(path, note)
    extension = Extension(start.size, consistency(hashes, start.size), end, note)
    extension.check(start.root)
    return extension


def _under_which(path: Path, checkpoint: str | Path | None) -> Note:
    file = Path(checkpoint) if checkpoint else checkpoint_path(path)
    if not checkpoint and not file.exists():
        raise UsageError(
            f"{path} has no checkpoint yet, and a proof leads to one",
            hint="medchain checkpoint makes one",
        )
    return parse_note(file)


def _prove(path: Path, note: Note, record: int) -> Proof:
    index, hashes = under(path, note)
    size = len(hashes) // SIZE
    height = index.block_of(record, size)
    if record < 0 or height < 0:
        raise UsageError(f"there is no record {record}: they are counted from 0")
    raw, header = _read(path, note, height, index, hashes)
    if not header.first <= record < header.first + header.count:
        raise UsageError(
            f"the checkpoint does not cover a record {record}: it ends before record "
            f"{header.first + header.count}",
            hint="make a new one with: medchain checkpoint",
        )
    return proofs.build(raw.body, raw.block_line, record, hashes, note)


def _read(
    path: Path, note: Note, height: int, index: Index, hashes: bytes
) -> tuple[RawBlock, Header]:
    """The block at `height`, which has its hash among `hashes`."""
    digest = hashes[height * SIZE : (height + 1) * SIZE]
    with open_ledger(path) as stream:
        found = read_block(stream, index.offset(height), digest)
        if not found or found[1].block != height:
            # The index or the ledger is wrong about this block; a whole pass tells which.
            index, _ = under(path, note, fresh=True)
            found = read_block(stream, index.offset(height), digest)
    assert found
    return found


def _sealed_line(path: Path, record: int, vault: str | Path | None) -> bytes:
    from ..ledger.vault import Vault, vault_path

    file = fs.readable(Path(vault) if vault else vault_path(path), "the vault")
    with Vault(file, readonly=True) as opened:
        lines = opened.lines(record, 1)
    if not lines:
        raise UsageError(
            f"{file} has no row for record {record}",
            hint="its row was erased, or stands in the ledger itself; leave --open-seal out",
        )
    return as_bytes(lines[0][1])
