"""Proofs of records and of extensions: every one holds, and no bit of one may change."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from medchain.cli.checked import checked
from medchain.errors import LedgerTampered, MedchainError, PolicyUnmet, UsageError
from medchain.ledger import check as ledger_check
from medchain.ledger import lines, merkle
from medchain.ledger import proof as proofs
from medchain.ledger.block import Header, block_hash, to_line
from medchain.ledger.checkpoint import Checkpoint, checkpoint_path
from medchain.ledger.index import index_path
from medchain.ledger.policy import Policy, parse
from medchain.ledger.proof import BadProof, Proof
from medchain.ledger.vault import Vault
from medchain.pipeline import keys
from medchain.pipeline.amend import amend
from medchain.pipeline.check import check
from medchain.pipeline.checkpoint import checkpoint
from medchain.pipeline.erase import erase
from medchain.pipeline.ingest import ingest
from medchain.pipeline.prove import prove_event, prove_extension, prove_record, remarks_since
from medchain.pipeline.show import show
from tests.cli.run import medchain
from tests.ledger import forge
from tests.ledger.signers import PARTIES, policy_text, sign, stored
from tests.pipeline.test_checkpoint import SCORES, make_key, rewritten

EXAMPLE = Path(__file__).parent.parent / "vectors" / "example.jsonl"
SEALED = EXAMPLE.with_name("example.sealed.jsonl").read_bytes().splitlines()
BLOCKS = [[0.25], [], [0.5, 0.75], [0.1] * 5, [], [0.9] * 8]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with blocks of 0 to 8 records, and its checkpoint."""
    path = tmp_path / "ledger.jsonl"
    forge.write(path, BLOCKS)
    (tmp_path / "keys").mkdir()
    checkpoint(path, [stored(tmp_path / "keys" / "log.key", PARTIES.log)])
    return path


