"""A table that others scored is recorded exactly once, and held against its declaration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import medchain
from medchain.errors import TableError, UsageError
from medchain.pipeline import recorder
from medchain.pipeline.declaration import declare
from medchain.pipeline.session import Entry
from tests.cli.run import medchain as command

RISK = declare("risk", version="1", says="number", threshold=0.5)


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    path = tmp_path / "scored.csv"
    rows = [f"P{n},{n},0.{n % 10}5" for n in range(2500)]
    path.write_text("\n".join(["id,age,risk", *rows]) + "\n")
    return path


@pytest.mark.usefixtures("scored")
def test_a_table_is_recorded_once(tmp_path: Path) -> None:
    RISK.save(tmp_path / "model")
    words = ["record", "scored.csv", "--score", "risk", "--id", "id", "--bits", "0"]
    done = command(*words, "--json", folder=tmp_path)
    said = json.loads(done.stdout)
    assert (said["records"], said["anomalies"], said["already"]) == (2500, 1250, 0)
    again = command(*words, folder=tmp_path)
    assert (again.returncode, "recorded already" in again.stdout) == (0, True)
    done = command("verify", "ledger.jsonl", "--vault", "--model", "model", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2,500, as declared" in done.stdout
    found = medchain.find(tmp_path / "ledger.jsonl", subject="P7", rows=True).records
    assert (found[0]["row"], found[0]["score"]) == ({"id": "P7", "age": "7"}, 0.75)


def test_a_run_that_died_is_completed(
    scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, append, made = tmp_path / "ledger.jsonl", recorder.append, list[Entry]()

    def dying(book: object, entries: list[Entry]) -> object:
        made.extend(entries)
        if len(made) == 3:
            raise KeyboardInterrupt
        return append(book, entries)  # type: ignore[arg-type]

    monkeypatch.setattr(recorder, "append", dying)
    with pytest.raises(KeyboardInterrupt):
        medchain.record(scored, model=RISK, ledger=ledger, score="risk", id="id", bits=0)
    monkeypatch.undo()
    summary = medchain.record(scored, model=RISK, ledger=ledger, score="risk", id="id", bits=0)
    assert (summary.already, summary.records) == (1000, 1500)
    assert medchain.verify(ledger, vault=True).records == 2500


def test_a_bad_score_is_told_with_its_line_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("id,risk\nP1,0.5\nP2,secret\n")
    with pytest.raises(TableError) as found:
        medchain.record(path, model=RISK, ledger=tmp_path / "l.jsonl", score="risk")
    assert found.value.line == 3
    assert "secret" not in str(found.value)
    assert not (tmp_path / "l.jsonl").exists()


@pytest.mark.parametrize(
    "wish", [{}, {"label": "risk"}, {"score": "no"}, {"score": "risk", "id": "x"}]
)
def test_wrong_columns_are_refused(scored: Path, tmp_path: Path, wish: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        medchain.record(scored, model=RISK, ledger=tmp_path / "l.jsonl", **wish)


def test_a_record_that_is_not_what_was_sealed_is_found(tmp_path: Path) -> None:
    """Whoever owns the ledger can write such a block; only its declaration and vault show it."""
    ledger = tmp_path / "l.jsonl"
    RISK.save(tmp_path / "model")
    with medchain.Recorder(ledger, model=RISK, bits=0) as recording:
        call = recording._call({"a": "1"}, {"score": 0.9})
        call.speech = type(call.speech)('"score":0.1,"anomaly":false', False, call.speech.output)
        recording._settle([call])
    assert medchain.verify(ledger, vault=True).ok
    report = medchain.verify(ledger, vault=True, model=tmp_path / "model")
    assert report.finding
    assert report.finding.kind == "declared"
    assert report.finding.record == 0


def test_a_threshold_that_is_not_the_declared_one_is_found(tmp_path: Path) -> None:
    ledger = tmp_path / "l.jsonl"
    other = declare("risk", version="1", says="number", threshold=0.7)
    RISK.save(tmp_path / "model")
    with medchain.Recorder(ledger, model=RISK, bits=0) as recording:
        fields = recording._fields
        recording._fields = lambda calls: {**fields(calls), "threshold": 0.7}  # type: ignore[method-assign]
        recording.model, first = other, recording.model
        call = recording._call({"a": "1"}, {"score": 0.6})
        recording.model = first
        recording._settle([call])
    report = medchain.verify(ledger, vault=True, model=tmp_path / "model")
    assert report.finding
    assert report.finding.kind == "declared"
