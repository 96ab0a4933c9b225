"""How two checkpoints of one log stand to each other: one extends the other, or they fork.

An `Extension` is what a log sends to a witness, in the form of C2SP tlog-witness (add-checkpoint):
the size it starts from, the path, and the checkpoint. A `Fork` is evidence for a third person: two
signed checkpoints, and the path which shows that the later one has another past than the earlier.
A `Rotation` is the word of an old key, and of a new one, that the new one follows the old.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import LedgerTampered
from . import checkpoint as checkpoints
from . import note as notes
from .checkpoint import Checkpoint
from .note import Note, VerifierKey, from_hash, to_base64
from .path import Hashes, check_consistency
from .policy import Policy

OLD = b"old "
FORK = "medchain/fork@v1"
ROTATION = "medchain/rotation@v1"
_MAX_PATH = 63


class BadHistory(LedgerTampered):
    """A file about two checkpoints or two keys that does not hold, or is none."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(
            f"{what} does not hold: {reason}",
            hint="do not believe it; ask for another one, and keep this file",
        )


@dataclass(frozen=True, slots=True)
class Extension:
    """The tree of `checkpoint` begins with that of `old` blocks, as `path` shows.

    `note` is ``None`` where nobody has signed the checkpoint yet.
    """

    old: int
    path: Hashes
    checkpoint: Checkpoint
    note: Note | None

    def encode(self) -> bytes:
        """The bytes of the file."""
        lines = [f"old {self.old}", *map(to_base64, self.path), "", ""]
        end = self.note.encode() if self.note else self.checkpoint.encode()
        return "\n".join(lines).encode() + end

    def check(self, root: bytes) -> None:
        """Check that the tree of `old` blocks with `root` begins this one's, or `BadHistory`."""
        new = self.checkpoint
        try:
            check_consistency(self.old, root, new.size, new.root, self.path)
        except ValueError as error:
            raise BadHistory("the consistency of the checkpoints", str(error)) from error


def parse_extension(data: bytes) -> Extension:
    """The extension in `data`; raises `BadHistory` on anything that is not exactly one."""
    try:
        head, separator, end = data.partition(b"\n\n")
        first, *path = head.decode("ascii").split("\n")
        if not separator or not data.startswith(OLD) or len(path) > _MAX_PATH:
            raise ValueError("it has not the lines of one")
        signed = notes.parse(end) if b"\n\n" in end else None
        found = checkpoints.parse(signed.text if signed else end)
        old = checkpoints.whole(first[len(OLD) :])
        return Extension(old, [from_hash(line) for line in path], found, signed)
    except ValueError as error:
        raise BadHistory("this consistency proof", str(error)) from error


@dataclass(frozen=True, slots=True)
class Fork:
    """Two notes of one log: the tree under `later` has `root` where that of `earlier` ends."""

    earlier: Note
    later: Note
    root: bytes
    path: Hashes

    def encode(self) -> bytes:
        """The bytes of the file."""
        head = [FORK, f"root {to_base64(self.root)}", *map(to_base64, self.path), "", ""]
        return "\n".join(head).encode() + self.earlier.encode() + b"\n" + self.later.encode()

    def check(self, policy: Policy) -> tuple[Checkpoint, Checkpoint]:
        """The two checkpoints, which logs of `policy` signed and which cannot both be true.

        Raises `PolicyUnmet` where none of its logs signed one of them, `BadHistory` where they do
        not contradict each other.
        """
        earlier, later = (policy.logged(note) for note in (self.earlier, self.later))
        if earlier.origin != later.origin:
            raise BadHistory(_EVIDENCE, "its checkpoints are of two logs")
        if self.root == earlier.root:
            raise BadHistory(_EVIDENCE, "its checkpoints do not contradict each other")
        try:
            check_consistency(earlier.size, self.root, later.size, later.root, self.path)
        except ValueError as error:
            raise BadHistory(_EVIDENCE, str(error)) from error
        return earlier, later


_EVIDENCE = "this evidence of a fork"


def parse_fork(data: bytes) -> Fork:
    """The evidence in `data`; raises `BadHistory` on anything that is not exactly one."""
    try:
        head, *parts = data.split(b"\n\n")
        kind, root, *path = head.decode("ascii").split("\n")
        if kind != FORK or not root.startswith("root ") or len(parts) != 4:
            raise ValueError("it has not the lines of one")
        earlier, later = (b"\n\n".join(pair) for pair in (parts[:2], parts[2:]))
        return Fork(
            notes.parse(earlier + b"\n"),
            notes.parse(later),
            from_hash(root[5:]),
            [from_hash(line) for line in path],
        )
    except ValueError as error:
        raise BadHistory(_EVIDENCE, str(error)) from error


def rotation_text(old: VerifierKey, new: VerifierKey) -> bytes:
    """What both keys sign; it can be read as no checkpoint, since its second line is no size."""
    return f"{ROTATION}\n{old}\n{new}\n".encode()


def check_rotation(note: Note, policy: Policy) -> tuple[VerifierKey, VerifierKey]:
    """The old key, which `policy` must list as a log's, and the new one; both signed `note`.

    Raises `BadHistory`, or `PolicyUnmet` where the old key is not in the policy.
    """
    try:
        kind, *keys, end = note.text.decode().split("\n")
        old, new = map(notes.parse_key, keys)
        if kind != ROTATION or end or old.name != new.name or old.type != new.type or old == new:
            raise ValueError("it has not the lines of one")
        if set(notes.check(note, (old, new))) != {old, new}:
            raise ValueError("one of the two keys did not sign it")
    except ValueError as error:
        raise BadHistory("this rotation", str(error)) from error
    policy.demand_log(old)
    return old, new
