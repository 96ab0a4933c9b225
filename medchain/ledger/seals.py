"""Open a seal: the one check of a sealed line, wherever a row is verified, shown or proved.

A seal is the SHA-256 of a sealed line, and a line that has it may still be no row of this record:
its writer could seal anything (docs/format.md, section 7).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from json.encoder import encode_basestring_ascii as quote
from types import MappingProxyType
from typing import NamedTuple

from .lines import MAX_LINE, foreign_byte, parse_object

_HEX = re.compile("[0-9a-f]{32}")
TOO_LONG = f"the sealed line has more than {MAX_LINE} bytes"
_PLAIN = r"[ !#-\[\]-~]*+"


class Sealed(NamedTuple):
    """What a sealed line holds: the cells of the row, and what explains an anomaly, if it says."""

    row: dict[str, str]
    reasons: dict[str, float] | None
    verdict: Mapping[str, object] = MappingProxyType({})
    """What a declared model said: its ``output``, and what was noted beside it."""


def open_seal(line: bytes, seal: str | None, record: int, ledger: str | None = None) -> Sealed:
    """The row on the sealed `line` (without LF) that the `seal` of `record` commits to.

    `ledger` is the ledger's id; without it any id is taken, for a proof does not hold it. Raises
    `ValueError`, whose text quotes nothing of the line, where it is another line, or one that no
    ledger may seal.
    """
    if len(line) > MAX_LINE:
        raise ValueError(TOO_LONG)
    if seal is None or sha256(line).hexdigest() != seal:
        raise ValueError("the sealed line is not the one that the record commits to")
    if foreign_byte(line) is not None or b"\n" in line:
        raise ValueError("the sealed line has bytes that no line may hold")
    try:
        sealed = parse_object(line)
    except ValueError as error:
        raise ValueError(f"the sealed line is {error}") from None
    if not _hex(sealed.get("salt")):
        raise ValueError("the sealed line has no salt of 128 bits")
    if not _hex(sealed.get("ledger")) or ledger not in (None, sealed["ledger"]):
        raise ValueError("the sealed line is of another ledger")
    number = sealed.get("record")
    if type(number) is not int or number != record:
        raise ValueError("the sealed line is of another record")
    return Sealed(_row(sealed.get("row")), _reasons(sealed), _verdict(sealed))


class Opener:
    """Opens the seals of one ledger, quickly where a line has the columns of the one before.

    What the pattern of such a line does not match, `open_seal` decides about.
    """

    def __init__(self, ledger: str) -> None:
        self._ledger = ledger
        self._columns: tuple[str, ...] = ()
        self._usual = self._usual_cells = re.compile("(?!)")

    def open(self, line: str, seal: str | None, record: int) -> Sealed:
        """What the sealed `line` holds; raises `ValueError` as `open_seal` does."""
        found = self._match(self._usual_cells, line, seal, record)
        if not found:
            return self._open(line, seal, record)
        _, *cells, reasons = found.groups()
        row = dict(zip(self._columns, cells, strict=True))
        return Sealed(row, _explained(reasons))

    def check(self, line: str, seal: str | None, record: int) -> None:
        """Raise where `open` does."""
        if not self._match(self._usual, line, seal, record):
            self._open(line, seal, record)

    def _match(
        self, usual: re.Pattern[str], line: object, seal: str | None, record: int
    ) -> re.Match[str] | None:
        if not isinstance(line, str) or len(line) > MAX_LINE:
            return None
        found = usual.fullmatch(line)
        if not found or int(found[1]) != record or sha256(found[0].encode()).hexdigest() != seal:
            return None
        try:
            _explained(found[found.re.groups])
        except ValueError:
            return None
        return found

    def _open(self, line: str, seal: str | None, record: int) -> Sealed:
        sealed = open_seal(as_bytes(line), seal, record, self._ledger)
        if tuple(sealed.row) != self._columns:
            self._columns = tuple(sealed.row)
            self._usual = _pattern(self._ledger, self._columns, _PLAIN)
            self._usual_cells = _pattern(self._ledger, self._columns, f"({_PLAIN})")
        return sealed


def as_bytes(line: object) -> bytes:
    """A sealed line as it was hashed; SQLite keeps anything in a column of text."""
    return line.encode("utf-8", "replace") if isinstance(line, str) else b""


def _pattern(ledger: str, columns: Sequence[str], cell: str) -> re.Pattern[str]:
    """Sealed lines as a writer makes them, with these columns and no escape in a cell."""
    cells = ",".join(f'{re.escape(quote(name))}:"{cell}"' for name in columns)
    head = r'\{"salt":"[0-9a-f]{32}","ledger":"' + re.escape(ledger)
    number = r'","record":(0|[1-9][0-9]{0,15}),"row":\{'
    return re.compile(head + number + cells + r'\}(?:,"reasons":(\{[ -~]*\}))?\}')


def _explained(reasons: str | None) -> dict[str, float] | None:
    return None if reasons is None else _reasons({"reasons": parse_object(reasons.encode())})


def _row(row: object) -> dict[str, str]:
    if not isinstance(row, dict) or not all(isinstance(cell, str) for cell in row.values()):
        raise ValueError("the sealed line has no row of texts")
    return row


def _verdict(sealed: dict[str, object]) -> dict[str, object]:
    outside = sealed.get("outside", {})
    if not isinstance(outside, dict) or not all(isinstance(v, str) for v in outside.values()):
        raise ValueError("what is outside on the sealed line is no object of texts")
    if not isinstance(sealed.get("delayed", ""), str):
        raise ValueError("the delay on the sealed line is no text")
    return {key: sealed[key] for key in ("output", "outside", "delayed") if key in sealed}


def _reasons(sealed: dict[str, object]) -> dict[str, float] | None:
    if "reasons" not in sealed:
        return None
    reasons = sealed["reasons"]
    if not isinstance(reasons, dict) or not all(type(v) in (int, float) for v in reasons.values()):
        raise ValueError("the reasons on the sealed line are no object of numbers")
    return reasons


def _hex(value: object) -> bool:
    return isinstance(value, str) and _HEX.fullmatch(value) is not None
