"""Our notes, checkpoints and proofs against Go's own packages, and both against known answers.

`vectors/transparency.json` is what Go's note and tlog packages made; it is compared everywhere. Go
itself is asked where it is installed with golang.org/x/mod (Debian: golang-go and
golang-golang-x-mod-dev).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from medchain.ledger import checkpoint as checkpoints
from medchain.ledger import merkle
from medchain.ledger import note as notes
from medchain.ledger.checkpoint import checkpoint_path
from medchain.ledger.history import parse_extension
from medchain.ledger.note import Note, to_base64
from medchain.ledger.path import Hashes, consistency, inclusion
from medchain.pipeline import keys
from medchain.pipeline.checkpoint import checkpoint
from medchain.pipeline.prove import prove_extension, prove_record
from tests.ledger import forge
from tests.ledger.signers import PARTIES, SIGNATURES, sign, stored

HERE = Path(__file__).parent
PROGRAM = HERE / "transparency.go"
GOLDEN = json.loads((HERE.parent / "vectors" / "transparency.json").read_text())
LEAVES = [merkle.leaf_hash(b"%d" % number) for number in range(100)]
KEY = PARTIES.log.public

Case = dict[str, object]
Go = Callable[..., list[str]]


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    """Run the Go program, with an argument and a text on its standard input; returns its lines."""
    compiler = shutil.which("go")
    if not compiler:
        pytest.skip("go is not installed (Debian: golang-go, golang-golang-x-mod-dev)")
    folder = tmp_path_factory.mktemp("go")
    path = os.environ.get("GOPATH", "/usr/share/gocode")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": path, "GOCACHE": str(folder)}
    command = [compiler, "build", "-o", str(folder / "program"), str(PROGRAM)]
    built = subprocess.run(command, capture_output=True, text=True, env=environment)
    if "cannot find package" in built.stderr:
        pytest.skip("golang.org/x/mod is not installed (Debian: golang-golang-x-mod-dev)")
    assert built.returncode == 0, built.stderr

    def run(argument: str, text: str = "") -> list[str]:
        command = [str(folder / "program"), argument]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def asked(go: Go, cases: list[Case]) -> list[str]:
    """What Go says of each case: ``ok``, or why not."""
    return go("check", "".join(json.dumps(case) + "\n" for case in cases))


def digest(paths: list[Hashes]) -> str:
    return to_base64(sha256(b"".join(part for path in paths for part in path)).digest())


def test_every_root_and_proof_up_to_100_is_the_one_that_go_makes() -> None:
    for size in range(1, 101):
        tree = b"".join(LEAVES[:size])
        assert to_base64(merkle.root(tree)) == GOLDEN["roots"][size - 1]
        paths = [inclusion(tree, index) for index in range(size)]
        assert digest(paths) == GOLDEN["record_proofs"][size - 1]
        paths = [consistency(tree, old) for old in range(1, size + 1)]
        assert digest(paths) == GOLDEN["tree_proofs"][size - 1]


def test_a_key_and_a_note_that_go_made(tmp_path: Path) -> None:
    path = tmp_path / "go.key"
    path.write_text(GOLDEN["skey"] + "\n")
    path.chmod(0o600)
    key = keys.load(path, lambda _: b"")
    assert str(key.public) == GOLDEN["vkey"]
    note = notes.parse(GOLDEN["note"].encode())
    assert notes.check(note, [key.public]) == {key.public: None}
    assert Note(note.text, (key.sign(note.text, 0),)) == note
    assert checkpoints.parse(note.text).size == 100


def test_the_known_answers_are_what_go_says_today(go: Go) -> None:
    assert json.loads("".join(go("golden"))) == GOLDEN


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with two checkpoints: ``old``, and the last one, which a witness cosigned."""
    folder = tmp_path_factory.mktemp("ledger")
    path = folder / "ledger.jsonl"
    key = stored(folder / "log.key", PARTIES.log)
    forge.write(path, [[0.25, 0.75]] * 4)
    checkpoint(path, [key])
    (folder / "old").write_bytes(checkpoint_path(path).read_bytes())
    forge.write(path, [[0.5]] * 6)
    made = checkpoint(path, [key])
    cosigned = PARTIES.witnesses["w1"].sign(made.note.text, 1_795_335_400)
    both = Note(made.note.text, (*made.note.signatures, cosigned))
    checkpoint_path(path).write_bytes(both.encode())
    return path


