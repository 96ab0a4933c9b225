"""The bytes of a table: opened, spooled or unpacked, checked, and read any number of times."""

from __future__ import annotations

import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from .. import fs
from ..errors import TableError, UsageError
from .sniff import GZIP, HEAD, UTF8_BOM, refuse_foreign

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 1 << 16
LONGEST_LINE = 1 << 24
STDIN = "standard input"


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes | None: ...


class Source:
    """A table on disk, read in passes that do not disturb each other.

    ``name`` is the table's name as the user gave it, ``size`` its length on disk and ``position``
    how much of that the latest pass has consumed, both in bytes.
    """

    def __init__(self, source: str | Path) -> None:
        self._file, self.name = _open(source)
        try:
            self._state = _state(self._file)
            self.size = self._state[0]
            self._pass = _Pass(self._file)
            self._packed = _read(self._pass, len(GZIP), self.name) == GZIP
            head = _read(self._unpacked(_Pass(self._file)), HEAD, self.name)
            refuse_foreign(head, self.name)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Give the file back; no pass may go on after this."""
        self._file.close()

    def fileno(self) -> int:
        """The descriptor of the file."""
        return self._file.fileno()

    @property
    def position(self) -> int:
        """Bytes of the file that the latest pass has consumed."""
        return self._pass.tell()

    def blocks(self) -> Iterator[bytes]:
        """The bytes of the file as they lie on disk, in one pass."""
        self._pass = _Pass(self._file)
        while block := _read(self._pass, 4 * BLOCK, self.name):
            yield block
        self.check_unchanged()

    def characters(self) -> Characters:
        """Start a pass over the characters of the (unpacked) table."""
        self._pass = _Pass(self._file)
        return Characters(self._unpacked(self._pass), self)

    def line_at(self, offset: int) -> int:
        """The physical line, from 1, that holds the byte at `offset` of the (unpacked) table."""
        breaks, last = 0, b""
        stream = self._unpacked(_Pass(self._file))
        while block := _read(stream, min(BLOCK, offset), self.name):
            offset -= len(block)
            breaks += block.count(b"\n") + block.count(b"\r") - (last + block).count(b"\r\n")
            last = block[-1:]
        return breaks + 1

    def check_unchanged(self) -> None:
        """Raise `TableError` if the file is no longer the one that was opened."""
        if _state(self._file) != self._state:
            raise TableError(
                "changed while it was being read",
                file=self.name,
                hint="wait until the table is complete, then repeat the command",
            )

    def _unpacked(self, stream: _Pass) -> _Stream:
        if not self._packed:
            return stream
        import gzip

        return gzip.GzipFile(fileobj=stream, mode="rb")


class Characters(io.BufferedIOBase):
    """One pass over a table: hands checked bytes to ``text``, which splits them into lines.

    Lines end in LF, CRLF or CR and keep that ending; a byte order mark is left out. Iterating
    ``text`` raises `TableError` for a NUL byte and for a line of more than `LONGEST_LINE` bytes, so
    memory stays flat on any input, and ``UnicodeDecodeError``, to be turned by `bad_utf8`.
    """

    def __init__(self, stream: _Stream, source: Source) -> None:
        super().__init__()
        self._stream, self._source = stream, source
        self.name = source.name
        self._offset = 0
        self._line_start = 0
        self.text = io.TextIOWrapper(self, encoding="utf-8", errors="strict", newline="")

    def readable(self) -> bool:
        """Always."""
        return True

    def read1(self, _size: int = -1) -> bytes:
        """The next checked block of bytes, whatever size was asked for; empty at the end."""
        block = _read(self._stream, BLOCK, self.name)
        self._refuse_nul(block)
        self._refuse_endless_line(block)
        marked = self._offset == 0 and block.startswith(UTF8_BOM)
        self._offset += len(block)
        # Nothing but the mark must not be returned as nothing, which means the end.
        return (block.removeprefix(UTF8_BOM) or self.read1()) if marked else block

    def bad_utf8(self, error: UnicodeDecodeError) -> TableError:
        """The error for bytes that are not UTF-8, with the line of the first of them."""
        offset = self._offset - len(error.object) + error.start
        return TableError(
            "holds bytes that are not UTF-8",
            file=self.name,
            line=self._source.line_at(offset),
            hint="convert it first, for example: iconv -f WINDOWS-1252 -t UTF-8 OLD.csv > NEW.csv",
        )

    def _refuse_nul(self, block: bytes) -> None:
        place = block.find(0)
        if place >= 0:
            raise TableError(
                "holds a NUL byte",
                file=self.name,
                line=self._source.line_at(self._offset + place),
                hint="look at this line: the file is damaged, or not a text table",
            )

    def _refuse_endless_line(self, block: bytes) -> None:
        end = block.rfind(b"\n")
        if end < 0:
            end = block.rfind(b"\r")
        if end >= 0:
            self._line_start = self._offset + end + 1
        elif self._offset + len(block) - self._line_start > LONGEST_LINE:
            raise TableError(
                f"is longer than {LONGEST_LINE:,} bytes on one line",
                file=self.name,
                line=self._source.line_at(self._line_start),
                hint="is this a table? Its lines end in LF, CRLF or CR",
            )


class _Pass(io.RawIOBase):
    """Reads a file at an offset of its own (pread(2)), and leaves closing it to its owner."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file, self._offset = file, 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._offset

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = os.preadv(self._file.fileno(), [buffer], self._offset)
        self._offset += count
        return count


def _open(source: str | Path) -> tuple[BinaryIO, str]:
    """A seekable file of `source` and its name; what cannot be read twice is spooled."""
    if str(source) in ("-", "/dev/stdin"):
        if sys.stdin is None:
            raise UsageError("standard input is closed", hint="name a file instead of '-'")
        return fs.spool(sys.stdin.buffer), STDIN
    path = Path(source)
    if _is_stream(path):
        try:
            with path.open("rb") as stream:
                return fs.spool(stream), str(source)
        except OSError as error:
            raise UsageError(f"cannot open {path}: {(error.strerror or '').lower()}") from error
    return fs.readable(path, "a table").open("rb"), str(source)


def _is_stream(path: Path) -> bool:
    """Whether `path` can be read only once, so that even a trial opening would lose its bytes."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def _state(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _read(stream: _Stream, size: int, name: str) -> bytes:
    """Up to `size` bytes of `stream`, or `TableError` where the disk or the packing fails."""
    try:
        return stream.read(size) or b""
    except (EOFError, zlib.error) as error:
        raise _damaged(name) from error
    except OSError as error:
        if error.errno is None:  # gzip.BadGzipFile, which is not imported for plain tables
            raise _damaged(name) from error
        reason = (error.strerror or "").lower()
        raise TableError(f"cannot be read: {reason}", file=name) from error


def _damaged(name: str) -> TableError:
    return TableError(
        "is packed with gzip, and damaged or cut short",
        file=name,
        hint="check it with: gzip -t FILE, and fetch it again",
    )
