"""Keys, checkpoints, proofs and the verifier to hand over, as people use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.run import medchain
from tests.ledger import forge
from tests.ledger.signers import ORIGIN

VECTORS = Path(__file__).parent.parent / "vectors"
SCORES = [[0.25, 0.75]] * 5


def run(folder: Path, *words: str | Path, code: int = 0) -> str:
    """The output of a command that ends with `code`; its errors where it is none of 0."""
    done = medchain(*words, folder=folder)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout + (done.stderr if code else "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger, a log's key, a witness's, policies, checkpoints and a proof."""
    folder = tmp_path_factory.mktemp("trust")
    forge.write(folder / "ledger.jsonl", SCORES)
    log = run(folder, "key", "new", "--name", ORIGIN, "-o", "log.key")
    witness = run(folder, "key", "new", "--name", "w.example", "--kind", "witness", "-o", "w.key")
    (folder / "policy").write_text(f"log {log}quorum none\n")
    (folder / "witnessed").write_text(f"log {log}witness w {witness}quorum w\n")
    run(folder, "checkpoint", "ledger.jsonl", "--key", "log.key")
    cosign = ("--cosign", "--key", "w.key", "--policy", "policy", "-o", "cosigned")
    run(folder, "checkpoint", "ledger.checkpoint", *cosign)
    words = ("--signature", "cosigned", "--policy", "witnessed")
    run(folder, "checkpoint", "ledger.jsonl", *words)
    (folder / "kept").write_bytes((folder / "ledger.checkpoint").read_bytes())
    run(folder, "prove", "ledger.jsonl", "--record", "3", "-o", "proof")
    forge.write(folder / "ledger.jsonl", SCORES[:1])
    return folder


@pytest.fixture(scope="module")
def verifier(made: Path) -> Path:
    assert "SHA-256" in run(made, "verifier", "-o", "medchain-verify.pyz")
    return made / "medchain-verify.pyz"


