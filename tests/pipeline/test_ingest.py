"""Ingest: every row recorded exactly once, or nothing at all."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medchain.errors import (
    LedgerTampered,
    ModelError,
    NotDurable,
    TableError,
    UsageError,
)
from medchain.ledger.lines import Record
from medchain.ledger.store import Store
from medchain.ledger.vault import Vault
from medchain.ledger.verify import Walk
from medchain.pipeline.audit import verify
from medchain.pipeline.ingest import ingest

Change = Callable[[list[list[str]]], object]


def records(ledger: Path) -> list[Record]:
    return [row for block in Walk(io.BytesIO(ledger.read_bytes())) for row in block.rows()]


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def vault_rows(ledger: Path) -> list[dict[str, str]]:
    with Vault(ledger.with_suffix(".vault"), readonly=True) as vault:
        return [row for _, row in vault.rows(0, 10**6)]


def rewrite(table: Path, change: Change) -> Path:
    """Change the table's rows in place, header included."""
    with table.open(newline="") as file:
        lines = list(csv.reader(file))
    change(lines)
    with table.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
    return table


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def test_every_row_is_recorded_once_in_order(model: Path, table: Path, ledger: Path) -> None:
    summary = ingest(table, model=model, ledger=ledger, batch_size=30, bits=4)
    assert (summary.records, summary.blocks) == (400, 14)
    assert vault_rows(ledger) == rows(table)
    report = verify(ledger, vault=True, model=model)
    assert report.ok
    assert (report.records, report.seals_opened, report.scores_repeated) == (400, 400, 400)
    assert report.anomalies == summary.anomalies > 0


def test_a_row_gets_one_score_whatever_batch_and_order(
    model: Path, table: Path, tmp_path: Path
) -> None:
    scores = []
    for number, size in enumerate((1000, 7)):
        ledger = tmp_path / f"{number}.jsonl"
        ingest(table, model=model, ledger=ledger, batch_size=size, bits=0)
        scores.append({row["patient_id"]: record.score for row, record in _pairs(ledger)})
        rewrite(table, lambda lines: lines.__setitem__(slice(1, None), lines[:0:-1]))
    assert scores[0] == scores[1]


def _pairs(ledger: Path) -> zip[tuple[dict[str, str], Record]]:
    return zip(vault_rows(ledger), records(ledger), strict=True)


def test_verdicts_follow_the_rounded_threshold(model: Path, table: Path, ledger: Path) -> None:
    summary = ingest(table, model=model, ledger=ledger, bits=0)
    for record in records(ledger):
        assert record.score == round(record.score, 6)
        assert record.anomaly == (record.score >= summary.threshold)


def test_the_same_table_again_appends_nothing(model: Path, table: Path, ledger: Path) -> None:
    ingest(table, model=model, ledger=ledger, bits=0)
    before = ledger.read_bytes()
    again = ingest(table, model=model, ledger=ledger)
    assert again.duplicate
    assert (again.records, again.already) == (0, 400)
    assert ledger.read_bytes() == before
    twice = ingest(table, model=model, ledger=ledger, allow_duplicate=True)
    assert (twice.records, twice.first_record, twice.duplicate) == (400, 400, False)


def test_another_table_is_appended(model: Path, table: Path, ledger: Path) -> None:
    ingest(table, model=model, ledger=ledger, bits=0)
    rewrite(table, lambda lines: lines.pop())
    assert ingest(table, model=model, ledger=ledger).records == 399
    assert verify(ledger, vault=True).ok


