"""Seals: the quick road and the slow one open the same lines, and say the same of them."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medchain.ledger.seals import Opener, Sealed, open_seal

LEDGER = "000102030405060708090a0b0c0d0e0f"
USUAL = (
    f'{{"salt":"{"5a" * 16}","ledger":"{LEDGER}","record":7,"row":{{"age":"61","a b":"x, (y)"}}}}'
)
EXPLAINED = f'{USUAL[:-1]},"reasons":{{"age":0.31,"a b":0.2}}}}'
CELLS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)


def said(line: str, record: int, *, quick: bool) -> Sealed | str:
    seal = sha256(line.encode("utf-8", "replace")).hexdigest()
    try:
        if not quick:
            return open_seal(line.encode("utf-8", "replace"), seal, record, LEDGER)
        opener = Opener(LEDGER)
        opener.open(USUAL, sha256(USUAL.encode()).hexdigest(), 7)  # from here on it knows the shape
        opener.check(line, seal, record)
        return opener.open(line, seal, record)
    except ValueError as error:
        return str(error)


def agree(line: str, record: int = 7) -> Sealed | str:
    found = said(line, record, quick=True)
    assert found == said(line, record, quick=False)
    return found


def test_the_usual_line_opens_on_both_roads() -> None:
    assert agree(USUAL) == Sealed({"age": "61", "a b": "x, (y)"}, None)
    assert agree(USUAL, 8) == "the sealed line is of another record"


def test_another_seal_never_opens_on_either_road() -> None:
    opener = Opener(LEDGER)
    opener.open(USUAL, sha256(USUAL.encode()).hexdigest(), 7)
    for seal in ("00" * 32, None):
        for attempt in (opener.open, opener.check):
            with pytest.raises(ValueError, match="commits to"):
                attempt(USUAL, seal, 7)


@pytest.mark.parametrize("line", [USUAL, EXPLAINED])
def test_every_character_replaced_or_left_out_is_judged_alike(line: str) -> None:
    for place in range(len(line)):
        for other in ("", '"', "\\", "0", "}", "\n", "é", "\x7f", " "):
            agree(line[:place] + other + line[place + 1 :])


@pytest.mark.parametrize(
    "reasons", ["{}", '{"a":1,"a":2}', '{"a":{}}', '{"a":1},"x":{}', "null", '{"a":1}}', "[1]"]
)
def test_reasons_of_any_form_are_judged_alike(reasons: str) -> None:
    agree(f'{USUAL[:-1]},"reasons":{reasons}}}')


@given(st.dictionaries(st.sampled_from(["age", "a b", "c"]), CELLS), st.integers(-1, 2**60))
def test_rows_of_any_cells_are_read_alike(row: dict[str, str], record: int) -> None:
    about = {"salt": "5a" * 16, "ledger": LEDGER, "record": record, "row": row}
    found = agree(json.dumps(about, separators=(",", ":")), record)
    assert found == Sealed(row, None)
