"""Verify a ledger: one pass over every byte, to a report that names the first finding.

`Walk` yields blocks that hold, one after the other, and is what every reader of a ledger in this
program goes through that needs its blocks; `Scan` (scan.py) yields what many blocks amount to, and
is fast. `verify` takes the whole of either and reports (docs/format.md, "Verification").
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO, NamedTuple, NoReturn

from . import clocks
from .archive import notice
from .block import Header
from .judge import SCORED, BadBlock, Block, Finding, NewerFormat, judge
from .lines import EVENT, GENESIS, MAX_LINE, MAX_RECORDS, RECORD, Event, foreign_byte
from .merkle import SIZE as HASH
from .merkle import Frontier
from .reader import MAX_BLOCK, OversizedBlock, RawBlock, Reader, Source
from .remarks import Erasure

MOST_KINDS = 16
"""Kinds of events whose records are counted by name; the others are counted together."""

OTHER_KINDS = "(other kinds)"

MOST_MODELS = 1000
"""How many models a report names, the first ones; a ledger may name another with every block."""


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


class Course:
    """How far a verification has come; `Walk` and `Scan` are the two ways to go.

    With `since`, `stream` stands at that point, and only what follows it is read. Raises
    `BadBlock` at the first finding. After the last block `tail` is what follows it (``None`` if
    nothing does), `tree` the tree over the blocks, `head` the last block's header and hash.
    """

    def __init__(self, source: Source, since: Point | None = None) -> None:
        self._source = source
        self.tree = Frontier()
        self.genesis: Event = {}
        self.head: tuple[Header, bytes] | None = None
        if since:
            source.line, source.offset = since.line, since.offset
            self.tree, self.genesis, self.head = since.tree, since.genesis, since.head
        self.tail: Tail | None = None
        self.tail_note = ""

    @property
    def _height(self) -> int:
        return 0 if self.head is None else self.head[0].block + 1

    def _judge(self, raw: RawBlock) -> Block:
        block = judge(raw, self.head, self.genesis)
        if self.head is None:
            self.genesis = block.event
        self.head = block.header, block.hash
        self.tree.append(block.hash)
        return block

    def _fail_oversized(self) -> NoReturn:
        message = f"more than {MAX_BLOCK} bytes without a block line"
        _fail_at(self._source, self._height, "size", message)

    def _end(self) -> None:
        source = self._source
        if source.damage and not source.damage.cut:
            _fail_at(source, self._height, "archive", str(source.damage))
        tail = source.tail
        _judge_tail(tail, source, self._height)
        if tail or source.damage or self.head is None:
            self.tail = Tail(source.line, source.offset, len(tail))
            self.tail_note = str(source.damage) if source.damage else ""


class Walk(Course):
    """Iterate the verified blocks of `stream`, up to its torn tail."""

    def __init__(self, stream: IO[bytes], since: Point | None = None) -> None:
        self._reader = Reader(stream)
        super().__init__(self._reader, since)

    def __iter__(self) -> Iterator[Block]:
        try:
            for raw in self._reader:
                yield self._judge(raw)
        except OversizedBlock:
            self._fail_oversized()
        self._end()


class Run(NamedTuple):
    """Blocks in a row of one kind of event, batch, model and claim of work.

    Batch and model are empty texts for events of which no model spoke.
    """

    batch: str
    model: str
    bits: int
    blocks: int
    records: int
    kind: str = "score"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What verified blocks in a row amount to; `end` and `time` are those of the last of them.

    A block of an event of which no model spoke is a stretch of its own, with `event` and `header`.
    """

    height: int
    hashes: bytes
    end: int
    records: int
    anomalies: int
    time: int
    runs: tuple[Run, ...]
    event: Event | None = None
    header: Header | None = None

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return len(self.hashes) // HASH

    def hash(self, height: int) -> bytes | None:
        """The hash of the block at `height`, where it is one of these."""
        index = height - self.height
        return self.hashes[HASH * index : HASH * (index + 1)] if 0 <= index < self.blocks else None


def stretch(block: Block) -> Stretch:
    """The stretch that is one block."""
    header, event = block.header, block.event
    scored = block.kind in SCORED
    batch, model = (str(event[key]) if scored else "" for key in ("batch", "model"))
    return Stretch(
        height=header.block,
        hashes=block.hash,
        end=block.offset + block.size,
        records=header.count,
        anomalies=block.anomalies,
        time=header.time,
        runs=(Run(batch, model, header.bits, 1, header.count, block.kind),),
        event=None if scored else event,
        header=header,
    )


