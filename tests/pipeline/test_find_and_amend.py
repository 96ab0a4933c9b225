"""Find and amend: everything of one person, and a later word that hides nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from medchain.errors import LedgerTampered, UsageError
from medchain.ledger.vault import Vault
from medchain.pipeline.amend import amend
from medchain.pipeline.audit import verify
from medchain.pipeline.erase import erase
from medchain.pipeline.export import export
from medchain.pipeline.find import find
from medchain.pipeline.ingest import ingest
from medchain.pipeline.show import show
from tests.pipeline.test_ingest import records, rows


@pytest.fixture
def ledger(model: Path, table: Path, tmp_path: Path) -> Path:
    path = tmp_path / "ledger.jsonl"
    ingest(table, model=model, ledger=path, batch_size=30, bits=0)
    return path


def exported(ledger: Path) -> list[dict[str, str]]:
    file = io.BytesIO()
    export(ledger, file)
    return list(csv.DictReader(io.StringIO(file.getvalue().decode())))


def test_what_is_found_is_what_show_shows(model: Path, table: Path, ledger: Path) -> None:
    ingest(table, model=model, ledger=ledger, bits=0, allow_duplicate=True)
    subject = rows(table)[65]["patient_id"]
    found = find(ledger, subject=subject)
    assert [record["record"] for record in found.records] == [65, 465]
    assert (found.unrecorded, found.subjects_known) == (0, True)
    for record in found.records:
        number = record["record"]
        assert isinstance(number, int)
        shown = show(ledger, record=number)
        assert record.items() <= shown.items()
        assert "row" not in record
    whole = find(ledger, subject=subject, rows=True)
    assert [record["row"] for record in whole.records] == [rows(table)[65]] * 2


def test_nobody_is_found_without_an_error(ledger: Path) -> None:
    found = find(ledger, subject="nobody")
    assert (found.records, found.unrecorded, found.subjects_known) == ((), 0, True)


def test_a_row_that_was_not_the_sealed_one_is_not_handed_out(table: Path, ledger: Path) -> None:
    with Vault(ledger.with_suffix(".vault")) as vault:
        vault._db.execute("update sealed set line = replace(line, '\"f\"', '\"m\"')")
        vault._db.execute("update sealed set line = line || ' ' where record = 65")
    with pytest.raises(LedgerTampered, match="record 65"):
        find(ledger, subject=rows(table)[65]["patient_id"])


def test_a_vault_of_another_ledger_is_refused(
    model: Path, table: Path, ledger: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.jsonl"
    ingest(table, model=model, ledger=other, bits=0)
    ledger.with_suffix(".vault").write_bytes(other.with_suffix(".vault").read_bytes())
    with pytest.raises(UsageError, match="another ledger"):
        find(ledger, subject="x")


def test_an_amendment_points_and_hides_nothing(model: Path, table: Path, ledger: Path) -> None:
    before, records_before = ledger.read_bytes(), records(ledger)
    verdict = records_before[7].anomaly
    summary = amend(ledger, record=7, reason="read again by two", anomaly=not verdict)
    amend(ledger, record=7, reason="the probe was  mislabelled")
    assert ledger.read_bytes().startswith(before)
    assert records(ledger) == records_before
    word = "false" if verdict else "true"
    lines = ledger.read_text().splitlines()
    assert (
        lines[-4] == f'{{"event":"amend","record":7,"reason":"read again by two","anomaly":{word}}}'
    )
    assert lines[-2] == '{"event":"amend","record":7,"reason":"the probe was mislabelled"}'
    report = verify(ledger, vault=True, model=model)
    assert (report.ok, report.seals_opened) == (True, 400)
    shown = show(ledger, record=7)
    assert (shown["anomaly"], shown["erased"]) == (verdict, None)
    amended = shown["amended"]
    assert isinstance(amended, list)
    assert [(one["anomaly"], one["block"]) for one in amended] == [
        (not verdict, summary.block),
        (None, summary.block + 1),
    ]
    [found] = find(ledger, subject=rows(table)[7]["patient_id"]).records
    assert found["amended"] == amended
    assert show(ledger)["amended"] == 1


def test_export_marks_what_was_erased_and_amended(ledger: Path, tmp_path: Path) -> None:
    plain = exported(ledger)
    assert {row["erased"] + row["amended"] + row["amended_anomaly"] for row in plain} == {""}
    amend(ledger, record=7, reason="read again by two", anomaly=True)
    amend(ledger, record=7, reason="the probe was mislabelled")
    amend(ledger, record=9, reason="the probe was mislabelled")
    erase(ledger, record=[9, 11], reason="as the law demands")
    marked = exported(ledger)
    for name in ("record", "score", "anomaly", "seal"):
        assert [row[name] for row in marked] == [row[name] for row in plain]
    assert [n for n, row in enumerate(marked) if row["amended"]] == [7, 9]
    assert [n for n, row in enumerate(marked) if row["erased"]] == [9, 11]
    assert (marked[7]["amended_anomaly"], marked[9]["amended_anomaly"]) == ("true", "")
    import pyarrow.parquet as pq

    export(ledger, tmp_path / "records.parquet")
    table = pq.read_table(tmp_path / "records.parquet").to_pylist()
    assert [n for n, row in enumerate(table) if row["erased"]] == [9, 11]
    assert table[7]["amended_anomaly"] is True


@pytest.mark.parametrize("rows_are", ["sealed", "open"])
def test_a_reason_that_quotes_the_row_is_refused(
    model: Path, table: Path, tmp_path: Path, rows_are: str
) -> None:
    path = tmp_path / "mine.jsonl"
    ingest(table, model=model, ledger=path, bits=0, rows=rows_are)
    before = path.read_bytes()
    subject = rows(table)[7]["patient_id"]
    with pytest.raises(UsageError) as caught:
        amend(path, record=7, reason=f"of {subject.lower()}, read again")
    assert subject not in caught.value.message
    column, cell = next((c, t) for c, t in rows(table)[7].items() if t.isdigit() and len(t) == 2)
    with pytest.raises(
        UsageError, match=f"quotes what the row says in column '{column}'"
    ) as caught:
        amend(path, record=7, reason=f"{column} {cell} was wrong")
    assert cell not in caught.value.message
    with pytest.raises(UsageError, match="there is no record 400"):
        amend(path, record=400, reason="too far")
    assert path.read_bytes() == before
    assert amend(path, record=7, reason="read again").record == 7
    assert verify(path).ok


def test_an_amendment_is_seen_by_the_vault(ledger: Path) -> None:
    """So that a ledger which was cut before it is told."""
    amend(ledger, record=7, reason="read again")
    data = ledger.read_bytes()
    ledger.write_bytes(data[: data.rindex(b'{"event":"amend"')])
    finding = verify(ledger, vault=True).finding
    assert finding
    assert finding.kind == "short"


def test_an_erased_record_may_still_be_amended(ledger: Path) -> None:
    erase(ledger, record=7, reason="as the law demands")
    amend(ledger, record=7, reason="read again", anomaly=False)
    shown = show(ledger, record=7)
    assert shown["erased"]
    assert shown["amended"]
    assert verify(ledger, vault=True).ok
