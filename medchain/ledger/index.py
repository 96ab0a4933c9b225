"""The index: where each block of a ledger begins, its hash, and its first record.

A file beside the ledger with a row of 48 bytes for each block: hash, offset and number of the first
record, big-endian. It only saves reading, can always be made again, and is never believed: its
hashes count when their root is a checkpoint's, a block when it has the hash.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import IO

from . import merkle
from .block import Header, block_hash, parse_line
from .checkpoint import beside
from .judge import Block
from .reader import OversizedBlock, RawBlock, Reader

_ROW = struct.Struct(">32sQQ")
_HASH = struct.Struct(">32s16x")
ROW_SIZE = _ROW.size


def index_path(ledger: Path) -> Path:
    """Where the index of `ledger` lies: ``ledger.jsonl`` has ``ledger.index``."""
    return beside(ledger, ".index")


def row(block: Block) -> bytes:
    """The row that stands for `block`."""
    return _ROW.pack(block.hash, block.offset, block.header.first)


class Index:
    """The rows of an index, as far as they are whole."""

    def __init__(self, rows: bytes) -> None:
        self.rows = rows[: len(rows) // ROW_SIZE * ROW_SIZE]

    @property
    def size(self) -> int:
        """How many blocks it knows."""
        return len(self.rows) // ROW_SIZE

    def hashes(self, size: int) -> bytes:
        """The hashes of the first `size` blocks, concatenated."""
        rows = memoryview(self.rows)[: size * ROW_SIZE]
        return b"".join(digest for (digest,) in _HASH.iter_unpack(rows))

    def offset(self, block: int) -> int:
        """Where it says that `block` begins."""
        return int(self._row(block)[1])

    def block_of(self, record: int, size: int) -> int:
        """Which of the first `size` blocks it says holds `record`."""
        return bisect_right(range(size), record, key=lambda block: self._row(block)[2]) - 1

    def without_records(self, start: int, size: int) -> list[int]:
        """Which of the blocks from `start` on, of the first `size`, it says hold no record."""
        firsts = [self._row(block)[2] for block in range(start, size)]
        return [start + n for n, (a, b) in enumerate(pairwise(firsts)) if a == b]

    def _row(self, block: int) -> tuple[bytes, int, int]:
        return _ROW.unpack_from(self.rows, block * ROW_SIZE)


def known(rows: bytes, size: int, root: bytes) -> tuple[Index, bytes] | None:
    """The index in `rows` and the first `size` hashes, if their tree has `root`; else ``None``."""
    index = Index(rows)
    if index.size < size:
        return None
    hashes = index.hashes(size)
    return (index, hashes) if merkle.root(hashes) == root else None


def read_block(stream: IO[bytes], offset: int, digest: bytes) -> tuple[RawBlock, Header] | None:
    """The block at `offset` of a seekable `stream`, if its header and lines have the hash `digest`.

    Whoever knows `digest` from a signed root knows of this block what verification would say.
    """
    try:
        stream.seek(offset)
        raw = next(iter(Reader(stream)), None)
        header, claimed = parse_line(raw.block_line) if raw else (None, b"")
    except (ValueError, OverflowError, OSError, OversizedBlock):
        return None
    if not raw or not header or digest != claimed or block_hash(header) != digest:
        return None
    if merkle.root(merkle.leaf_hashes(raw.body)) != header.root:
        return None
    line = header.first + 2 * header.block + 1
    return raw._replace(offset=offset, line=line), header
