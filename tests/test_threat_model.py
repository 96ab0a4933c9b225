"""The threat model names tests that exist; claims that have no other home are tested here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from medchain.ledger.vault import Vault
from medchain.pipeline.erase import erase
from medchain.pipeline.ingest import ingest
from tests.pipeline.test_ingest import records, rewrite, rows

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_every_test_that_the_document_names_exists(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_no_test_is_named_in_another_way() -> None:
    assert len(NAMED) > 25
    assert len(NAMED) == TEXT.count("::") == len(re.findall(r"\btest_\w+`", TEXT))


def test_equal_rows_have_different_seals(model: Path, table: Path, tmp_path: Path) -> None:
    rewrite(table, lambda lines: lines.__setitem__(slice(1, None), [lines[1]] * 400))
    path = tmp_path / "ledger.jsonl"
    ingest(table, model=model, ledger=path, bits=0)
    found = records(path)
    assert len({record.score for record in found}) == 1
    assert len({record.seal for record in found}) == 400
    with Vault(path.with_suffix(".vault"), readonly=True) as vault:
        salts = [json.loads(line)["salt"] for _, line in vault.lines(0, 400)]
    assert len(set(salts)) == 400
    assert all(re.fullmatch("[0-9a-f]{32}", salt) for salt in salts)
    ones = sum(int(salt, 16).bit_count() for salt in salts)
    assert abs(ones - 400 * 64) < 800, "seven standard deviations of a fair coin"


def test_an_event_mixes_the_records_of_those_erased_together(
    model: Path, table: Path, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.jsonl"
    for _ in range(2):
        ingest(table, model=model, ledger=path, bits=0, allow_duplicate=True)
    people = [rows(table)[number]["patient_id"] for number in (300, 20, 100)]
    height = erase(path, subject=people, record=7, reason="as the law demands").block
    events = [line for line in path.read_text().splitlines() if line.startswith('{"event":"erase"')]
    assert [json.loads(event)["records"] for event in events] == [[7, 20, 100, 300, 420, 500, 700]]
    assert height == 9


def test_a_score_confirms_a_guess_to_whoever_has_the_model(
    model: Path, table: Path, tmp_path: Path
) -> None:
    """What the threat model says is not stopped, is not: no one may believe otherwise."""
    path = tmp_path / "ledger.jsonl"
    ingest(table, model=model, ledger=path, bits=0)
    true = rows(table)[7]["age"]
    erase(path, record=7, reason="as the law demands")
    guesses = [str(age) for age in range(18, 100)] + [true]

    def guess(lines: list[list[str]]) -> None:
        row, column = lines[8], lines[0].index("age")
        lines[1:] = [[*row[:column], age, *row[column + 1 :]] for age in guesses]

    other = tmp_path / "guesses.jsonl"
    ingest(rewrite(table, guess), model=model, ledger=other, bits=0)
    scores = dict(zip(guesses, [record.score for record in records(other)], strict=True))
    recorded = records(path)[7].score
    fitting = {age for age, score in scores.items() if score == recorded}
    assert true in fitting
    assert len(fitting) < len(guesses) / 4
