"""The vault: rows that seals open, private, durable, and honest about the ledger beside it."""

from __future__ import annotations

import io
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from medchain.errors import FormatTooNew, LedgerTampered, NotDurable, UsageError
from medchain.ledger import lines
from medchain.ledger.merkle import line_hashes
from medchain.ledger.vault import Vault, vault_path
from medchain.ledger.verify import verify

from . import forge

ROWS = [["P-1", "61", 'quo"te'], ["P-2", "", "naïve\n"], ["P-3", "5", "100%"]]
COLUMNS = ["id", "age", "note %"]
HEAD = (1, "ab" * 32)


def sealed(first: int = 0) -> list[str]:
    objects = lines.row_objects(COLUMNS, ROWS)
    return lines.sealed_lines(forge.LEDGER, first, ["0" * 32, "1" * 32, "2" * 32], objects)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    with Vault.create(tmp_path / "ledger.vault", forge.LEDGER, b"secret") as vault:
        yield vault


def test_its_place_is_beside_the_ledger() -> None:
    assert vault_path(Path("a/ledger.jsonl")) == Path("a/ledger.vault")


def test_only_its_owner_may_read_it(vault: Vault) -> None:
    vault.write(0, sealed(), None, HEAD)
    for file in vault.path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file.name


def test_rows_come_back_cell_for_cell(vault: Vault) -> None:
    vault.write(7, sealed(7), ["P-1", "P-2", "P-3"], HEAD)
    assert dict(vault.rows(7, 3)) == {
        7 + index: dict(zip(COLUMNS, row, strict=True)) for index, row in enumerate(ROWS)
    }
    assert [number for number, _ in vault.rows(8, 1)] == [8]


def test_a_sealed_line_is_the_line_of_the_format() -> None:
    line = sealed(3)[1]
    assert json.loads(line) == {
        "salt": "1" * 32,
        "ledger": forge.LEDGER,
        "record": 4,
        "row": {"id": "P-2", "age": "", "note %": "naïve\n"},
    }
    assert line.isascii()
    assert line.isprintable()
    example = (Path(__file__).parent.parent / "vectors" / "example.sealed.jsonl").read_text()
    objects = lines.row_objects(
        ["patient_id", "age", "sex", "creatinine"], [["P-1", "61", "f", "0.9"]]
    )
    salt = "2bc990059473448e6ebd442aa16bfaa0"
    assert lines.sealed_lines(forge.LEDGER, 0, [salt], objects) == [example.splitlines()[0]]


def test_rows_without_a_block_are_replaced(vault: Vault) -> None:
    vault.write(0, sealed(), None, HEAD)
    vault.write(1, sealed(1)[:1], None, HEAD)
    assert [number for number, _ in vault.lines(0, 10)] == [0, 1]


def test_an_ingest_is_found_by_table_and_model(vault: Vault) -> None:
    assert vault.find(b"table", "m") is None
    vault.start("b1", b"table", "m")
    found = vault.find(b"table", "m")
    assert found
    assert (found.batch, found.complete) == ("b1", False)
    vault.finish("b1", HEAD)
    vault.start("b2", b"table", "m")
    found = vault.find(b"table", "m")
    assert found
    assert found.batch == "b2", "an open run comes first"
    assert vault.find(b"table", "other") is None
    assert vault.batches() == {"b1", "b2"}


def test_a_shortened_or_rewritten_ledger_is_refused(vault: Vault) -> None:
    vault.check_head(0, None)
    vault.write(0, sealed(), None, (4, "ab" * 32))
    vault.check_head(5, "ab" * 32)
    with pytest.raises(LedgerTampered, match="seen block 4"):
        vault.check_head(4, None)
    with pytest.raises(LedgerTampered, match="not the one"):
        vault.check_head(6, "cd" * 32)


def write_pair(folder: Path) -> tuple[Path, Path]:
    """A ledger with three sealed records, and its vault."""
    path = folder / "ledger.jsonl"
    text = sealed()
    hashes = line_hashes("".join(f"{line}\n" for line in text).encode())
    seals = [hashes[start : start + 32].hex() for start in (0, 32, 64)]
    with (
        forge.open_store(path) as store,
        Vault.create(vault_path(path), forge.LEDGER, b"s") as vault,
    ):
        store.read(lambda _: None)
        store.begin(forge.GENESIS)
        vault.write(0, text, None, store.head)
        records = lines.sealed_records(0, [0.1, 0.2, 0.9], [False, False, True], seals)
        fields: lines.Event = {"batch": "0" * 32, "model": forge.MODEL, "threshold": 0.5}
        store.append("score", {**fields, "rows": 3, "anomalies": 1}, records, 3, 4)
    return path, vault_path(path)