def hand_over(verifier: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the verifier on a Python that has nothing installed, away from this repository."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(verifier), *map(str, words)],
        cwd=verifier.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_ledger_is_anchored(made: Path) -> None:
    words = ("--checkpoint", "kept", "--policy", "witnessed", "--max-age", "1d")
    text = run(made, "verify", "ledger.jsonl", *words)
    assert f"blocks 0 to 5, signed by {ORIGIN}" in text
    assert "1 block" in text
    assert "by w" in text
    document = json.loads(run(made, "verify", "ledger.jsonl", *words, "--json"))
    assert document["exit_code"] == 0
    assert (document["anchor"]["blocks"], document["anchor"]["unanchored"]) == (6, 1)
    assert list(document["anchor"]["witnesses"]) == ["w"]


def test_what_was_not_read_is_said(made: Path) -> None:
    words = ("--checkpoint", "kept", "--policy", "policy", "--from-checkpoint")
    text = run(made, "verify", "ledger.jsonl", *words)
    assert "every byte that was read" in text
    assert "not read" in text
    assert "blocks 0 to 5 with 10 records" in text
    assert json.loads(run(made, "verify", "ledger.jsonl", *words, "--json"))["unread_blocks"] == 6


def test_a_proof_is_checked_without_the_ledger(made: Path, tmp_path: Path) -> None:
    for name in ("proof", "witnessed"):
        (tmp_path / name).write_bytes((made / name).read_bytes())
    text = run(tmp_path, "check", "proof", "--policy", "witnessed")
    assert "record 3 stands in the ledger" in text
    facts = json.loads(run(tmp_path, "check", "proof", "--policy", "witnessed", "--json"))
    assert (facts["kind"], facts["record"], facts["score"]) == ("record", 3, 0.75)


def test_codes_apart(made: Path, tmp_path: Path) -> None:
    """10 tampered, 11 torn, 12 policy unmet, 14 shorter; and a proof that does not hold is 10."""
    data = (made / "ledger.jsonl").read_bytes()
    for name in ("kept", "policy", "witnessed", "proof"):
        (tmp_path / name).write_bytes((made / name).read_bytes())
    path = tmp_path / "ledger.jsonl"
    words = ("verify", path, "--checkpoint", "kept", "--policy", "policy")
    path.write_bytes(data.replace(b"0.25", b"0.26", 1))
    assert "TAMPERED" in run(tmp_path, *words, code=10)
    path.write_bytes(data[:-9])
    assert "torn" in run(tmp_path, *words, code=11)
    cut = data.index(b'{"event":"score"', data.index(b'{"block":3'))
    path.write_bytes(data[:cut])
    assert "SHORTER than the checkpoint" in run(tmp_path, *words, code=14)
    path.write_bytes(data)
    (tmp_path / "empty").write_text("quorum none\n")
    assert "key of a log" in run(tmp_path, *words[:-1], "empty", code=2)
    other = run(tmp_path, "key", "new", "--name", ORIGIN, "-o", "other.key")
    (tmp_path / "others").write_text(f"log {other}quorum none\n")
    assert "does not meet the policy" in run(tmp_path, *words[:-1], "others", code=12)
    assert "no log of the policy" in run(tmp_path, "check", "proof", "--policy", "others", code=12)
    proof = (tmp_path / "proof").read_bytes()
    (tmp_path / "proof").write_bytes(proof.replace(b"index 2", b"index 1"))
    assert "does not hold" in run(tmp_path, "check", "proof", "--policy", "policy", code=10)


def test_a_key_on_another_machine(tmp_path: Path) -> None:
    """The text goes out, the signature comes back; both may be mailed."""
    forge.write(tmp_path / "ledger.jsonl", SCORES)
    public = run(tmp_path, "key", "new", "--name", ORIGIN, "-o", "log.key")
    (tmp_path / "policy").write_text(f"log {public}quorum none\n")
    assert run(tmp_path, "key", "show", "log.key") == public
    (tmp_path / "request").write_text(run(tmp_path, "checkpoint", "ledger.jsonl", "--unsigned"))
    assert not (tmp_path / "ledger.checkpoint").exists()
    run(tmp_path, "key", "sign", "log.key", "request", "-o", "signed")
    words = ("checkpoint", "ledger.jsonl", "--signature", "signed", "--policy", "policy")
    assert "Signed 6 blocks" in run(tmp_path, *words)
    run(tmp_path, "verify", "ledger.jsonl", "--policy", "policy")


def test_a_passphrase(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\n")
    (tmp_path / "wrong").write_text("battery staple\n")
    forge.write(tmp_path / "ledger.jsonl", SCORES)
    words = ("key", "new", "--name", ORIGIN, "-o", "log.key", "--passphrase-file", "secret")
    public = run(tmp_path, *words)
    assert run(tmp_path, "key", "show", "log.key") == public
    sign = ("checkpoint", "ledger.jsonl", "--key", "log.key")
    assert "no terminal to ask at" in run(tmp_path, *sign, code=2)
    assert "wrong" in run(tmp_path, *sign, "--passphrase-file", "wrong", code=2)
    run(tmp_path, *sign, "--passphrase-file", "secret")


def test_a_rotation_gives_the_new_line_of_the_policy(made: Path, tmp_path: Path) -> None:
    public = run(tmp_path, "key", "new", "--name", ORIGIN, "-o", "new.key")
    run(tmp_path, "key", "rotate", made / "log.key", "new.key", "-o", "rotation")
    text = run(tmp_path, "check", "rotation", "--policy", made / "policy")
    assert f"log {public}" in text
    (tmp_path / "policy").write_text(f"log {public}quorum none\n")
    assert "old key" in run(tmp_path, "check", "rotation", "--policy", "policy", code=12)


def test_the_tour_of_the_readme(model: Path, table: Path, tmp_path: Path) -> None:
    """Its ten commands as they stand there, in a shell."""
    text = (VECTORS.parent.parent / "README.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in text.split("```sh\n")[1:]]
    (tour,) = [block for block in blocks if "medchain key new" in block]
    (tmp_path / "bin").mkdir()
    for name, start in (("medchain", "-m medchain"), ("python3", "-I -S")):
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\nexec {sys.executable} {start} "$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    run(tmp_path, "ingest", table, "--model", model, "--bits", "4")
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-e", "-c", tour], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "record 7 stands in the ledger" in done.stdout
    assert "patient_id" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("key", "new", "--name", ORIGIN, "-o", "log.key"), 2, "is there already"),
        (("key", "new", "--name", "a b", "-o", "x.key"), 2, "no spaces"),
        (
            ("key", "new", "--name", "a", "--kind", "clock", "-o", "x.key"),
            2,
            "a log, a witness or a model",
        ),
        (("key", "show", "policy"), 2, "may be read by others"),
        (("key", "show", "nowhere"), 2, "does not exist"),
        (("key", "sign", "log.key", "proof"), 2, "no checkpoint"),
        (("checkpoint", "ledger.jsonl"), 2, "--key"),
        (("checkpoint", "nowhere.jsonl", "--key", "log.key"), 2, "does not exist"),
        (("checkpoint", "ledger.jsonl", "--key", "w.key"), 2, "does not sign for this log"),
        (("checkpoint", "ledger.jsonl", "--unsigned", "--cosign"), 2, "three different things"),
        (("checkpoint", "kept", "--cosign", "--key", "w.key"), 2, "a policy says"),
        (("prove", "ledger.jsonl"), 2, "either a --record"),
        (("prove", "ledger.jsonl", "--record", "99"), 2, "does not cover"),
        (("prove", "ledger.jsonl", "--record", "1", "--open-seal"), 2, "the vault"),
        (("prove", "ledger.jsonl", "--from", "proof"), 2, "no checkpoint"),
        (("check", "nowhere", "--policy", "policy"), 2, "does not exist"),
        (("check", "proof", "--policy", "proof"), 2, "line 1"),
        (("check", "policy", "--policy", "policy"), 10, "does not hold"),
        (("verify", "ledger.jsonl", "--checkpoint", "kept"), 2, "whose signatures count"),
        (("verify", "ledger.jsonl", "--policy", "policy", "--max-age", "1"), 2, "with its unit"),
        (("verify", "-", "--policy", "policy"), 2, "--checkpoint"),
    ],
)
def test_wrong_usage_is_one_sentence(
    made: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    done = medchain(*words, folder=made)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert done.stderr.startswith("medchain: ")
    assert done.stdout == ""
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before


def test_the_verifier_needs_nothing_but_python(made: Path, verifier: Path) -> None:
    done = hand_over(verifier, "verify", "ledger.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert "verified, every byte" in done.stdout
    words = ("--checkpoint", "kept", "--policy", "witnessed", "--json")
    document = json.loads(hand_over(verifier, "verify", "ledger.jsonl", *words).stdout)
    assert document["anchor"]["blocks"] == 6
    done = hand_over(verifier, "check", "proof", "--policy", "witnessed")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run(made, "check", "proof", "--policy", "witnessed")


def test_the_verifier_opens_a_seal(verifier: Path, tmp_path: Path) -> None:
    lines = (VECTORS / "example.sealed.jsonl").read_bytes().splitlines()
    sealed = tmp_path / "sealed"
    for number, line in enumerate(lines):
        sealed.write_bytes(line + b"\n")
        done = hand_over(verifier, "seal", VECTORS / "example.jsonl", sealed, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["record"] == number
    for wrong, code in ((line[:-2] + b"!}", 2), (lines[0].replace(b"61", b"62"), 10), (b"{}", 2)):
        sealed.write_bytes(wrong)
        done = hand_over(verifier, "seal", VECTORS / "example.jsonl", sealed)
        assert done.returncode == code, (wrong, done.stderr)
        assert "Traceback" not in done.stderr


def test_the_verifier_refuses_as_the_program_does(made: Path, verifier: Path) -> None:
    copy = made.parent / "copies"
    copy.mkdir(exist_ok=True)
    bad = copy / "bad"
    data = (made / "ledger.jsonl").read_bytes()
    for changed, code in ((data.replace(b"0.25", b"0.26", 1), 10), (data[:-9], 11)):
        bad.write_bytes(changed)
        assert hand_over(verifier, "verify", bad).returncode == code
    bad.write_bytes((made / "proof").read_bytes().replace(b"index 2", b"index 1"))
    done = hand_over(verifier, "check", bad, "--policy", made / "policy")
    assert done.returncode == 10
    assert "does not hold" in done.stderr
    bad.write_bytes(b"quorum none\n")
    assert hand_over(verifier, "check", made / "proof", "--policy", bad).returncode == 2
    assert hand_over(verifier, "verify", copy / "nowhere").returncode == 2


def test_the_verifier_is_always_the_same_bytes_and_all_of_it_is_source(
    verifier: Path, tmp_path: Path
) -> None:
    run(tmp_path, "verifier", "-o", "again.pyz")
    assert (tmp_path / "again.pyz").read_bytes() == verifier.read_bytes()
    home = Path(__file__).parent.parent.parent
    with zipfile.ZipFile(verifier) as archive:
        for name in set(archive.namelist()) - {"__main__.py"}:
            assert archive.read(name) == (home / name).read_bytes()
            assert name.startswith("medchain/")


def test_the_verifier_has_a_tool_s_vectors(verifier: Path, tmp_path: Path) -> None:
    """Every case of the format's vectors, in one process of the verifier's own code."""
    code = (
        "import base64, io, json, sys\n"
        f"sys.path.insert(0, {str(verifier)!r})\n"
        "from medchain.ledger.verify import verify\n"
        "cases = json.load(open(sys.argv[1]))['cases']\n"
        "names = {0: 'verified', 10: 'tampered', 11: 'torn', 13: 'newer'}\n"
        "for case in cases:\n"
        "    data = base64.b64decode(case.get('ledger_base64', ''))\n"
        "    data = data or case['ledger'].encode()\n"
        "    found = verify(io.BytesIO(data))\n"
        "    assert names[found.exit_code] == case['verdict'], case['name']\n"
        "    assert (found.blocks, found.root) == (case['blocks'], case['root'])\n"
        "import medchain\n"
        "print(len(cases), medchain.__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(VECTORS / "format-1.json")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "medchain-verify.pyz" in done.stdout


LISTS = [("--help",), ("verify", "--help"), ("--version",)]
ANSWERS = [("verify", "ledger.jsonl"), ("verify", "ledger.jsonl", "--json"), ("verify", "nowhere")]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("alone", [False, True])
def test_a_reader_that_closes_its_pipe_is_no_traceback(
    verifier: Path, made: Path, alone: bool, unbuffered: str
) -> None:
    """Both streams are gone, as behind 2>&1; argparse itself hides it where nothing is buffered."""
    program = [str(verifier)] if alone else ["-m", "medchain"]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    for words in [*LISTS, *ANSWERS]:
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, *program, *words],
            stdout=writing,
            stderr=writing,
            cwd=made,
            env=environment,
        )
        os.close(writing)
        hidden = alone and unbuffered and words in LISTS
        assert done.returncode == (0 if hidden else 141), words


def test_a_reader_that_closes_its_pipe_reads_no_complaint(verifier: Path, made: Path) -> None:
    for program in ([str(verifier)], ["-m", "medchain"]):
        for words in [*LISTS, *ANSWERS[:2]]:
            reading, writing = os.pipe()
            os.close(reading)
            done = subprocess.run(
                [sys.executable, *program, *words],
                stdout=writing,
                stderr=subprocess.PIPE,
                cwd=made,
                env={**os.environ, "PYTHONUNBUFFERED": ""},
            )
            os.close(writing)
            assert (done.returncode, done.stderr) == (141, b""), (program, words)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk at hand")
def test_a_disk_that_is_full_is_one_sentence(verifier: Path, made: Path) -> None:
    for program in ([str(verifier)], ["-m", "medchain"]):
        with open("/dev/full", "w") as full:
            words = [sys.executable, *program, "verify", "ledger.jsonl"]
            done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, cwd=made)
        assert done.returncode == 31
        assert "the system refused: no space left on device\n" in done.stderr
        assert "Traceback" not in done.stderr
