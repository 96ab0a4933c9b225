"""Remarks: what erasures and amendments point at, also where a foreign hand wrote them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from medchain.ledger.block import Header
from medchain.ledger.lines import Event
from medchain.ledger.remarks import Remarks, read_ahead
from medchain.ledger.verify import verify

from . import forge

HEADER = Header(4, 10, 0, 4, bytes(32), bytes(32), 77)


def seen(event: Event) -> Remarks:
    remarks = Remarks()
    remarks.visit(event, HEADER)
    return remarks


def test_an_erasure_names_records_block_time_and_reason() -> None:
    remarks = seen({"event": "erase", "records": [3, 7], "reason": "asked"})
    assert set(remarks.erased) == {3, 7}
    erasure = remarks.erased[3]
    assert (erasure.block, erasure.time, erasure.records, erasure.reason) == (
        4,
        77,
        (3, 7),
        "asked",
    )


@pytest.mark.parametrize("number", [10, 11, -1, 3.0, True, "3", None, [3]])
def test_what_is_no_record_before_the_event_is_not_erased(number: object) -> None:
    """An event that names records to come would excuse the loss of rows that nobody erased."""
    assert not seen({"event": "erase", "records": [number]}).erased
    assert not seen({"event": "amend", "record": number}).amended


@pytest.mark.parametrize("records", [None, 3, "3", {"3": 3}])
def test_a_list_that_is_none_erases_nothing(records: object) -> None:
    assert not seen({"event": "erase", "records": records}).erased


def test_the_first_erasure_counts_and_every_amendment() -> None:
    remarks = Remarks()
    remarks.visit({"event": "erase", "records": [1], "reason": "first"}, HEADER)
    remarks.visit({"event": "erase", "records": [1], "reason": "second"}, HEADER)
    remarks.visit({"event": "amend", "record": 1, "reason": "a", "anomaly": True}, HEADER)
    remarks.visit({"event": "amend", "record": 1, "reason": "b", "anomaly": "no"}, HEADER)
    assert remarks.erased[1].reason == "first"
    assert [(a.reason, a.anomaly) for a in remarks.amended[1]] == [("a", True), ("b", None)]


def test_reading_ahead_sees_what_verifies_and_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    forge.write(path, [[0.1, 0.9], [0.4]])
    with forge.open_store(path) as store:
        store.read(lambda _: None)
        store.append("erase", {"records": [1], "reason": "asked"}, b"", 0, 4)
        store.append("amend", {"record": 0, "reason": "second look"}, b"", 0, 4)
    with path.open("rb") as stream:
        remarks = read_ahead(stream)
        assert stream.tell() == 0
        assert verify(stream).ok, "an older verifier takes these events as any other"
    assert (set(remarks.erased), set(remarks.amended)) == ({1}, {0})


@pytest.mark.parametrize("data", [b"", b"rubbish", b'{"event":"x"\n{"block":1}\n', b"[1]\n" * 9])
def test_reading_ahead_of_rubbish_finds_nothing(data: bytes) -> None:
    stream = io.BytesIO(data)
    assert not read_ahead(stream).erased
    assert stream.tell() == 0
