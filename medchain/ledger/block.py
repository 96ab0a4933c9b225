"""The block header: its 112 bytes, its hash, its line (docs/format.md, "Block lines").

The first 64 bytes end with `prev` and stay the same while mining; root, time and nonce fill the
second SHA-256 chunk, so one nonce costs one compression. Byte 0 is 0x00, so that the block hash is
also the RFC 6962 leaf hash of the 111 bytes behind it: chain link, proof of work and tree leaf are
one hash.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MAGIC = b"\x00MC1"
GENESIS_PREV = bytes(32)
LIMIT = 2**53
MAX_BITS = 255

_STRUCT = struct.Struct(">4sQQQI32s32sQQ")
_TEMPLATE = re.compile(
    rb'\{"block":(N),"time":(N),"first":(N),"count":(N),"bits":(N),'
    rb'"prev":"(H)","root":"(H)","nonce":(N),"hash":"(H)"\}'.replace(
        b"N", rb"0|[1-9][0-9]{0,15}"
    ).replace(b"H", rb"[0-9a-f]{64}")
)


@dataclass(frozen=True, slots=True)
class Header:
    """A block header; `prev` and `root` are 32 bytes, `time` is microseconds since 1970, UTC."""

    block: int
    first: int
    count: int
    bits: int
    prev: bytes
    root: bytes
    time: int
    nonce: int = 0


def iso_time(microseconds: int) -> str:
    """Microseconds since 1970, UTC, as ISO 8601."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def iso_seconds(seconds: int) -> str:
    """Seconds since 1970, UTC, as ISO 8601; a moment beyond the calendar as it stands."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def encode(header: Header) -> bytes:
    """The 112 bytes that are hashed; integers are big-endian."""
    return _STRUCT.pack(
        MAGIC,
        header.block,
        header.first,
        header.count,
        header.bits,
        header.prev,
        header.root,
        header.time,
        header.nonce,
    )


def block_hash(header: Header) -> bytes:
    """SHA-256 of the header."""
    return hashlib.sha256(encode(header)).digest()


def meets(digest: bytes, bits: int) -> bool:
    """Tell whether the top `bits` bits of a 32-byte hash are zero."""
    return int.from_bytes(digest, "big") >> (256 - bits) == 0


def to_line(header: Header) -> bytes:
    """The block line, with its LF."""
    return (
        f'{{"block":{header.block},"time":{header.time},"first":{header.first},'
        f'"count":{header.count},"bits":{header.bits},"prev":"{header.prev.hex()}",'
        f'"root":"{header.root.hex()}","nonce":{header.nonce},'
        f'"hash":"{block_hash(header).hex()}"}}\n'
    ).encode("ascii")


def parse_line(line: bytes) -> tuple[Header, bytes]:
    """The header on a block line (without LF), and the hash that the line claims.

    Raises `ValueError` unless the line is in the one template: these keys, this order, no spaces,
    plain decimals below 2**53, hex in lower case.
    """
    found = _TEMPLATE.fullmatch(line)
    if not found:
        raise ValueError("not in the template of a block line")
    block, time, first, count, bits, nonce = map(int, found.group(1, 2, 3, 4, 5, 8))
    if max(block, time, first, count, nonce) >= LIMIT:
        raise ValueError("a number of 2**53 or more")
    if bits > MAX_BITS:
        raise ValueError(f"more than {MAX_BITS} bits")
    prev, root, claimed = (bytes.fromhex(hexed.decode()) for hexed in found.group(6, 7, 9))
    return Header(block, first, count, bits, prev, root, time, nonce), claimed
