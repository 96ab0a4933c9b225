"""The whole road through the command line, and what a script relies on."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medchain.cli.app import command_line
from tests.cli.run import medchain
from tests.ledger.forge import write

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "tests" / "vectors" / "example.jsonl"


@pytest.fixture(scope="module")
def road(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, its model, and a ledger in which it is recorded."""
    from medchain.tabular.synthetic import patients

    folder = tmp_path_factory.mktemp("road")
    (folder / "patients.csv").write_bytes(patients(200, seed=9, anomaly_rate=0.1).csv(label=False))
    (folder / "model").symlink_to(model)
    done = medchain("ingest", "patients.csv", "--batch-size", "10", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "Recorded 200 rows in 20 blocks of ledger.jsonl" in done.stdout
    assert done.stderr == ""
    return folder


def test_verify_says_what_it_checked(road: Path) -> None:
    done = medchain("verify", "ledger.jsonl", "--vault", "--model", "model", folder=road)
    assert done.returncode == 0
    assert "verified, every byte" in done.stdout
    for word in ("blocks", "records", "root over all blocks", "mines it again", "anchored"):
        assert word in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "ledger.jsonl", "--vault", "--model", "model"),
        ("ingest", "patients.csv"),
        ("show", "ledger.jsonl"),
        ("show", "ledger.jsonl", "--block", "1"),
        ("show", "ledger.jsonl", "--record", "7"),
        ("find", "ledger.jsonl", "--subject", "nobody"),
        ("erase", "ledger.jsonl", "--record", "3", "--reason", "as the law demands", "--dry-run"),
        ("doctor",),
        ("bench",),
    ],
)
def test_json_is_one_document_whose_fields_are_documented(
    road: Path, words: tuple[str, ...]
) -> None:
    done = medchain(*words, "--json", folder=road)
    assert done.returncode == 0, done.stderr
    documented = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "scripting.md").read_text()))
    assert set(json.loads(done.stdout)) <= documented


