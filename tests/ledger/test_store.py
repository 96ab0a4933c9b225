"""The append protocol: what a crash leaves, what a second writer meets, what is refused."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
from pathlib import Path

import pytest

from medchain.errors import LedgerLocked, LedgerTampered, MedchainWarning, UsageError
from medchain.ledger.lines import parse_object
from medchain.ledger.store import Store
from medchain.ledger.verify import Walk, verify
from tests.foreign.forge import Forge, event

from . import forge


def blocks(path: Path) -> list[dict[str, object]]:
    return [block.event for block in Walk(io.BytesIO(path.read_bytes()))]


def reopen(path: Path) -> Store:
    store = forge.open_store(path).__enter__()
    store.read(lambda _: None)
    return store


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first = forge.write(tmp_path / "a.jsonl", [[0.1], [0.9, 0.5]])
    assert forge.write(tmp_path / "b.jsonl", [[0.1], [0.9, 0.5]]) == first


def test_appending_later_continues_the_ledger(tmp_path: Path) -> None:
    at_once = forge.write(tmp_path / "a.jsonl", [[0.1], [0.2]])
    forge.write(tmp_path / "b.jsonl", [[0.1]])
    assert forge.write(tmp_path / "b.jsonl", [[0.2]]) == at_once


def test_time_never_runs_backwards(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    forge.write(path, [])
    with Store(path, clock=lambda: 5) as store:
        store.read(lambda _: None)
        with pytest.warns(MedchainWarning, match="behind block 0"):
            header = store.append("note", {}, b"", 0, 4)
    assert header.time == forge.clock()
    assert verify(io.BytesIO(path.read_bytes())).ok


@pytest.mark.parametrize(
    "tail", [b"{", b'{"event":"score","batch":', b'{"event":"x"}\n{"record":3,"s']
)
def test_a_torn_tail_is_moved_aside_and_recorded(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "ledger.jsonl"
    whole = forge.write(path, [[0.1]])
    path.write_bytes(whole + tail)
    store = reopen(path)
    store.__exit__()
    (torn,) = store.recovered
    assert torn.file.read_bytes() == tail
    assert torn.file.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(whole)
    event = blocks(path)[-1]
    assert event["event"] == "recovery"
    assert event["sha256"] == hashlib.sha256(tail).hexdigest()
    assert event["bytes"] == len(tail)
    after = path.read_bytes()
    reopen(path).__exit__()
    assert path.read_bytes() == after, "a recovery is recorded once"


def test_every_truncation_of_an_append_is_recovered(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    before = forge.write(path, [[0.1]])
    after = forge.write(path, [[0.2, 0.7]])
    for length in range(len(before) + 1, len(after)):
        folder = tmp_path / str(length)
        folder.mkdir()
        copy = folder / "ledger.jsonl"
        copy.write_bytes(after[:length])
        forge.write(copy, [[0.2, 0.7]])
        report = verify(io.BytesIO(copy.read_bytes()))
        assert report.ok
        assert (report.records, report.recoveries) == (3, 1)
        (torn,) = folder.glob("*.torn-*")
        assert torn.read_bytes() == after[len(before) : length]


def test_a_torn_genesis_is_recovered_too(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"event":"genesis","format":1,"led')
    forge.write(path, [[0.1]])
    assert [event["event"] for event in blocks(path)] == ["genesis", "recovery", "score"]


def test_a_recovery_that_was_killed_before_its_event_is_recorded_later(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    whole = forge.write(path, [])
    path.write_bytes(whole + b'{"event":')
    reopen(path).__exit__()
    path.write_bytes(whole)
    reopen(path).__exit__()
    assert [event["event"] for event in blocks(path)] == ["genesis", "recovery"]


def test_an_invalid_block_refuses_every_append_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    data = forge.write(path, [[0.1], [0.2]])
    for offset in range(0, data.rindex(b'{"block":2'), 11):
        broken = bytearray(data)
        broken[offset] ^= 1
        path.write_bytes(bytes(broken))
        with forge.open_store(path) as store, pytest.raises(LedgerTampered):
            store.read(lambda _: None)
        assert path.read_bytes() == bytes(broken)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\x1f\x8b\x08\x00", b"not a ledger"])
def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    with forge.open_store(path) as store, pytest.raises(LedgerTampered):
        store.read(lambda _: None)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_second_writer_is_refused_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    forge.write(path, [[0.1]])
    with forge.open_store(path), multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_is_locked, (path,))
    assert not _is_locked(path)


def _is_locked(path: Path) -> bool:
    try:
        with forge.open_store(path):
            return False
    except LedgerLocked:
        return True


def test_a_new_ledger_that_gets_no_block_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    reopen(path).__exit__()
    assert not path.exists()


def test_an_oversized_block_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.jsonl"
    before = forge.write(path, [[0.1]])
    monkeypatch.setattr("medchain.ledger.store.MAX_BLOCK", 3000)
    with forge.open_store(path) as store:
        store.read(lambda _: None)
        with pytest.raises(UsageError, match="over the limit"):
            forge.append_scores(store, [0.1] * 100)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("kind", "fields", "records", "count"),
    [
        ("erase", {"records": list(range(200_000))}, b"", 0),
        ("x", {}, b'{"record":0}\n' * (1 << 17), (1 << 17) + 1),
        ("x", {}, b'{"record":' + b"0" * (1 << 20) + b"}\n", 1),
    ],
)
def test_what_no_verifier_would_accept_is_not_written(
    kind: str, fields: dict[str, object], records: bytes, count: int, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.jsonl"
    before = forge.write(path, [[0.1]])
    with forge.open_store(path) as store:
        store.read(lambda _: None)
        with pytest.raises(UsageError, match=r"limit|more than"):
            store.append(kind, fields, records, count, 4)
    assert path.read_bytes() == before


def test_the_genesis_event_holds_what_the_format_demands(tmp_path: Path) -> None:
    data = forge.write(tmp_path / "ledger.jsonl", [])
    assert parse_object(data.splitlines()[0]) == {
        "event": "genesis",
        "format": 1,
        "ledger": forge.LEDGER,
        "origin": "example.org/test",
        "min_bits": 4,
        "rows": "sealed",
        "program": "test",
    }


def test_a_recovery_that_names_no_hash_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(Forge().add(event("recovery", sha256=[])).data)
    store = reopen(path)
    assert store.height == 2
    store.__exit__()
