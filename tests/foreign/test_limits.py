"""Each limit of docs/limits.md: the same to the byte in all verifiers, and what is within it cheap.

Memory is that of a child process, as the kernel counted it.
"""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from medchain.errors import UsageError
from medchain.ledger import core
from medchain.ledger.archive import zstd as library
from medchain.ledger.lines import MAX_LINE, sealed_lines
from medchain.ledger.vault import Vault
from medchain.ledger.verify import MOST_MODELS, verify
from medchain.pipeline.audit import verify as audit
from medchain.pipeline.handover import build

from . import verifier
from .bombs import BOMBS, DEAREST, EDGES, RECORDS, packed
from .forge import ID, SEAL, Forge, event, score, sealed, sha256
from .test_foreign import NODE, SCRIPT, VERDICTS, javascript, package

MOST = 200
"""MB that a verification may take."""

CODES = {verdict: code for code, verdict in VERDICTS.items()}
MEASURED = (
    "import json, resource, subprocess, sys;"
    "done = subprocess.run(sys.argv[1:], capture_output=True, text=True);"
    "most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024;"
    "print(json.dumps([done.returncode, most, done.stdout + done.stderr]))"
)


def measured(*command: object) -> tuple[int, float, str]:
    """Exit code, most memory in MB, and output: run by a small process, which a fork copies."""
    run = [sys.executable, "-S", "-c", MEASURED, *map(str, command)]
    code, most, said = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)
    return code, most, said


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one-file verifier, which has no C core."""
    path = tmp_path_factory.mktemp("alone") / "verify.pyz"
    build(path)
    return path


def assert_cheap(path: Path, verdict: str, alone: Path) -> None:
    for command in (("-m", "medchain"), (alone,)):
        code, most, said = measured(sys.executable, *command, "verify", path)
        assert (code, most < MOST) == (CODES[verdict], True), (command, code, most, said)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_little_and_is_told(name: str, tmp_path: Path, alone: Path) -> None:
    data = BOMBS[name]()
    path = tmp_path / "ledger.jsonl.gz"
    path.write_bytes(packed(data))
    assert_cheap(path, "tampered", alone)
    report = verify(io.BytesIO(data))
    assert report.finding
    assert (report.finding.block, report.finding.offset > 0) == (report.blocks, report.blocks > 0)


@pytest.mark.parametrize("name", DEAREST)
def test_what_the_limits_allow_costs_little(name: str, tmp_path: Path, alone: Path) -> None:
    verdict, make = DEAREST[name]
    path = tmp_path / "ledger.jsonl.gz"
    path.write_bytes(packed(make()))
    assert_cheap(path, verdict, alone)


@pytest.mark.skipif(not NODE, reason="node is not installed")
@pytest.mark.parametrize("name", [*BOMBS, *DEAREST])
def test_the_one_in_javascript_streams(name: str, tmp_path: Path) -> None:
    verdict, make = DEAREST.get(name, ("tampered", BOMBS.get(name)))
    assert make
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(make())
    code, most, said = measured(NODE, SCRIPT, path)
    assert (code, json.loads(said)["verdict"], most < MOST) == (0, verdict, True), most


@pytest.mark.parametrize("name", EDGES)
def test_all_draw_the_line_at_the_same_byte(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict, make = EDGES[name]
    ledgers = [make(beyond) for beyond in (-1, 0, 1)]
    said = [package(data) for data in ledgers]
    assert [result.verdict for result in said] == [verdict, verdict, "tampered"]
    assert [verifier.verify(data) for data in ledgers] == said
    if NODE:
        assert javascript(ledgers) == said
    monkeypatch.setattr(core, "chosen", lambda _purpose: core.PYTHON)
    assert [package(data) for data in ledgers] == said


def test_a_report_names_no_more_than_a_thousand_models() -> None:
    forge = Forge()
    for number in range(MOST_MODELS + 5):
        forge.add(score(0.5, 0, 0, model=f"{number:064x}"))
    report = verify(io.BytesIO(forge.data))
    assert report.ok
    assert report.models == tuple(f"{number:064x}" for number in range(MOST_MODELS))


def test_large_blocks_on_many_cores_cost_little(tmp_path: Path) -> None:
    """Each thread has a window: they do not grow together, and there are not too many of them."""
    path, forge, records = tmp_path / "ledger.jsonl", Forge(), 0
    with path.open("wb") as file:
        for count in [*[1000] * 350, *[100_000] * 5, *[1000] * 100]:
            lines = (sealed(records + n, "0.1", "false") for n in range(count))
            forge.add(score(0.5, count, 0) if count == 1000 else event("x"), *lines)
            file.write(forge.data)
            forge.data, records = b"", records + count
    code = (
        "import sys; from medchain.ledger import scan, verify; scan.cores = lambda: 64;"
        "sys.exit(verify.verify(open(sys.argv[1], 'rb')).exit_code)"
    )
    status, most, said = measured(sys.executable, "-c", code, path)
    assert (status, most < MOST) == (0, True), (most, said)


def test_the_seals_of_a_large_block_are_opened_in_parts(tmp_path: Path) -> None:
    row = '{"a":"' + "a" * 500 + '"}'
    first, count = 0, RECORDS
    salts = [f"{number:032x}" for number in range(count)]
    lines = sealed_lines(ID, first, salts, [row] * count)
    seals = [sha256(line.encode()).hex() for line in lines]
    records = [
        sealed(n, "0.1", "false").replace(SEAL.encode(), s.encode()) for n, s in enumerate(seals)
    ]
    forge = Forge().add(score(0.5, count, 0), *records)
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(forge.data)
    with Vault.create(path.with_suffix(".vault"), ID, b"secret") as vault:
        vault.write(first, lines, None, (1, forge.blocks[1].hex()))
    command = [sys.executable, "-m", "medchain", "verify", "--vault", "--json", path]
    code, most, said = measured(*command)
    assert (code, most < MOST) == (0, True), (most, said)
    assert json.loads(said)["seals_opened"] == count


def forged_vault(folder: Path, lines: Sequence[str]) -> Path:
    """A ledger of one block that commits to `lines`, and a vault without any."""
    seals = [sha256(line.encode()).hex() for line in lines]
    records = [
        sealed(n, "0.1", "false").replace(SEAL.encode(), s.encode()) for n, s in enumerate(seals)
    ]
    path = folder / "ledger.jsonl"
    path.write_bytes(Forge().add(score(0.5, len(lines), 0), *records).data)
    Vault.create(path.with_suffix(".vault"), ID, b"secret").__exit__()
    return path


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_sealed_line_has_a_limit(tmp_path: Path, beyond: int) -> None:
    empty = len(sealed_lines(ID, 0, ["0" * 32], ['{"a":""}'])[0])
    row = '{"a":"' + "a" * (MAX_LINE - empty + beyond) + '"}'
    [line] = sealed_lines(ID, 0, ["0" * 32], [row])
    path = forged_vault(tmp_path, [line])
    with closing(sqlite3.connect(path.with_suffix(".vault"))) as database, database:
        database.execute("insert into sealed values (0, ?, null)", (line,))
    found = audit(path, vault=True).finding
    assert (found is None) == (not beyond)
    assert not found or (found.record, "more than 1048576 bytes" in found.message) == (0, True)
    with Vault(path.with_suffix(".vault")) as vault:
        if beyond:
            with pytest.raises(UsageError, match="a sealed line may have"):
                vault.write(0, [line], None, (1, "00" * 32))
        else:
            vault.write(0, [line], None, (1, "00" * 32))


def test_a_line_of_a_hostile_vault_is_not_read(tmp_path: Path) -> None:
    """Its record is named, though one before it has no row here."""
    lines = sealed_lines(ID, 0, ["0" * 32] * 4, ['{"a":""}'] * 4)
    path = forged_vault(tmp_path, lines)
    with closing(sqlite3.connect(path.with_suffix(".vault"))) as database, database:
        for number in (0, 3):
            database.execute("insert into sealed values (?, ?, null)", (number, lines[number]))
        giant = "insert into sealed values (2, printf('%.*c', 250000000, 'x'), 'P-1')"
        database.execute(giant)
    words = [sys.executable, "-m", "medchain"]
    code, most, said = measured(*words, "verify", "--vault", "--json", path)
    assert (code, most < MOST) == (10, True), (most, said)
    assert json.loads(said)["finding"]["record"] == 2
    assert "more than 1048576 bytes" in said
    for command in (["find", path, "--subject", "P-1"], ["show", path, "--record", "2", "--vault"]):
        code, most, said = measured(*words, *command)
        assert (code, most < MOST) == (10, True), (most, said)
        assert "more than 1048576 bytes" in said


def test_many_long_lines_of_a_vault_are_read_one_by_one(tmp_path: Path) -> None:
    count, row = 200, '{"a":"' + "a" * ((1 << 20) - 200) + '"}'
    lines = sealed_lines(ID, 0, [f"{number:032x}" for number in range(count)], [row] * count)
    path = forged_vault(tmp_path, lines)
    with Vault(path.with_suffix(".vault")) as vault:
        vault.write(0, lines, None, (0, ""))
    with closing(sqlite3.connect(path.with_suffix(".vault"))) as database, database:
        database.execute("delete from meta where key in ('height', 'hash')")
    code, most, said = measured(sys.executable, "-m", "medchain", "verify", "--vault", path)
    assert (code, most < MOST) == (0, True), (most, said)


def test_reading_ahead_keeps_to_the_limits_as_well(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(BOMBS["objects"]())
    code = (
        "import sys; from medchain.ledger.remarks import read_ahead;"
        "sys.exit(len(read_ahead(open(sys.argv[1], 'rb')).erasures))"
    )
    status, most, said = measured(sys.executable, "-c", code, path)
    assert (status, most < MOST) == (0, True), (most, said)


def test_a_finding_beyond_a_limit_names_its_place() -> None:
    data = EDGES["records of a block"][1](1)
    finding = verify(io.BytesIO(data)).finding
    assert finding
    lines = data.splitlines(keepends=True)
    assert (finding.block, finding.line, finding.record) == (1, 4 + (1 << 17), 1 << 17)
    assert finding.offset == sum(map(len, lines[: finding.line - 1]))


def test_a_frame_that_looks_back_far_is_refused_with_advice(tmp_path: Path) -> None:
    zstd = library()
    level = zstd.CompressionParameter
    path = tmp_path / "ledger.jsonl.zst"
    data = DEAREST["records"][1]() * 3
    path.write_bytes(zstd.compress(data, options={level.window_log: 27}))
    code, most, said = measured(sys.executable, "-m", "medchain", "verify", path)
    assert (code, most < MOST) == (2, True), said
    assert "zstd -d" in said
