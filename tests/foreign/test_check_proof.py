"""The checker of proofs in JavaScript, which knows only docs/trust.md, against the package."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from medchain.errors import MedchainError
from medchain.ledger import check as ledger_check
from medchain.ledger import policy as policies
from medchain.ledger import proof as proofs
from medchain.ledger.note import Note
from medchain.pipeline.checkpoint import checkpoint
from medchain.pipeline.keys import SigningKey
from medchain.pipeline.prove import prove_record
from tests.ledger import forge
from tests.ledger.signers import PARTIES, SIGNATURES, policy_text, sign, stored
from tests.pipeline.test_prove import BLOCKS, EVENT, RECORD, dishonest

SCRIPT = Path(__file__).parent.parent.parent / "docs" / "check-proof.mjs"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(not NODE, reason="node is not installed")


@pytest.fixture
def proof(tmp_path: Path) -> proofs.Proof:
    """A proof of record 9, under a checkpoint that two witnesses cosigned."""
    path = tmp_path / "ledger.jsonl"
    forge.write(path, BLOCKS)
    checkpoint(path, [stored(tmp_path / "log.key", PARTIES.log)])
    made, witnesses = prove_record(path, 9), PARTIES.witnesses
    return replace(made, note=sign(made.note.text, PARTIES.log, witnesses["w1"], witnesses["w3"]))


def agreed(folder: Path, files: list[bytes], quorum: str = "two") -> list[bool]:
    """Whether each of `files` is a good proof, on which both must agree."""
    (folder / "policy").write_bytes(policy_text(quorum))
    paths = [folder / f"{number}.proof" for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    command = [str(NODE), str(SCRIPT), str(folder / "policy"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    rules, verdicts = policies.parse(policy_text(quorum)), []
    for data, theirs in zip(files, said, strict=True):
        try:
            ours = ledger_check.check(data, rules)
        except MedchainError:
            ours = {}
        assert bool(ours) == ("refused" not in theirs), (data, theirs)
        for name in ours.keys() & theirs.keys():
            assert ours[name] == theirs[name], name
        verdicts.append(bool(ours))
    return verdicts


def test_it_is_short_enough_to_be_read() -> None:
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) < 130


def test_good_proofs(tmp_path: Path, proof: proofs.Proof) -> None:
    for quorum, good in (("none", True), ("two", True), ("w1", True), ("w2", False)):
        assert agreed(tmp_path, [proof.encode()], quorum) == [good]


def test_a_quorum_that_is_older_than_the_block(tmp_path: Path, proof: proofs.Proof) -> None:
    """Five minutes are granted; of two cosignatures of one witness the later counts."""
    block, text, parties = forge.clock() // 1_000_000, proof.note.text, PARTIES
    w1, w2, w3 = (parties.witnesses[name] for name in ("w1", "w2", "w3"))

    def cosigned(*times: tuple[SigningKey, int]) -> bytes:
        signatures = tuple(key.sign(text, block + time) for key, time in times)
        log = parties.log.sign(text, block)
        return replace(proof, note=Note(text, (log, *signatures))).encode()

    files = [
        cosigned((w1, -300), (w3, -300)),
        cosigned((w1, -301), (w3, -301)),
        cosigned((w1, 0), (w3, -301)),
        cosigned((w1, 0), (w2, -9000), (w3, -300)),
        cosigned((w1, 0), (w3, -9000), (w3, -300)),
    ]
    assert agreed(tmp_path, files) == [True, False, False, True, True]
    assert agreed(tmp_path, files, "none") == [True] * 5


def test_lines_of_keys_that_nobody_knows(tmp_path: Path, proof: proofs.Proof) -> None:
    """They are ignored where they are well formed, and else make the note malformed."""
    files = [proof.encode() + lines for lines, _ in SIGNATURES.values()]
    assert agreed(tmp_path, files) == [good for _, good in SIGNATURES.values()]


def test_altered_proofs(tmp_path: Path, proof: proofs.Proof) -> None:
    data = proof.encode()
    files = []
    for at in range(0, len(data) * 8, 31):
        bad = bytearray(data)
        bad[at // 8] ^= 1 << at % 8
        files.append(bytes(bad))
    for at in range(0, len(data), 61):
        files += [data[:at] + data[at + 1 :], data[: at + 1] + data[at:]]
    files += [replace(proof, path=path).encode() for path in ([], proof.path[1:], proof.path * 2)]
    files += [replace(proof, sealed=b'{"salt":"00"}').encode()]
    assert not any(agreed(tmp_path, files))


def test_dishonest_logs(tmp_path: Path) -> None:
    files = [
        dishonest(EVENT, RECORD),
        dishonest(EVENT, RECORD, 3),
        dishonest(EVENT, RECORD.replace(b"true", b"false")),
        dishonest(EVENT[:-1], RECORD),
        dishonest(EVENT[:-1] + b',"a":"' + b"a" * (1 << 20) + b'"}', RECORD),
        dishonest(EVENT, RECORD.replace(b'"record":0', b'"record":1')),
        dishonest(EVENT, RECORD.replace(b"0.5", b"5e-1")),
    ]
    assert agreed(tmp_path, [made.encode() for made in files], "none") == [True] + [False] * 6
