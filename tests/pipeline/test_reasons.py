"""Reasons and drift on their way into a ledger: where they stand, and where they must not."""

from __future__ import annotations

import io
import json
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from medchain.detect.bundle import Bundle
from medchain.detect.scoring import Scorer
from medchain.errors import LedgerTampered, TableError, UsageError
from medchain.ledger.vault import Vault
from medchain.ledger.verify import Walk
from medchain.pipeline import share
from medchain.pipeline.audit import verify
from medchain.pipeline.explain import explain
from medchain.pipeline.ingest import ingest
from medchain.pipeline.show import show

OLD = Path(__file__).parent.parent.parent / "data" / "archive" / "model"
PATIENTS = OLD.parent.parent / "patients.csv"


def sealed(ledger: Path) -> list[dict[str, object]]:
    with Vault(ledger.with_suffix(".vault"), readonly=True) as vault:
        return [json.loads(line) for _, line in vault.lines(0, 10**6)]


def verdicts(ledger: Path) -> list[bool]:
    walk = Walk(io.BytesIO(ledger.read_bytes()))
    return [row.anomaly for block in walk for row in block.rows()]


def events(ledger: Path) -> list[dict[str, object]]:
    return [dict(block.event) for block in Walk(io.BytesIO(ledger.read_bytes()))][1:]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def made(model: Path, table: Path, ledger: Path, **options: object) -> Path:
    ingest(table, model=model, ledger=ledger, bits=0, **options)  # type: ignore[arg-type]
    return ledger


def test_the_sealed_rows_of_anomalies_alone_hold_reasons(
    model: Path, table: Path, ledger: Path
) -> None:
    made(model, table, ledger, batch_size=17)
    lines, flags = sealed(ledger), verdicts(ledger)
    assert any(flags)
    for line, flag in zip(lines, flags, strict=True):
        keys = ["salt", "ledger", "record", "row"]
        assert list(line) in ([*keys, "reasons"], keys) if flag else list(line) == keys
    assert sum("reasons" in line for line in lines) > 0.9 * sum(flags)
    assert verify(ledger, vault=True, model=model).ok


@pytest.mark.parametrize("size", [1, 7, 400])
def test_they_are_those_of_explain_whatever_the_blocks(
    model: Path, table: Path, ledger: Path, size: int
) -> None:
    made(model, table, ledger, batch_size=size)
    expected = [one.reasons for one in explain(table, model=model, all=True)]
    for line, flag, reasons in zip(sealed(ledger), verdicts(ledger), expected, strict=True):
        assert line.get("reasons", {}) == (reasons if flag else {})


