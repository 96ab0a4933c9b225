"""Splits the lines of a table into rows of cells, each with the line on which it starts.

The dialect is RFC 4180 as the standard library's ``csv`` understands it in strict mode, with lines
that end in LF, CRLF or CR. Blank lines are skipped, in a table of one column too: as ``csv.writer``
does, a missing value is written there as ``""``. A quote within a cell that does not start with one
is taken as it stands (``5'10"``); text after a closing quote is an error.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

from ..errors import TableError
from .source import Source

T = TypeVar("T")
Row = str | list[str]
"""A row as its cells, or as a line that the delimiter cuts into them."""
_SKIP = "correct the row, or leave such rows out with --skip-bad-rows"


@dataclass(slots=True)
class Batch:
    """Some rows of a table: ``rows`` of text cells, and in ``lines`` where each of them starts."""

    rows: list[list[str]] = field(default_factory=list, repr=False)
    lines: list[int] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out: its physical line, the column if it is one cell's fault, and why."""

    line: int
    column: str | None
    reason: str


class Rows:
    """One pass over the rows of `source`.

    Lines before the first quote are split by ``str.split``, which is faster than ``csv.reader`` and
    cell for cell the same. Errors of the standard library are raised anew, without their context: a
    ``UnicodeDecodeError`` carries the cells around it.
    """

    def __init__(self, source: Source, delimiter: str) -> None:
        self._name, self._delimiter = source.name, delimiter
        self._characters = source.characters()
        self._limit = csv.field_size_limit()
        self._split = self._plain()
        self._row_line = 1
        self._whole = False

    def first(self) -> tuple[list[str], int] | None:
        """The first row, of any width, with its line; None in a table of blank lines."""
        batch = self.take(1)
        return (batch.rows[0], batch.lines[0]) if batch.rows else None

    def take(
        self, size: int, width: int | None = None, rejects: list[Reject] | None = None
    ) -> Batch:
        """The next `size` rows of `width` cells (None: of any); fewer only at the table's end.

        Rows of another width go to `rejects`, or raise `TableError` where that is None.
        """
        return self._told(lambda: self._collect(size, width, rejects))

    def take_whole(self, size: int, width: int, rejects: list[Reject] | None = None) -> list[Row]:
        """The rows that `take` would return; those that no quote is in are left in one piece."""
        self._whole = True
        try:
            return self._told(lambda: self._collect_whole(size, width, rejects))
        finally:
            self._whole = False

    def _told(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except UnicodeDecodeError as error:
            failure = self._characters.bad_utf8(error)
        except csv.Error as error:
            failure = self._bad_quoting(str(error))
        raise failure

    def _collect_whole(self, size: int, width: int, rejects: list[Reject] | None) -> list[Row]:
        rows: list[Row] = []
        for line, row in self._split:
            found = row.count(self._delimiter) + 1 if isinstance(row, str) else len(row)
            if found == width:
                rows.append(row)
                if len(rows) == size:
                    break
            else:
                self._refuse(line, found, width, rejects)
        return rows

    def _collect(self, size: int, width: int | None, rejects: list[Reject] | None) -> Batch:
        batch = Batch()
        add_row, add_line = batch.rows.append, batch.lines.append
        for line, row in self._split:
            if len(row) == width or width is None:
                add_row(row)
                add_line(line)
                if len(batch.rows) == size:
                    break
            else:
                self._refuse(line, len(row), width, rejects)
        return batch

    def _plain(self) -> Iterator[tuple[int, Any]]:
        """Rows up to the first line that ``csv`` has to see, then all others as it splits them."""
        lines, delimiter, limit = self._characters.text, self._delimiter, self._limit
        for number, line in enumerate(lines, 1):
            if '"' in line or len(line) > limit:
                yield from self._quoted(chain((line,), lines), number - 1)
                return
            if content := line.rstrip("\r\n"):
                yield number, content if self._whole else content.split(delimiter)

    def _quoted(self, lines: Iterator[str], before: int) -> Iterator[tuple[int, list[str]]]:
        """The rows of `lines`, which follow after `before` others, as ``csv`` splits them."""
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        self._row_line = before + 1
        for row in reader:
            if row:
                yield self._row_line, row
            self._row_line = before + reader.line_num + 1

    def _refuse(self, line: int, found: int, width: int, rejects: list[Reject] | None) -> None:
        cells = "1 cell" if found == 1 else f"{found} cells"
        reason = f"has {cells} where the header names {width}"
        if rejects is None:
            raise TableError(reason, file=self._name, line=line, hint=_SKIP)
        rejects.append(Reject(line, None, reason))

    def _bad_quoting(self, message: str) -> TableError:
        """The error for the row that begins on ``_row_line``; csv's messages hold no cell."""
        hint = "look at the quotes in this row; a quote within a quoted cell is written twice"
        if "limit" in message:
            reason = f"a cell of this row has more than {self._limit:,} characters"
            hint = "a quote that is never closed takes in all that follows: " + hint
        elif "unexpected end" in message:
            reason = "a quote opened in this row is never closed"
        elif "expected after" in message:
            reason = "a quote within a cell of this row is neither doubled nor its end"
        else:
            reason = "this row cannot be split into cells"
        return TableError(reason, file=self._name, line=self._row_line, hint=hint)
