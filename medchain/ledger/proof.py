"""Proofs of one record: its line, its path to a block, the block's path to a checkpoint.

A C2SP tlog-proof whose entry is the block. What the entry's hash is made from stands, as text, in
the line that the format has for that: the event line and the record line with their paths to the
block's root, the block line, and on demand the sealed line. Nothing of it is believed: all of it
is hashed up to the checkpoint's root (docs/format.md, "Proofs").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import LedgerTampered
from . import checkpoint as checkpoints
from . import note as notes
from . import path as paths
from .block import Header, block_hash, meets, parse_line
from .judge import SCORED
from .lines import (
    EVENT,
    MAX_LINE,
    Event,
    Record,
    foreign_byte,
    parse_object,
    parse_records,
    to_record,
)
from .merkle import leaf_hash
from .note import Note, from_base64, from_hash, to_base64
from .path import Hashes, root_above
from .seals import open_seal
from .verdicts import SAYS, contradiction, is_number

HEAD = "c2sp.org/tlog-proof@v1"
KIND = "medchain/record@v1"
EVENT_KIND = "medchain/event@v1"
MAX_SIZE = 1 << 26
_HASH = re.compile("[A-Za-z0-9+/]{43}=")


class BadProof(LedgerTampered):
    """A proof that does not hold, or is none."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"this proof does not hold: {reason}",
            hint="do not believe it; ask for another one, and keep this file",
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """A record, or an event alone, and the way from it to a checkpoint; lines are without LF."""

    event: bytes
    event_path: Hashes
    record: bytes | None
    record_path: Hashes
    block_line: bytes
    sealed: bytes | None
    index: int
    path: Hashes
    note: Note

    def encode(self) -> bytes:
        """The bytes of the file."""
        kind = EVENT_KIND if self.record is None else KIND
        parts = [kind.encode(), self.event, *_encoded(self.event_path)]
        if self.record is not None:
            parts += [self.record, *_encoded(self.record_path)]
        parts.append(self.block_line)
        parts += [] if self.sealed is None else [self.sealed]
        extra = to_base64(b"".join(part + b"\n" for part in parts))
        lines = [HEAD, f"extra {extra}", f"index {self.index}"]
        lines += map(to_base64, self.path)
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.note.encode()


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof shows: a record, the event and the header of its block, and its row, if opened.

    `record` is ``None`` where an event alone is proved. `row` comes from the sealed line, or from
    the record itself where rows are open.
    """

    record: Record | None
    event: Event
    header: Header
    hash: bytes
    row: dict[str, str] | None
    opened: bool


def parse(data: bytes) -> Proof:
    """The proof in `data`; raises `BadProof` on anything that is not exactly one."""
    try:
        proof = _parse(data)
    except ValueError as error:
        raise BadProof(str(error)) from error
    if proof.encode() != data:
        raise BadProof("it is not in its one form")
    return proof


def check(proof: Proof) -> Proved:
    """Hash the record up to the root of the proof's own checkpoint; who signed that is not asked.

    Raises `BadProof`.
    """
    try:
        return _check(proof)
    except ValueError as error:
        raise BadProof(str(error)) from error


def _parse(data: bytes) -> Proof:
    if len(data) > MAX_SIZE:
        raise ValueError("it is too long")
    head, separator, note = data.partition(b"\n\n")
    lines = head.decode("ascii").split("\n")
    if not separator or len(lines) < 3 or lines[0] != HEAD:
        raise ValueError("it does not begin as a proof does")
    extra, index, *path = lines[1:]
    if not extra.startswith("extra ") or not index.startswith("index "):
        raise ValueError("it lacks its lines of extra data and index")
    return Proof(
        *_parse_extra(from_base64(extra[6:])),
        checkpoints.whole(index[6:]),
        [from_hash(line) for line in path],
        notes.parse(note),
    )


def _parse_extra(
    data: bytes,
) -> tuple[bytes, Hashes, bytes | None, Hashes, bytes, bytes | None]:
    lines = data.decode("ascii").split("\n")
    if lines[0] not in (KIND, EVENT_KIND) or lines.pop():
        raise ValueError("its extra data is of another kind")
    event, event_path, rest = _line_and_path(lines[1:])
    if lines[0] == EVENT_KIND:
        if len(rest) != 1:
            raise ValueError("its extra data has other lines than it should")
        return event, event_path, None, [], rest[0].encode(), None
    record, record_path, rest = _line_and_path(rest)
    if len(rest) not in (1, 2):
        raise ValueError("its extra data has other lines than it should")
    block_line, *sealed = (line.encode() for line in rest)
    return event, event_path, record, record_path, block_line, sealed[0] if sealed else None


def _line_and_path(lines: Sequence[str]) -> tuple[bytes, Hashes, Sequence[str]]:
    if not lines:
        raise ValueError("its extra data ends too early")
    end = 1
    while end < len(lines) and _HASH.fullmatch(lines[end]):
        end += 1
    return lines[0].encode(), [from_hash(line) for line in lines[1:end]], lines[end:]


def _check(proof: Proof) -> Proved:
    header, claimed = parse_line(proof.block_line)
    if block_hash(header) != claimed or not meets(claimed, header.bits):
        raise ValueError("the hash or the work of its block is wrong")
    tree = checkpoints.parse(proof.note.text)
    if proof.index != header.block:
        raise ValueError("its index is not the height of its block")
    if root_above(claimed, proof.index, tree.size, proof.path) != tree.root:
        raise ValueError("its block is not in the checkpoint's tree")
    event = _event(proof.event)
    _line_of(header, proof.event, 0, proof.event_path)
    if proof.record is None:
        return Proved(None, event, header, claimed, None, False)
    match = _record(proof.record)
    record = to_record(match)
    place = record.number - header.first
    if not 0 <= place < header.count:
        raise ValueError("its block does not hold a record of this number")
    _line_of(header, proof.record, place + 1, proof.record_path)
    _verdict(event, match)
    row = record.row
    if proof.sealed is not None:
        row = open_seal(proof.sealed, record.seal, record.number).row
    return Proved(record, event, header, claimed, row, proof.sealed is not None)


def _line_of(header: Header, line: bytes, index: int, path: Hashes) -> None:
    if root_above(leaf_hash(line), index, header.count + 1, path) != header.root:
        raise ValueError("its lines are not those of the block")


def _event(line: bytes) -> Event:
    if not line.startswith(EVENT) or foreign_byte(line) is not None or len(line) > MAX_LINE:
        raise ValueError("its event line is none")
    return parse_object(line)


def _record(line: bytes) -> re.Match[bytes]:
    match = parse_records(line + b"\n")[0]
    if match is None or foreign_byte(line) is not None or len(line) > MAX_LINE:
        raise ValueError("its record line is none")
    if match["row"]:
        row = parse_object(match["row"])
        if not all(isinstance(cell, str) for cell in row.values()):
            raise ValueError("a cell of its row is no text")
    return match


def _verdict(event: Event, match: re.Match[bytes]) -> None:
    if event["event"] not in SCORED:
        return
    threshold = event.get("threshold")
    known = is_number(threshold) or (event["event"] == "verdict" and threshold is None)
    if not known or (event["event"] == "verdict" and event.get("says") not in SAYS):
        raise ValueError("its event lacks what a verdict rests on")
    if message := contradiction(event, match):
        raise ValueError(message)


def build(body: bytes, block_line: bytes, number: int, hashes: bytes, note: Note) -> Proof:
    """The proof of record `number` of the block of `body` and `block_line`.

    `hashes` are those of all blocks under the checkpoint in `note`. Nothing is checked here but
    that the block holds the record; `check` the proof before it is given out.
    """
    from .merkle import leaf_hashes

    header, _ = parse_line(block_line)
    lines, leaves = body.split(b"\n"), leaf_hashes(body)
    place = number - header.first + 1
    if not 1 <= place <= min(header.count, len(lines) - 2):
        raise BadProof("the block does not hold the record")
    return Proof(
        lines[0],
        paths.inclusion(leaves, 0),
        lines[place],
        paths.inclusion(leaves, place),
        block_line,
        None,
        header.block,
        paths.inclusion(hashes, header.block),
        note,
    )


def build_event(body: bytes, block_line: bytes, hashes: bytes, note: Note) -> Proof:
    """The proof of the event of the block of `body` and `block_line`, as `build` makes one."""
    from .merkle import leaf_hashes

    header, _ = parse_line(block_line)
    event, path = body.partition(b"\n")[0], paths.inclusion(leaf_hashes(body), 0)
    above = paths.inclusion(hashes, header.block)
    return Proof(event, path, None, [], block_line, None, header.block, above, note)


def _encoded(path: Sequence[bytes]) -> list[bytes]:
    return [to_base64(part).encode() for part in path]
