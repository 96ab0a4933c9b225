"""Open a seal: the one check of a sealed line, wherever a row is verified, shown or proved.

A seal is the SHA-256 of a sealed line, and a line that has it may still be no row of this record:
its writer could seal anything (docs/format.md, section 7).
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NamedTuple

from .lines import foreign_byte, parse_object

_HEX = re.compile("[0-9a-f]{32}")


class Sealed(NamedTuple):
    """What a sealed line holds: the cells of the row, and what explains an anomaly, if it says."""

    row: dict[str, str]
    reasons: dict[str, float] | None


def open_seal(line: bytes, seal: str | None, record: int, ledger: str | None = None) -> Sealed:
    """The row on the sealed `line` (without LF) that the `seal` of `record` commits to.

    `ledger` is the ledger's id; without it any id is taken, for a proof does not hold it. Raises
    `ValueError`, whose text quotes nothing of the line, where it is another line, or one that no
    ledger may seal.
    """
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
    return Sealed(_row(sealed.get("row")), _reasons(sealed))


def _row(row: object) -> dict[str, str]:
    if not isinstance(row, dict) or not all(isinstance(cell, str) for cell in row.values()):
        raise ValueError("the sealed line has no row of texts")
    return row


def _reasons(sealed: dict[str, object]) -> dict[str, float] | None:
    if "reasons" not in sealed:
        return None
    reasons = sealed["reasons"]
    if not isinstance(reasons, dict) or not all(type(v) in (int, float) for v in reasons.values()):
        raise ValueError("the reasons on the sealed line are no object of numbers")
    return reasons


def _hex(value: object) -> bool:
    return isinstance(value, str) and _HEX.fullmatch(value) is not None