def policy() -> Policy:
    return parse(policy_text())


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The worked example of the format, under a checkpoint with a cosignature."""
    path = tmp_path / "example.jsonl"
    path.write_bytes(EXAMPLE.read_bytes())
    key = make_key(tmp_path / "keys", _origin(path))
    made = checkpoint(path, [key])
    (tmp_path / "policy").write_text(f"log {key.public}\nquorum none\n")
    assert made.checkpoint.size == 3
    return path


def _origin(path: Path) -> str:
    from medchain.pipeline.show import show

    return str(show(path)["origin"])


def test_every_record_is_proved(ledger: Path) -> None:
    for number in range(16):
        data = prove_record(ledger, number).encode()
        facts = ledger_check.check(data, policy())
        assert (facts["kind"], facts["record"], facts["opened"]) == ("record", number, False)
        assert facts["seal"] == forge.seal(number)
        assert facts["model"] == forge.MODEL
        scores = [score for block in BLOCKS for score in block]
        assert (facts["score"], facts["anomaly"]) == (scores[number], scores[number] >= 0.5)


@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_every_flipped_bit_of_a_proof_is_refused(ledger: Path, step: int) -> None:
    data = prove_record(ledger, 9).encode()
    for at in range(0, len(data) * 8, step):
        bad = bytearray(data)
        bad[at // 8] ^= 1 << at % 8
        with pytest.raises((LedgerTampered, PolicyUnmet)):
            ledger_check.check(bytes(bad), policy())


def test_every_byte_and_line_of_a_proof_lost_or_doubled_is_refused(ledger: Path) -> None:
    """Trap: proofs of wrong length."""
    data = prove_record(ledger, 9).encode()
    for at in range(0, len(data), 7):
        for bad in (data[:at] + data[at + 1 :], data[: at + 1] + data[at:], data[:at]):
            with pytest.raises((LedgerTampered, PolicyUnmet)):
                ledger_check.check(bad, policy())


def test_a_proof_with_something_of_another_is_refused(ledger: Path) -> None:
    mine, other = prove_record(ledger, 9), prove_record(ledger, 2)
    for name in ("event", "event_path", "record", "record_path", "block_line", "index", "path"):
        mixed = replace(mine, **{name: getattr(other, name)})
        with pytest.raises(BadProof):
            ledger_check.check(mixed.encode(), policy())
    longer = replace(mine, path=[*mine.path, bytes(32)])
    with pytest.raises(BadProof, match="path of"):
        ledger_check.check(longer.encode(), policy())


def dishonest(event: bytes, record: bytes, height: int = 0, first: int = 0) -> Proof:
    """A proof under a checkpoint over one block, which its log has made and signed as it stands."""
    body = event + b"\n" + record + b"\n"
    header = Header(height, first, 1, 0, bytes(32), merkle.root(merkle.leaf_hashes(body)), 1)
    tree = Checkpoint(PARTIES.log.public.name, 1, block_hash(header))
    note = sign(tree.encode(), PARTIES.log)
    made = proofs.build(body, to_line(header)[:-1], first, tree.root * (height + 1), note)
    return replace(made, index=0, path=[])


EVENT = b'{"event":"score","batch":"b","model":"m","threshold":0.5,"rows":1,"anomalies":1}'
RECORD = b'{"record":0,"score":0.5,"anomaly":true,"seal":"%s"}' % (b"5e" * 32)


@pytest.mark.parametrize(
    ("event", "record", "height", "reason"),
    [
        (EVENT, RECORD, 0, ""),
        (EVENT, RECORD, 3, "index"),
        (EVENT, RECORD.replace(b"true", b"false"), 0, "verdict"),
        (EVENT.replace(b"0.5", b"0.51"), RECORD, 0, "verdict"),
        (EVENT.replace(b"0.5", b"true"), RECORD, 0, "verdict"),
        (EVENT.replace(b"0.5", b'"0.5"'), RECORD, 0, "verdict"),
        (EVENT[:-1], RECORD, 0, "JSON"),
        (EVENT[:-1] + b',"a":"' + b"a" * (1 << 20) + b'"}', RECORD, 0, "event line"),
        (EVENT.replace(b"event", b"evens"), RECORD, 0, "event line"),
        (EVENT, RECORD.replace(b"0.5", b"5e-1"), 0, "record line"),
        (EVENT, RECORD.replace(b'"record":0', b'"record":00'), 0, "record line"),
        (EVENT, RECORD.replace(b'"record":0', b'"record":1'), 0, "number"),
        (EVENT, RECORD.replace(b"5e5e", b"5E5e"), 0, "record line"),
    ],
)
def test_what_even_its_log_cannot_make_true(
    event: bytes, record: bytes, height: int, reason: str
) -> None:
    data = dishonest(event, record, height).encode()
    if not reason:
        assert ledger_check.check(data, policy())["record"] == 0
        return
    with pytest.raises(BadProof, match=reason):
        ledger_check.check(data, policy())


def test_a_proof_counts_as_much_as_its_checkpoint(ledger: Path) -> None:
    mine = prove_record(ledger, 9)
    strangers = replace(mine, note=sign(mine.note.text, PARTIES.second))
    with pytest.raises(PolicyUnmet):
        ledger_check.check(strangers.encode(), policy())
    with pytest.raises(PolicyUnmet):
        ledger_check.check(mine.encode(), parse(policy_text("w1")))
    cosigned = replace(mine, note=sign(mine.note.text, PARTIES.log, PARTIES.witnesses["w1"]))
    facts = ledger_check.check(cosigned.encode(), parse(policy_text("w1")))
    assert facts["checkpoint"]["witnesses"] == {"w1": "2026-11-22T08:16:40Z"}  # type: ignore[index]


def test_an_opened_seal(example: Path) -> None:
    from medchain.pipeline.check import check

    for number in range(3):
        proof = replace(prove_record(example, number), sealed=SEALED[number])
        path = example.with_name("proof")
        path.write_bytes(proof.encode())
        facts = check(path, policy=example.with_name("policy"))
        assert facts["opened"] is True
        assert facts["row"] == proofs.parse_object(SEALED[number])["row"]
        others = [SEALED[number - 1], SEALED[number] + b" ", b"{}", b"", SEALED[number][:-1]]
        for other in others:
            path.write_bytes(replace(proof, sealed=other).encode())
            with pytest.raises(BadProof):
                check(path, policy=example.with_name("policy"))


def test_an_index_may_lie_and_a_proof_does_not(ledger: Path) -> None:
    right = [prove_record(ledger, number).encode() for number in range(16)]
    good = index_path(ledger).read_bytes()
    for at in range(0, len(good), 7):
        bad = bytearray(good)
        bad[at] ^= 0x41
        index_path(ledger).write_bytes(bad)
        for number in (0, 9, 15):
            try:
                data = prove_record(ledger, number).encode()
            except UsageError:
                continue  # a wrong first record may hide one; no wrong proof comes of it
            assert data == right[number], at
    index_path(ledger).unlink()
    assert prove_record(ledger, 9).encode() == right[9]
    assert index_path(ledger).read_bytes() == good


def test_nothing_is_proved_of_a_block_that_has_changed(ledger: Path) -> None:
    """Every byte of the block of record 9: no proof, or the one that was right before."""
    right, good = prove_record(ledger, 9).encode(), ledger.read_bytes()
    start = good.index(b'{"record":8') - 250
    kept = index_path(ledger).read_bytes()
    for at in range(start, good.index(b'{"record":12'), 5):
        index_path(ledger).write_bytes(kept)
        ledger.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with suppress(LedgerTampered):
            assert prove_record(ledger, 9).encode() == right
    rewritten(ledger)
    with pytest.raises(LedgerTampered):
        prove_record(ledger, 9)


def test_a_proof_is_read_by_the_index_alone(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of the ledger is read than a piece that holds the block."""
    from medchain.pipeline import prove

    read: list[int] = []

    class Counting(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            data = super().read1(size)
            read.append(len(data))
            return data

    @contextmanager
    def opened(_: Path) -> Iterator[Counting]:
        yield Counting(ledger.read_bytes())

    monkeypatch.setattr(prove, "open_ledger", opened)
    monkeypatch.setattr("medchain.ledger.reader.CHUNK", 512)
    prove_record(ledger, 9)
    assert sum(read) < 3 * 1024 < ledger.stat().st_size


@pytest.mark.parametrize(
    ("number", "reason"), [(-1, "no record -1"), (16, "ends before record 16")]
)
def test_records_that_no_checkpoint_covers(ledger: Path, number: int, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        prove_record(ledger, number)


def test_a_record_behind_the_checkpoint(ledger: Path) -> None:
    forge.write(ledger, SCORES[:1])
    with pytest.raises(UsageError, match="does not cover"):
        prove_record(ledger, 16)
    assert prove_record(ledger, 15)


def test_without_a_checkpoint_there_is_nothing_to_lead_to(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    forge.write(path, SCORES)
    with pytest.raises(UsageError, match="no checkpoint yet"):
        prove_record(path, 0)


def test_extensions(ledger: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(checkpoint_path(ledger).read_bytes())
    key = stored(tmp_path / "keys" / "log.key", PARTIES.log)
    for _ in range(9):
        forge.write(ledger, SCORES[:1])
        checkpoint(ledger, [key])
        data = prove_extension(ledger, old).encode()
        facts = ledger_check.check(data, policy(), old.read_bytes())
        assert facts["kind"] == "consistency"
        with pytest.raises(UsageError, match="older checkpoint"):
            ledger_check.check(data, policy())
        for at in range(0, len(data) * 8, 509):
            bad = bytearray(data)
            bad[at // 8] ^= 1 << at % 8
            with pytest.raises(MedchainError):
                ledger_check.check(bytes(bad), policy(), old.read_bytes())
    new = tmp_path / "new"
    new.write_bytes(checkpoint_path(ledger).read_bytes())
    with pytest.raises(UsageError, match="no older checkpoint"):
        prove_extension(ledger, new, checkpoint=old)


def test_the_vault_opens_a_seal(model: Path, table: Path, tmp_path: Path) -> None:
    from medchain.ledger.vault import Vault
    from medchain.pipeline.check import check
    from medchain.pipeline.ingest import ingest

    path = tmp_path / "ledger.jsonl"
    ingest(table, model=model, ledger=path, batch_size=50, bits=4, origin="h.example/log")
    key = make_key(tmp_path / "keys", "h.example/log")
    checkpoint(path, [key])
    (tmp_path / "policy").write_text(f"log {key.public}\nquorum none\n")
    (tmp_path / "proof").write_bytes(prove_record(path, 77, open_seal=True).encode())
    facts = check(tmp_path / "proof", policy=tmp_path / "policy")
    columns, *rows = (line.split(",") for line in table.read_text().splitlines())
    assert facts["row"] == dict(zip(columns, rows[77], strict=True))
    with Vault(tmp_path / "ledger.vault") as vault:
        vault._db.execute("delete from sealed where record = 77")
    with pytest.raises(UsageError, match="no row for record 77"):
        prove_record(path, 77, open_seal=True)
    assert prove_record(path, 77)


def _signed(ledger: Path) -> tuple[Path, Path]:
    """A key of the ledger's log, and a policy that takes its word."""
    key = make_key(ledger.parent / "signer", _origin(ledger))
    checkpoint(ledger, [key])
    policy_file = ledger.parent / "policy"
    policy_file.write_text(f"log {key.public}\nquorum none\n")
    return key.path, policy_file


def test_what_was_said_of_a_record_since_its_proof_is_told(
    model: Path, table: Path, tmp_path: Path
) -> None:
    ledger, file = tmp_path / "ledger.jsonl", tmp_path / "proof"
    ingest(table, model=model, ledger=ledger, bits=0)
    key, policy_file = _signed(ledger)
    file.write_bytes(prove_record(ledger, 3, open_seal=True).encode())
    assert remarks_since(ledger, proofs.parse(file.read_bytes())) == {"erased": None, "amended": []}
    amend(ledger, record=3, anomaly=True, reason="read again by two")
    erase(ledger, record=3, reason="on request")
    for covered in (False, True):  # behind the checkpoint, then under a newer one
        if covered:
            checkpoint(ledger, [keys.load(key, keys.no_passphrase)])
        result = medchain("prove", ledger, "--record", "3", "-o", file, folder=tmp_path)
        assert result.returncode == 0
        said = result.stderr
        assert "its row was erased" in said
        assert "amended" in said
        assert "to anomalous" in said
        facts = check(file, policy=policy_file, ledger=ledger)
        assert facts["erased"]
        assert facts["amended"]
    events = [tmp_path / "amended", tmp_path / "erased"]
    for number, event in enumerate(events, show(ledger)["blocks"] - 2):  # type: ignore[operator]
        event.write_bytes(prove_event(ledger, number).encode())
    later = check(file, policy=policy_file, later=events)
    assert later == facts
    assert check(file, policy=policy_file, later=events[:1])["erased"] is None
    assert check(events[1], policy=policy_file)["event"] == "erase"
    with pytest.raises(LedgerTampered, match="no later event"):
        check(file, policy=policy_file, later=[file])
    with pytest.raises(UsageError, match="of a record"):
        check(events[0], policy=policy_file, later=events[1:])
    facts = check(file, policy=policy_file)
    assert "erased" not in facts


def test_a_proof_says_that_no_model_scored_its_record(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    forge.write(ledger, BLOCKS)
    with forge.open_store(ledger) as store:
        store.read(lambda _: None)
        line = lines.sealed_records(store.next_record, [0.9], [True], [forge.seal(1)])
        store.append("import", {}, line, 1, 4)
    _, policy_file = _signed(ledger)
    file = tmp_path / "proof"
    file.write_bytes(prove_record(ledger, 16).encode())
    facts = check(file, policy=policy_file)
    assert facts["event"] == "import"
    assert "no model is said to have scored it" in checked(facts)


def test_a_ledger_that_does_not_hold_the_proof_is_refused(ledger: Path, tmp_path: Path) -> None:
    _, policy_file = _signed(ledger)
    file = tmp_path / "proof"
    file.write_bytes(prove_record(ledger, 1).encode())
    with pytest.raises(UsageError, match="does not hold the block"):
        check(file, policy=policy_file, ledger=EXAMPLE)


def test_a_row_sealed_for_another_ledger_is_not_proved(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    line = lines.sealed_lines("f" * 32, 0, ["00" * 16], ['{"age":"61"}'])[0]
    with forge.open_store(ledger) as store:
        store.read(lambda _: None)
        store.begin(forge.GENESIS)
        forge.append_scores(store, [0.9], seals=[sha256(line.encode()).hexdigest()])
        with Vault.create(ledger.with_suffix(".vault"), forge.LEDGER, b"k" * 32) as vault:
            vault.write(0, [line], None, store.head)
    _signed(ledger)
    with pytest.raises(BadProof, match="another ledger"):
        prove_record(ledger, 0, open_seal=True)


def test_no_byte_of_an_events_proof_may_change(ledger: Path) -> None:
    data = prove_event(ledger, 2).encode()
    assert ledger_check.check(data, policy())["kind"] == "event"
    for place in range(len(data)):
        with pytest.raises((LedgerTampered, PolicyUnmet)):
            ledger_check.check(
                data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], policy()
            )


def test_an_event_is_proved_of_the_blocks_under_the_checkpoint_alone(ledger: Path) -> None:
    for block in (-1, len(BLOCKS) + 1, 2**70):
        with pytest.raises(UsageError, match="does not cover a block"):
            prove_event(ledger, block)
