"""SIGKILL and SIGINT at random moments of an ingest: every row is recorded exactly once."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from medchain.errors import LedgerLocked
from medchain.ledger.vault import Vault
from medchain.pipeline.audit import verify
from medchain.pipeline.ingest import ingest

ROWS = 400
KILLS = 100
INTERRUPTS = 20


def start(table: Path, model: Path, ledger: Path) -> subprocess.Popen[str]:
    words = ["ingest", str(table), "--model", str(model), "--ledger", str(ledger)]
    words += ["--batch-size", "5", "--bits", "14"]
    return subprocess.Popen(
        [sys.executable, "-m", "medchain", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def size(ledger: Path) -> int:
    return ledger.stat().st_size if ledger.exists() else 0


def strike(process: subprocess.Popen[str], ledger: Path, wait: float, sent: signal.Signals) -> None:
    """Send a signal `wait` seconds after the ledger grew; below 0, that long after the start."""
    before = size(ledger)
    while wait >= 0 and process.poll() is None and size(ledger) == before:
        time.sleep(0.001)
    time.sleep(abs(wait))
    process.send_signal(sent)


def check(table: Path, model: Path, ledger: Path) -> int:
    """What is there verifies; a copy is completed exactly once. Returns the records it had."""
    report = verify(ledger)
    # A kill within the one write of a block may leave the first pages of it.
    assert report.exit_code in ((0, 11) if report.blocks else (11,))
    if report.blocks:
        assert verify(ledger, vault=True).finding is None
    copy = ledger.parent / "copy"
    shutil.copytree(ledger.parent, copy)
    summary = ingest(table, model=model, ledger=copy / ledger.name, batch_size=50)
    assert summary.already == report.records
    after = verify(copy / ledger.name, vault=True)
    assert (after.ok, after.records) == (True, ROWS)
    with Vault(copy / "ledger.vault", readonly=True) as vault:
        subjects = [row["patient_id"] for _, row in vault.rows(0, 2 * ROWS)]
    assert len(subjects) == len(set(subjects)) == ROWS
    shutil.rmtree(copy)
    return report.records


@pytest.fixture(scope="module")
def patients(cohort: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "patients.csv"
    path.write_bytes(cohort.csv(label=False))  # type: ignore[attr-defined]
    return path


def test_a_killed_ingest_is_completed_exactly_once(
    patients: Path, model: Path, tmp_path: Path
) -> None:
    dice, seen, number = random.Random(1), set(), 0
    folder = tmp_path / "0"
    folder.mkdir()
    for _ in range(KILLS):
        ledger = folder / "ledger.jsonl"
        process = start(patients, model, ledger)
        strike(process, ledger, dice.uniform(-0.2, 0.3), signal.SIGKILL)
        process.communicate()
        if not ledger.exists():
            continue
        records = check(patients, model, ledger)
        seen.add(records)
        if records == ROWS:
            number += 1
            folder = tmp_path / str(number)
            folder.mkdir()
    assert len(seen) > 5, "the kills hit too few different moments"


def test_an_interrupt_at_any_moment_is_a_sentence_and_loses_nothing(
    patients: Path, model: Path, tmp_path: Path
) -> None:
    dice = random.Random(2)
    for number in range(INTERRUPTS):
        ledger = tmp_path / str(number) / "ledger.jsonl"
        ledger.parent.mkdir()
        process = start(patients, model, ledger)
        # Before the lock, the interpreter itself may still be starting, which nobody can guard.
        while process.poll() is None and not ledger.exists():
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.5))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        # Once Python has begun to end, the signal ends it as it would any process.
        assert process.returncode in (0, 130, -signal.SIGINT), said
        assert "Traceback" not in said
        assert ("interrupted" in said) == (process.returncode == 130)
        if ledger.exists():
            check(patients, model, ledger)


def test_of_two_writers_at_once_one_writes(patients: Path, model: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    processes = [start(patients, model, ledger) for _ in range(4)]
    said = [process.communicate(timeout=60) for process in processes]
    codes = [process.returncode for process in processes]
    assert set(codes) <= {0, 30}, said
    assert 0 in codes
    for code, (_, error) in zip(codes, said, strict=True):
        assert ("is being written by another process" in error) == (code == LedgerLocked.exit_code)
    check(patients, model, ledger)


def test_writers_that_try_again_record_every_table_once(
    model: Path, patients: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    text = patients.read_text().splitlines(keepends=True)
    tables = [tmp_path / f"{number}.csv" for number in range(4)]
    for number, table in enumerate(tables):
        table.write_text("".join([text[0], *text[1 + 100 * number : 101 + 100 * number]]))

    def insist(table: Path) -> None:
        for _ in range(500):
            try:
                ingest(table, model=model, ledger=ledger, batch_size=10, bits=6)
                return
            except LedgerLocked:
                time.sleep(0.02)

    writers = [threading.Thread(target=insist, args=(table,)) for table in tables]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    report = verify(ledger, vault=True)
    assert (report.ok, report.records) == (True, ROWS)
