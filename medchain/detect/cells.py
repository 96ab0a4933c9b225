"""Cells of text: which of them are missing, and which numbers they hold. Imports no numpy."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def _spellings() -> dict[str, str]:
    """Every way to write a missing token in upper and lower case, each mapped to "nan"."""
    found = {}
    for token in MISSING:
        for letters in product(*({c.lower(), c.upper()} for c in token)):
            found["".join(letters)] = "nan"
    return found


_AS_NAN = _spellings()


def is_missing(cell: str) -> bool:
    """Whether a cell says that its value is not known."""
    return cell.strip().lower() in MISSING


def number(cell: str) -> float | None:
    """The finite plain number that `cell` holds, or None (text, infinity, hex, 1_000)."""
    text = cell.strip()
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def floats(cells: Sequence[str], made: Callable[[Iterator[float]], Any] = list) -> Any:
    """The numbers of a column: NaN where missing, infinity where a cell is no finite number.

    They are a list, or what `made` makes of an iterator over as many numbers as there are cells.

    The two quick ways go through `float`, which also takes underscores and foreign digits;
    a column that holds either is read cell by cell.
    """
    joined = "".join(cells)
    if joined.isascii() and "_" not in joined:
        try:
            return made(map(float, cells))
        except ValueError:
            pass
        try:
            return made(map(float, map(_AS_NAN.get, cells, cells)))
        except ValueError:
            pass
    return made(map(_float, cells))


def _float(cell: str) -> float:
    if is_missing(cell):
        return math.nan
    value = number(cell)
    return math.inf if value is None else value


def reason(cell: str) -> str:
    """Why a cell of a numeric column cannot be read, without showing it."""
    text = cell.strip().lower().lstrip("+-")
    if text in ("inf", "infinity"):
        return "infinite, not a finite number"
    if _NUMBER.fullmatch(text):
        return "too large for a number"
    return "text in a numeric column"


def columns_of(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Turn rows, of which there is at least one, into columns."""
    return list(zip(*rows, strict=True))