@dataclass(frozen=True)
class Anchor:
    """What a checkpoint that someone else kept says of a ledger.

    It covers the first `blocks` blocks. `logs` are the verifier keys that signed it, `witnesses`
    the names of those that cosigned, with their times; a quorum of them had seen it at `witnessed`;
    `block_time` is the ledger's own word on its last block. Times are seconds, that of the block
    microseconds since 1970. `unmet` says what of the reader's policy is not met, `short` whether
    the ledger ends before the checkpoint does, `evidence` which file proves a fork. An RFC 3161
    token of `authority` says that the checkpoint existed at `stamped`, in microseconds.
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
    stamped: int | None = None
    authority: str = ""


@dataclass(frozen=True)
class Report:
    """What verification saw; `finding` is the first thing that does not hold, ``None`` if all does.

    Times are microseconds since 1970, UTC; `work` is the expected number of hashes behind the
    blocks; `root` is the RFC 6962 root over the block hashes; `models` are the digests of the
    first `MOST_MODELS` models; `records_by_event` says how many of the records that were read stand
    in events of which kind. The first `unread_blocks` were not read, but taken from the checkpoint
    of `anchor`. `notices` are sentences on what holds and is to be known nevertheless.
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
    scores_of_erased: int | None = None
    models_signed_by: tuple[str, ...] | None = None
    verdicts_declared: int | None = None
    erasures: tuple[Erasure, ...] | None = None
    unread_blocks: int = 0
    unread_records: int = 0
    anchor: Anchor | None = None
    records_by_event: dict[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

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
    now: int | None = None,
) -> Report:
    """Read all of `stream` and report; never raises for what stands in it.

    `check` is asked about each block that holds and may return a finding of its own (seals);
    `progress` is told the offset behind each block. With `since`, `stream` stands at that point;
    blocks, records and size are then those of the whole ledger, all else is of what was read.
    With `now`, microseconds since 1970, a block from the future is noticed.
    """
    from .scan import Scan

    tally = _Tally(since)
    finding, too_new = None, None
    walk, scan = Walk(stream, since), Scan(stream, since)
    course: Course = walk if check else scan
    try:
        for part in _checked(walk, check) if check else scan:
            tally.add(part)
            if progress:
                progress(part.end)
    except BadBlock as bad:
        finding = bad.finding
    except NewerFormat as newer:
        too_new = newer.format
    report = tally.report(course, finding, too_new)
    odd = clocks.notices(report.first_time, report.last_time, now)
    return replace(report, notices=tuple(filter(None, [notice(stream), *odd])))


def _checked(walk: Walk, check: Check) -> Iterator[Stretch]:
    for block in walk:
        yield stretch(block)
        if finding := check(block):
            raise BadBlock(finding)


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
        self.kinds: dict[str, int] = {}

    def add(self, part: Stretch) -> None:
        self.blocks += part.blocks
        self.records += part.records
        self.anomalies += part.anomalies
        self.size = part.end
        self.work += sum(run.blocks << run.bits for run in part.runs)
        # The first block that is read is always a stretch of its own.
        self.first_time = part.time if self.first_time is None else self.first_time
        self.last_time = part.time
        self.recoveries += part.event is not None and part.event["event"] == "recovery"
        for run in part.runs:
            self._count_kind(run.kind, run.records)
            if run.model and len(self.models) < MOST_MODELS:
                self.models[run.model] = None

    def _count_kind(self, kind: str, records: int) -> None:
        # A hostile ledger may have a kind of its own in each block.
        if records:
            named = kind in self.kinds or (len(self.kinds) < MOST_KINDS and len(kind) <= 64)
            kind = kind if named else OTHER_KINDS
            self.kinds[kind] = self.kinds.get(kind, 0) + records

    def report(self, course: Course, finding: Finding | None, too_new: int | None) -> Report:
        return Report(
            blocks=self.blocks,
            records=self.records,
            anomalies=self.anomalies,
            size=self.size,
            ledger=str(course.genesis.get("ledger", "")),
            rows=str(course.genesis.get("rows", "")),
            first_time=self.first_time,
            last_time=self.last_time,
            work=self.work,
            root=course.tree.root().hex(),
            head=course.head[1].hex() if course.head else "",
            models=tuple(self.models),
            recoveries=self.recoveries,
            finding=finding,
            tail=None if finding else course.tail,
            tail_note=course.tail_note,
            too_new=too_new,
            unread_blocks=self.unread[0],
            unread_records=self.unread[1],
            records_by_event=self.kinds,
        )


def _judge_tail(tail: bytes, source: Source, height: int) -> None:
    """A tail that a torn append cannot have left is a finding: only its last line may be cut."""
    if height == 0 and tail[: len(GENESIS)] != GENESIS[: len(tail)]:
        _fail_at(
            source,
            height,
            "line",
            "this is no medchain ledger: it does not begin with a genesis event",
        )
    offset = source.offset
    for number, text in enumerate(io.BytesIO(tail)):
        if message := _unfit_in_tail(number, text):
            raise BadBlock(Finding("line", height, source.line + number, offset, message))
        offset += len(text)


def _unfit_in_tail(number: int, text: bytes) -> str:
    """What is wrong with line `number` (from 0) of a tail; nothing, as a rule."""
    complete = text.endswith(b"\n")
    if len(text) - complete > MAX_LINE:
        return f"a line of more than {MAX_LINE} bytes"
    if not complete:
        return ""
    if number > MAX_RECORDS:
        return f"more than {MAX_RECORDS} record lines in a block"
    legal = text.startswith(EVENT if number == 0 else RECORD) and foreign_byte(text) is None
    return "" if legal else "a line that no block begins with"


def _fail_at(source: Source, height: int, kind: str, message: str) -> NoReturn:
    raise BadBlock(Finding(kind, height, source.line, source.offset, message))
