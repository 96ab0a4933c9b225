"""Every kind of bad table: the class, the place, the way out, and never a cell."""

from __future__ import annotations

import gzip
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from medchain.errors import MedchainError, TableError, UsageError
from medchain.tabular import open_table, source

CANARY = "Kanarienvogel"
C = CANARY.encode()
GOOD = b"a,b\n" + C + b",2\n"


@dataclass(frozen=True)
class Bad:
    """The bytes of a bad table, and what its error has to say."""

    data: bytes
    says: str
    line: int | None = None
    column: str | None = None
    hint: str = ""


def many(line: bytes) -> bytes:
    """Enough of `line` to fill several blocks."""
    return line * (3 * source.BLOCK // len(line))


BAD = {
    "empty": Bad(b"", "is empty"),
    "only a byte order mark": Bad(b"\xef\xbb\xbf", "is empty"),
    "blank lines": Bad(b"\n\r\n\n", "nothing but blank lines"),
    "header only": Bad(b"a,b\n", "has a header, but no rows"),
    "header and blank lines": Bad(b"a,b\n\n\n", "has a header, but no rows"),
    "binary": Bad(bytes(range(1, 256)) + b"\0" + C, "is a binary file", hint="export"),
    "excel": Bad(b"PK\x03\x04" + C, "Excel workbook (.xlsx)", hint="export"),
    "parquet": Bad(b"PAR1\x15\x04" + C, "Parquet file", hint="export"),
    "packed twice": Bad(gzip.compress(gzip.compress(GOOD)), "gzip twice"),
    "utf-16": Bad(GOOD.decode().encode("utf-16"), "UTF-16", hint="iconv"),
    "utf-16 unmarked": Bad((GOOD.decode() * 9).encode("utf-16-be"), "UTF-16", hint="iconv"),
    "bad utf-8": Bad(GOOD + C + b",\xe9\n", "not UTF-8", 3, hint="iconv"),
    "bad utf-8, far": Bad(GOOD + many(b"1,2\r\n") + b"\r\n\xff,", "not UTF-8", 3 + 39321 + 1),
    "bad utf-8, cr": Bad(b"a,b\r" + C + b",2\r3,\xff\r", "not UTF-8", 3),
    "bad utf-8, quoted": Bad(b'a,b\n"' + C + b'\n\xff",2\n', "not UTF-8", 3),
    "bad utf-8, cut": Bad(GOOD + C + b",\xc3", "not UTF-8", 3),
    "nul": Bad(GOOD + C + b",\0\n", "NUL byte", 3),
    "nul, far": Bad(GOOD + many(b"1,2\n") + C + b",\0\n", "NUL byte", 3 + 49152),
    "duplicate": Bad(b"a,b,a\n1,2," + C, "columns 1 and 3 the same name", 1),
    "duplicates": Bad(b"\nb,a,a,b\n" + C, "columns 1 and 4 the same name", 2, hint="of its own"),
    "no header": Bad(C + b",7,7\n1,2,3\n", "columns 2 and 3 the same name", 1),
    "nameless": Bad(b",a, \n1,2," + C, "no name for column 1, 3 of 3", 1, hint="index=False"),
    "short": Bad(GOOD + C + b"\n", "has 1 cell where the header names 2", 3, hint="--skip-bad"),
    "long": Bad(GOOD + b"1,2," + C + b"\n", "has 3 cells where the header names 2", 3),
    "long, quoted": Bad(b'a,b\n"' + C + b'\n",2\n1,2,3\n', "has 3 cells where the header", 4),
    "unclosed": Bad(GOOD + b'1,"' + C + b"\n5,6\n", "quote opened in this row is never closed", 3),
    "unclosed header": Bad(b'a,"b\n' + C + b",2\n", "never closed", 1),
    "unclosed, far": Bad(
        GOOD + b'1,"' + many(C + b",6\n"), "a cell of this row has more than 131,072 char", 3
    ),
    "long cell": Bad(GOOD + b"1," + many(C) + b"\n", "more than 131,072 characters", 3),
    "quote in the middle": Bad(GOOD + b'"1\n' + C + b'"x,2\n', "neither doubled nor its end", 3),
    "two delimiters": Bad(b"a,b;c\n" + C + b",2;3\n", "what stands between cells is not clear"),
    "gzip, cut": Bad(gzip.compress(GOOD)[:-9], "damaged or cut short", hint="gzip -t"),
    "gzip, spoilt": Bad(b"\x1f\x8b\x08" + bytes(7) + b"\xff" + C, "damaged or cut short"),
    "gzip, other sum": Bad(gzip.compress(GOOD)[:-8] + bytes(8), "damaged or cut short"),
}


def consume(path: Path, *, skip_bad_rows: bool = False) -> None:
    """Open the table at `path` and read all of it."""
    with open_table(path, skip_bad_rows=skip_bad_rows) as table:
        for _ in table.batches(2):
            pass


def failure(call: Callable[[], object]) -> MedchainError:
    """What `call` raises, after asserting that nothing about it shows a cell."""
    with pytest.raises(MedchainError) as caught:
        call()
    error = caught.value
    shown = [error.message, error.hint, repr(error), *traceback.format_exception(error)]
    link: BaseException | None = error
    while link is not None:
        shown.append(repr(link))
        link = link.__cause__ or link.__context__
    assert CANARY not in "".join(shown)
    return error


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("skip", [False, True], ids=["strict", "skipping"])
def test_bad_table(tmp_path: Path, bad: Bad, skip: bool) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(bad.data)
    if skip and " where the header" in bad.says:
        consume(path, skip_bad_rows=True)
        return
    error = failure(lambda: consume(path, skip_bad_rows=skip))
    assert type(error) is TableError
    assert error.exit_code == 20
    assert bad.says in error.message
    assert bad.hint in error.hint != ""
    assert (error.file, error.line, error.column) == (str(path), bad.line, bad.column)
    place = str(path)
    place += f", line {bad.line}" if bad.line else ""
    place += f", column {bad.column!r}" if bad.column else ""
    assert error.message.startswith(place + ": ")


@pytest.mark.parametrize(("name", "says"), [("", "is a folder"), ("none.csv", "does not exist")])
def test_no_file(tmp_path: Path, name: str, says: str) -> None:
    error = failure(lambda: open_table(tmp_path / name))
    assert type(error) is UsageError
    assert error.exit_code == 2
    assert str(tmp_path / name) in error.message
    assert says in error.message
    assert error.hint


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "\r", "\0"])
def test_no_delimiter(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(GOOD)
    error = failure(lambda: open_table(path, delimiter=delimiter))
    assert type(error) is UsageError
    assert "cannot be a delimiter" in error.message


def test_commas_under_another_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(GOOD)
    error = failure(lambda: open_table(path, delimiter=";"))
    assert error.hint == "--delimiter ','"


def test_an_endless_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LONGEST_LINE", 300_000)
    path = tmp_path / "t.csv"
    path.write_bytes(GOOD + b"1,2\r\n" * 90_000 + C * 40_000)
    error = failure(lambda: consume(path))
    assert isinstance(error, TableError)
    assert "is longer than 300,000 bytes" in error.message
    assert error.line == 90_003


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(GOOD + b"1,2\n" * 10)
    with open_table(path) as table:
        table.check_unchanged()
        batches = table.batches(4)
        next(batches)
        with path.open("ab") as file:
            file.write(C + b",2\n")
        for call in (table.check_unchanged, lambda: table.digest(b"k"), lambda: [*batches]):
            error = failure(call)
            assert type(error) is TableError
            assert "changed while it was being read" in error.message


def test_nothing_that_is_shown_holds_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(GOOD + C + b"\n")
    with open_table(path, skip_bad_rows=True) as table:
        batches = list(table.batches(1))
        shown = repr((table, batches, table.rejects))
    assert batches[0].rows == [[CANARY, "2"]]
    assert CANARY not in shown
