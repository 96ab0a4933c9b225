"""Notices several kinds of rows in one table, such as the repeated instruments of REDCap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..cells import is_missing
from ..schema import MIN_PATIENTS

_MOST_LEVELS = 20
_LEAST_COLUMNS = 3
_FILLED = 0.5


def several_kinds(cells: Mapping[str, Sequence[str]]) -> str | None:
    """A line about the column that tells kinds of rows apart, if there is one.

    It does where at least three other columns, and a tenth of all, are empty in all rows of some of
    its values and filled in most rows of all others.
    """
    rows = len(next(iter(cells.values())))
    filled = {
        name: _bits(not is_missing(cell) for cell in column) for name, column in cells.items()
    }
    partly = {name: bits for name, bits in filled.items() if 0 < bits.bit_count() < rows}
    best, count = "", 0
    for name, column in cells.items():
        masks = _levels(column)
        told = sum(_told(bits, masks) for other, bits in partly.items() if other != name)
        if masks and told > count:
            best, count = name, told
    if count < max(_LEAST_COLUMNS, len(cells) / 10):
        return None
    return (
        f"rows of several kinds: {count} columns are filled for some values of column {best!r} "
        f"alone; --where {best}=VALUE learns from one kind"
    )


def _levels(column: Sequence[str]) -> list[int]:
    """Which rows have each value, a missing one included; nothing where these are too many."""
    values = set()
    for cell in column:
        values.add("" if is_missing(cell) else cell.strip())
        if len(values) > _MOST_LEVELS:
            return []
    if len(values) < 2:
        return []
    trimmed = ["" if is_missing(cell) else cell.strip() for cell in column]
    masks = [_bits(cell == value for cell in trimmed) for value in values]
    return [mask for mask in masks if mask.bit_count() >= MIN_PATIENTS]


def _told(bits: int, masks: Sequence[int]) -> bool:
    shares = [(bits & mask).bit_count() / mask.bit_count() for mask in masks]
    empty = [share == 0 for share in shares]
    return any(empty) and not all(empty) and all(s == 0 or s >= _FILLED for s in shares)


def _bits(flags: Iterable[bool]) -> int:
    return int("".join("1" if flag else "0" for flag in flags), 2)
