"""Arrays and data frames to the columns of text that the rest of the package reads.

A number is written so that it reads back as the same number; whatever says "not known" (None, NaN,
NaT, pandas' NA) becomes an empty cell. pandas is never imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cells import floats, is_missing
from .schema import CATEGORICAL, NUMERIC

Cells = list[list[str]]


def cells_of(table: NDArray[Any]) -> Cells:
    """The rows of a 2-d array as text."""
    if table.dtype.kind in "fiu":
        return [["" if x != x else repr(x) for x in row] for row in _numbers(table)]
    return [list(map(_cell, row)) for row in table.tolist()]


def kinds_of(table: NDArray[Any], rows: Cells) -> list[str]:
    """What each column is: numeric where all that is known are numbers, also as text."""
    if table.dtype.kind in "fiu":
        return [NUMERIC] * table.shape[1]
    columns = zip(table.T.tolist(), zip(*rows, strict=True), strict=True)
    return [_kind(values, cells) for values, cells in columns]


def infinite(rows: Cells) -> bool:
    """Whether a cell holds a number that is not finite."""
    return any(cell in ("inf", "-inf") for row in rows for cell in row)


def _numbers(table: NDArray[Any]) -> list[list[float]]:
    found: list[list[float]] = table.astype(np.float64).tolist()
    return found


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if _unknown(value):
        return ""
    if isinstance(value, Real) and not isinstance(value, (bool, np.bool_)):
        return repr(float(value))
    return str(value)


def _unknown(value: Any) -> bool:
    """None, or what is not equal to itself; pandas' NA says neither yes nor no to that."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


def _kind(values: Sequence[Any], cells: Sequence[str]) -> str:
    known = [(v, c) for v, c in zip(values, cells, strict=True) if not is_missing(c)]
    if not known or all(_is_number(value) for value, _ in known):
        return NUMERIC
    if all(isinstance(value, str) for value, _ in known):
        return NUMERIC if np.isfinite(floats([cell for _, cell in known])).all() else CATEGORICAL
    return CATEGORICAL


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