def note_case(note: Note | bytes, kind: str = "note", **more: object) -> Case:
    data = note if isinstance(note, bytes) else note.encode()
    return {"kind": kind, "keys": [str(KEY)], "note": data.decode(errors="replace"), **more}


def record_case(ledger: Path, record: int) -> Case:
    proof = prove_record(ledger, record)
    leaf = to_base64(bytes.fromhex(json.loads(proof.block_line)["hash"]))
    path = list(map(to_base64, proof.path))
    return note_case(proof.note, "record", index=proof.index, leaf=leaf, path=path)


def tree_case(ledger: Path) -> Case:
    extension = parse_extension(prove_extension(ledger, ledger.with_name("old")).encode())
    assert extension.note
    old = checkpoints.parse(notes.parse(ledger.with_name("old").read_bytes()).text)
    path = list(map(to_base64, extension.path))
    root = to_base64(old.root)
    return note_case(extension.note, "tree", old_size=old.size, old_root=root, path=path)


def test_go_accepts_our_checkpoints_and_proofs(go: Go, ledger: Path) -> None:
    cases = [note_case(checkpoint_path(ledger).read_bytes()), tree_case(ledger)]
    cases += [record_case(ledger, record) for record in range(14)]
    assert asked(go, cases) == ["ok"] * 16


def flipped(text: str, bit: int) -> str:
    data = bytearray(notes.from_base64(text))
    data[bit // 8] ^= 1 << bit % 8
    return to_base64(bytes(data))


def test_go_refuses_our_proofs_when_any_bit_of_a_hash_is_altered(go: Go, ledger: Path) -> None:
    cases: list[Case] = []
    for good in (record_case(ledger, 9), tree_case(ledger)):
        path: list[str] = good["path"]  # type: ignore[assignment]
        for place, part in enumerate(path):
            for bit in range(256):
                spoiled = [*path[:place], flipped(part, bit), *path[place + 1 :]]
                cases.append({**good, "path": spoiled})
        cases += [{**good, "path": path[:-1]}, {**good, "path": [*path, path[0]]}]
        name = "leaf" if good["kind"] == "record" else "old_root"
        cases += [{**good, name: flipped(str(good[name]), bit)} for bit in range(256)]
    cases += [{**record_case(ledger, 9), "index": index} for index in (-1, 0, 1, 10, 11)]
    assert "ok" not in asked(go, cases)
    assert len(cases) > 2000


def test_what_go_refuses_of_a_checkpoint_we_refuse_too(go: Go, ledger: Path) -> None:
    """Many of its bits flipped: we are stricter, never laxer."""
    good = sign(notes.parse(checkpoint_path(ledger).read_bytes()).text, PARTIES.log).encode()
    spoiled = []
    for at in range(0, len(good) * 8, 3):
        bad = bytearray(good)
        bad[at // 8] ^= 1 << at % 8
        spoiled.append(bytes(bad))
    said = asked(go, [note_case(data) for data in spoiled])
    # Go ignores the two spare bits at the end of a base64 text; whatever else, it refuses.
    assert said.count("ok") <= 2
    for data, word in zip(spoiled, said, strict=True):
        if word != "ok":
            assert not ours(data)
    assert not any(ours(data) for data, word in zip(spoiled, said, strict=True) if word == "ok")


def test_go_ignores_the_lines_of_unknown_keys_that_we_ignore(go: Go, ledger: Path) -> None:
    text = notes.parse(checkpoint_path(ledger).read_bytes()).text
    good = sign(text, PARTIES.log, PARTIES.witnesses["w1"], PARTIES.witnesses["w2"]).encode()
    written = {}
    for name, (lines, expected) in SIGNATURES.items():
        assert ours(good + lines) == expected, name
        with suppress(UnicodeDecodeError):
            written[name] = note_case((good + lines).decode().encode())
    # Go has no limit on the bytes of a note, and takes base64 with spare bits that are set.
    for name, word in zip(written, asked(go, list(written.values())), strict=True):
        assert (word == "ok") == (SIGNATURES[name][1] or name in ("too long", "spare bits")), name


def ours(data: bytes) -> bool:
    try:
        note = notes.parse(data)
        checkpoints.parse(note.text)
        return KEY in notes.check(note, [KEY])
    except ValueError:
        return False
