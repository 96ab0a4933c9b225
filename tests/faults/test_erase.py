"""Every step of an erasure fails, and kills, in its turn: record and shred never part unseen."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from medchain.errors import NotDurable, UsageError
from medchain.ledger.reader import open_ledger
from medchain.ledger.remarks import read_ahead
from medchain.pipeline.amend import amend
from medchain.pipeline.audit import verify
from tests.faults.erasing import PARTS, RECORD, prepare, run, steps

ROOT = Path(__file__).parent.parent.parent


def holding(path: Path) -> set[str]:
    """The files of the ledger's folder that hold salt, identifier or cell of the row."""
    found = set()
    for file in path.parent.iterdir():
        data = file.read_bytes()
        found |= {file.name} if any(part in data for part in PARTS) else set()
    return found


def recorded(path: Path) -> bool:
    with open_ledger(path) as stream:
        return RECORD in read_ahead(stream).erased


def consistent(path: Path) -> None:
    """No shred without a record of it, no record without the shred that is not told."""
    assert verify(path).exit_code in (0, 11)
    finding = verify(path, vault=True).finding
    assert finding is None or finding.kind == "erase", finding
    if not recorded(path):
        assert "ledger.vault" in holding(path)
        assert not finding or "was interrupted" in finding.message
    elif holding(path):
        assert finding


def completes(path: Path, *, by_erasing: bool) -> None:
    """Whatever opens the pair for writing next completes it."""
    before = recorded(path)
    run(path) if by_erasing else amend(path, record=RECORD, reason="a second look")
    if by_erasing or before:
        assert recorded(path)
        assert holding(path) == set()
        assert {file.name for file in path.parent.glob("ledger.vault*")} == {"ledger.vault"}
    report = verify(path, vault=True)
    assert report.ok, report.finding
    assert report.seals_opened == (5 if by_erasing or before else 6)


def names(path: Path) -> list[str]:
    with steps(0, lambda *_: None) as made:
        run(path)
    assert holding(path) == set()
    return made


def test_the_event_is_on_disk_before_the_row_goes(tmp_path: Path) -> None:
    made = names(prepare(tmp_path / "pair"))
    replaced = made.index("replace")
    assert "write" in made[:replaced], "the block"
    assert made.index("fsync") < replaced
    assert made[replaced - 1] == "link"
    assert made[-3:] == ["unlink", "open", "fsync"] or "unlink" in made[replaced:]
    assert made[replaced:].index("write") < made[replaced:].index("unlink"), "overwritten first"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_dies_at_any_step_is_completed(tmp_path: Path, moment: str) -> None:
    seen = set()
    for step in range(1, len(names(prepare(tmp_path / "count"))) + 1):
        path = prepare(tmp_path / str(step))
        words = [sys.executable, "-m", "tests.faults.erasing", str(path), str(step), moment]
        done = subprocess.run(words, cwd=ROOT, capture_output=True)
        assert done.returncode == 77, done.stderr.decode()
        consistent(path)
        seen.add((recorded(path), bool(holding(path))))
        completes(path, by_erasing=step % 2 == 0)
    assert seen == {(False, True), (True, True), (True, False)}


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO], ids=str)
def test_a_step_that_fails_is_told_and_completed(tmp_path: Path, fault: int) -> None:
    def strike(name: str, _: Callable[..., object], __: tuple[object, ...]) -> object:
        if name == "execute":
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        raise OSError(fault, os.strerror(fault))

    told: list[tuple[int, list[str]]] = []
    for step in range(1, len(names(prepare(tmp_path / "count"))) + 1):
        path = prepare(tmp_path / str(step))
        # A clean-up that fails is passed over; what it left is told by the next verification.
        with suppress(NotDurable, UsageError), steps(step, strike) as made:
            told.append((step, made))
            run(path)
            told.pop()
        consistent(path)
        completes(path, by_erasing=step % 2 == 0)
    struck = {made[step - 1] for step, made in told}
    assert struck >= {"execute", "write", "fsync", "replace", "unlink"}
