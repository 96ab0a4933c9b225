"""Verify a ledger: one pass over every byte, to a report that names the first finding.

`Walk` yields blocks that hold, one after the other, and is what every reader of a ledger in this
program goes through; `verify` takes the whole walk and reports (docs/format.md, "Verification").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, NoReturn

from .block import Header
from .judge import BadBlock, Block, Finding, NewerFormat, judge
from .lines import EVENT, GENESIS, RECORD, Event, foreign_byte
from .merkle import Frontier
from .reader import MAX_BLOCK, OversizedBlock, Reader


@dataclass(frozen=True, slots=True)
class Tail:
    """Bytes behind the last block line, and where they begin."""

    line: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Point:
    """A place behind a block, from which on a ledger can be read without what stands before it.

    `line` and `offset` are those of the next block, `tree` is the tree over all blocks before it.
    """

    head: tuple[Header, bytes]
    genesis: Event
    tree: Frontier
    line: int
    offset: int


class Walk:
    """Iterate the verified blocks of `stream`, up to its torn tail.

    With `since`, `stream` stands at that point, and only what follows it is read. Raises
    `BadBlock` at the first finding. After the last block `tail` is what follows it (``None`` if
    nothing does), `tree` the tree over the blocks, `head` the last block's header and hash.
    """

    def __init__(self, stream: IO[bytes], since: Point | None = None) -> None:
        self._reader = Reader(stream)
        self.tree = Frontier()
        self.genesis: Event = {}
        self.head: tuple[Header, bytes] | None = None
        if since:
            self._reader.line, self._reader.offset = since.line, since.offset
            self.tree, self.genesis, self.head = since.tree, since.genesis, since.head
        self.tail: Tail | None = None
        self.tail_note = ""

    def __iter__(self) -> Iterator[Block]:
        try:
            for raw in self._reader:
                block = judge(raw, self.head, self.genesis)
                if self.head is None:
                    self.genesis = block.event
                self.head = block.header, block.hash
                self.tree.append(block.hash)
                yield block
        except OversizedBlock:
            _fail_at(
                self._reader,
                self._height,
                "size",
                f"more than {MAX_BLOCK} bytes without a block line",
            )
        self._end()

    @property
    def _height(self) -> int:
        return 0 if self.head is None else self.head[0].block + 1

    def _end(self) -> None:
        reader = self._reader
        if reader.damage and not reader.damage.cut:
            _fail_at(reader, self._height, "archive", str(reader.damage))
        tail = reader.tail
        _judge_tail(tail, reader, self._height)
        if tail or reader.damage or self.head is None:
            self.tail = Tail(reader.line, reader.offset, len(tail))
            self.tail_note = str(reader.damage) if reader.damage else ""


@dataclass(frozen=True)
class Anchor:
    """What a checkpoint that someone else kept says of a ledger.

    It covers the first `blocks` blocks. `logs` are the verifier keys that signed it, `witnesses`
    the names of those that cosigned, with their times; a quorum of them had seen it at `witnessed`;
    `block_time` is the ledger's own word on its last block. Times are seconds, that of the block
    microseconds since 1970. `unmet` says what of the reader's policy is not met, `short` whether
    the ledger ends before the checkpoint does, `evidence` which file proves a fork.
    """

    origin: str = ""
    blocks: int = 0
    root: str = ""
    logs: tuple[str, ...] = ()
    witnesses: dict[str, int] = field(default_factory=dict)
    witnessed: int | None = None
    block_time: int | None = None
    unanchored: int = 0
    short: bool = False
    unmet: tuple[str, ...] = ()
    evidence: str | None = None


@dataclass(frozen=True)
class Report:
    """What verification saw; `finding` is the first thing that does not hold, ``None`` if all does.

    Times are microseconds since 1970, UTC; `work` is the expected number of hashes behind the
    blocks; `root` is the RFC 6962 root over the block hashes. The first `unread_blocks` were not
    read, but taken from the checkpoint of `anchor`.
    """

    blocks: int = 0
    records: int = 0
    anomalies: int = 0
    size: int = 0
    ledger: str = ""
    rows: str = ""
    first_time: int | None = None
    last_time: int | None = None
    work: int = 0
    root: str = ""
    head: str = ""
    models: tuple[str, ...] = ()
    recoveries: int = 0
    finding: Finding | None = None
    tail: Tail | None = None
    tail_note: str = ""
    too_new: int | None = None
    seals_opened: int | None = None
    scores_repeated: int | None = None
    scores_of_other_models: int | None = None
    unread_blocks: int = 0
    unread_records: int = 0
    anchor: Anchor | None = None

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """0 verified, 10 tampered, 11 torn tail, 12 policy unmet, 13 a newer format, 14 short."""
        if self.too_new is not None:
            return 13
        if self.finding:
            return 10
        if self.anchor and self.anchor.short:
            return 14
        if self.tail:
            return 11
        return 12 if self.anchor and self.anchor.unmet else 0


Check = Callable[[Block], "Finding | None"]


def verify(
    stream: IO[bytes],
    *,
    check: Check | None = None,
    progress: Callable[[int], None] | None = None,
    since: Point | None = None,
) -> Report:
    """Read all of `stream` and report; never raises for what stands in it.

    `check` is asked about each block that holds and may return a finding of its own (seals);
    `progress` is told the offset behind each block. With `since`, `stream` stands at that point;
    blocks, records and size are then those of the whole ledger, all else is of what was read.
    """
    walked = Walk(stream, since)
    tally = _Tally(since)
    finding, too_new = None, None
    try:
        for block in walked:
            tally.add(block)
            finding = check(block) if check else None
            if finding:
                break
            if progress:
                progress(block.offset + block.size)
    except BadBlock as bad:
        finding = bad.finding
    except NewerFormat as newer:
        too_new = newer.format
    return tally.report(walked, finding, too_new)


class _Tally:
    def __init__(self, since: Point | None) -> None:
        self.blocks = self.records = self.anomalies = self.size = self.work = self.recoveries = 0
        if since:
            header = since.head[0]
            self.blocks, self.records = header.block + 1, header.first + header.count
            self.size = since.offset
        self.unread = self.blocks, self.records
        self.first_time: int | None = None
        self.last_time: int | None = None
        self.models: dict[str, None] = {}

    def add(self, block: Block) -> None:
        header = block.header
        self.blocks += 1
        self.records += header.count
        self.anomalies += block.anomalies
        self.size = block.offset + block.size
        self.work += 1 << header.bits
        self.first_time = header.time if self.first_time is None else self.first_time
        self.last_time = header.time
        self.recoveries += block.kind == "recovery"
        if block.kind == "score":
            self.models[str(block.event["model"])] = None

    def report(self, walked: Walk, finding: Finding | None, too_new: int | None) -> Report:
        return Report(
            blocks=self.blocks,
            records=self.records,
            anomalies=self.anomalies,
            size=self.size,
            ledger=str(walked.genesis.get("ledger", "")),
            rows=str(walked.genesis.get("rows", "")),
            first_time=self.first_time,
            last_time=self.last_time,
            work=self.work,
            root=walked.tree.root().hex(),
            head=walked.head[1].hex() if walked.head else "",
            models=tuple(self.models),
            recoveries=self.recoveries,
            finding=finding,
            tail=None if finding else walked.tail,
            tail_note=walked.tail_note,
            too_new=too_new,
            unread_blocks=self.unread[0],
            unread_records=self.unread[1],
        )


def _judge_tail(tail: bytes, reader: Reader, height: int) -> None:
    """A tail that a torn append cannot have left is a finding: only its last line may be cut."""
    if height == 0 and tail[: len(GENESIS)] != GENESIS[: len(tail)]:
        _fail_at(
            reader,
            height,
            "line",
            "this is no medchain ledger: it does not begin with a genesis event",
        )
    position, line = 0, reader.line
    for number, text in enumerate(tail.split(b"\n")[:-1]):
        legal = text.startswith(EVENT if number == 0 else RECORD)
        if not legal or foreign_byte(text) is not None:
            raise BadBlock(
                Finding(
                    "line",
                    height,
                    line,
                    reader.offset + position,
                    "a line that no block begins with",
                )
            )
        position, line = position + len(text) + 1, line + 1


def _fail_at(reader: Reader, height: int, kind: str, message: str) -> NoReturn:
    raise BadBlock(Finding(kind, height, reader.line, reader.offset, message))
