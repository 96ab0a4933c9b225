"""Checkpoints of a ledger: read back and verified, compared with the last one, then signed.

The last checkpoint lies beside the ledger. A new one must extend it, and what each key has signed
before (`keys.advance`); a ledger that does not is refused, whoever asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .. import fs
from ..errors import LedgerLocked, LedgerShort, LedgerTampered, NotDurable, UsageError
from ..ledger import checkpoint as checkpoints
from ..ledger import merkle
from ..ledger import note as notes
from ..ledger import policy as policies
from ..ledger.anchor import resume
from ..ledger.checkpoint import Checkpoint, checkpoint_path
from ..ledger.history import OLD, Extension, parse_extension
from ..ledger.index import ROW_SIZE, Index, index_path, known, row
from ..ledger.merkle import SIZE
from ..ledger.note import ED25519, Note, Signature, VerifierKey
from ..ledger.path import consistency
from ..ledger.policy import Policy
from ..ledger.reader import open_ledger
from ..ledger.verify import Walk
from .keys import SigningKey, advance, loaded, locked, permit

Progress = Callable[[int], None]


@dataclass(frozen=True)
class ReadBack:
    """A ledger as it was read back: its tree, its index, and how much of it was read.

    `taken` blocks were taken from the last checkpoint, whose root their hashes in the index have;
    all others were read and verified. `tail` bytes behind the last block are no part of it.
    """

    checkpoint: Checkpoint
    hashes: bytes
    index: Index
    taken: int
    tail: int

    def extends(self, size: int, root: bytes) -> None:
        """Raise unless the tree of `size` blocks with `root` begins this one's."""
        if size > self.checkpoint.size:
            raise LedgerShort(
                f"the ledger has {self.checkpoint.size} blocks, and a checkpoint of it has {size}",
                hint="the ledger was cut or is an old copy: put the newest copy back in its place",
            )
        if merkle.root(self.hashes[: size * SIZE]) != root:
            raise LedgerTampered(
                f"the first {size} blocks are not those of the checkpoint that was signed over "
                "them; another signature would make a fork",
                hint="the ledger was rewritten: put the copy back that the checkpoint belongs to",
            )


@dataclass(frozen=True)
class Made:
    """A checkpoint that was signed and stored, and what of the ledger was read for it."""

    note: Note
    checkpoint: Checkpoint
    file: Path
    verified: int
    taken: int
    tail: int


def checkpoint(
    ledger: str | Path,
    keys: Sequence[SigningKey | str | Path],
    *,
    full: bool = False,
    progress: Progress | None = None,
) -> Made:
    """Verify `ledger`, sign its tree with each of `keys`, and store that beside it, durably.

    A key is a file without a passphrase, or a key that was loaded (`keys.load`). What the last
    checkpoint covers is not read again where one of `keys` signed that and the index agrees with
    it, unless `full`. Raises `LedgerTampered` where the ledger does not hold or does
    not extend what was signed before, `LedgerShort`, `LedgerLocked`, `NotDurable`, `UsageError`.
    """
    path = live(ledger)
    signers = [loaded(key) for key in keys]
    if not signers:
        raise UsageError("a checkpoint is signed by a key", hint="medchain key new makes one")
    with locked(signers, path.parent):
        last = last_note(path)
        trusted = not full and _signed_by(last, [key.public for key in signers])
        read = read_back(path, last if trusted else None, progress)
        _check_last(read, last)
        for key in signers:
            _check_log_key(key.public, read.checkpoint)
            permit(key, read.checkpoint, read.extends)
        write_index(path, read)
        text = read.checkpoint.encode()
        for key in signers:
            advance(key, read.checkpoint, read.extends)
        note = _merged(last, Note(text, tuple(key.sign(text, 0) for key in signers)))
        return _store(path, note, read)


def unsigned(
    ledger: str | Path, policy: Policy | None = None, *, progress: Progress | None = None
) -> tuple[Extension, ReadBack]:
    """The next checkpoint of `ledger`, to be signed elsewhere, with its path from the last one.

    The whole ledger is verified, unless logs of `policy` signed the last checkpoint.
    """
    path = live(ledger)
    last = last_note(path)
    known_last = last if policy and _signed_by(last, policy.logs) else None
    read = read_back(path, known_last, progress)
    _check_last(read, last)
    old = checkpoints.parse(last.text).size if last else 0
    return Extension(old, consistency(read.hashes, old), read.checkpoint, None), read


