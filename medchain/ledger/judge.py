"""Judge one raw block: every rule of docs/format.md that a block can break, in one place.

`judge` returns the block or raises `BadBlock` with the first finding; it needs only the head before
the block and the genesis event, so a block's verdict is the same wherever it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from ..errors import FormatTooNew, LedgerTampered
from .block import GENESIS_PREV, Header, block_hash, meets, parse_line
from .lines import (
    EVENT,
    GENESIS,
    MAX_LINE,
    MAX_RECORDS,
    Event,
    Record,
    foreign_byte,
    parse_object,
    parse_records,
    to_record,
)
from .merkle import tree_root
from .reader import RawBlock
from .verdicts import anomalies, contradiction, false_declaration, hexed, invalid_key

FORMAT = 1
SCORED = ("score", "verdict")
"""The kinds of events whose records a model spoke of: ours, and one that is declared."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not hold, and where: block height, physical line (from 1), byte offset (from 0)."""

    kind: str
    block: int
    line: int
    offset: int
    message: str
    expected: str = ""
    found: str = ""
    record: int | None = None

    def __str__(self) -> str:
        place = f"block {self.block}, line {self.line}, byte {self.offset}"
        contrast = f" (expected {self.expected}, found {self.found})" if self.expected else ""
        return f"{place}: {self.message}{contrast}"


class BadBlock(LedgerTampered):
    """A complete block that does not hold; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding), hint=ADVICE)
        self.finding = finding


ADVICE = (
    "keep this file as it is, fetch the last copy that verified from your archive or a reader, "
    "and compare the two from the named byte on"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A verified block; `records` are its record lines, `line` and `offset` its start."""

    header: Header
    hash: bytes
    event: Event
    records: bytes
    line: int
    offset: int
    size: int
    records_offset: int
    matches: list[re.Match[bytes]] = field(repr=False, compare=False)

    @property
    def kind(self) -> str:
        """What happened: ``genesis``, ``score`` or a later kind of event."""
        return str(self.event["event"])

    @property
    def anomalies(self) -> int:
        """How many of its records are anomalous."""
        return anomalies(self.matches)

    def record_offset(self, index: int) -> int:
        """The byte offset in the file at which the line of its record `index` begins."""
        return self.records_offset + sum(match.end() + 1 for match in self.matches[:index])

    def scores(self) -> list[float]:
        """The scores of its records, in order; all of them have one."""
        return [float(match["score"]) for match in self.matches]

    def verdicts(self) -> list[bool]:
        """The verdicts of its records, in order: whether each is anomalous."""
        return [match["anomaly"] == b"true" for match in self.matches]

    def rows(self) -> Iterator[Record]:
        """Its records, in order."""
        return map(to_record, self.matches)


class NewerFormat(FormatTooNew):
    def __init__(self, number: int) -> None:
        super().__init__(
            f"this ledger is of format {number}; this program knows format {FORMAT}",
            hint="install a newer medchain",
        )
        self.format = number


def judge(raw: RawBlock, head: tuple[Header, bytes] | None, genesis: Event) -> Block:
    """The block in `raw`, which follows `head` in the ledger that `genesis` began.

    Raises `BadBlock` at the first rule that it breaks, `NewerFormat` for a later format.
    """
    return _Judge(raw, head, genesis).block()


