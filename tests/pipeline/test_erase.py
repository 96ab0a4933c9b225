"""Erasure: the row is gone from every file, the ledger says so, and neither ever lies."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from medchain import fs
from medchain.errors import LedgerLocked, LedgerTampered, NotDurable, UsageError
from medchain.ledger.lines import MAX_LINE, event
from medchain.ledger.store import Store
from medchain.ledger.vault import Vault
from medchain.pipeline.amend import amend
from medchain.pipeline.audit import verify
from medchain.pipeline.erase import MOST_RECORDS, erase
from medchain.pipeline.find import find
from medchain.pipeline.ingest import ingest
from medchain.pipeline.reason import LONGEST
from tests.pipeline.test_ingest import records, rewrite, rows, vault_rows

REASON = "as the law demands"


@pytest.fixture
def ledger(model: Path, table: Path, tmp_path: Path) -> Path:
    """A ledger of 400 records in blocks of 30; each row has a cell that stands nowhere else."""
    rewrite(table, lambda lines: [line.append(f"CANARY{n}X") for n, line in enumerate(lines)])
    path = tmp_path / "pair" / "ledger.jsonl"
    path.parent.mkdir()
    ingest(table, model=model, ledger=path, batch_size=30, bits=0)
    return path


def parts(ledger: Path, numbers: Iterable[int]) -> list[bytes]:
    """What must be in no file any more: salt, subject and telling cell of each row."""
    found = []
    with Vault(ledger.with_suffix(".vault"), readonly=True) as vault:
        for number in numbers:
            [(_, line)] = vault.lines(number, 1)
            row = json.loads(line)["row"]
            found += [json.loads(line)["salt"], row["patient_id"], f"CANARY{number + 1}X"]
            assert found[-1] in line
    return [text.encode() for text in found]


def holding(ledger: Path, wanted: list[bytes]) -> list[str]:
    """The files of the ledger's folder that hold any of `wanted`."""
    return [
        file.name
        for file in sorted(ledger.parent.iterdir())
        if any(part in file.read_bytes() for part in wanted)
    ]


def test_an_erased_row_is_in_no_file_and_the_ledger_says_why(model: Path, ledger: Path) -> None:
    gone, before = parts(ledger, [7, 8, 399]), ledger.read_bytes()
    assert holding(ledger, gone) == ["ledger.vault"]
    summary = erase(ledger, record=[8, 7, 399], reason=REASON)
    assert (summary.records, summary.already, summary.shredded) == ((7, 8, 399), (), ())
    assert holding(ledger, gone) == []
    assert ledger.read_bytes().startswith(before), "the ledger only grew"
    assert {file.name for file in ledger.parent.iterdir()} == {"ledger.jsonl", "ledger.vault"}
    assert ledger.with_suffix(".vault").stat().st_mode & 0o777 == 0o600
    report = verify(ledger, vault=True, model=model)
    assert report.ok, report.finding
    assert (report.seals_opened, report.scores_repeated, report.scores_of_erased) == (397, 397, 3)
    assert report.erasures
    assert [(e.records, e.reason) for e in report.erasures] == [((7, 8, 399), REASON)]
    assert (report.erasures[0].block, report.erasures[0].time) == (summary.block, summary.time)
    assert verify(ledger).ok, "nobody needs the vault"


def test_the_event_is_exactly_what_the_format_says(ledger: Path) -> None:
    erase(ledger, record=7, reason="wörds")
    line = ledger.read_bytes().split(b"\n")[-3]
    assert line == b'{"event":"erase","records":[7],"reason":"w\\u00f6rds"}'


def test_a_subject_is_erased_with_every_row_of_it(model: Path, table: Path, ledger: Path) -> None:
    ingest(table, model=model, ledger=ledger, bits=0, allow_duplicate=True)
    subject = rows(table)[5]["patient_id"]
    gone = parts(ledger, [5])
    assert erase(ledger, subject=subject, reason=REASON).records == (5, 405)
    assert holding(ledger, gone) == []
    assert find(ledger, subject=subject).records == ()
    assert verify(ledger, vault=True).ok


def test_everything_else_stays_as_it_was(table: Path, ledger: Path) -> None:
    with Vault(ledger.with_suffix(".vault"), readonly=True) as vault:
        before, secret = vault.lines(0, 400), vault.secret
    erase(ledger, record=range(0, 400, 3), reason=REASON)
    with Vault(ledger.with_suffix(".vault"), readonly=True) as vault:
        assert vault.lines(0, 400) == [line for line in before if line[0] % 3]
        assert vault.secret == secret
        assert vault.subject_of(1) == rows(table)[1]["patient_id"]
        assert vault.subject_of(0) is None