@pytest.mark.skipif(sys.platform != "linux", reason="shared work is for Linux")
def test_a_shared_ingest_seals_the_same(
    model: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = made(model, table, tmp_path / "a.jsonl", batch_size=50)
    monkeypatch.setattr(share, "shares", lambda size, cores: 2)
    monkeypatch.setattr("medchain.pipeline.scored.shares", lambda size, cores: 2)
    shared = made(model, table, tmp_path / "b.jsonl", batch_size=50)
    keys = ("record", "row", "reasons")
    kept = [[{k: line.get(k) for k in keys} for line in sealed(one)] for one in (alone, shared)]
    assert kept[0] == kept[1]
    figures = [[event["drift"] for event in events(one)] for one in (alone, shared)]
    assert figures[0] == figures[1]


def test_no_reason_is_ever_in_a_ledger(model: Path, table: Path, tmp_path: Path) -> None:
    for rows in ("sealed", "open"):
        ledger = made(model, table, tmp_path / f"{rows}.jsonl", rows=rows)
        assert b"reasons" not in ledger.read_bytes()
        assert verify(ledger, vault=rows == "sealed").ok


def test_they_can_be_left_out(model: Path, table: Path, ledger: Path) -> None:
    made(model, table, ledger, reasons=False)
    assert not any("reasons" in line for line in sealed(ledger))


def test_columns_with_odd_names(table: Path, tmp_path: Path) -> None:
    """Names that JSON must escape come back as they were."""
    from medchain.pipeline.train import train

    header, *rows = table.read_text().splitlines()
    names = header.split(",")
    odd = ",".join([names[0], *(f'"na""me\\ é {n}"' for n in names[1:])])
    other = tmp_path / "odd.csv"
    other.write_text("\n".join([odd, *rows]) + "\n")
    train(other, id=names[0], output=tmp_path / "odd", alert_rate=0.2)
    ledger = made(tmp_path / "odd", other, tmp_path / "odd.jsonl")
    found = {name for line in sealed(ledger) for name in line.get("reasons", {})}  # type: ignore[attr-defined]
    assert found
    assert found < {f'na"me\\ é {n}' for n in names[1:]}
    assert verify(ledger, vault=True).ok


def test_show_opens_the_row_and_its_reasons(model: Path, table: Path, ledger: Path) -> None:
    made(model, table, ledger)
    number = verdicts(ledger).index(True)
    line = sealed(ledger)[number]
    shown = show(ledger, record=number, vault=True)
    assert (shown["row"], shown["reasons"]) == (line["row"], line["reasons"])
    assert "row" not in show(ledger, record=number)
    with pytest.raises(UsageError, match="holds records"):
        show(ledger, vault=True)
    with pytest.raises(UsageError, match="does not exist"):
        show(ledger, record=0, vault=ledger.with_name("nowhere"))


def test_show_refuses_a_row_that_is_not_the_sealed_one(
    model: Path, table: Path, ledger: Path
) -> None:
    import sqlite3

    made(model, table, ledger)
    path = ledger.with_suffix(".vault")
    with sqlite3.connect(path) as database:
        database.execute("update sealed set line = replace(line, 'row', 'rov') where record = 0")
    with pytest.raises(LedgerTampered, match="not the one that the record commits to"):
        show(ledger, record=0, vault=True)
    with sqlite3.connect(path) as database:
        database.execute("delete from sealed where record = 0")
    with pytest.raises(UsageError, match="no row for record 0"):
        show(ledger, record=0, vault=True)


def test_the_seal_commits_to_the_reasons(model: Path, table: Path, ledger: Path) -> None:
    made(model, table, ledger)
    with Vault(ledger.with_suffix(".vault"), readonly=True) as vault:
        lines = dict(vault.lines(0, 10**6))
    walk = Walk(io.BytesIO(ledger.read_bytes()))
    seals = {row.number: row.seal for block in walk for row in block.rows()}
    assert {n: sha256(line.encode()).hexdigest() for n, line in lines.items()} == seals


def test_each_block_of_ten_rows_or_more_has_a_drift(model: Path, table: Path, ledger: Path) -> None:
    made(model, table, ledger, batch_size=57)  # 400 rows: the last block has one
    found = events(ledger)
    assert ["drift" in event for event in found] == [True] * 7 + [False]
    for event in found[:-1]:
        assert list(event)[-2:] == ["anomalies", "drift"]
        assert 0 <= float(str(event["drift"])) <= 99
    lines = [line for line in ledger.read_text().splitlines() if '"drift"' in line]
    assert all(
        line.rpartition('"drift":')[2].replace(".", "").rstrip("}").isdigit() for line in lines
    )


def test_drift_of_a_block_is_of_its_own_rows(model: Path, table: Path, ledger: Path) -> None:
    """Blocks cut from batches of another size, after rows that are recorded already."""
    made(model, table, ledger, batch_size=60)
    bundle = Bundle.load(model)
    scorer = Scorer(bundle)
    rows = [list(line["row"].values()) for line in sealed(ledger)]  # type: ignore[attr-defined]
    scorer.bind(list(sealed(ledger)[0]["row"]))  # type: ignore[call-overload]
    for number, event in enumerate(events(ledger)):
        scores, _, bins = scorer.watch(rows[60 * number : 60 * (number + 1)])
        assert scorer.drift
        assert event["drift"] == scorer.drift.figure(bins, scores)


def test_a_table_of_another_world_is_told_of(model: Path, table: Path, ledger: Path) -> None:
    header, *rows = table.read_text().splitlines()
    scaled = [",".join(_times_ten(cell) for cell in row.split(",")) for row in rows]
    table.write_text("\n".join([header, *scaled]) + "\n")
    made(model, table, ledger, batch_size=100)
    assert all(float(str(event["drift"])) > 5 for event in events(ledger))


def _times_ten(cell: str) -> str:
    try:
        return str(float(cell) * 10)
    except ValueError:
        return cell


def test_a_bundle_of_the_first_format_gives_no_drift_but_reasons(ledger: Path) -> None:
    made(OLD, PATIENTS, ledger)
    assert all("drift" not in event for event in events(ledger))
    assert any("reasons" in line for line in sealed(ledger))


def test_explain_names_line_and_column_of_a_bad_cell(model: Path, table: Path) -> None:
    lines = table.read_text().splitlines()
    cells = lines[3].split(",")
    cells[lines[0].split(",").index("age")] = "high"
    lines[3] = ",".join(cells)
    table.write_text("\n".join(lines) + "\n")
    with pytest.raises(TableError, match="line 4, column") as caught:
        list(explain(table, model=model))
    assert "high" not in str(caught.value)
    with pytest.raises(UsageError, match="1 to 100"):
        list(explain(table, model=model, top=0))
