"""Reads a table in batches of text cells, each row with the physical line on which it starts.

The dialect is that of `rows`. The first line that is not blank is the header; its names are taken
as they stand, spaces included.
"""

from __future__ import annotations

import hashlib
import hmac
import warnings
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import TracebackType

from ..errors import MedchainWarning, TableError, UsageError
from .rows import Batch, Reject, Row, Rows
from .source import Source

DELIMITERS = (",", ";", "\t", "|")
_SAMPLED = 100
_NAMED = 5


def open_table(
    source: str | Path, *, delimiter: str | None = None, skip_bad_rows: bool = False
) -> Table:
    """Open the table at the path `source`, or on standard input for ``"-"``.

    Without a `delimiter` it is the one of ``,``, ``;``, tab and ``|`` that cuts the header and the
    first rows alike; another than the comma is said in a `MedchainWarning`.

    Plain or gzip, UTF-8 with or without byte order mark. What can be read only once (standard
    input, a FIFO) is copied into a file without a name. With `skip_bad_rows`, rows that are too
    short or too long go to ``Table.rejects``; every other fault is raised.

    Raises `UsageError` for a path or a delimiter that cannot be used, `TableError` for anything
    wrong with the header.
    """
    separator = None if delimiter is None else _delimiter(delimiter)
    return Table(Source(source), delimiter=separator, skip_bad_rows=skip_bad_rows)


