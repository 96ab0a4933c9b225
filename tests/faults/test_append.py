"""Every system call of an append fails, and kills, in its turn: nothing that was there is lost."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medchain.errors import NotDurable
from medchain.ledger.verify import Report, verify
from tests.faults.syscalls import append, half, struck
from tests.ledger import forge

ROOT = Path(__file__).parent.parent.parent
TORN = b'{"event":"score","batch":"00'
BEFORE = {
    "a new ledger": b"",
    "a ledger": b"whole",
    "a ledger with a torn tail": b"torn",
}


def prepare(folder: Path, state: str) -> Path:
    """A ledger in `state` in a new folder."""
    folder.mkdir()
    path = folder / "ledger.jsonl"
    if BEFORE[state]:
        forge.write(path, [[0.1]])
    if BEFORE[state] == b"torn":
        path.write_bytes(path.read_bytes() + TORN)
    return path


def report(path: Path) -> Report:
    return verify(io.BytesIO(path.read_bytes() if path.exists() else b""))


def kept(path: Path, before: bytes) -> None:
    """What verified before is still there, and the torn tail is in one of two places."""
    whole = before.removesuffix(TORN)
    now = path.read_bytes() if path.exists() else b""
    assert now.startswith(whole)
    if before.endswith(TORN):
        aside = [file.read_bytes() for file in path.parent.glob("*.torn-*")]
        assert now.startswith(before) or TORN in aside


def completes(path: Path, state: str) -> None:
    """A later append finds a ledger that it can go on with."""
    records = report(path).records
    append(path)
    after = report(path)
    assert after.ok
    assert after.records == records + 3
    if BEFORE[state] == b"torn":
        assert after.recoveries >= 1


def count(path: Path) -> int:
    with struck(0, lambda *_: None) as calls:
        append(path)
    return len(calls)


@pytest.mark.parametrize("state", BEFORE)
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, "short write"], ids=str)
def test_a_call_that_fails_leaves_a_ledger_that_verifies(
    tmp_path: Path, state: str, fault: int | str
) -> None:
    def strike(name: str, real: Callable[..., object], args: tuple[object, ...]) -> object:
        if fault == "short write":
            if name != "write":
                return real(*args)
            half(name, real, args)
            fail = errno.ENOSPC
        else:
            fail = int(fault)
        raise OSError(fail, os.strerror(fail))

    hints: list[str] = []
    for call in range(1, count(prepare(tmp_path / "count", state)) + 1):
        path = prepare(tmp_path / str(call), state)
        before = path.read_bytes() if path.exists() else b""
        try:
            with struck(call, strike):
                append(path)
        except NotDurable as error:
            hints.append(error.hint)
        kept(path, before)
        assert report(path).exit_code in (0, 11), call
        completes(path, state)
    assert hints
    assert all(hints)


@pytest.mark.parametrize("state", BEFORE)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_dies_at_any_call_loses_nothing(
    tmp_path: Path, state: str, moment: str
) -> None:
    for call in range(1, count(prepare(tmp_path / "count", state)) + 1):
        path = prepare(tmp_path / str(call), state)
        before = path.read_bytes() if path.exists() else b""
        words = [sys.executable, "-m", "tests.faults.syscalls", str(path), str(call), moment]
        done = subprocess.run(words, cwd=ROOT, capture_output=True)
        assert done.returncode == 77, done.stderr.decode()
        kept(path, before)
        assert report(path).exit_code in (0, 11), call
        completes(path, state)


def test_a_block_is_reported_only_after_it_is_on_disk(tmp_path: Path) -> None:
    """The last calls of an append are write, then fsync; of a new file, the folder's fsync too."""
    path = prepare(tmp_path / "new", "a ledger")
    with forge.open_store(path) as store:
        store.read(lambda _: None)
        with struck(0, lambda *_: None) as calls:
            forge.append_scores(store, [0.1])
    assert calls == ["write", "fsync"]
    with struck(0, lambda *_: None) as calls, forge.open_store(tmp_path / "x.jsonl") as store:
        store.read(lambda _: None)
        store.begin(forge.GENESIS)
    assert calls == ["open", "write", "fsync", "open", "fsync"]
