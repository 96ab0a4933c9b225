"""What is written as a table is read back cell for cell, with the line of every row."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medchain.errors import MedchainWarning, TableError
from medchain.tabular import open_table, source

CELL = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
AWKWARD = st.text('ab",;\n\r\té€\ufeff ', max_size=6)
DELIMITER = st.sampled_from([",", ";", "\t", "|"])
ENDING = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Rows of one width, of cells that are often awkward."""
    width = draw(st.integers(1, 4))
    row = st.lists(CELL | AWKWARD, min_size=width, max_size=width)
    return draw(st.lists(row, min_size=1, max_size=12))


def written(rows: list[list[str]], delimiter: str, ending: str) -> tuple[str, list[int]]:
    """The text of a table by ``csv.writer``, and the physical line on which each row starts."""
    text, lines = io.StringIO(newline=""), []
    # Before Python 3.13 the writer quotes no line end but its own.
    bare = all(not {"\r", "\n"} & {*cell} for row in rows for cell in row)
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=ending,
        quoting=csv.QUOTE_MINIMAL if bare else csv.QUOTE_ALL,
    )
    for row in rows:
        lines.append(line_count(text.getvalue()) + 1)
        writer.writerow(row)
    return text.getvalue(), lines


def line_count(text: str) -> int:
    """How many line ends there are, each an LF, a CRLF or a CR."""
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def read(path: Path, size: int, delimiter: str = ",") -> tuple[list[list[str]], list[int]]:
    """Every row and line of the table, asserting that batches have the size that was asked for."""
    with open_table(path, delimiter=delimiter) as table:
        batches = list(table.batches(size))
    assert all(len(batch.rows) == size for batch in batches[:-1])
    assert all(0 < len(batch.rows) == len(batch.lines) for batch in batches)
    rows = [row for batch in batches for row in batch.rows]
    return rows, [line for batch in batches for line in batch.lines]


@settings(deadline=None)
@given(
    rows=tables(),
    delimiter=DELIMITER,
    ending=ENDING,
    bom=st.booleans(),
    packed=st.booleans(),
    size=st.integers(1, 14),
    block=st.integers(3, 40),
)
def test_reads_back_what_csv_wrote(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    delimiter: str,
    ending: str,
    bom: bool,
    packed: bool,
    size: int,
    block: int,
) -> None:
    path = tmp_path_factory.mktemp("table") / "t.csv"
    header = [f"c{place}" for place in range(len(rows[0]))]
    text, lines = written([header, *rows], delimiter, ending)
    data = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK", block)
        with open_table(path, delimiter=delimiter) as table:
            assert table.columns == tuple(header)
        assert read(path, size, delimiter=delimiter) == (rows, lines[1:])


@settings(deadline=None)
@given(text=st.text('ab",\n\r', max_size=40), size=st.integers(1, 5))
def test_agrees_with_csv_on_any_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int
) -> None:
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_bytes(f"x,y\n{text}".encode())
    expected = slow_twin(text)
    if expected is None or any(len(row) != 2 for row, _ in expected) or not expected:
        with pytest.raises(TableError):
            read(path, size)
    else:
        assert list(zip(*read(path, size), strict=True)) == expected