@pytest.mark.parametrize("blocks", [0, 1, 5, 13])
def test_an_interrupted_run_is_completed_by_repeating_it(
    model: Path, table: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    whole = Store.append

    def interrupted(store: Store, kind: str, *rest: object) -> object:
        if store.height > blocks:
            raise KeyboardInterrupt
        return whole(store, kind, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ingest(table, model=model, ledger=ledger, batch_size=30, bits=0)
    monkeypatch.setattr(Store, "append", whole)
    assert verify(ledger, vault=True).ok
    done = len(records(ledger))
    summary = ingest(table, model=model, ledger=ledger, batch_size=50)
    assert (summary.already, summary.records) == (done, 400 - done)
    assert vault_rows(ledger) == rows(table)
    assert verify(ledger, vault=True, model=model).ok
    assert ingest(table, model=model, ledger=ledger).duplicate


def test_a_table_without_a_column_of_the_model_is_refused_before_anything_is_written(
    model: Path, table: Path, ledger: Path
) -> None:
    rewrite(table, lambda lines: [line.__delitem__(slice(5, 7)) for line in lines])
    before = set(ledger.parent.iterdir())
    with pytest.raises(ModelError, match="lacks 2 columns"):
        ingest(table, model=model, ledger=ledger)
    assert set(ledger.parent.iterdir()) == before


def spoil(lines: list[list[str]]) -> None:
    """Text in a number, an infinity, a short row: lines 11, 201 and 301 of the file."""
    column = lines[0].index("creatinine")
    lines[10][column] = "CANARY"
    lines[200][column] = "inf"
    lines[300].pop()


def test_the_first_bad_row_refuses_the_whole_table(model: Path, table: Path, ledger: Path) -> None:
    rewrite(table, lambda lines: lines[350].__setitem__(lines[0].index("urea"), "CANARY"))
    before = set(ledger.parent.iterdir())
    with pytest.raises(TableError) as caught:
        ingest(table, model=model, ledger=ledger)
    assert (caught.value.line, caught.value.column) == (351, "urea")
    assert "CANARY" not in str(caught.value)
    assert set(ledger.parent.iterdir()) == before, "nothing was written"


def test_bad_rows_are_left_out_and_listed_when_asked(
    model: Path, table: Path, ledger: Path
) -> None:
    good = [row for number, row in enumerate(rows(table), 2) if number not in (11, 201, 301)]
    rewrite(table, spoil)
    summary = ingest(table, model=model, ledger=ledger, batch_size=30, bits=0, skip_bad_rows=True)
    assert [reject.line for reject in summary.rejects] == [11, 201, 301]
    assert summary.records == 397
    assert vault_rows(ledger) == good
    listed = Path(summary.rejects_file).read_text()
    assert [line.split(",")[0] for line in listed.splitlines()] == ["line", "11", "201", "301"]
    assert "CANARY" not in listed
    assert verify(ledger, vault=True, model=model).ok


def test_an_interrupted_run_with_bad_rows_is_completed_exactly_once(
    model: Path, table: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(table, spoil)
    whole = Store.append
    monkeypatch.setattr(Store, "append", _failing_at(whole, 9))
    with pytest.raises(NotDurable):
        ingest(table, model=model, ledger=ledger, batch_size=30, skip_bad_rows=True, bits=0)
    monkeypatch.setattr(Store, "append", whole)
    summary = ingest(table, model=model, ledger=ledger, batch_size=7, skip_bad_rows=True)
    assert (
        summary.already + summary.records
        == 397
        == len({r["patient_id"] for r in vault_rows(ledger)})
    )


def _failing_at(whole: Callable[..., object], height: int) -> Callable[..., object]:
    def append(store: Store, *rest: object) -> object:
        if store.height == height:
            raise NotDurable("no space")
        return whole(store, *rest)

    return append


def test_open_rows_stand_in_the_ledger(model: Path, table: Path, ledger: Path) -> None:
    ingest(table, model=model, ledger=ledger, rows="open", bits=0)
    assert [record.row for record in records(ledger)] == rows(table)
    assert verify(ledger, model=model).scores_repeated == 400
    assert vault_rows(ledger) == []


def test_what_the_ledger_began_with_cannot_be_changed(
    model: Path, table: Path, ledger: Path
) -> None:
    ingest(table, model=model, ledger=ledger, bits=6, origin="example.org/log")
    before = ledger.read_bytes()
    for wish in ({"rows": "open"}, {"bits": 5}, {"origin": "example.org/other"}):
        with pytest.raises(UsageError):
            ingest(table, model=model, ledger=ledger, allow_duplicate=True, **wish)  # type: ignore[arg-type]
    assert ledger.read_bytes() == before
    more = ingest(table, model=model, ledger=ledger, allow_duplicate=True, bits=8)
    assert more.bits == 8


@pytest.mark.parametrize(
    "wish",
    [
        {"batch_size": 0},
        {"batch_size": 10**6},
        {"bits": 33},
        {"bits": -1},
        {"rows": "hidden"},
        {"batch_id": "ward 7"},
    ],
)
def test_impossible_wishes_are_refused(
    model: Path, table: Path, ledger: Path, wish: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        ingest(table, model=model, ledger=ledger, **wish)  # type: ignore[arg-type]
    assert not ledger.exists()


def test_a_batch_id_may_be_given_once(model: Path, table: Path, ledger: Path) -> None:
    name = "123E4567-e89b-12d3-a456-426614174000"
    summary = ingest(table, model=model, ledger=ledger, batch_id=name, bits=0)
    assert summary.batch == "123e4567e89b12d3a456426614174000"
    rewrite(table, lambda lines: lines.pop())
    with pytest.raises(UsageError, match="already"):
        ingest(table, model=model, ledger=ledger, batch_id=name)


def test_a_dry_run_writes_nothing(model: Path, table: Path, ledger: Path) -> None:
    before = set(ledger.parent.iterdir())
    summary = ingest(table, model=model, ledger=ledger, dry_run=True, batch_size=30)
    assert set(ledger.parent.iterdir()) == before
    assert (summary.records, summary.blocks, summary.dry_run) == (400, 14, True)
    assert ingest(table, model=model, ledger=ledger, bits=0).anomalies == summary.anomalies


def test_a_table_may_come_on_standard_input(
    model: Path, table: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stdin:
        buffer = io.BytesIO(table.read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert ingest("-", model=model, ledger=ledger, bits=0).records == 400
    assert ingest(table, model=model, ledger=ledger).duplicate, "the same bytes, the same table"


def test_a_missing_or_foreign_vault_refuses_the_append(
    model: Path, table: Path, ledger: Path, tmp_path: Path
) -> None:
    ingest(table, model=model, ledger=ledger, bits=0)
    vault = ledger.with_suffix(".vault")
    vault.rename(tmp_path / "away.vault")
    with pytest.raises(UsageError, match="missing"):
        ingest(table, model=model, ledger=ledger)
    other = tmp_path / "other.jsonl"
    ingest(table, model=model, ledger=other, bits=0)
    vault.write_bytes(other.with_suffix(".vault").read_bytes())
    with pytest.raises((UsageError, LedgerTampered)):
        ingest(table, model=model, ledger=ledger)


def test_a_vault_of_another_ledger_that_has_seen_nothing_is_refused(
    model: Path, table: Path, ledger: Path
) -> None:
    ingest(table, model=model, ledger=ledger, bits=0)
    before = ledger.read_bytes()
    ledger.with_suffix(".vault").unlink()
    Vault.create(ledger.with_suffix(".vault"), "ab" * 16, b"secret").__exit__()
    with pytest.raises(UsageError, match="belongs to another ledger"):
        ingest(table, model=model, ledger=ledger)
    assert ledger.read_bytes() == before


def test_a_ledger_that_was_cut_is_not_continued(model: Path, table: Path, ledger: Path) -> None:
    ingest(table, model=model, ledger=ledger, batch_size=100, bits=0)
    data = ledger.read_bytes()
    ledger.write_bytes(data[: data.index(b'{"event":"score"')])
    assert verify(ledger).ok, "a cut at a block boundary verifies"
    cut = ledger.read_bytes()
    with pytest.raises(LedgerTampered, match="vault has seen block 4"):
        ingest(table, model=model, ledger=ledger)
    assert ledger.read_bytes() == cut
    short = verify(ledger, vault=True)
    assert short.exit_code == 10
    assert short.finding
    assert short.finding.kind == "short"
    ledger.unlink()
    with pytest.raises(LedgerTampered):
        ingest(table, model=model, ledger=ledger)


def test_no_cell_reaches_the_ledger(model: Path, table: Path, ledger: Path) -> None:
    rewrite(table, lambda lines: [line.append(f"CANARY{n}") for n, line in enumerate(lines)])
    summary = ingest(table, model=model, ledger=ledger, bits=0)
    assert summary.ignored == ("patient_id", "CANARY0")
    text = ledger.read_text()
    assert "CANARY" not in text
    for row in rows(table):
        assert row["patient_id"] not in text
    assert table.name not in text
    assert b"CANARY" in ledger.with_suffix(".vault").read_bytes()


def test_the_files_name_is_not_in_the_vault(model: Path, table: Path, ledger: Path) -> None:
    ingest(table, model=model, ledger=ledger, bits=0)
    assert table.name.encode() not in ledger.with_suffix(".vault").read_bytes()


def test_subjects_are_kept_for_those_who_may_ask(model: Path, table: Path, ledger: Path) -> None:
    ingest(table, model=model, ledger=ledger, bits=0)
    with Vault(ledger.with_suffix(".vault"), readonly=True) as vault:
        found = vault._db.execute("select record, subject from sealed order by record").fetchall()
    assert found == [(n, row["patient_id"]) for n, row in enumerate(rows(table))]


def test_a_score_that_the_model_does_not_give_is_found(
    model: Path, table: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medchain.detect.scoring import Scorer

    honest = Scorer.watch

    def flattering(scorer: Scorer, rows: list[list[str]]) -> object:
        scores, problems, bins = honest(scorer, rows)
        scores[7] = 0.000003 if scores[7] > 0.5 else 0.999997
        return scores, problems, bins

    with monkeypatch.context() as patched:
        patched.setattr(Scorer, "watch", flattering)
        ingest(table, model=model, ledger=ledger, bits=0)
    assert verify(ledger, vault=True).ok
    report = verify(ledger, vault=True, model=model)
    assert report.finding
    assert (report.finding.kind, report.finding.record) == ("score", 7)


def test_an_altered_model_is_not_asked(
    model: Path, table: Path, ledger: Path, tmp_path: Path
) -> None:
    import shutil

    ingest(table, model=model, ledger=ledger, bits=0)
    other = tmp_path / "other"
    shutil.copytree(model, other)
    manifest = json.loads((other / "manifest.json").read_text())
    with pytest.raises(ModelError):
        (other / "manifest.json").write_text(json.dumps({**manifest, "seed": 99}))
        verify(ledger, vault=True, model=other)


def test_sealed_rows_need_the_vault_to_be_scored_again(
    model: Path, table: Path, ledger: Path
) -> None:
    ingest(table, model=model, ledger=ledger, bits=0)
    with pytest.raises(UsageError, match="sealed"):
        verify(ledger, model=model)


@pytest.mark.parametrize("name", ["ledger.jsonl.gz", "ledger.jsonl.zst", "ledger.vault"])
def test_archives_and_vaults_are_not_written_to(
    model: Path, table: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError):
        ingest(table, model=model, ledger=tmp_path / name)
    assert not (tmp_path / name).exists()
