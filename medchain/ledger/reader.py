"""Stream raw blocks from a file, an archive or standard input, in flat memory.

Nothing is judged here: a raw block is the bytes up to and with a block line, whatever they are.
What follows the last block line is the tail (docs/format.md, "Blocks").
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from ..fs import readable
from .archive import ArchiveDamaged, unpacked
from .lines import BLOCK

CHUNK = 1 << 20
MAX_BLOCK = 1 << 24
"""A block is at most this many bytes long, so that a reader's memory has a bound."""


class OversizedBlock(Exception):
    """A block, or a tail, of more than `MAX_BLOCK` bytes."""


class RawBlock(NamedTuple):
    """The bytes of a block: its event and record lines with their LF, its block line without.

    `line` (from 1) and `offset` (from 0) are those of its first byte.
    """

    body: bytes
    block_line: bytes
    line: int
    offset: int

    @property
    def end(self) -> int:
        """The offset behind the block line's LF."""
        return self.offset + len(self.body) + len(self.block_line) + 1

    @property
    def last_line(self) -> int:
        """The number of the block line."""
        return self.line + self.body.count(b"\n")


@contextmanager
def open_ledger(source: str | Path) -> Iterator[IO[bytes]]:
    """Open a ledger for reading: plain, ``.gz`` or ``.zst`` by its first bytes, ``-`` for stdin.

    Raises `UsageError` where there is no such file, or nothing to decompress it with.
    """
    if str(source) == "-":
        yield unpacked(sys.stdin.buffer)
        return
    # With a small buffer, so that a chunk is read to its place without a copy.
    with readable(Path(source), "a ledger file").open("rb", buffering=1 << 16) as file:
        yield unpacked(file)


class Source:
    """A stream that is cut into blocks; `line` and `offset` are those behind the last one."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.line = 1
        self.offset = 0
        self.damage: ArchiveDamaged | None = None

    @property
    def tail(self) -> bytes:
        """The bytes behind the last block line, once the stream has ended."""
        raise NotImplementedError

    @contextmanager
    def _noting_damage(self) -> Iterator[None]:
        try:
            yield
        except ArchiveDamaged as damage:
            self.damage = damage


class Reader(Source):
    """Iterate the raw blocks of `stream`; afterwards `tail` is what follows the last block line."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self._buffer = bytearray()

    @property
    def tail(self) -> bytes:
        """The bytes behind the last block line; they start at `line` and `offset`."""
        return bytes(self._buffer)

    def __iter__(self) -> Iterator[RawBlock]:
        # Up to `scan` it is known that no block line begins, or, from `begin` on, that none ends.
        scan, begin = 0, -1
        while chunk := self._read():
            self._buffer += chunk
            start = 0
            while True:
                if begin < 0:
                    begin, scan = find_block_line(self._buffer, start, scan)
                end = self._buffer.find(b"\n", scan) if begin >= 0 else -1
                if end < 0:
                    break
                yield self._cut(start, begin, end)
                start, scan, begin = end + 1, end + 1, -1
            scan = len(self._buffer) - start if begin >= 0 else scan - start
            begin = begin - start if begin >= 0 else -1
            del self._buffer[:start]
            if len(self._buffer) > MAX_BLOCK:
                raise OversizedBlock

    def _cut(self, start: int, line_start: int, line_end: int) -> RawBlock:
        body = bytes(memoryview(self._buffer)[start:line_start])
        raw = RawBlock(body, bytes(self._buffer[line_start:line_end]), self.line, self.offset)
        if raw.end - raw.offset > MAX_BLOCK:
            raise OversizedBlock
        self.line, self.offset = raw.last_line + 1, raw.end
        return raw

    def _read(self) -> bytes:
        with self._noting_damage():
            return self._stream.read1(CHUNK)  # type: ignore[attr-defined,no-any-return]
        return b""


def find_block_line(buffer: bytearray, start: int, scan: int) -> tuple[int, int]:
    """Where the first block line from `start` on begins, or -1, and where to search on."""
    if buffer.startswith(BLOCK, start):
        return start, start
    found = buffer.find(b"\n" + BLOCK, max(start, scan))
    if found >= 0:
        return found + 1, found + 1
    return -1, max(start, len(buffer) - len(BLOCK))
