"""The append protocol: how a block comes to stand in the ledger, whole and durable or not at all.

1. Lock the file, before its head is read. 2. Verify it to its last byte: a block that does not hold
refuses every append. 3. Move a torn tail into a file of its own, durably, then cut it off; the next
block is a `recovery` event that names its length and SHA-256. 4. Write a block in one append; it is
reported only after ``fsync`` of the file, and of its folder when the file is new
(docs/format.md, "Appending").
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from glob import escape as glob_escape
from pathlib import Path

from .. import fs
from ..errors import MedchainWarning, ModelError, UsageError
from . import pow
from .block import GENESIS_PREV, LIMIT, Header, block_hash, encode, iso_time, to_line
from .clocks import ahead
from .judge import FORMAT, BadBlock
from .lines import MAX_LINE, MAX_RECORDS, Event, event
from .merkle import tree_root
from .reader import MAX_BLOCK
from .scan import Rules, Scan
from .verify import Stretch

Clock = Callable[[], int]
"""Microseconds since 1970, UTC."""

MAX_BITS = 32
"""The most work that a block is given: 2**32 hashes, minutes on one machine."""

_BLOCK_LINE = 1024
"""More bytes than any block line has."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """What the first block of a ledger lays down for all that follow."""

    ledger: str
    origin: str
    min_bits: int
    rows: str
    program: str

    def fields(self) -> Event:
        """The fields of the genesis event."""
        return {
            "format": FORMAT,
            "ledger": self.ledger,
            "origin": self.origin,
            "min_bits": self.min_bits,
            "rows": self.rows,
            "program": self.program,
        }


@dataclass(frozen=True, slots=True)
class Recovered:
    """A torn tail that was moved aside: its length, its SHA-256, and the file that holds it now."""

    size: int
    digest: str
    file: Path


class Store:
    """A ledger held locked for appending; a context manager. `read` comes before any append.

    Raises `LedgerLocked` where another process holds it, `NotDurable` where the disk refuses.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        mining: Callable[[int], None] | None = None,
    ) -> None:
        self.path = path
        self._clock = clock
        self._mining = mining
        self._file = fs.AppendFile(path)
        self._head: tuple[Header, bytes] | None = None
        self._recorded: set[str] = set()
        self._rules = Rules()
        self._behind = False
        self.genesis: Event = {}
        self.recovered: list[Recovered] = []

    def __enter__(self) -> Store:
        self._file.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.__exit__()

    def abandon(self) -> None:
        """Let go of the ledger in a process that inherited it."""
        self._file.abandon()

    @property
    def height(self) -> int:
        """The height that the next block will have."""
        return self._head[0].block + 1 if self._head else 0

    @property
    def next_record(self) -> int:
        """The number that the next record will have."""
        return self._head[0].first + self._head[0].count if self._head else 0

    @property
    def head(self) -> tuple[int, str]:
        """Height and hash (hex) of the last block."""
        assert self._head
        return self._head[0].block, self._head[1].hex()

    @property
    def min_bits(self) -> int:
        """The least work of a block that the genesis event demands."""
        least = self.genesis["min_bits"]
        assert isinstance(least, int)
        return least

    def read(self, visit: Callable[[Stretch], None]) -> None:
        """Verify the ledger to its head, showing `visit` every stretch, and move a torn tail aside.

        Raises `LedgerTampered` where a block does not hold; the file is then as it was.
        """
        with self._file.reader() as stream:
            scan = Scan(stream)
            for part in scan:
                if part.event and part.event["event"] == "recovery":
                    self._recorded.add(str(part.event.get("sha256")))
                visit(part)
        self.genesis, self._head = scan.genesis, scan.head
        if scan.tail and scan.tail.size:
            self._move_aside(scan.tail.offset)
        if self._head:
            self._record_recoveries()

    def begin(self, genesis: Genesis) -> None:
        """Write block 0 of a new ledger."""
        assert not self._head
        self.genesis = {"event": "genesis", **genesis.fields()}
        self.append("genesis", genesis.fields(), b"", 0, genesis.min_bits)
        self._record_recoveries()

    def append(self, kind: str, fields: Event, records: bytes, count: int, bits: int) -> Header:
        """Mine a block of one event and `count` record lines, and append it durably.

        Returns its header. Nothing stands in the file when this raises.
        """
        line = event(kind, fields)
        body = line + records
        _refuse_beyond_limits(line, records, count)
        header = self._mined(tree_root(body), count, bits)
        block = body + to_line(header)
        self._hold_to_rules(kind, block)
        self._file.append(block)
        self._head = header, block_hash(header)
        return header

    def _hold_to_rules(self, kind: str, block: bytes) -> None:
        try:
            self._rules.check(block, self._head, self.genesis if self._head else {})
        except BadBlock as bad:
            refused = ModelError if kind == "score" else UsageError
            raise refused(
                f"a block was not appended, for it would not verify: {bad.finding.message}",
                hint="the ledger is as it was; do not use what made this block",
            ) from bad

    def _mined(self, block_root: bytes, count: int, bits: int) -> Header:
        before, prev = self._head or (None, GENESIS_PREV)
        now = self._clock()
        if before and now < before.time:
            self._say_behind(before, now)
        time = max(now, before.time if before else 0)
        assert time < LIMIT
        blank = Header(self.height, self.next_record, count, bits, prev, block_root, time)
        nonce = pow.mine(encode(blank), bits, progress=self._mining)
        return Header(self.height, self.next_record, count, bits, prev, block_root, time, nonce)

    def _say_behind(self, before: Header, now: int) -> None:
        if self._behind:
            return
        self._behind = True
        warnings.warn(
            f"the clock is {ahead(before.time - now)} behind block {before.block}, "
            f"so new blocks get its time, {iso_time(before.time)}, until the clock has reached it",
            MedchainWarning,
            stacklevel=2,
        )

    def _move_aside(self, offset: int) -> None:
        tail = self._file.read(offset)
        digest = hashlib.sha256(tail).hexdigest()
        aside = self.path.with_name(f"{self.path.name}.torn-{offset}-{digest[:8]}")
        fs.replace(aside, tail, mode=0o600)
        self._file.truncate(offset)

    def _record_recoveries(self) -> None:
        # By what lies in the folder, not by what this run moved: a run may die in between.
        for aside in sorted(self.path.parent.glob(f"{glob_escape(self.path.name)}.torn-*")):
            tail = aside.read_bytes()
            digest = hashlib.sha256(tail).hexdigest()
            if digest not in self._recorded:
                self.append(
                    "recovery", {"bytes": len(tail), "sha256": digest}, b"", 0, self.min_bits
                )
                self._recorded.add(digest)
                self.recovered.append(Recovered(len(tail), digest, aside))


def _refuse_beyond_limits(line: bytes, records: bytes, count: int) -> None:
    """Raise `UsageError` for a block that is larger than a verifier accepts (docs/limits.md)."""
    if len(line) - 1 > MAX_LINE:
        raise UsageError(f"an event of {len(line) - 1} bytes is over the limit of {MAX_LINE}")
    size = len(line) + len(records)
    hint = "use a smaller --batch-size"
    if size > MAX_BLOCK - _BLOCK_LINE:
        raise UsageError(f"a block of {size} bytes is over the limit of {MAX_BLOCK}", hint=hint)
    if count > MAX_RECORDS:
        raise UsageError(f"a block of {count} rows is over the limit of {MAX_RECORDS}", hint=hint)
    if len(records) > MAX_LINE and max(map(len, records.split(b"\n"))) > MAX_LINE:
        raise UsageError(
            f"a row takes more than the {MAX_LINE} bytes that a line of an open ledger may have",
            hint="leave columns out, or begin a sealed ledger (--rows sealed)",
        )