class Table:
    """An open table; close it, or use it as a context manager.

    ``name`` is as the user gave it, ``columns`` are the header's names, ``delimiter`` is what
    stands between cells, ``rejects`` are the rows that the latest pass left out.
    """

    def __init__(self, source: Source, *, delimiter: str | None, skip_bad_rows: bool) -> None:
        self._source = source
        self._skip_bad_rows = skip_bad_rows
        self.name = source.name
        self.rejects: list[Reject] = []
        try:
            self.delimiter = delimiter or self._sniffed()
            self.columns = self._header()
        except BaseException:
            source.close()
            raise

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._source.close()

    def fileno(self) -> int:
        """The descriptor of the file, for a process that is to read a pass of its own."""
        return self._source.fileno()

    @property
    def size(self) -> int:
        """Bytes of the file on disk."""
        return self._source.size

    @property
    def position(self) -> int:
        """Bytes of the file that the latest pass (`batches` or `digest`) has consumed."""
        return self._source.position

    def digest(self, key: bytes) -> bytes:
        """HMAC-SHA256 under `key` over the bytes of the file as they lie on disk, in one pass."""
        mac = hmac.new(key, digestmod=hashlib.sha256)
        for block in self._source.blocks():
            mac.update(block)
        return mac.digest()

    def check_unchanged(self) -> None:
        """Raise `TableError` if the file is no longer the one that was opened.

        Every pass that reaches the end of the file has asked this itself.
        """
        self._source.check_unchanged()

    def batches(self, size: int) -> Iterator[Batch]:
        """The rows in batches of `size`, the last one shorter; each call starts at the first row.

        Raises `TableError`, for a table without any row at the end of it; with ``skip_bad_rows``,
        rows that were left out count as rows.
        """
        return (batch for _, batch in self.every(size, 0, 1))

    def every(self, size: int, first: int, step: int) -> Iterator[tuple[int, Batch]]:
        """Of the batches of `size` every `step`-th from `first` on, with the rows before it.

        The others are read and checked, but not split. Raises what `batches` raises.
        """
        assert size > 0
        rows = Rows(self._source, self.delimiter)
        rows.first()
        self.rejects = []
        keep = self.rejects if self._skip_bad_rows else None
        width, before = len(self.columns), 0
        for turn in count():
            if turn % step == first:
                batch = rows.take(size, width, keep)
                passed = len(batch.rows)
                if passed:
                    yield before, batch
            else:
                passed = len(rows.take_whole(size, width, keep))
            if not passed:
                break
            before += passed
        self._end(before)

    def whole_rows(self, size: int) -> Iterator[list[Row]]:
        """The rows that `batches` gives, each left in one piece where no quote stands before it.

        Raises what `batches` raises.
        """
        rows = Rows(self._source, self.delimiter)
        rows.first()
        self.rejects = []
        keep = self.rejects if self._skip_bad_rows else None
        before = 0
        while some := rows.take_whole(size, len(self.columns), keep):
            yield some
            before += len(some)
        self._end(before)

    def _end(self, rows: int) -> None:
        self._source.check_unchanged()
        if not rows and not self.rejects:
            raise TableError(
                "has a header, but no rows", file=self.name, hint="is the export complete?"
            )

    def _sniffed(self) -> str:
        """The delimiter that cuts the header into columns, and the first rows into as many."""
        wide = [mark for mark in DELIMITERS if self._width(mark) > 1]
        alike = wide if wide == [","] else [mark for mark in wide if self._cuts_alike(mark)]
        if len(alike) > 1:
            raise self._unclear(alike)
        found = alike[0] if alike else ","
        if found != ",":
            warnings.warn(
                f"{self.name} is read with {_shown(found)} between cells",
                MedchainWarning,
                stacklevel=4,
            )
        return found

    def _width(self, delimiter: str) -> int:
        try:
            header = Rows(self._source, delimiter).first()
        except TableError:
            # The reader that is chosen says what is wrong, and where.
            return 0
        return len(header[0]) if header else 0

    def _cuts_alike(self, delimiter: str) -> bool:
        try:
            header, *rows = Rows(self._source, delimiter).take(_SAMPLED).rows
            return bool(rows) and all(len(row) == len(header) for row in rows)
        except TableError:
            return False

    def _unclear(self, marks: list[str]) -> TableError:
        ways = " or ".join(f"{self._width(mark)} with {_shown(mark)}" for mark in marks)
        return TableError(
            f"what stands between cells is not clear: the first rows are alike as columns {ways}",
            file=self.name,
            hint=f"say what stands between cells, for example: --delimiter {_shown(marks[0])}",
        )

    def _header(self) -> tuple[str, ...]:
        header = Rows(self._source, self.delimiter).first()
        if header is None:
            raise TableError(
                "holds nothing but blank lines",
                file=self.name,
                hint="a table has a header line, then its rows",
            )
        names, line = header
        self._refuse_other_delimiter(names, line)
        self._refuse_nameless(names, line)
        self._refuse_duplicates(names, line)
        return tuple(names)

    def _refuse_other_delimiter(self, names: list[str], line: int) -> None:
        if len(names) > 1:
            return
        found = max(DELIMITERS, key=names[0].count)
        if found == self.delimiter or found not in names[0]:
            return
        shown = _shown(found)
        raise TableError(
            f"the header is one column, but holds {shown}: is that the delimiter?",
            file=self.name,
            line=line,
            hint=f"--delimiter {shown}",
        )

    def _refuse_nameless(self, names: list[str], line: int) -> None:
        places = [str(place) for place, name in enumerate(names, 1) if not name.strip()]
        if places:
            raise TableError(
                f"the header has no name for column {_listed(places)} of {len(names)}",
                file=self.name,
                line=line,
                hint="name every column; in pandas, to_csv(index=False) leaves the row index out",
            )

    def _refuse_duplicates(self, names: list[str], line: int) -> None:
        repeated = next((name for name, count in Counter(names).items() if count > 1), None)
        if repeated is None:
            return
        # The names may be cells of a table without a header line: they must not be shown.
        places = [str(place) for place, name in enumerate(names, 1) if name == repeated]
        raise TableError(
            f"the header gives columns {' and '.join(places[:2])} the same name",
            file=self.name,
            line=line,
            hint="a table needs a header line with a name of its own for every column",
        )


def _delimiter(given: str | None) -> str:
    delimiter = {None: ",", "\\t": "\t", "tab": "\t"}.get(given, given)
    if delimiter is None or len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise UsageError(
            f"{given!r} cannot be a delimiter",
            hint=r"name one character, for example ';' or '\t' for a tab",
        )
    return delimiter


def _shown(delimiter: str) -> str:
    return r"'\t'" if delimiter == "\t" else f"'{delimiter}'"


def _listed(items: list[str]) -> str:
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {more} more" if more > 0 else "")