def bring_back(
    ledger: str | Path, signed: str | Path, policy: Policy, *, progress: Progress | None = None
) -> Made:
    """Store the signatures in the file `signed`, by keys of `policy`, beside `ledger`.

    They must stand under a checkpoint of this ledger that is not older than the last.
    """
    path = live(ledger)
    note = parse_note(Path(signed))
    found = policy.logged(note)
    with fs.locked([path.parent]):
        last = last_note(path)
        read = read_back(path, last if _signed_by(last, policy.logs) else None, progress)
        _check_last(read, last)
        if found.origin != read.checkpoint.origin:
            raise UsageError(f"{signed} is a checkpoint of another log than {ledger}")
        read.extends(found.size, found.root)
        if last and checkpoints.parse(last.text).size > found.size:
            raise UsageError(f"{signed} is older than the last checkpoint of {ledger}")
        write_index(path, read)
        keys = [*policy.logs, *policy.witnesses.values()]
        kept = tuple(s for s in note.signatures if any(_is_by(s, key) for key in keys))
        return _store(path, _merged(last, Note(note.text, kept)), read)


def sign_request(data: bytes, key: SigningKey, policy: Policy | None = None) -> Note:
    """Sign the checkpoint in `data`, which must extend all that `key` has signed of its log.

    `data` is a checkpoint's note, or an `Extension` from the checkpoint that the key signed last.
    The key of a witness needs a `policy`, one of whose logs has signed it; the key of a log has
    that log's name, and signs what nobody has signed.
    """
    extension = parse_extension(data) if data.startswith(OLD) else None
    note = extension.note if extension else _parse(data, "the request")
    if policy and note:
        new = policy.logged(note)
    elif extension:
        new = extension.checkpoint
    else:
        assert note
        new = checkpoints.parse(note.text)
    _check_role(key, new, signed=policy is not None and note is not None)

    def extends(size: int, root: bytes) -> None:
        # A checkpoint of the size that was signed last needs no path: its root is the same or not.
        same = Extension(size, [], new, None)
        found = same if new.size == size else extension
        if found is None or found.old != size:
            raise UsageError(
                f"{key.path} has signed {size} blocks of this log, and the request does not start "
                "from there",
                hint=f"ask for the output of medchain prove LEDGER --from CHECKPOINT-OF-{size}",
            )
        found.check(root)

    with locked([key]):
        advance(key, new, extends)
        signed = Note(new.encode(), (key.sign(new.encode(), int(time.time())),))
    return _merged(note, signed)


def read_back(path: Path, trusted: Note | None, progress: Progress | None = None) -> ReadBack:
    """Verify the ledger at `path`, from the checkpoint `trusted` on where the index allows that."""
    start = checkpoints.parse(trusted.text) if trusted else None
    with open_ledger(path) as stream:
        found = resume(path, stream, start.size, start.root) if start else None
        point, index = found or (None, Index(b""))
        stream.seek(point.offset if point else 0)
        walk, taken = Walk(stream, point), point.tree.size if point else 0
        rows = bytearray(index.rows[: taken * ROW_SIZE])
        for block in walk:
            rows += row(block)
            if progress:
                progress(block.offset + block.size)
    if not walk.head:
        raise UsageError(f"{path} holds no block yet", hint="medchain ingest begins a ledger")
    origin, index = str(walk.genesis["origin"]), Index(bytes(rows))
    if not notes.is_name(origin):
        raise UsageError(
            "the origin of this ledger has a space, a plus or a control character, and names no "
            "key",
            hint="begin a new ledger with another --origin",
        )
    found_now = Checkpoint(origin, index.size, walk.tree.root())
    tail = walk.tail.size if walk.tail else 0
    return ReadBack(found_now, index.hashes(index.size), index, taken, tail)


