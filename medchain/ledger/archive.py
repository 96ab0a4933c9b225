"""Archives: the bytes of a ledger as gzip or Zstandard packed them, in flat memory.

An archive is one member behind the other; Zstandard calls them frames. There may be bytes in it
that unpack to nothing: zeros behind a member (gzip), frames to be skipped (RFC 8878, section
3.1.2), members without content. No hash of the ledger covers them, so they are counted. Anything
else beside the members is damage.
"""

from __future__ import annotations

import io
import sys
import zlib
from typing import IO, Any, Protocol

from ..errors import UsageError

MAX_WINDOW_LOG = 24
"""A Zstandard frame looks back 2**24 bytes at most: the decompressor keeps them all."""

_PIECE = 1 << 16
_HEAD = 8
"""As many bytes as it takes to tell a member from a frame to be skipped, and how long that is."""


class ArchiveDamaged(Exception):
    """The compressed stream ends early (`cut`) or contradicts itself."""

    def __init__(self, message: str, *, cut: bool = False) -> None:
        super().__init__(message)
        self.cut = cut


class Member(Protocol):
    """What unpacks one member; the decompressors of Zstandard have this form."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Archive(io.RawIOBase):
    """The unpacked bytes of `file`; `members` have content, `idle` bytes unpack to nothing.

    Both are of what was read. Raises `ArchiveDamaged`, and `UsageError` for a window too wide.
    """

    magic = b""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._start = file.tell() if file.seekable() else 0
        self._rewind()

    def _rewind(self) -> None:
        self.members = self.idle = 0
        self._position = self._packed = self._unpacked = 0
        self._pending = b""
        self._member: Member | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to the unpacked `offset`; what stands before it is unpacked on the way."""
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation
        if offset < self._position:
            self._file.seek(self._start)
            self._rewind()
        while offset > self._position and self._read(min(_PIECE, offset - self._position)):
            pass
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        while self._member or self._begin():
            if data := self._unpack(size):
                self._position += len(data)
                return data
        return b""

    def _begin(self) -> bool:
        """Go on to the next member; false where the archive ends."""
        while head := self._look():
            if head.startswith(self.magic):
                self._member, self._packed, self._unpacked = self._new(), 0, 0
                return True
            idle = self._idle()
            if not idle:
                self._fail(head)
            self._skip(idle)
        return False

    def _unpack(self, size: int) -> bytes:
        member = self._member
        assert member
        hungry = member.needs_input
        fed = self._piece() if hungry else b""
        try:
            data = member.decompress(fed, size)
        except self._errors() as error:
            _refuse_wide_window(error)
            raise ArchiveDamaged("the compressed data is damaged") from None
        self._packed += len(fed)
        self._unpacked += len(data)
        if member.eof:
            self._finish(member)
        elif hungry and not fed and not data:
            _fail_cut()
        return data

    def _finish(self, member: Member) -> None:
        rest = member.unused_data
        self._pending = rest + self._pending
        if self._unpacked:
            self.members += 1
        else:
            self.idle += self._packed - len(rest)
        self._member = None

    def _look(self) -> bytes:
        """The next bytes, up to `_HEAD` of them, which stay to be read."""
        while len(self._pending) < _HEAD and (more := self._file.read(_PIECE)):
            self._pending += more
        return self._pending[:_HEAD]

    def _piece(self) -> bytes:
        # The last 8 by themselves: a checksum that is wrong takes along what it is unpacked with.
        piece = self._pending or self._file.read(_PIECE)
        size = len(piece) - _HEAD if len(piece) > _HEAD else len(piece)
        self._pending = piece[size:]
        return piece[:size]

    def _skip(self, size: int) -> None:
        self.idle += size
        while size:
            piece = self._piece()
            if not piece:
                _fail_cut()
            self._pending = piece[size:] + self._pending
            size -= min(size, len(piece))

    def _fail(self, head: bytes) -> None:
        if self.magic.startswith(head):
            _fail_cut()
        count = 0
        while piece := self._piece():
            count += len(piece)
        raise ArchiveDamaged(f"bytes of something else behind the compressed data: {count:,}")

    def _new(self) -> Member:
        raise NotImplementedError

    def _idle(self) -> int:
        """How many bytes from here on are no member and may stand beside one."""
        raise NotImplementedError

    def _errors(self) -> type[Exception]:
        raise NotImplementedError


class _Gzip(Archive):
    magic = b"\x1f\x8b"

    def _new(self) -> Member:
        return _Deflated()

    def _idle(self) -> int:
        return len(self._pending) - len(self._pending.lstrip(b"\0"))

    def _errors(self) -> type[Exception]:
        return zlib.error


class _Deflated:
    """One member of gzip, with its checksum."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(data or self._inner.unconsumed_tail, max_length)


class _Zstd(Archive):
    magic = b"\x28\xb5\x2f\xfd"

    def __init__(self, file: IO[bytes]) -> None:
        self._library = zstd()
        super().__init__(file)

    def _new(self) -> Member:
        bound = {self._library.DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
        return self._library.ZstdDecompressor(options=bound)  # type: ignore[no-any-return]

    def _idle(self) -> int:
        head = self._look()
        return _HEAD + int.from_bytes(head[4:], "little") if _skippable(head) else 0

    def _errors(self) -> type[Exception]:
        return self._library.ZstdError  # type: ignore[no-any-return]


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """`file`, or what it unpacks to where its first bytes are those of an archive."""
    head = file.peek(4)[:4]  # type: ignore[attr-defined]
    if head.startswith(_Gzip.magic):
        return io.BufferedReader(_Gzip(file))
    if head == _Zstd.magic or (len(head) == 4 and _skippable(head)):
        return io.BufferedReader(_Zstd(file))
    return file


def notice(stream: IO[bytes]) -> str:
    """What is to be known of the archive behind `stream`, as far as it was read; mostly nothing."""
    archive = getattr(stream, "raw", None)
    if not isinstance(archive, Archive):
        return ""
    said = [f"{archive.members:,} members"] if archive.members > 1 else []
    if archive.idle:
        said.append(f"{archive.idle:,} bytes that unpack to nothing, and that no hash covers")
    return f"the archive has {' and '.join(said)}" if said else ""


def zstd() -> Any:
    """The library for Zstandard; raises `UsageError` where there is none."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise UsageError(
            "this Python cannot read .zst archives",
            hint="install backports.zstd, or decompress the file first: zstd -d",
        ) from None
    return zstd


def _skippable(head: bytes) -> bool:
    """Whether a frame to be skipped begins so: 0x184D2A50 to 5F, little-endian."""
    return head[0] & 0xF0 == 0x50 and b"\x2a\x4d\x18".startswith(head[1:4])


def _refuse_wide_window(error: BaseException) -> None:
    # The library has no number for this; without its words, such an archive counts as damaged.
    if "too much memory" in str(error):
        raise UsageError(
            f"this .zst archive looks back more than {1 << MAX_WINDOW_LOG} bytes, "
            "which takes more memory than a reader grants",
            hint="decompress the file first: zstd -d --long=31",
        ) from None


def _fail_cut() -> None:
    raise ArchiveDamaged("the compressed data ends early", cut=True)
