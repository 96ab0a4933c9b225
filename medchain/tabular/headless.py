"""Tells a header from a first row of data, whose cells must reach neither model nor message."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isfinite

from ..errors import TableError

_MOST = 0.9
_DIGITS = re.compile(r"\d+")


def refuse_headless(names: Sequence[str], rows: Sequence[Sequence[str]], file: str) -> None:
    """Raise `TableError`, which shows no name, if `names` look like one more row of `rows`.

    A name does when it is a number above numbers (unless such names count up by one: from 0 or 1,
    or three and more from anywhere), when it is also a cell of its column, or when it has the
    digits where nine tenths of its column's cells have theirs, between the same other characters.
    """
    rows = [row for row in rows if list(row) != list(names)]
    columns = [[row[place] for row in rows if row[place].strip()] for place in range(len(names))]
    numbers = [
        place
        for place, name in enumerate(names)
        if _is_number(name) and _mostly(map(_is_number, columns[place]), len(columns[place]))
    ]
    suspects = set() if _counts_up([names[place] for place in numbers]) else set(numbers)
    for place, (name, cells) in enumerate(zip(names, columns, strict=True)):
        if place not in numbers and (name in cells or _alike(name, cells)):
            suspects.add(place)
    if suspects:
        raise TableError(
            f"the header looks like a row of data in column {min(suspects) + 1} of {len(names)}",
            file=file,
            hint="put a line above it that names every column; if these are names, rename that one",
        )


def _counts_up(names: Sequence[str]) -> bool:
    if not all(name.isascii() and name.isdigit() and len(name) < 10 for name in names):
        return False
    values = [int(name) for name in names]
    steps = all(after - before == 1 for before, after in pairwise(values))
    return steps and (len(values) >= 3 or values[:1] in ([], [0], [1]))


def _alike(name: str, cells: Sequence[str]) -> bool:
    shape = _shape(name)
    return "0" in shape and _mostly((_shape(cell) == shape for cell in cells), len(cells))


def _mostly(hits: Iterable[bool], cells: int) -> bool:
    return cells > 0 and sum(hits) >= _MOST * cells


def _shape(text: str) -> str:
    return _DIGITS.sub("0", text.strip())


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text.replace(",", ".")))
    except ValueError:
        return False