def under(path: Path, note: Note, *, fresh: bool = False) -> tuple[Index, bytes]:
    """The index of the ledger at `path`, and the hashes of the blocks that `note` covers.

    An index that does not agree, or any if `fresh`, is made again, for which the whole ledger is
    verified. Raises `LedgerShort` or `LedgerTampered` where the ledger is not the one under it.
    """
    wanted, beside = checkpoints.parse(note.text), index_path(path)
    rows = beside.read_bytes() if beside.is_file() and not fresh else b""
    found = known(rows, wanted.size, wanted.root)
    if found:
        return found
    read = read_back(path, None)
    read.extends(wanted.size, wanted.root)
    with suppress(NotDurable, LedgerLocked):
        write_index(path, read)
    return read.index, read.hashes[: wanted.size * SIZE]


def write_index(path: Path, read: ReadBack) -> None:
    """Bring the index beside the ledger at `path` up to what was read."""
    target = index_path(path)
    if not read.taken:
        fs.replace(target, read.index.rows)
        return
    with fs.AppendFile(target) as file:
        file.truncate(read.taken * ROW_SIZE)
        file.append(read.index.rows[read.taken * ROW_SIZE :])


def last_note(path: Path) -> Note | None:
    """The checkpoint beside the ledger at `path`."""
    beside = checkpoint_path(path)
    return parse_note(beside) if beside.exists() else None


def read_policy(path: str | Path) -> Policy:
    """The policy in the file `path`; raises `UsageError` with the line that is wrong."""
    file = fs.readable(Path(path), "a policy file")
    try:
        return policies.parse(file.read_bytes())
    except policies.PolicyError as error:
        raise UsageError(
            f"{path}: {error}", hint="a policy has lines: log KEY, witness NAME KEY, quorum NAME"
        ) from None


def parse_note(path: Path) -> Note:
    """The signed checkpoint in the file `path`; raises `UsageError`."""
    return _parse(fs.readable(path, "a checkpoint file").read_bytes(), str(path))


def _parse(data: bytes, what: str) -> Note:
    try:
        note = notes.parse(data)
        checkpoints.parse(note.text)
    except ValueError as error:
        raise UsageError(
            f"{what} is no checkpoint: {error}", hint="fetch it again from whoever keeps it"
        ) from None
    return note


def _check_last(read: ReadBack, last: Note | None) -> None:
    if last is None:
        return
    found = checkpoints.parse(last.text)
    if found.origin != read.checkpoint.origin:
        raise UsageError("the checkpoint beside the ledger is one of another log")
    read.extends(found.size, found.root)


def _check_log_key(key: VerifierKey, found: Checkpoint) -> None:
    if key.type != ED25519 or key.name != found.origin:
        raise UsageError(
            f"the key of {key.name} does not sign for this log, whose origin is {found.origin}",
            hint=f"make one with: medchain key new --name {found.origin}",
        )


def _check_role(key: SigningKey, new: Checkpoint, *, signed: bool) -> None:
    if key.public.type == ED25519:
        _check_log_key(key.public, new)
    elif not signed:
        raise UsageError(
            "a witness cosigns what a log has signed, and a log that it knows",
            hint="name the policy with the log's key: --policy FILE",
        )


def _signed_by(note: Note | None, keys: Sequence[VerifierKey]) -> bool:
    if note is None:
        return False
    origin = checkpoints.parse(note.text).origin
    try:
        return bool(notes.check(note, [key for key in keys if key.name == origin]))
    except ValueError:
        return False


def _is_by(signature: Signature, key: VerifierKey) -> bool:
    return (signature.name, signature.id) == (key.name, key.id)


def _merged(last: Note | None, new: Note) -> Note:
    """`new`, with the signatures that others have put under the same text."""
    if last is None or last.text != new.text:
        return new
    by = {(s.name, s.id) for s in new.signatures}
    return Note(
        new.text, (*(s for s in last.signatures if (s.name, s.id) not in by), *new.signatures)
    )


def _store(path: Path, note: Note, read: ReadBack) -> Made:
    data = note.encode()
    assert notes.parse(data) == note
    fs.replace(checkpoint_path(path), data)
    found = checkpoints.parse(note.text)
    verified = read.checkpoint.size - read.taken
    return Made(note, found, checkpoint_path(path), verified, read.taken, read.tail)


def live(ledger: str | Path) -> Path:
    """The path of `ledger`, a plain file that can be read anywhere in it."""
    path = fs.readable(Path(ledger), "a ledger file")
    if path.suffix in (".gz", ".zst"):
        raise UsageError(
            f"{path} is an archive; a checkpoint is of a plain .jsonl file",
            hint="decompress it first",
        )
    return path
