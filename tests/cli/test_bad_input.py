"""Bad input is normal input: one sentence with its place, a hint, a code, nothing written."""

from __future__ import annotations

import gzip
import json
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.run import medchain

CANARY = "CANARY7731"
Table = list[list[str]]


def rows(table: Path) -> Table:
    return [line.split(",") for line in table.read_text().splitlines()]


def text(lines: Table, end: str = "\n") -> bytes:
    return "".join(",".join(line) + end for line in lines).encode()


def cell(lines: Table, row: int, column: str, value: str) -> Table:
    lines[row][lines[0].index(column)] = value
    return lines


def wide(lines: Table) -> Table:
    return [
        line + [f"{'w' if n == 0 else ''}{i}" for i in range(50_000)]
        for n, line in enumerate(lines)
    ]


Make = Callable[[Table], bytes]
# What stands in the table, the exit code, and what the sentence says.
UNREADABLE: dict[str, tuple[Make, int, str]] = {
    "empty": (lambda t: b"", 20, "empty"),
    "header only": (lambda t: text(t[:1]), 20, "no rows"),
    "binary": (lambda t: b"\x00\x01\x02" + text(t), 20, ""),
    "excel": (lambda t: b"PK\x03\x04" + bytes(200), 20, "Excel"),
    "utf-16": (lambda t: text(t).decode().encode("utf-16"), 20, "UTF-16"),
    "bad utf-8": (lambda t: text(t[:40]) + b"\xff\xfe,x\n", 20, "line 41"),
    "nul": (lambda t: text(t[:40]) + b"a\x00b\n", 20, "line 41"),
    "two delimiters": (lambda t: text(t).replace(b",", b",;"), 20, "--delimiter"),
    "duplicate column": (
        lambda t: text([[*t[0], "age"], *([*r, "1"] for r in t[1:])]),
        20,
        "columns 5 and 22",
    ),
    "short row": (lambda t: text([*t[:30], t[30][:-2], *t[31:]]), 20, "line 31"),
    "long row": (lambda t: text([*t[:30], [*t[30], CANARY], *t[31:]]), 20, "line 31"),
    "open quote": (lambda t: text(t[:30]) + f'"{CANARY},'.encode() + text(t[31:]), 20, "line 31"),
    "broken gzip": (lambda t: gzip.compress(text(t))[:-20], 20, ""),
}
UNSCORED: dict[str, tuple[Make, int, str]] = {
    "text in a number": (lambda t: text(cell(t, 60, "urea", CANARY)), 20, "line 61, column 'urea'"),
    "infinite": (lambda t: text(cell(t, 60, "urea", "inf")), 20, "line 61, column 'urea'"),
    "lacking columns": (lambda t: text([r[:4] + r[6:] for r in t]), 22, "lacks 2 columns"),
}
SCORED: dict[str, Make] = {
    "byte order mark": lambda t: b"\xef\xbb\xbf" + text(t),
    "crlf": lambda t: text(t, "\r\n"),
    "quoted newlines": lambda t: text(
        [[*r, f'"a\n""{n}"' if n else "note"] for n, r in enumerate(t)]
    ),
    "missing as NaN": lambda t: text(cell(t, 60, "urea", "NaN")),
    "a category never seen": lambda t: text(cell(t, 60, "ward", CANARY)),
    "columns in another order": lambda t: text([r[::-1] for r in t]),
    "50,000 more columns": lambda t: text(wide(t[:30])),
    "gzip": lambda t: gzip.compress(text(t)),
    "extreme values": lambda t: text(cell(t, 60, "urea", "1e300")),
}


def refused(done: subprocess.CompletedProcess[str], code: int, sentence: str) -> None:
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr, done.stderr
    assert done.stderr.startswith("medchain: ")
    assert "hint: " in done.stderr
    assert len(done.stderr.splitlines()) == 2, done.stderr
    assert CANARY not in done.stderr + done.stdout
    assert done.stdout == ""


@pytest.mark.parametrize("name", [*UNREADABLE, *UNSCORED])
def test_ingest_refuses_a_bad_table_whole(
    model: Path, table: Path, tmp_path: Path, name: str
) -> None:
    make, code, sentence = {**UNREADABLE, **UNSCORED}[name]
    table.write_bytes(make(rows(table)))
    before = sorted(tmp_path.iterdir())
    done = medchain("ingest", table.name, "--model", model, folder=tmp_path)
    refused(done, code, sentence)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", UNREADABLE)
