"""Lines in batches: the C core writes, byte for byte, what the slow twin writes."""

from __future__ import annotations

import json
import random
import string
from array import array
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medchain.ledger import core, lines, writer

from . import forge

PLAIN = st.text("".join(set(string.printable[:95]) - set(',"\\')), max_size=6)
CELL = PLAIN | st.text(max_size=6).filter(lambda text: "," not in text)
NAMES = st.lists(st.text(max_size=8), min_size=1, max_size=4, unique=True)
SCORES = st.lists(
    st.integers(-(10**15) + 1, 10**15 - 1).map(lambda millionths: millionths / 10**6)
    | st.sampled_from([0.0, -0.0, 1.0, 0.1 + 0.2, 1e-7, -1e-9, 1e9, 999_999_999.999999, 5e-7]),
    max_size=6,
)
IN_C = core.write
NUMBERS = st.integers(0, 2**53 - 10)


@pytest.fixture(autouse=True, params=["in one call", "line by line"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "line by line":
        monkeypatch.setattr(core, "write", lambda *_: None)
    elif core.chosen(core.HASHING) == core.PYTHON:
        pytest.skip("no C core")


def rows_of(
    names: list[str], data: st.DataObject, cells: st.SearchStrategy[str]
) -> list[list[str]]:
    row = st.lists(cells, min_size=len(names), max_size=len(names))
    return data.draw(st.lists(row, min_size=1, max_size=5))


@given(NAMES, st.data(), st.sampled_from([PLAIN, CELL]))
def test_row_objects_give_every_cell_back(
    names: list[str], data: st.DataObject, cells: st.SearchStrategy[str]
) -> None:
    rows = rows_of(names, data, cells)
    expected = "".join(
        json.dumps(dict(zip(names, row, strict=True)), separators=(",", ":")) + "\n" for row in rows
    ).encode("ascii")
    assert writer.row_objects(names, rows, ",") == expected
    whole = [",".join(row) if "\n" not in "".join(row) else row for row in rows]
    assert writer.row_objects(names, whole, ",") == expected


def test_bytes_that_json_escapes_are_found_in_every_place() -> None:
    for byte in range(256):
        if chr(byte) in "\n;":
            continue
        for place in range(40):
            row = ["a" * place + chr(byte), "z"]
            expected = json.dumps({"x": row[0], "y": "z"}, separators=(",", ":")) + "\n"
            assert writer.row_objects(["x", "y"], [";".join(row)], ";").decode() == expected, byte


@pytest.mark.parametrize("row", ["1", "1,2,3", ""])
def test_a_row_of_another_width_is_our_own_bug(row: str) -> None:
    with pytest.raises((AssertionError, TypeError, ValueError)):
        writer.row_objects(["x", "y"], ["1,2", row, "3,4"], ",")


@given(NUMBERS, st.data())
def test_sealed_lines_are_those_of_the_slow_twin(first: int, data: st.DataObject) -> None:
    objects = data.draw(st.lists(PLAIN.map(lambda text: f'{{"a":"{text}"}}'), max_size=5))
    salts = data.draw(st.binary(min_size=16 * len(objects), max_size=16 * len(objects)))
    hexed = [salts[start : start + 16].hex() for start in range(0, len(salts), 16)]
    expected = lines.sealed_lines(forge.LEDGER, first, hexed, objects)
    text = "".join(f"{line}\n" for line in objects).encode()
    found = writer.sealed_lines(forge.LEDGER, first, salts, text)
    assert found.decode() == "".join(f"{line}\n" for line in expected)


def test_a_sealed_line_is_that_of_the_format() -> None:
    example_ = (Path(__file__).parent.parent / "vectors" / "example.sealed.jsonl").read_bytes()
    objects = writer.row_objects(["patient_id", "age", "sex", "creatinine"], ["P-1,61,f,0.9"], ",")
    salt = bytes.fromhex("2bc990059473448e6ebd442aa16bfaa0")
    line = writer.sealed_lines(forge.LEDGER, 0, salt, objects)
    assert line == example_.splitlines(keepends=True)[0]


@given(NUMBERS, SCORES, st.sampled_from([0.5, 0.0, -1.0, 1e9, 0.3]))
@example(0, [0.5, 0.499999, 0.500001], 0.5)
def test_record_lines_are_those_of_the_slow_twin(
    first: int, given_: list[float], threshold: float
) -> None:
    scores, count = array("d", given_), len(given_)
    verdicts = [score >= threshold for score in given_]
    seals = random.Random(first).randbytes(32 * count)
    hexed = [seals[start : start + 32].hex() for start in range(0, len(seals), 32)]
    expected = lines.sealed_records(first, given_, verdicts, hexed)
    assert writer.sealed_records(first, scores, threshold, seals) == expected
    objects = [f'{{"a":"{number}"}}' for number in range(count)]
    expected = lines.open_records(first, given_, verdicts, objects)
    text = "".join(f"{line}\n" for line in objects).encode()
    assert writer.open_records(first, scores, threshold, text) == expected


@pytest.mark.skipif(core.chosen(core.HASHING) == core.PYTHON, reason="no C core")
@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_every_score_of_the_format_is_plain(millionths: int) -> None:
    score = millionths / 10**6
    numbers = core.doubles(array("d", [score]))
    line = IN_C("sealed_records", core.LINE_ROOM, numbers, bytes(32), 1, 0.5, 7)
    assert line == lines.sealed_records(7, [score], [score >= 0.5], ["00" * 32])