class _Judge:
    """The verdict on one raw block, given the head before it and the genesis event."""

    def __init__(self, raw: RawBlock, head: tuple[Header, bytes] | None, genesis: Event) -> None:
        self.raw, self.genesis = raw, genesis
        self.before = head
        self.height = 0 if head is None else head[0].block + 1
        self.block_line_offset = raw.offset + len(raw.body)

    def block(self) -> Block:
        self._bytes()
        event_line, _, records = self.raw.body.partition(b"\n")
        event = self._event(event_line)
        self._genesis(event)
        matches = self._records(records)
        header, claimed = self._header()
        self._links(header, matches)
        self._hashes(header, claimed)
        self._least_work(header, self.genesis or event)
        block = Block(
            header,
            claimed,
            event,
            records,
            self.raw.line,
            self.raw.offset,
            self.raw.end - self.raw.offset,
            self.raw.offset + len(event_line) + 1,
            matches,
        )
        if event["event"] in SCORED:
            self._verdicts(event, block)
        if event["event"] == "declare" and (wrong := false_declaration(event)):
            self._fail("event", wrong, 0)
        return block

    def _bytes(self) -> None:
        body, block_line = self.raw.body, self.raw.block_line
        position = foreign_byte(body)
        if position is None and (behind := foreign_byte(block_line)) is not None:
            position = len(body) + behind
        if position is not None:
            self._fail("byte", "a byte outside 0x20 to 0x7E", position)

    def _event(self, line: bytes) -> Event:
        if not line.startswith(EVENT):
            self._fail("line", "a block begins with an event line, and this is none", 0)
        if len(line) > MAX_LINE:
            self._fail("event", f"the event line has more than {MAX_LINE} bytes", 0)
        try:
            event = parse_object(line)
        except ValueError as error:
            self._fail("event", f"the event line is {error}", 0)
        if not isinstance(event["event"], str):
            self._fail("event", "the kind of the event is no text", 0)
        return event

    def _records(self, records: bytes) -> list[re.Match[bytes]]:
        if records.count(b"\n") > MAX_RECORDS:
            self._fail_record(MAX_RECORDS, f"more than {MAX_RECORDS} record lines in a block")
        matches = parse_records(records)
        if None in matches:
            index = matches.index(None)
            self._fail_record(index, "this is no record line")
        for index, match in enumerate(matches):
            if match and match["row"]:
                self._open_row(index, match)
        return matches  # type: ignore[return-value]

    def _open_row(self, index: int, match: re.Match[bytes]) -> None:
        if match.end() > MAX_LINE:
            self._fail_record(index, f"the record line has more than {MAX_LINE} bytes")
        try:
            row = parse_object(match["row"])
        except ValueError as error:
            self._fail_record(index, f"the row is {error}")
        if not all(isinstance(cell, str) for cell in row.values()):
            self._fail_record(index, "a cell of the row is no text")

    def _header(self) -> tuple[Header, bytes]:
        try:
            return parse_line(self.raw.block_line)
        except ValueError as error:
            self._fail_header("header", f"the block line is {error}")

    def _links(self, header: Header, matches: list[re.Match[bytes]]) -> None:
        before, prev = self.before or (None, GENESIS_PREV)
        first = before.first + before.count if before else 0
        self._equal("height", "the block's height", self.height, header.block)
        self._equal("link", "the hash of the block before", prev.hex(), header.prev.hex())
        self._equal("first", "the number of the first record", first, header.first)
        self._equal("count", "the count of record lines", len(matches), header.count)
        if self.height == 0 and matches:
            self._fail_record(0, "block 0 holds no records")
        if before and header.time < before.time:
            self._fail_header(
                "time", "the time runs backwards", f">= {before.time}", str(header.time)
            )
        for index, match in enumerate(matches):
            if int(match["number"]) != first + index:
                self._fail_record(
                    index, "the number of the record", str(first + index), match["number"].decode()
                )

    def _hashes(self, header: Header, claimed: bytes) -> None:
        actual = tree_root(self.raw.body)
        self._equal("root", "the Merkle root of the block's lines", actual.hex(), header.root.hex())
        actual = block_hash(header)
        self._equal("hash", "the hash of the block header", actual.hex(), claimed.hex())
        if not meets(claimed, header.bits):
            self._fail_header("work", f"the block hash does not begin with {header.bits} zero bits")

    def _least_work(self, header: Header, genesis: Event) -> None:
        least = genesis["min_bits"]
        assert isinstance(least, int)
        if header.bits < least:
            self._fail_header(
                "work", "less work than the ledger demands", f">= {least}", str(header.bits)
            )

    def _genesis(self, event: Event) -> None:
        if (event["event"] == "genesis") != (self.height == 0):
            self._fail("event", "block 0, and only block 0, holds the genesis event", 0)
        if self.height > 0:
            return
        if not self.raw.body.startswith(GENESIS):
            self._fail("event", "a ledger begins with a genesis event", 0)
        number = event.get("format")
        if _whole(number) and number > FORMAT:  # type: ignore[operator]
            raise NewerFormat(number)  # type: ignore[arg-type]
        wrong = [
            key
            for key, right in (
                ("format", _whole(number) and number == FORMAT),
                ("ledger", hexed(event.get("ledger"), 32)),
                ("origin", isinstance(event.get("origin"), str)),
                ("min_bits", _whole(event.get("min_bits"))),
                ("rows", event.get("rows") in ("sealed", "open")),
            )
            if not right
        ]
        if wrong:
            self._fail("event", f"the genesis event has no valid {wrong[0]!r}", 0)

    def _verdicts(self, event: Event, block: Block) -> None:
        if wrong := invalid_key(event, block.matches):
            kind = event["event"]
            self._fail("event", f"the {kind} event has no valid {wrong!r} for its records", 0)
        sealed = self.genesis["rows"] == "sealed"
        for index, match in enumerate(block.matches):
            if message := contradiction(event, match):
                self._fail_record(index, message)
            if (match["seal"] is not None) != sealed:
                self._fail_record(index, "sealed and open rows in one ledger")

    def _equal(self, kind: str, what: str, expected: object, found: object) -> None:
        if expected != found:
            self._fail_header(kind, f"{what} is wrong", str(expected), str(found))

    def _fail_header(
        self, kind: str, message: str, expected: str = "", found: str = ""
    ) -> NoReturn:
        raise BadBlock(
            Finding(
                kind,
                self.height,
                self.raw.last_line,
                self.block_line_offset,
                message,
                expected,
                found,
            )
        )

    def _fail_record(
        self, index: int, message: str, expected: str = "", found: str = ""
    ) -> NoReturn:
        position = 0
        for _ in range(index + 1):
            position = self.raw.body.index(b"\n", position) + 1
        first = 0 if self.before is None else self.before[0].first + self.before[0].count
        raise BadBlock(
            Finding(
                "record",
                self.height,
                self.raw.line + index + 1,
                self.raw.offset + position,
                message,
                expected,
                found,
                record=first + index,
            )
        )

    def _fail(self, kind: str, message: str, position: int) -> NoReturn:
        line = self.raw.line + self.raw.body.count(b"\n", 0, position)
        raise BadBlock(Finding(kind, self.height, line, self.raw.offset + position, message))


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
