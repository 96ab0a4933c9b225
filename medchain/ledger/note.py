"""Signed notes: a text, and the signatures under it (C2SP signed-note, tlog-cosignature).

A note is parsed strictly, and what was parsed is encoded again and must give the same bytes, so
that a note has one form. A signature says which key made it by name and key id; those of keys that
the reader does not know are carried along and mean nothing. One that bears a known key's name and
id and does not verify makes the whole note bad.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from . import ed25519

ED25519, COSIGNATURE = 0x01, 0x04
"""Signature types: over the note's text, and over a moment in seconds and the text."""

MAX_SIZE = 1 << 20
MAX_SIGNATURES = 100
_MARK = "— "
_STAMP = 8
_HEX = re.compile("[0-9a-f]{8}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the key's name and id (4 bytes), and what the key made."""

    name: str
    id: bytes
    data: bytes

    def line(self) -> str:
        """The line, with its LF."""
        return f"{_MARK}{self.name} {to_base64(self.id + self.data)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in LF, and at least one signature."""

    text: bytes
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The bytes of the note."""
        lines = "".join(signature.line() for signature in self.signatures)
        return self.text + b"\n" + lines.encode()


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name of its owner; `type` is `ED25519` or `COSIGNATURE`."""

    name: str
    type: int
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell this key from others; an identifier, no commitment."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{to_base64(bytes([self.type]) + self.public)}"

    def message(self, text: bytes, time: int) -> bytes:
        """What this key signs under `text`; only a cosignature covers `time`, in seconds."""
        return text if self.type == ED25519 else b"cosignature/v1\ntime %d\n" % time + text


def parse(data: bytes) -> Note:
    """The note in `data`; raises `ValueError` on anything that is not exactly one."""
    if len(data) > MAX_SIZE:
        raise ValueError(f"a note of more than {MAX_SIZE} bytes")
    text = data.decode()
    if _CONTROL.search(text):
        raise ValueError("a control character in the note")
    body, separator, lines = text.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise ValueError("no signatures under the text")
    signatures = parse_signatures(lines)
    note = Note(f"{body}\n".encode(), signatures)
    if note.encode() != data:
        raise ValueError("a note that is not in its one form")
    return note


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """The signature lines in `lines`, each ended by LF."""
    parts = lines.split("\n")[:-1]
    if len(parts) > MAX_SIGNATURES:
        raise ValueError(f"more than {MAX_SIGNATURES} signatures")
    return tuple(map(_signature, parts))


def parse_key(text: str) -> VerifierKey:
    """The verifier key ``name+id+key``; raises `ValueError` on anything that is not exactly one."""
    name, _, rest = text.partition("+")
    claimed, _, encoded = rest.partition("+")
    material = from_base64(encoded)
    if not is_name(name) or not _HEX.fullmatch(claimed) or not material:
        raise ValueError("no verifier key: it has the form name+id+key")
    if material[0] not in (ED25519, COSIGNATURE):
        raise ValueError(f"a key of type {material[0]}; Ed25519 keys, types 1 and 4, are known")
    key = VerifierKey(name, material[0], material[1:])
    if not ed25519.is_key(key.public):
        raise ValueError("no Ed25519 public key")
    if key.id.hex() != claimed:
        raise ValueError("a verifier key whose id is not that of its name and key")
    return key


def check(note: Note, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int | None]:
    """Which of `keys` signed `note`, and when, in seconds, where their signatures say so.

    Raises `ValueError` where a signature bears the name and id of one of them and does not verify.
    Of two cosignatures of one key the later counts.
    """
    known = {(key.name, key.id): key for key in keys}
    signed: dict[VerifierKey, int | None] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.id))
        if key is None:
            continue
        time, data = _stamp(signature) if key.type == COSIGNATURE else (None, signature.data)
        if not ed25519.verify(key.public, key.message(note.text, time or 0), data):
            raise ValueError(f"the signature of {key.name} is wrong")
        before = signed.get(key)
        signed[key] = time if before is None or time is None else max(before, time)
    return signed


def is_name(text: str) -> bool:
    """Tell whether `text` may name a key: not empty, no space, no plus, no control character."""
    odd = any(c.isspace() or c == "+" or c < " " for c in text)
    return bool(text) and not odd


def to_base64(data: bytes) -> str:
    """Base64 of RFC 4648, section 4."""
    return b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """The bytes whose one base64 form is `text`; raises `ValueError` on any other text."""
    data = b64decode(text.encode("ascii"), validate=True)
    if to_base64(data) != text:
        raise ValueError("base64 that is not in its one form")
    return data


def from_hash(text: str) -> bytes:
    """The 32 bytes whose base64 is `text`."""
    data = from_base64(text)
    if len(data) != 32:
        raise ValueError("a hash that is not 32 bytes long")
    return data


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not is_name(name):
        raise ValueError("a line among the signatures that is none")
    data = from_base64(encoded)
    if len(data) < 5:
        raise ValueError("a signature that is too short")
    return Signature(name, data[:4], data[4:])


def _stamp(signature: Signature) -> tuple[int, bytes]:
    time = int.from_bytes(signature.data[:_STAMP], "big")
    if len(signature.data) != _STAMP + ed25519.SIGNATURE or time >= 1 << 63:
        raise ValueError(f"the cosignature of {signature.name} has a wrong form")
    return time, signature.data[_STAMP:]
