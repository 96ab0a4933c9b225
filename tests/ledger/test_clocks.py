"""Times that cannot be right are told, and change no verdict."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from medchain.errors import MedchainWarning
from medchain.ledger.clocks import EARLIEST, SECOND, TOLERANCE
from medchain.ledger.store import Store
from medchain.ledger.verify import Report, verify
from medchain.pipeline.handover import build

from . import forge

FIVE_MINUTES = TOLERANCE * SECOND
FAR = 4_102_444_800_000_000  # 2100


def ledger(path: Path, *times: int) -> Path:
    """A ledger whose blocks have these times, as its clock says."""
    for time in times:
        with Store(path, clock=lambda time=time: time) as store:  # type: ignore[misc]
            store.read(lambda _: None)
            if store.height:
                store.append("note", {}, b"", 0, 4)
            else:
                store.begin(forge.GENESIS)
    return path


def report(path: Path, now: int | None) -> Report:
    found = verify(io.BytesIO(path.read_bytes()), now=now)
    assert found.ok
    return found


def test_a_head_from_the_future_is_told(tmp_path: Path) -> None:
    head = forge.clock()
    path = ledger(tmp_path / "ledger.jsonl", head - 5, head)
    for now in (None, head, head + FIVE_MINUTES, head - FIVE_MINUTES):
        assert report(path, now).notices == ()
    (told,) = report(path, head - FIVE_MINUTES - 1).notices
    assert "2026-11-22T" in told
    assert "0:05:00 ahead of this clock" in told


def test_a_time_before_the_format_is_told(tmp_path: Path) -> None:
    early = ledger(tmp_path / "early.jsonl", EARLIEST - 1, forge.clock())
    assert report(early, forge.clock()).notices == (
        "a block says 2025-12-31T23:59:59.999999Z, when no ledger of this format was",
    )
    assert report(ledger(tmp_path / "ledger.jsonl", EARLIEST), None).notices == ()


def test_the_writer_says_that_its_clock_is_behind(tmp_path: Path) -> None:
    path = ledger(tmp_path / "ledger.jsonl", EARLIEST, EARLIEST, FAR)
    with Store(path, clock=forge.clock) as store:
        store.read(lambda _: None)
        with pytest.warns(MedchainWarning, match=r"behind block 2, .* 2100-01-01T"):
            store.append("note", {}, b"", 0, 4)
        with warnings.catch_warnings():
            warnings.simplefilter("error", MedchainWarning)
            store.append("note", {}, b"", 0, 4)


def test_a_clock_that_goes_on_is_not_spoken_of(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", MedchainWarning)
        ledger(tmp_path / "ledger.jsonl", EARLIEST, EARLIEST, EARLIEST + 1, FAR)


def test_both_verifiers_say_it(tmp_path: Path) -> None:
    path, alone = ledger(tmp_path / "ledger.jsonl", 5, FAR), tmp_path / "verify.pyz"
    build(alone)
    for command in (["-m", "medchain"], [str(alone)]):
        done = subprocess.run(
            [sys.executable, *command, "verify", str(path)], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "\n  note: a block says 1970-01-01T" in done.stdout
        assert "\n  note: the last block says 2100-01-01T" in done.stdout