def test_every_seal_opens(tmp_path: Path) -> None:
    ledger, path = write_pair(tmp_path)
    with Vault(path, readonly=True) as vault:
        assert verify(io.BytesIO(ledger.read_bytes()), check=vault.open_seals).ok


@pytest.mark.parametrize("record", [0, 1, 2])
@pytest.mark.parametrize("fault", ["altered", "lost"])
def test_a_row_that_does_not_open_its_seal_is_found(
    tmp_path: Path, record: int, fault: str
) -> None:
    ledger, path = write_pair(tmp_path)
    with Vault(path) as vault:
        change = (
            "update sealed set line = line || ' '" if fault == "altered" else "delete from sealed"
        )
        vault._db.execute(f"{change} where record = ?", (record,))
        found = verify(io.BytesIO(ledger.read_bytes()), check=vault.open_seals).finding
    assert found
    assert (found.kind, found.block, found.record) == ("seal", 1, record)
    assert ledger.read_bytes()[found.offset :].startswith(b'{"record":%d,' % record)


def test_a_vault_opens_from_a_folder_that_is_read_only(tmp_path: Path) -> None:
    _, path = write_pair(tmp_path)
    os.chmod(tmp_path, 0o500)
    try:
        with Vault(path, readonly=True) as vault:
            assert len(vault.lines(0, 9)) == 3
    finally:
        os.chmod(tmp_path, 0o700)


def test_what_is_no_vault_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.vault"
    path.write_bytes(b"this is no database, but long enough to look like one" * 10)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="no vault"):
        Vault(path)
    with pytest.raises(NotDurable):
        Vault(tmp_path / "nowhere" / "x.vault")


def test_a_vault_of_a_later_format_is_refused(tmp_path: Path) -> None:
    _, path = write_pair(tmp_path)
    with Vault(path) as vault:
        vault._db.execute("pragma user_version = 3")
    with pytest.raises(FormatTooNew):
        Vault(path)


@pytest.fixture
def vault_file(tmp_path: Path) -> Path:
    path = tmp_path / "some.vault"
    with Vault.create(path, forge.LEDGER, b"k" * 32) as vault:
        vault.write(0, ["{}"], ["P"], (0, "00" * 32))
    return path


@pytest.mark.parametrize("readonly", [True, False])
@pytest.mark.parametrize(
    "statement",
    [
        "create view more as select 1",
        "create trigger fired after insert on ingest begin delete from sealed; end",
        "create table more (a)",
        "create index more on sealed (line)",
        "drop index sealed_subject",
        "alter table sealed add column more",
        "insert into meta values ('more', 1)",
        "update meta set value = 'far' where key = 'height'",
        "update meta set value = -1 where key = 'height'",
        "update meta set value = 'text' where key = 'secret'",
        "update meta set value = x'00' where key = 'ledger'",
        "update meta set value = 7 where key = 'hash'",
    ],
)
def test_a_file_that_is_not_quite_a_vault_is_refused(
    vault_file: Path, statement: str, readonly: bool
) -> None:
    with closing(sqlite3.connect(vault_file)) as database, database:
        database.execute(statement)
    with pytest.raises(UsageError, match="no vault"):
        Vault(vault_file, readonly=readonly)


def test_a_query_without_end_in_the_place_of_rows_is_refused(vault_file: Path) -> None:
    endless = "with recursive n(i) as (select 0 union all select i from n) select i, i, i from n"
    with closing(sqlite3.connect(vault_file)) as database, database:
        database.execute("drop table sealed")
        database.execute(f"create view sealed (record, line, subject) as {endless}")
    with pytest.raises(UsageError, match="no vault"):
        Vault(vault_file, readonly=True)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_vault_that_others_may_read_is_refused(vault_file: Path, mode: int) -> None:
    vault_file.chmod(mode)
    for readonly in (True, False):
        with pytest.raises(UsageError, match="others than its owner") as refused:
            Vault(vault_file, readonly=readonly)
        assert "chmod 600" in refused.value.hint


@pytest.mark.parametrize("name", ["", "-journal", "-wal", "-shm"])
def test_no_link_is_followed_to_a_vault(vault_file: Path, tmp_path: Path, name: str) -> None:
    link = vault_file.with_name(vault_file.name + name)
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        Vault.create(vault_file, forge.LEDGER, b"k" * 32)
    assert not (tmp_path / "elsewhere").exists()