def slow_twin(text: str) -> list[tuple[list[str], int]] | None:
    """The rows of `text` below a header and their lines by ``csv`` alone; None for bad quotes."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows, start = [], 2
    try:
        for row in reader:
            if row:
                rows.append((row, start))
            start = reader.line_num + 2
    except csv.Error:
        return None
    return rows


def test_lines_after_cells_of_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,"b\r\nB"\r\n1,2\r\n\r\n"x\ny\rz",3\r\n4,5\r\n')
    with open_table(path) as table:
        assert table.columns == ("a", "b\r\nB")
        (batch,) = table.batches(9)
    assert batch.rows == [["1", "2"], ["x\ny\rz", "3"], ["4", "5"]]
    assert batch.lines == [3, 5, 8]


def test_blank_lines_are_no_rows_but_a_quoted_empty_cell_is_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'\n\r\na\n\n1\n""\n\n2\n\n\n')
    assert read(path, 2) == ([["1"], [""], ["2"]], [5, 6, 8])


def test_spaces_and_quotes_within_cells_stay(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b" a ,b\n 1 ,5'10\"\n")
    with open_table(path) as table:
        assert table.columns == (" a ", "b")
    assert read(path, 1)[0] == [[" 1 ", "5'10\""]]


def test_a_long_table_of_lines_that_end_in_cr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LONGEST_LINE", source.BLOCK)
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\r" + b"1,2\r" * source.BLOCK)
    assert read(path, 1000) == ([["1", "2"]] * source.BLOCK, list(range(2, source.BLOCK + 2)))


def test_each_call_of_batches_starts_again_and_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{n},x\n" for n in range(10)))
    with open_table(path) as table:
        first, second = table.batches(2), table.batches(3)
        assert next(first).rows == [["0", "x"], ["1", "x"]]
        assert next(second).lines == [2, 3, 4]
        assert next(first).lines == [4, 5]
        assert len(table.digest(b"k")) == 32
        assert next(second).rows == [["3", "x"], ["4", "x"], ["5", "x"]]
        assert sum(len(batch.rows) for batch in table.batches(4)) == 10


@pytest.mark.parametrize("name", ["PAR1", "BZh", "PK", "7z", "ARROW1"])
def test_names_that_look_like_magic(tmp_path: Path, name: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{name},b\n1,2\n")
    assert read(path, 1) == ([["1", "2"]], [2])


def test_a_tab_may_be_spelt(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a\tb\n1,5\t2\n")
    assert read(path, 1, delimiter="\\t") == read(path, 1, delimiter="tab") == ([["1,5", "2"]], [2])


def test_fifty_thousand_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    names = [f"column_{place}" for place in range(50_000)]
    path.write_text(",".join(names) + "\n" + ",".join("1" * 50_000) + "\n")
    with open_table(path) as table:
        assert table.columns == tuple(names)
        (batch,) = table.batches(10)
    assert batch.rows == [["1"] * 50_000]


def test_rejected_rows_leave_the_others_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\n1,2\n3\n"4\n4",5,6\n7,8\n')
    with open_table(path, skip_bad_rows=True) as table:
        for size in (1, 2, 5):
            batches = list(table.batches(size))
            assert [row for batch in batches for row in batch.rows] == [["1", "2"], ["7", "8"]]
            assert [line for batch in batches for line in batch.lines] == [2, 6]
            assert [(reject.line, reject.column, reject.reason) for reject in table.rejects] == [
                (3, None, "has 1 cell where the header names 2"),
                (4, None, "has 3 cells where the header names 2"),
            ]


def test_a_table_of_rejects_alone_is_not_empty(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1\n")
    with open_table(path, skip_bad_rows=True) as table:
        assert list(table.batches(5)) == []
        assert [reject.line for reject in table.rejects] == [2]


@given(
    st.lists(st.lists(st.text('a,"\n;é', max_size=4), min_size=2, max_size=2), max_size=40),
    st.integers(1, 7),
    st.integers(1, 4),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_shares_of_a_table_are_its_batches(
    cells: list[list[str]], size: int, step: int, quoting: Literal[0, 1]
) -> None:
    """What the others pass over is what one of them takes, width errors included."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")
    writer.writerows([["x", "y"], *cells, ["1", "2"], ["short"], ["3", "4"]])
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_text(text.getvalue())
        with open_table(file.name, skip_bad_rows=True) as table:
            whole = list(table.batches(size))
            rejects = table.rejects
            found = []
            for first in range(step):
                found += list(table.every(size, first, step))
                assert table.rejects == rejects
            pieces = list(table.whole_rows(size))
            assert table.rejects == rejects
    split = [[r.split(",") if isinstance(r, str) else r for r in rows] for rows in pieces]
    assert split == [batch.rows for batch in whole]
    found.sort(key=lambda pair: pair[0])
    assert [batch for _, batch in found] == whole
    assert [before for before, _ in found] == [size * turn for turn in range(len(whole))]


def test_a_share_checks_the_rows_that_it_passes_over(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "1,2\n" * 9 + "1,2,3\n" + "1,2\n" * 9)
    with open_table(path) as table:
        for first in (0, 1):
            with pytest.raises(TableError, match="line 11: has 3 cells"):
                list(table.every(5, first, 2))
        with pytest.raises(TableError, match="line 11: has 3 cells"):
            list(table.whole_rows(5))


def test_rows_stay_in_one_piece_up_to_the_first_quote(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('a;b\n1;2\n\n"3";4\n5;6\n')
    with open_table(path, delimiter=";") as table:
        assert list(table.whole_rows(2)) == [["1;2", ["3", "4"]], [["5", "6"]]]
        assert table.delimiter == ";"


def test_a_quoted_delimiter_in_one_column_is_passed_over_as_one_cell(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('a\n"1,2"\n' * 1 + '"3,4"\n' * 5)
    with open_table(path) as table:
        assert [before for before, _ in table.every(2, 1, 2)] == [2]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_the_delimiter_that_cuts_all_rows_alike_is_taken_and_said(
    tmp_path: Path, mark: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"a, in cm{mark}b\n1,5{mark}2\n3{mark}4\n")
    with pytest.warns(MedchainWarning, match="table.csv is read with"):
        table = open_table(path)
    with table:
        assert table.columns == ("a, in cm", "b")
        assert table.delimiter == mark
        assert next(table.batches(5)).rows == [["1,5", "2"], ["3", "4"]]


@pytest.mark.parametrize(
    "text", ["a;b,c\n1,2\n3,4\n", "a|b\n1\n2\n", "a,b\n1,2;3\n", 'a,"b;c"\n1,2\n', "a\n1\n"]
)
def test_a_comma_is_taken_without_a_word(
    tmp_path: Path, text: str, recwarn: pytest.WarningsRecorder
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with suppress(TableError), open_table(path) as table:
        assert table.delimiter == ","
    assert not recwarn.list


def test_a_delimiter_is_guessed_from_few_rows(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a;b,c\n" + "1;2,3\n" * 100 + "1,2\n" * 100_000)
    with pytest.raises(TableError, match="not clear: the first rows are alike as columns 2 with"):
        open_table(path)
    with open_table(path, delimiter=",") as table:
        assert table.columns == ("a;b", "c")
