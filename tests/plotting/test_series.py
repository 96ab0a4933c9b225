"""Reading a ledger into arrays."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medchain.errors import LedgerTampered, UsageError
from medchain.plotting.series import LONGEST_NAME, read, short_name

from . import hand_ledgers
from .hand_ledgers import MODEL_A, MODEL_B, START

EXAMPLE = Path(__file__).parents[1] / "vectors" / "example.jsonl"
EXAMPLE_ROOT = "8a2ccd72f1c171e3974f83fbcc1a72dfde0133d141c6da704cbbd72ad69498fb"


def test_the_worked_example() -> None:
    series = read(EXAMPLE)
    assert (series.name, series.blocks, series.root) == ("example.jsonl", 3, EXAMPLE_ROOT)
    assert series.ledger == "000102030405060708090a0b0c0d0e0f"
    assert series.height.tolist() == [1, 2]
    assert series.time.tolist() == [1795335301500000, 1795335303000000]
    assert series.rows.tolist() == [2, 1]
    assert series.anomalies.tolist() == [1, 1]
    assert series.nonce.tolist() == [152, 310]
    assert series.bits.tolist() == [8, 8]
    assert series.threshold.tolist() == [0.41, 0.41]
    assert series.number.tolist() == [0, 1, 2]
    assert series.score.tolist() == [0.031234, 0.412, 0.973311]
    assert series.anomaly.tolist() == [False, True, True]
    assert series.block.tolist() == [0, 0, 1]


def test_models_are_numbered_in_their_order(two_models: Path) -> None:
    series = read(two_models)
    assert series.models == (MODEL_A, MODEL_B)
    assert series.model.tolist() == [0, 0, 0, 1]
    assert series.threshold.tolist() == [0.5, 0.25, 0.25, 0.25]
    assert series.block.tolist() == [0] * 4 + [1] * 3 + [2] * 2 + [3]
    assert series.anomalies.tolist() == [1, 1, 1, 1]
    assert series.time.tolist() == [START + k * 60_000_000 for k in range(1, 5)]


def test_arrays_are_flat(classical: Path) -> None:
    series = read(classical)
    kinds = {name: getattr(series, name).dtype for name in ("score", "anomaly", "number", "height")}
    assert kinds == {"score": np.float64, "anomaly": bool, "number": np.int64, "height": np.int64}


def test_a_compressed_ledger(classical: Path, tmp_path: Path) -> None:
    packed = tmp_path / "classical.jsonl.gz"
    packed.write_bytes(gzip.compress(classical.read_bytes()))
    assert read(packed).root == read(classical).root


def test_standard_input(classical: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(classical.read_bytes())))
    monkeypatch.setattr(sys, "stdin", stream)
    series = read("-")
    assert (series.name, len(series.score)) == ("standard input", 200)


def test_a_ledger_with_genesis_alone(tmp_path: Path) -> None:
    path = hand_ledgers.write(tmp_path / "fresh.jsonl", [])
    with pytest.raises(UsageError, match=r"fresh\.jsonl holds no records yet") as caught:
        read(path)
    assert "medchain ingest" in caught.value.hint


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    with pytest.raises(UsageError, match="holds no records yet"):
        read(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read(tmp_path / "nowhere.jsonl")


def test_a_changed_score_is_refused(classical: Path, tmp_path: Path) -> None:
    path = tmp_path / "changed.jsonl"
    text = classical.read_text()
    path.write_text(text.replace('"score":0.100000', '"score":0.200000', 1))
    with pytest.raises(LedgerTampered, match="block 1"):
        read(path)


def test_a_torn_tail_is_left_out(classical: Path, tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(classical.read_bytes()[:-20])
    assert len(read(path).height) == 19


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("-", "standard input"),
        ("wards/north.jsonl", "north.jsonl"),
        ("a\nb\x1b.jsonl", "a�b�.jsonl"),
        ("n\udcffn.jsonl", "n�n.jsonl"),
    ],
)
def test_names(source: str, name: str) -> None:
    assert short_name(source) == name


def test_a_long_name_keeps_its_ends() -> None:
    name = short_name("begin" + "x" * 100 + "end.jsonl")
    assert len(name) == LONGEST_NAME
    assert name.startswith("begin")
    assert name.endswith("end.jsonl")


def test_reading_needs_no_matplotlib(classical: Path) -> None:
    code = (
        "import sys; from medchain.plotting.series import read; read(sys.argv[1]);"
        "print([m for m in ('matplotlib', 'tensorflow', 'sklearn', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, classical], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