def test_train_refuses_a_bad_table(table: Path, tmp_path: Path, name: str) -> None:
    make, code, sentence = UNREADABLE[name]
    table.write_bytes(make(rows(table)))
    before = sorted(tmp_path.iterdir())
    refused(medchain("train", table.name, folder=tmp_path), code, sentence)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", SCORED)
def test_ingest_reads_what_is_unusual_but_right(
    model: Path, table: Path, tmp_path: Path, name: str
) -> None:
    lines = rows(table)
    table.write_bytes(SCORED[name](lines))
    done = medchain("ingest", table.name, "--model", model, "--bits", "4", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    count = 29 if name.startswith("50,000") else 400
    assert f"Recorded {count} rows" in done.stdout
    done = medchain("verify", "ledger.jsonl", "--vault", "--model", model, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert CANARY not in (tmp_path / "ledger.jsonl").read_text()


@pytest.mark.parametrize("value", [CANARY, "inf"])
def test_train_refuses_a_number_that_is_none(table: Path, tmp_path: Path, value: str) -> None:
    table.write_bytes(text(cell(rows(table), 60, "urea", value)))
    done = medchain("train", table.name, folder=tmp_path)
    refused(done, 20, "line 61, column 'urea'")
    done = medchain("train", table.name, "--type", "urea=numeric", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "left out 1" in done.stderr
    assert CANARY not in done.stdout + done.stderr
    assert set(json.loads(done.stdout)) <= documented()


def documented() -> set[str]:
    """The names in docs/scripting.md."""
    guide = Path(__file__).parent.parent.parent / "docs" / "scripting.md"
    return set(re.findall(r"`(\w+)`", guide.read_text()))


def with_label(table: Path, values: Callable[[int], str]) -> None:
    lines = rows(table)
    table.write_bytes(text([[*r, values(n) if n else "label"] for n, r in enumerate(lines)]))


@pytest.mark.parametrize(
    ("values", "words", "sentence"),
    [
        (lambda n: str(n % 2), ("--label", "lable"), "lable"),
        (lambda n: str(n % 2), ("--label", "label", "--id", "patient"), "patient"),
        (lambda n: str(n % 2), ("--label", "label", "--drop", "agee"), "agee"),
        (lambda n: str(n % 3), ("--label", "label"), "label"),
        (lambda n: "1", ("--label", "label"), "one class"),
        (lambda n: str(n % 2), ("--label", "label", "--type", "age=colour"), "colour"),
        (lambda n: str(n % 2), ("--label", "label", "--type", "agee=numeric"), "agee"),
        (lambda n: str(n % 2), ("--label", "label", "--target-recall", "2"), "between 0 and 1"),
        (lambda n: str(n % 2), ("--target-recall", "0.5"), "label"),
        (
            lambda n: str(n % 2),
            ("--label", "label", "--target-recall", "0.5", "--alert-rate", "0.1"),
            "one of",
        ),
    ],
)
def test_train_refuses_what_cannot_be_learnt(
    table: Path,
    tmp_path: Path,
    values: Callable[[int], str],
    words: tuple[str, ...],
    sentence: str,
) -> None:
    with_label(table, values)
    refused(medchain("train", table.name, *words, folder=tmp_path), 2, sentence)
    assert not (tmp_path / "model").exists()


def test_train_refuses_50000_columns_and_10_rows(table: Path, tmp_path: Path) -> None:
    lines = rows(table)
    table.write_bytes(text(wide(lines[:30])))
    refused(medchain("train", table.name, folder=tmp_path), 2, "columns")
    table.write_bytes(text(lines[:11]))
    refused(medchain("train", table.name, folder=tmp_path), 2, "10 rows")


def test_train_does_not_overwrite_what_is_no_model(table: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("mine")
    refused(medchain("train", table.name, folder=tmp_path), 2, "model")
    assert (tmp_path / "model" / "thesis.txt").read_text() == "mine"


@pytest.fixture
def copied(model: Path, tmp_path: Path) -> Path:
    """A copy of the model that may be spoilt."""
    return Path(shutil.copytree(model, tmp_path / "copied"))


def test_a_model_altered_by_one_byte_is_refused(copied: Path, table: Path, tmp_path: Path) -> None:
    for file in sorted(copied.iterdir()):
        whole = file.read_bytes()
        middle = len(whole) // 2
        file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        done = medchain("ingest", table.name, "--model", copied, folder=tmp_path)
        refused(done, 22, file.name)
        file.write_bytes(whole)
    assert not (tmp_path / "ledger.jsonl").exists()


def test_a_model_of_a_newer_format_is_refused(copied: Path, table: Path, tmp_path: Path) -> None:
    manifest = json.loads((copied / "manifest.json").read_text())
    (copied / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    done = medchain("ingest", table.name, "--model", copied, folder=tmp_path)
    refused(done, 13, "newer")


@pytest.mark.parametrize("name", ["empty", "no folder"])
def test_a_folder_that_is_no_model_is_refused(table: Path, tmp_path: Path, name: str) -> None:
    if name == "empty":
        (tmp_path / "bundle").mkdir()
    done = medchain("ingest", table.name, "--model", "bundle", folder=tmp_path)
    refused(done, 2 if name == "no folder" else done.returncode, "bundle")
    assert done.returncode in (2, 22)


def limited(words: list[str], folder: Path, size: int) -> subprocess.CompletedProcess[str]:
    """Run medchain where no file may grow beyond `size` bytes: what a full disk looks like."""

    def limit() -> None:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        [sys.executable, "-m", "medchain", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )


@pytest.mark.parametrize("size", [0, 1, 300, 5_000, 30_000, 60_000])
def test_a_full_disk_loses_nothing(model: Path, table: Path, tmp_path: Path, size: int) -> None:
    words = ["ingest", table.name, "--model", str(model), "--batch-size", "20", "--bits", "4"]
    done = limited(words, tmp_path, size)
    assert done.returncode == 31, done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    if (tmp_path / "ledger.jsonl").exists():
        assert medchain("verify", "ledger.jsonl", folder=tmp_path).returncode == 0
    done = medchain(*words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(
        medchain("verify", "ledger.jsonl", "--vault", "--json", folder=tmp_path).stdout
    )
    assert (report["ok"], report["records"], report["seals_opened"]) == (True, 400, 400)


@pytest.mark.parametrize(
    "words",
    [
        ("plot", "ledger.jsonl", "-o", "nowhere/a.png"),
        ("export", "ledger.jsonl", "-o", "nowhere/a.csv"),
        ("ingest", "{table}", "--model", "{model}", "--ledger", "nowhere/ledger.jsonl"),
        ("plot", "ledger.jsonl", "-o", "/proc/a.png"),
    ],
)
def test_a_folder_that_cannot_be_written_is_told(
    model: Path, table: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    example = Path(__file__).parent.parent / "vectors" / "example.jsonl"
    shutil.copy(example, tmp_path / "ledger.jsonl")
    filled = [word.format(model=model, table=table) for word in words]
    done = medchain(*filled, folder=tmp_path)
    refused(done, 31, "cannot write")


def test_a_canary_in_every_cell_stays_in_the_vault(
    model: Path, table: Path, tmp_path: Path
) -> None:
    """Every cell that may hold text is a canary, every number a marked one; errors included."""
    lines = rows(table)
    texts = {lines[0].index(name) for name in ("patient_id", "sex", "ward", "smoking")}
    for number, line in enumerate(lines[1:]):
        for place in range(len(line)):
            line[place] = f"{CANARY}{number}" if place in texts else f"7731.{number:04d}7731"
    table.write_bytes(text(lines))
    done = medchain("ingest", table.name, "--model", model, "--bits", "4", folder=tmp_path)
    assert done.returncode == 0
    seen = done.stdout + done.stderr + (tmp_path / "ledger.jsonl").read_text()
    for words in (("verify", "ledger.jsonl", "--vault"), ("show", "ledger.jsonl", "--record", "3")):
        done = medchain(*words, folder=tmp_path)
        assert done.returncode == 0
        seen += done.stdout + done.stderr
    cell(lines, 100, "urea", CANARY)
    table.write_bytes(text(lines))
    words = ("ingest", table.name, "--model", str(model), "--skip-bad-rows")
    done = medchain(*words, folder=tmp_path)
    assert done.returncode == 21
    seen += done.stdout + done.stderr + (tmp_path / "ledger.rejects.csv").read_text()
    for mark in (CANARY, "7731."):
        assert mark not in seen
    assert CANARY.encode() in (tmp_path / "ledger.vault").read_bytes()