def test_all_rows_may_be_erased(model: Path, ledger: Path) -> None:
    erase(ledger, record=range(400), reason=REASON)
    assert vault_rows(ledger) == []
    report = verify(ledger, vault=True, model=model)
    assert (report.ok, report.seals_opened, report.scores_of_erased) == (True, 0, 400)


def test_many_records_are_erased_by_several_events(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medchain.pipeline.erase.MOST_RECORDS", 150)
    summary = erase(ledger, record=range(1, 400), reason=REASON)
    assert summary.records == tuple(range(1, 400))
    assert len(vault_rows(ledger)) == 1
    report = verify(ledger, vault=True)
    assert report.ok
    assert report.erasures
    assert [len(erasure.records) for erasure in report.erasures] == [150, 150, 99]
    assert report.erasures[-1].block == summary.block


def test_the_longest_event_of_an_erasure_is_within_its_limit() -> None:
    numbers = list(range(2**53 - MOST_RECORDS, 2**53))
    reason = "\U0001f600" * LONGEST
    assert len(event("erase", {"records": numbers, "reason": reason})) <= MAX_LINE


def test_an_erased_row_does_not_come_back(model: Path, table: Path, ledger: Path) -> None:
    gone = parts(ledger, [7])
    erase(ledger, record=7, reason=REASON)
    assert ingest(table, model=model, ledger=ledger).duplicate
    assert holding(ledger, gone) == []
    more = ingest(table, model=model, ledger=ledger, bits=0, allow_duplicate=True)
    assert more.first_record == 400
    assert gone[0] not in ledger.with_suffix(".vault").read_bytes(), "anew means a new salt"
    assert verify(ledger, vault=True, model=model).ok


def test_a_table_recorded_in_part_does_not_bring_a_row_back(
    model: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, whole = tmp_path / "part.jsonl", Store.append

    def append(store: Store, *rest: object) -> object:
        if store.height == 9:
            raise NotDurable("no space")
        return whole(store, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "append", append)
    with pytest.raises(NotDurable):
        ingest(table, model=model, ledger=ledger, batch_size=10, bits=0)
    monkeypatch.setattr(Store, "append", whole)
    done = len(records(ledger))
    with Vault(ledger.with_suffix(".vault"), readonly=True) as vault:
        assert vault.reaches(done), "rows were sealed that no block committed to"
    subject = rows(table)[done + 3]["patient_id"]
    assert find(ledger, subject=subject).unrecorded == 1
    before = ledger.read_bytes()
    dry = erase(ledger, subject=subject, reason=REASON, dry_run=True)
    assert (dry.records, dry.unrecorded) == ((), 1)
    summary = erase(ledger, subject=subject, reason=REASON)
    assert (summary.records, summary.unrecorded, summary.block) == ((), 1, None)
    assert ledger.read_bytes() == before
    vault_bytes = ledger.with_suffix(".vault").read_bytes()
    assert subject.encode() not in vault_bytes, "a row without a block goes without an event"
    assert erase(ledger, record=7, reason=REASON).records == (7,)
    summary2 = ingest(table, model=model, ledger=ledger, batch_size=10)
    assert (summary2.already, summary2.records) == (done, 400 - done)
    assert vault_rows(ledger) == [row for n, row in enumerate(rows(table)) if n != 7]
    assert verify(ledger, vault=True, model=model).ok


def test_erasing_twice_records_once(ledger: Path) -> None:
    erase(ledger, record=[3, 4], reason=REASON)
    before = ledger.read_bytes()
    again = erase(ledger, record=[3, 4], reason=REASON)
    assert (again.records, again.already, again.block) == ((), (3, 4), None)
    assert ledger.read_bytes() == before
    more = erase(ledger, record=[4, 5], reason=REASON)
    assert (more.records, more.already) == ((5,), (4,))


def test_a_dry_run_writes_nothing(ledger: Path) -> None:
    before = {file: file.read_bytes() for file in ledger.parent.iterdir()}
    assert erase(ledger, record=3, reason=REASON, dry_run=True).records == (3,)
    assert {file: file.read_bytes() for file in ledger.parent.iterdir()} == before


def test_a_row_that_is_missing_without_an_event_is_found(ledger: Path) -> None:
    erase(ledger, record=3, reason=REASON)
    with Vault(ledger.with_suffix(".vault")) as vault:
        vault._db.execute("delete from sealed where record in (3, 65)")
    finding = verify(ledger, vault=True).finding
    assert finding
    assert (finding.kind, finding.record, finding.block) == ("seal", 65, 3)
    assert ledger.read_bytes()[finding.offset :].startswith(b'{"record":65,')
    assert ledger.read_bytes().split(b"\n")[finding.line - 1].startswith(b'{"record":65,')


def test_an_event_that_names_records_to_come_excuses_nothing(
    model: Path, table: Path, ledger: Path
) -> None:
    _append(ledger, "erase", {"records": [400], "reason": "in advance"})
    ingest(table, model=model, ledger=ledger, bits=0, allow_duplicate=True)
    assert verify(ledger, vault=True).ok, "and erases nothing"
    with Vault(ledger.with_suffix(".vault")) as vault:
        vault._db.execute("delete from sealed where record = 400")
    finding = verify(ledger, vault=True).finding
    assert finding
    assert (finding.kind, finding.record) == ("seal", 400)


def _append(ledger: Path, kind: str, fields: dict[str, object]) -> None:
    with Store(ledger, clock=lambda: time.time_ns() // 1000) as store:
        store.read(lambda _: None)
        store.append(kind, fields, b"", 0, 0)


@pytest.mark.parametrize("opener", ["ingest", "erase", "amend"])
def test_a_record_without_the_shred_is_found_and_completed(
    model: Path, table: Path, ledger: Path, opener: str
) -> None:
    """As a crash between the event and the shred leaves it, or an old copy of the vault."""
    gone = parts(ledger, [7])
    old = ledger.with_suffix(".vault").read_bytes()
    erase(ledger, record=7, reason=REASON)
    ledger.with_suffix(".vault").write_bytes(old)
    finding = verify(ledger, vault=True).finding
    assert finding
    assert (finding.kind, finding.record) == ("erase", 7)
    assert "still in the vault" in finding.message
    [found] = find(ledger, subject=rows(table)[7]["patient_id"]).records
    assert found["erased"]
    if opener == "ingest":
        assert ingest(table, model=model, ledger=ledger).shredded == (7,)
    elif opener == "erase":
        summary = erase(ledger, subject=rows(table)[7]["patient_id"], reason=REASON)
        assert (summary.records, summary.already, summary.shredded) == ((), (7,), (7,))
    else:
        assert amend(ledger, record=9, reason="a second look").shredded == (7,)
    assert holding(ledger, gone) == []
    assert verify(ledger, vault=True).ok


def test_a_finding_in_the_ledger_comes_before_an_unfinished_erasure(ledger: Path) -> None:
    old = ledger.with_suffix(".vault").read_bytes()
    erase(ledger, record=7, reason=REASON)
    ledger.with_suffix(".vault").write_bytes(old)
    with Vault(ledger.with_suffix(".vault")) as vault:
        vault._db.execute("update sealed set line = line || ' ' where record = 399")
    finding = verify(ledger, vault=True).finding
    assert finding
    assert (finding.kind, finding.record) == ("seal", 399)


def test_what_an_interruption_left_beside_the_vault_is_found_and_goes(ledger: Path) -> None:
    left = ledger.with_name("ledger.vault.old")
    shutil.copy(ledger.with_suffix(".vault"), left)
    finding = verify(ledger, vault=True).finding
    assert finding
    assert (finding.kind, "was interrupted" in finding.message) == ("erase", True)
    amend(ledger, record=9, reason="a second look")
    assert not left.exists()
    assert verify(ledger, vault=True).ok


@pytest.mark.parametrize("linked", [True, False])
def test_the_old_vault_is_overwritten_and_a_second_name_of_it_is_left_alone(
    ledger: Path, linked: bool
) -> None:
    """A hard link is someone's backup: to overwrite it would destroy that."""
    vault = ledger.with_suffix(".vault")
    old = vault.read_bytes()
    backup = ledger.parent.parent / "backup.vault"
    with vault.open("rb") as held:
        if linked:
            backup.hardlink_to(vault)
        erase(ledger, record=7, reason=REASON)
        held.seek(0)
        assert held.read() == (old if linked else bytes(len(old)))


def test_a_file_system_without_hard_links_will_do(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(fs.os, "link", refuse)
    gone, old = parts(ledger, [7]), ledger.with_suffix(".vault").read_bytes()
    with ledger.with_suffix(".vault").open("rb") as held:
        erase(ledger, record=7, reason=REASON)
        assert held.read() == bytes(len(old))
    assert holding(ledger, gone) == []


def test_a_reader_in_the_middle_of_a_query_is_not_overwritten(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = ledger.with_suffix(".vault")
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **k, timeout=0.1))
    reader = real(vault)
    query = reader.execute("select line from sealed")
    query.fetchone()
    with pytest.raises(LedgerLocked):
        erase(ledger, record=7, reason=REASON)
    assert len(query.fetchall()) == 399
    reader.close()
    assert [file.name for file in sorted(ledger.parent.iterdir())] == [
        "ledger.jsonl",
        "ledger.vault",
    ]
    finding = verify(ledger, vault=True).finding
    assert finding
    assert finding.kind == "erase", "recorded, not yet shredded, and told"
    assert erase(ledger, record=7, reason=REASON).shredded == (7,)
    assert verify(ledger, vault=True).ok


def test_a_reader_that_an_erasure_overtakes_is_told_and_never_misled(ledger: Path) -> None:
    with Vault(ledger.with_suffix(".vault"), readonly=True) as vault:
        assert len(vault.lines(0, 400)) == 400
        erase(ledger, record=7, reason=REASON)
        for look in (lambda: vault.lines(0, 400), lambda: vault.head, lambda: vault.kept([1])):
            with pytest.raises(UsageError, match="not a database") as caught:
                look()
            assert "repeat the command" in caught.value.hint


def test_open_rows_cannot_be_erased(model: Path, table: Path, tmp_path: Path) -> None:
    path = tmp_path / "open.jsonl"
    ingest(table, model=model, ledger=path, rows="open", bits=0)
    before = path.read_bytes()
    for words in ({"record": 3}, {"subject": rows(table)[3]["patient_id"]}):
        with pytest.raises(UsageError, match="stand open") as caught:
            erase(path, reason=REASON, **words)  # type: ignore[arg-type]
        assert "sealed ledger" in caught.value.hint
    with pytest.raises(UsageError, match="stand open"):
        find(path, subject="x")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({}, "erase whom"),
        ({"record": 400}, "there is no record 400"),
        ({"record": -1}, "there is no record -1"),
        ({"subject": "nobody"}, "holds no row of this subject"),
        ({"subject": ["nobody", "{subject}"]}, "holds no row of this subject"),
        ({"record": 3, "reason": " "}, "needs a reason"),
        ({"record": 3, "reason": "of canary4x"}, "in column 'CANARY0X'"),
        ({"record": 3, "reason": "for {subject}"}, "names a person"),
        ({"record": 3, "reason": "for x{subject}x"}, "in column 'patient_id'"),
        ({"record": 4, "reason": "as {subject}, too"}, "names a person"),
        ({"subject": "{subject}", "reason": "for {subject}"}, "names a person"),
    ],
)
def test_what_cannot_be_erased_is_refused_whole(
    table: Path, ledger: Path, words: dict[str, object], sentence: str
) -> None:
    subject = rows(table)[3]["patient_id"]

    def fill(value: object) -> object:
        if isinstance(value, list):
            return [fill(item) for item in value]
        return value.replace("{subject}", subject) if isinstance(value, str) else value

    before = {file: file.read_bytes() for file in ledger.parent.iterdir()}
    with pytest.raises(UsageError, match=sentence) as caught:
        erase(ledger, **{"reason": REASON, **{k: fill(v) for k, v in words.items()}})  # type: ignore[arg-type]
    for shown in (caught.value.message, caught.value.hint):
        assert subject not in shown
        assert "nobody" not in shown
        assert "canary4x" not in shown.lower()
    assert {file: file.read_bytes() for file in ledger.parent.iterdir()} == before


def test_a_ledger_that_does_not_hold_is_not_erased_from(ledger: Path) -> None:
    data = ledger.read_bytes()
    ledger.write_bytes(data.replace(b'"anomaly":true', b'"anomaly":false', 1))
    before = ledger.with_suffix(".vault").read_bytes()
    with pytest.raises(LedgerTampered):
        erase(ledger, record=3, reason=REASON)
    assert ledger.with_suffix(".vault").read_bytes() == before


def test_a_vault_without_subjects_says_so(table: Path, tmp_path: Path, model: Path) -> None:
    path = tmp_path / "unnamed.jsonl"
    ingest(table, model=model, ledger=path, bits=0)
    with Vault(path.with_suffix(".vault")) as vault:
        vault._db.execute("update sealed set subject = null")
    assert not find(path, subject="x").subjects_known
    with pytest.raises(UsageError, match="knows no subject"):
        erase(path, subject="x", reason=REASON)
    assert erase(path, record=3, reason=REASON).records == (3,)


def test_a_missing_ledger_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        erase(tmp_path / "none.jsonl", record=1, reason=REASON)
    assert list(tmp_path.iterdir()) == []
