"""Lines: what is written is what the grammar reads, for every cell and every score."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from medchain.ledger import lines

CELLS = st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), min_size=1, max_size=5)
SCORES = st.integers(0, 10**6).map(lambda millionths: millionths / 10**6)


def test_decimals_are_plain() -> None:
    assert [lines.decimal(value) for value in (0.0, -0.0, 1.0, 0.412, 1e-6, 0.1 + 0.2)] == [
        "0.0",
        "0.0",
        "1.0",
        "0.412",
        "0.000001",
        "0.3",
    ]


@given(SCORES)
def test_a_score_is_read_as_it_was_rounded(score: float) -> None:
    assert float(lines.decimal(score)) == score


@given(CELLS, st.lists(st.text(max_size=8), min_size=3, max_size=3, unique=True))
def test_rows_are_json_that_gives_every_cell_back(rows: list[list[str]], names: list[str]) -> None:
    for row, text in zip(rows, lines.row_objects(names, rows), strict=True):
        assert json.loads(text) == dict(zip(names, row, strict=True))
        assert lines.foreign_byte(text.encode("ascii")) is None
        assert "\n" not in text


@given(CELLS)
def test_plain_rows_are_written_as_json_would(rows: list[list[str]]) -> None:
    names = ["a", "b %", 'c"']
    expected = [
        json.dumps(dict(zip(names, row, strict=True)), separators=(",", ":")) for row in rows
    ]
    assert lines.row_objects(names, rows) == expected
    assert [lines.row_objects(names, [row])[0] for row in rows] == expected


@given(st.lists(st.tuples(SCORES, st.booleans()), max_size=5), st.integers(0, 10**15))
def test_record_lines_are_read_back(given_: list[tuple[float, bool]], first: int) -> None:
    scores, verdicts = [pair[0] for pair in given_], [pair[1] for pair in given_]
    written = lines.sealed_records(first, scores, verdicts, ["ab" * 32] * len(scores))
    found = [lines.to_record(match) for match in lines.parse_records(written) if match]
    assert [(r.number, r.score, r.anomaly, r.seal) for r in found] == [
        (first + index, score, verdict, "ab" * 32) for index, (score, verdict) in enumerate(given_)
    ]


@given(st.dictionaries(st.text(max_size=5).filter(lambda key: key != "event"), st.integers()))
def test_events_are_read_back(fields: dict[str, object]) -> None:
    line = lines.event("note", fields)
    assert line.startswith(lines.EVENT)
    assert lines.parse_object(line.rstrip(b"\n")) == {"event": "note", **fields}


@given(st.text())
def test_what_is_printable_moves_no_cursor(text: str) -> None:
    assert lines.printable(text).isprintable() or not text
    assert lines.printable("plain é") == "plain é"
