"""Lines in batches, as an ingest writes them: row objects, sealed lines and record lines.

Text goes in and comes out as LF-terminated lines. The C core writes a batch of plain text in one
call; anything else is written line by line, by the functions of the same names in `lines`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from json.encoder import encode_basestring_ascii as quote

from . import core, lines

SALT, HASH = 16, 32


def row_objects(columns: Sequence[str], rows: Sequence[str | list[str]], delimiter: str) -> bytes:
    """Each row as a JSON object of its cells' texts, in the order of `columns`.

    A row is a list of its cells, or one string that `delimiter` cuts into them.
    """
    joined = _joined(rows)
    if joined and delimiter.isascii():
        names = _before_cells(columns)
        room = (len(names) + 3) * len(rows) + len(joined)
        text = core.write(
            "row_objects", room, joined, len(joined), ord(delimiter), names, len(names)
        )
        if text is not None:
            return text
    cells = [row.split(delimiter) if isinstance(row, str) else row for row in rows]
    return _text(lines.row_objects(columns, cells))


def sealed_lines(ledger: str, first: int, salts: bytes, objects: bytes) -> bytes:
    """The lines that seals commit to, with 16 bytes of `salts` for each of the row `objects`."""
    size, total = len(objects), len(salts) // SALT
    room = core.LINE_ROOM * total + size
    text = core.write("sealed_lines", room, objects, size, salts, total, ledger.encode(), first)
    if text is not None:
        return text
    return _text(lines.sealed_lines(ledger, first, _cut(salts, SALT), _split(objects)))


def sealed_records(first: int, scores: array[float], threshold: float, seals: bytes) -> bytes:
    """The record lines of sealed rows, with 32 bytes of `seals` for each of the `scores` (float64).

    A row is anomalous from `threshold` on.
    """
    total = len(scores)
    room = core.LINE_ROOM * total
    text = core.write("sealed_records", room, core.doubles(scores), seals, total, threshold, first)
    if text is not None:
        return text
    return lines.sealed_records(first, scores, _verdicts(scores, threshold), _cut(seals, HASH))


def open_records(first: int, scores: array[float], threshold: float, objects: bytes) -> bytes:
    """The record lines of open rows, with one of the row `objects` for each of the `scores`."""
    size, total = len(objects), len(scores)
    room = core.LINE_ROOM * total + size
    text = core.write(
        "open_records", room, core.doubles(scores), objects, size, total, threshold, first
    )
    if text is not None:
        return text
    return lines.open_records(first, scores, _verdicts(scores, threshold), _split(objects))


def _joined(rows: Sequence[str | list[str]]) -> bytes | None:
    """The rows as lines, where all of them are ASCII strings."""
    try:
        return "\n".join([*rows, ""]).encode("ascii")  # type: ignore[list-item]
    except (TypeError, UnicodeEncodeError):
        return None


def _before_cells(columns: Sequence[str]) -> bytes:
    """What stands before the cell of each column, a line each: ``{"age":"``, ``","sex":"``."""
    starts = chain("{", repeat('",'))
    pieces = (f'{start}{quote(name)}:"' for start, name in zip(starts, columns, strict=False))
    return _text(pieces)


def _verdicts(scores: Iterable[float], threshold: float) -> list[bool]:
    return [score >= threshold for score in scores]


def _cut(data: bytes, width: int) -> list[str]:
    text, width = data.hex(), 2 * width
    return [text[start : start + width] for start in range(0, len(text), width)]


def _split(objects: bytes) -> list[str]:
    return objects.decode("ascii").split("\n")[:-1]


def _text(parts: Iterable[str]) -> bytes:
    return "\n".join([*parts, ""]).encode("ascii")
