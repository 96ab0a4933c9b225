"""Verification against a checkpoint that someone else kept, under the reader's own policy.

A chain that holds may be mined again or cut; what cannot be made again is a checkpoint that others
have signed. Here the ledger's own tree is compared with it, while the ledger is read; or, where the
reader asks for that, what the checkpoint covers is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from ..errors import PolicyUnmet, UsageError
from . import clocks
from . import note as notes
from .index import Index, index_path, known, read_block
from .judge import BadBlock, Block, Finding, NewerFormat, judge
from .merkle import SIZE, Frontier
from .policy import Endorsed, Policy
from .reader import open_ledger
from .verify import Anchor, Check, Point, Report, verify

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGE = re.compile("([0-9]{1,9})([smhd])")


@dataclass(frozen=True)
class Demand:
    """What a reader asks of a ledger beyond that it holds.

    `note` is the checkpoint's file, `max_age` how old it may be, in seconds before `now`,
    `least_bits` the least work of every block that is read; with `incremental` the blocks that the
    checkpoint covers are not read, where an index beside the ledger allows that.
    """

    note: bytes
    policy: Policy
    now: int
    max_age: int | None = None
    least_bits: int | None = None
    incremental: bool = False


def parse_age(text: str) -> int:
    """The seconds of an age such as ``90m``, ``12h`` or ``30d``; raises `UsageError`."""
    found = _AGE.fullmatch(text)
    if not found:
        raise UsageError(
            "an age is a whole number with its unit: s, m, h or d", hint="for example 30d"
        )
    return int(found[1]) * _UNITS[found[2]]


def verify_anchored(
    source: str | Path,
    demand: Demand,
    *,
    check: Check | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Verify the ledger at `source` and compare it with the checkpoint; the report has an `anchor`.

    `check` and `progress` are those of `verify`. Never raises for what stands in the files.
    """
    try:
        endorsed = demand.policy.judge(notes.parse(demand.note))
    except PolicyUnmet as unmet:
        return _unanchored(source, demand, unmet.message, check, progress)
    except ValueError as error:
        reason = f"the checkpoint is no signed note: {error}"
        return _unanchored(source, demand, reason, check, progress)
    with open_ledger(source) as stream:
        since = _resumed(source, stream, endorsed) if demand.incremental else None
        comparison = _Comparison(endorsed, check, since)
        check = comparison.check
        now = demand.now * clocks.SECOND
        report = verify(stream, check=check, progress=progress, since=since, now=now)
    return replace(report, anchor=comparison.anchor(report, demand))


def _unanchored(
    source: str | Path,
    demand: Demand,
    reason: str,
    check: Check | None,
    progress: Callable[[int], None] | None,
) -> Report:
    with open_ledger(source) as stream:
        report = verify(stream, check=check, progress=progress, now=demand.now * clocks.SECOND)
    return replace(report, anchor=Anchor(unanchored=report.blocks, unmet=(reason,)))


@dataclass
class _Comparison:
    """The tree of the blocks as they pass, beside the checkpoint's."""

    endorsed: Endorsed
    others: Check | None
    since: Point | None
    tree: Frontier = field(default_factory=Frontier)
    least_bits: int | None = None
    block_time: int | None = None
    foreign: bool = False
    differs: bool = False

    def __post_init__(self) -> None:
        if self.since:
            self.tree.size = self.since.tree.size  # which the index has compared
            self.block_time = self.since.head[0].time
            self.foreign = self.since.genesis["origin"] != self.endorsed.checkpoint.origin

    def check(self, block: Block) -> Finding | None:
        wanted, bits = self.endorsed.checkpoint, block.header.bits
        self.least_bits = bits if self.least_bits is None else min(bits, self.least_bits)
        if block.header.block == 0:
            self.foreign = block.event["origin"] != wanted.origin
        if block.header.block < wanted.size and not self.foreign:
            self.tree.append(block.hash)
            if self.tree.size == wanted.size:
                self.block_time = block.header.time
                found = self.tree.root()
                if found != wanted.root:
                    self.differs = True
                    return _contradiction(block, wanted.root, found)
        return self.others(block) if self.others else None

    def anchor(self, report: Report, demand: Demand) -> Anchor:
        wanted = self.endorsed.checkpoint
        reached = not self.foreign and not self.differs and report.blocks >= wanted.size
        whole = not report.finding and report.too_new is None and report.blocks > 0
        unmet = ["the checkpoint is of another log than this ledger"] if self.foreign else []
        if reached:
            unmet += self._unmet(demand)
        return Anchor(
            origin=wanted.origin,
            blocks=wanted.size if reached else 0,
            root=wanted.root.hex(),
            logs=tuple(map(str, self.endorsed.logs)),
            witnesses=self.endorsed.witnesses,
            witnessed=self.endorsed.time,
            block_time=self.block_time if reached else None,
            unanchored=report.blocks - (wanted.size if reached else 0),
            short=whole and not self.foreign and report.blocks < wanted.size,
            unmet=tuple(unmet),
        )

    def _unmet(self, demand: Demand) -> list[str]:
        why = clocks.contradiction("the quorum's word", self.endorsed.stamped, self.block_time)
        unmet = [why] if why else []
        # Without witnesses the log's own word is all there is on the time.
        time = self.endorsed.time
        if time is None and self.block_time is not None:
            time = self.block_time // 1_000_000
        if demand.max_age is not None:
            age = None if time is None else demand.now - time
            if age is None or age > demand.max_age:
                unmet.append("the checkpoint is older than the reader allows")
            elif age < -clocks.TOLERANCE:
                unmet.append("the checkpoint is from the future")
        least = demand.least_bits
        if least is not None and self.least_bits is not None and self.least_bits < least:
            unmet.append(f"a block has {self.least_bits} bits of work, and the reader asks {least}")
        return unmet


def _contradiction(block: Block, wanted: bytes, found: bytes) -> Finding:
    height = block.header.block
    message = "the root over all blocks up to this one is not the one that was signed"
    return Finding(
        "checkpoint", height, block.line, block.offset, message, wanted.hex(), found.hex()
    )


def _resumed(source: str | Path, stream: IO[bytes], endorsed: Endorsed) -> Point | None:
    """`stream`, brought behind what the checkpoint covers; as it was where that is impossible."""
    found = None
    if str(source) != "-" and stream.seekable():
        found = resume(Path(source), stream, endorsed.checkpoint.size, endorsed.checkpoint.root)
        stream.seek(found[0].offset if found else 0)
    return found[0] if found else None


def resume(ledger: Path, stream: IO[bytes], size: int, root: bytes) -> tuple[Point, Index] | None:
    """The point behind the first `size` blocks, whose tree has `root`, and the index beside.

    ``None`` where there is no index, or it does not agree with the root or with the ledger.
    """
    path = index_path(ledger)
    found = known(path.read_bytes(), size, root) if size and path.is_file() else None
    if not found:
        return None
    index, hashes = found
    first = read_block(stream, 0, hashes[:SIZE])
    last = read_block(stream, index.offset(size - 1), hashes[-SIZE:])
    if not first or not last or last[1].block != size - 1:
        return None
    try:
        genesis = judge(first[0], None, {}).event
    except (BadBlock, NewerFormat):
        return None
    raw, header = last
    head = header, hashes[-SIZE:]
    return Point(head, genesis, Frontier.over(hashes), raw.last_line + 1, raw.end), index