def test_a_person_asks_and_is_erased(road: Path, tmp_path: Path) -> None:
    """The words that are printed; what they stand for is tested with the functions."""
    for name in ("ledger.jsonl", "ledger.vault"):
        shutil.copy(road / name, tmp_path)
    with (road / "patients.csv").open() as table:
        subject = list(csv.DictReader(table))[7]["patient_id"]
    who = ("ledger.jsonl", "--subject", subject)
    why = ("--reason", "as the law demands")
    found = medchain("find", *who, "--rows", folder=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "holds 1 record of this subject" in found.stdout
    assert f"patient_id: {subject}" in found.stdout
    seen = ""
    for words, code, sentence in (
        (
            ("amend", "ledger.jsonl", "--record", "7", *why, "--verdict", "true"),
            0,
            "Amended record 7",
        ),
        (("find", *who), 0, "amended to anomalous"),
        (("amend", "ledger.jsonl", "--record", "7", *why, "--verdict", "maybe"), 2, "verdict"),
        (("erase", *who, *why, "--dry-run"), 0, "Would erase 1 row of record 7"),
        (("erase", *who, "--reason", f"for {subject}"), 2, "names a person"),
        (("erase", *who, *why), 0, "Erased 1 row of record 7"),
        (("erase", *who, *why), 2, "holds no row of this subject"),
        (("erase", "ledger.jsonl", "--record", "7", *why), 0, "Erased no recorded row"),
        (("find", *who), 0, "holds no record of this subject"),
        (("show", "ledger.jsonl", "--record", "7"), 0, "as the law demands"),
        (("verify", "ledger.jsonl", "--vault"), 0, "record 7, on 2"),
    ):
        done = medchain(*words, folder=tmp_path)
        assert done.returncode == code, (words, done.stderr)
        assert sentence in done.stdout + done.stderr, (words, done.stdout, done.stderr)
        seen += done.stdout + done.stderr
    shutil.copy(road / "ledger.vault", tmp_path)
    done = medchain("verify", "ledger.jsonl", "--vault", folder=tmp_path)
    assert done.returncode == 10
    assert "holds, but an erasure is not complete" in done.stdout
    assert "what to do: repeat medchain erase" in done.stdout
    done = medchain("erase", *who, *why, folder=tmp_path)
    assert done.returncode == 0
    assert "completed an erasure that was interrupted: record 7" in done.stderr
    assert medchain("verify", "ledger.jsonl", "--vault", folder=tmp_path).returncode == 0
    assert subject not in seen
    assert "backups of the vault" in seen
    assert "Traceback" not in seen


def test_export_holds_every_record_and_every_block(road: Path) -> None:
    done = medchain("export", "ledger.jsonl", folder=road)
    records = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [int(row["record"]) for row in records] == list(range(200))
    assert {row["anomaly"] for row in records} == {"true", "false"}
    done = medchain("export", "ledger.jsonl", "--what", "blocks", "-o", "b.parquet", folder=road)
    assert done.returncode == 0, done.stderr
    import pyarrow.parquet as pq

    blocks = pq.read_table(road / "b.parquet").to_pylist()
    assert len(blocks) == 21
    assert sum(block["count"] for block in blocks) == 200
    assert [block["block"] for block in blocks] == list(range(21))


def test_plot_draws_without_model_and_vault(road: Path, tmp_path: Path) -> None:
    copy = tmp_path / "archived.jsonl"
    copy.write_bytes((road / "ledger.jsonl").read_bytes())
    for name in ("a.png", "a.svg", "a.pdf"):
        done = medchain("plot", copy, "--kind", "overview", "-o", name, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).stat().st_size > 5000


def test_tampering_is_reported_with_its_place(road: Path, tmp_path: Path) -> None:
    data = (road / "ledger.jsonl").read_bytes()
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(data.replace(b'"anomaly":true', b'"anomaly":false', 1))
    done = medchain("verify", bad, folder=tmp_path)
    assert done.returncode == 10
    assert re.search(r"finding: block \d+, line \d+, byte \d+", done.stdout)
    assert "what to do" in done.stdout
    found = json.loads(medchain("verify", bad, "--json", folder=tmp_path).stdout)
    assert (found["ok"], found["exit_code"]) == (False, 10)
    for words in (("plot", bad), ("export", bad), ("show", bad)):
        done = medchain(*words, folder=tmp_path)
        assert done.returncode == 10, words
        assert "Traceback" not in done.stderr


def test_a_torn_ledger_has_a_code_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(EXAMPLE.read_bytes()[:-5])
    done = medchain("verify", path, folder=tmp_path)
    assert done.returncode == 11
    assert "torn tail" in done.stdout


def test_a_newer_format_has_a_code_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_bytes(EXAMPLE.read_bytes().replace(b'"format":1', b'"format":7'))
    done = medchain("verify", path, folder=tmp_path)
    assert done.returncode == 13
    assert "newer" in done.stdout


def test_standard_input_is_exported_too(tmp_path: Path) -> None:
    done = medchain("export", "-", folder=tmp_path, stdin=EXAMPLE.read_bytes())
    assert done.returncode == 0
    assert done.stdout == medchain("export", EXAMPLE, folder=tmp_path).stdout
    assert len(done.stdout.splitlines()) == 4


def test_standard_input_is_a_ledger_too(tmp_path: Path) -> None:
    done = medchain("verify", "-", folder=tmp_path, stdin=EXAMPLE.read_bytes())
    assert done.returncode == 0
    assert "3, of which 2 anomalous" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("verify", "nowhere.jsonl"), 2, "does not exist"),
        (("verify", "."), 2, "is a folder"),
        (("ingest", "nowhere.csv", "--model", "{model}"), 2, "does not exist"),
        (("ingest", "x.csv", "--model", "nowhere"), 2, "nowhere"),
        (("train", "nowhere.csv"), 2, "does not exist"),
        (("plot", "nowhere.jsonl"), 2, "does not exist"),
        (("plot", str(EXAMPLE), "-o", "x.bmp"), 2, ".png"),
        (("plot", str(EXAMPLE), "--kind", "pie"), 2, "pie"),
        (("show", str(EXAMPLE), "--block", "3"), 2, "no block 3"),
        (("show", str(EXAMPLE), "--record", "3"), 2, "no record 3"),
        (("show", str(EXAMPLE), "--block", "1", "--record", "1"), 2, "not both"),
        (("export", str(EXAMPLE), "-o", "x.xlsx"), 2, "csv or parquet"),
        (("export", str(EXAMPLE), "--what", "rows"), 2, "records and blocks"),
        (("verify", str(EXAMPLE), "--vault-file", "no.vault"), 2, "does not exist"),
        (("train", "x.csv", "--type", "age"), 2, "COLUMN=KIND"),
        (("ingest", "x.csv", "--bits", "many"), 2, "--bits"),
        (("ingest", "x.csv", "--target-time", "fast"), 2, "500ms"),
        (("erase", str(EXAMPLE), "--reason", "x"), 2, "erase whom"),
        (("erase", str(EXAMPLE), "--record", "1"), 2, "--reason"),
        (("erase", str(EXAMPLE), "--record", "1", "--reason", "x"), 2, "is missing"),
        (("erase", "nowhere.jsonl", "--record", "1", "--reason", "x"), 2, "does not exist"),
        (("find", str(EXAMPLE), "--subject", "x"), 2, "does not exist"),
        (("find", "-", "--subject", "x"), 2, "does not exist"),
        (("amend", "nowhere.jsonl", "--record", "1", "--reason", "x"), 2, "does not exist"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_wrong_usage_is_one_sentence(
    model: Path, tmp_path: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    done = medchain(*(word.format(model=model) for word in words), folder=tmp_path)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_forced_kernel_that_cannot_be_had_is_refused(tmp_path: Path) -> None:
    done = medchain("verify", EXAMPLE, folder=tmp_path, MEDCHAIN_KERNEL="abacus")
    assert done.returncode == 40
    assert "Traceback" not in done.stderr


def test_pure_python_says_nothing_where_it_was_asked_for(tmp_path: Path) -> None:
    done = medchain("verify", EXAMPLE, folder=tmp_path, MEDCHAIN_KERNEL="python")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_missing_core_is_said_on_stderr(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['medchain.ledger._core'] = None\n"
        "from medchain.__main__ import main; main()"
    )
    words = [sys.executable, "-c", code, "verify", str(EXAMPLE)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0
    assert "C core is not compiled" in done.stderr
    assert "verified, every byte" in done.stdout


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    write(path, [[0.1] * 2000] * 5)
    words = [sys.executable, "-m", "medchain", "export", str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr
        assert process.stderr.read() == b""


def test_an_interrupt_ends_with_130_and_a_sentence(road: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "medchain", "ingest", str(road / "patients.csv")]
    words += ["--model", str(road / "model"), "--bits", "32", "--ledger", "slow.jsonl"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert process.wait(10) == 130
        assert time.monotonic() - started < 2
        assert process.stderr
        said = process.stderr.read()
    assert "interrupted" in said
    assert "Traceback" not in said


def test_a_terminal_sees_progress_and_a_pipe_does_not(road: Path, tmp_path: Path) -> None:
    import os
    import pty

    words = [sys.executable, "-m", "medchain", "ingest", str(road / "patients.csv")]
    words += ["--model", str(road / "model"), "--bits", "20", "--batch-size", "20"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 65536):
                seen += part
        except OSError:
            pass  # what Linux says where another system says end of file
        os.close(ours)
        assert process.wait(60) == 0
        assert process.stdout
        assert process.stdout.read().startswith(b"Recorded 200 rows in 10 blocks")
    for word in (b"scoring", b"recording", b"rows/s", b"blocks"):
        assert word in seen


def test_a_bug_is_told_without_the_data(tmp_path: Path) -> None:
    code = (
        "import medchain.pipeline.show as inspect\n"
        "def show(*_, **__): raise ValueError('CANARY')\n"
        "inspect.show = show\n"
        "from medchain.__main__ import main; main()"
    )
    words = [sys.executable, "-c", code, "show", str(EXAMPLE)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "a bug in medchain: ValueError" in done.stderr
    assert "CANARY" not in done.stderr
    assert "Traceback" not in done.stderr


def test_the_reference_is_what_the_program_says() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import generate
    finally:
        sys.path.pop(0)
    assert generate.TARGET.read_text(encoding="utf-8") == generate.reference()
    app = command_line()
    names = {command.callback.__name__ for command in app.registered_commands if command.callback}
    for group in app.registered_groups:
        assert group.typer_instance
        commands = group.typer_instance.registered_commands
        names |= {f"{group.name} {command.name}" for command in commands}
        names.add(str(group.name))
    assert names == set(generate.COMMANDS) - {""}
