"""Checkpoints of a ledger: verified from disk, one history for ever, little read again."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from medchain import fs
from medchain.errors import (
    LedgerLocked,
    LedgerShort,
    LedgerTampered,
    MedchainError,
    NotDurable,
    UsageError,
)
from medchain.ledger import checkpoint as checkpoints
from medchain.ledger import merkle
from medchain.ledger import note as notes
from medchain.ledger.checkpoint import checkpoint_path
from medchain.ledger.index import ROW_SIZE, index_path
from medchain.ledger.policy import Policy, parse
from medchain.ledger.reader import open_ledger
from medchain.ledger.store import Genesis
from medchain.ledger.verify import Walk
from medchain.pipeline import keys
from medchain.pipeline.audit import verify
from medchain.pipeline.checkpoint import bring_back, checkpoint, sign_request, unsigned
from tests.foreign.forge import root_of
from tests.ledger import forge
from tests.ledger.signers import ORIGIN

SCORES = [[0.25, 0.75, 0.5]] * 6


def make_key(folder: Path, name: str = ORIGIN, kind: str = "log") -> keys.SigningKey:
    folder.mkdir(exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}.key"
    keys.create(path, name, kind, None)
    return keys.load(path, lambda _: b"")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.jsonl"
    forge.write(path, SCORES)
    return path


@pytest.fixture
def key(tmp_path: Path) -> keys.SigningKey:
    return make_key(tmp_path / "keys")


def policy(*signers: keys.SigningKey) -> Policy:
    lines = [f"log {signer.public}" for signer in signers]
    return parse("\n".join([*lines, "quorum none", ""]).encode())


def hashes(path: Path) -> list[bytes]:
    with open_ledger(path) as stream:
        return [block.hash for block in Walk(stream)]


def contents(*folders: Path) -> dict[Path, bytes]:
    """Every file but indexes, which are made again at will."""
    files = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    return {path: path.read_bytes() for path in files if path.suffix != ".index"}


def test_it_signs_the_tree_of_the_verified_blocks(ledger: Path, key: keys.SigningKey) -> None:
    made = checkpoint(ledger, [key])
    assert (made.checkpoint.origin, made.checkpoint.size) == (ORIGIN, 7)
    assert made.checkpoint.root == root_of(hashes(ledger))
    stored = notes.parse(checkpoint_path(ledger).read_bytes())
    assert stored == made.note
    assert notes.check(stored, [key.public]) == {key.public: None}
    assert (made.verified, made.taken) == (7, 0)


def test_only_what_grew_is_read_again(ledger: Path, key: keys.SigningKey) -> None:
    checkpoint(ledger, [key])
    before = ledger.stat().st_size
    forge.write(ledger, SCORES[:2])
    seen: list[int] = []
    made = checkpoint(ledger, [key], progress=seen.append)
    assert (made.verified, made.taken) == (2, 7)
    assert len(seen) == 2
    assert min(seen) > before
    assert made.checkpoint.root == root_of(hashes(ledger))
    assert checkpoint(ledger, [key], full=True).verified == 9
    assert checkpoint(ledger, [key]).taken == 9


def test_signing_again_changes_nothing(ledger: Path, key: keys.SigningKey) -> None:
    checkpoint(ledger, [key])
    before = contents(ledger.parent, key.path.parent)
    for full in (False, True):
        checkpoint(ledger, [key], full=full)
        assert contents(ledger.parent, key.path.parent) == before


def test_several_keys_at_once_and_one_after_the_other(tmp_path: Path, ledger: Path) -> None:
    signers = [make_key(tmp_path / f"keys{n}") for n in range(3)]
    checkpoint(ledger, signers[:2])
    note = checkpoint(ledger, signers[2:]).note
    assert len(notes.check(note, [signer.public for signer in signers])) == 3
    forge.write(ledger, SCORES[:1])
    note = checkpoint(ledger, signers[:1]).note
    assert len(note.signatures) == 1, "the others have not signed what is new"


def rewritten(ledger: Path) -> None:
    """The ledger mined again with another score in block 3."""
    ledger.unlink()
    forge.write(ledger, [*SCORES[:2], [0.26, 0.75, 0.5], *SCORES[3:], *SCORES])


def cut(ledger: Path) -> None:
    lines = ledger.read_bytes().splitlines(keepends=True)
    ends = [n for n, line in enumerate(lines) if line.startswith(b'{"block":')]
    ledger.write_bytes(b"".join(lines[: ends[4] + 1]))


@pytest.mark.parametrize("forget", ["nothing", "the checkpoint", "what the key signed"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("change", "error"), [(rewritten, LedgerTampered), (cut, LedgerShort)])
def test_a_fork_is_never_signed(
    ledger: Path,
    key: keys.SigningKey,
    forget: str,
    full: bool,
    change: Callable[[Path], None],
    error: type[MedchainError],
) -> None:
    """Whichever of the two places that know the last one is lost, the other one stands."""
    checkpoint(ledger, [key])
    change(ledger)
    if forget == "the checkpoint":
        checkpoint_path(ledger).unlink()
    if forget == "what the key signed":
        keys.state_path(key.path).unlink()
    before = contents(ledger.parent, key.path.parent)
    with pytest.raises(error):
        checkpoint(ledger, [key], full=full)
    with pytest.raises(error):
        _, read = unsigned(ledger, policy(key))
        read.extends(7, made_root(before, ledger))
    assert contents(ledger.parent, key.path.parent) == before


def made_root(before: dict[Path, bytes], ledger: Path) -> bytes:
    data = before.get(checkpoint_path(ledger))
    return checkpoints.parse(notes.parse(data).text).root if data else b"another root"


def test_of_several_keys_all_sign_or_none(tmp_path: Path, ledger: Path) -> None:
    """One that knows another history keeps the others from promising this one."""
    old, new = make_key(tmp_path / "old"), make_key(tmp_path / "new")
    checkpoint(ledger, [old])
    checkpoint_path(ledger).unlink()
    rewritten(ledger)
    before = contents(old.path.parent, new.path.parent)
    for signers in ([old, new], [new, old]):
        with pytest.raises(LedgerTampered):
            checkpoint(ledger, signers)
    assert contents(old.path.parent, new.path.parent) == before


@pytest.mark.parametrize("step", [43, pytest.param(1, marks=pytest.mark.slow)])
def test_a_flipped_bit_in_what_is_new_is_never_signed(
    ledger: Path, key: keys.SigningKey, step: int
) -> None:
    """Trap: a log that signed after one flipped bit on its own disk."""
    checkpoint(ledger, [key])
    start = ledger.stat().st_size
    good = forge.write(ledger, SCORES[:1])
    before = contents(key.path.parent)
    for at in range(start * 8, len(good) * 8, step):
        bad = bytearray(good)
        bad[at // 8] ^= 1 << at % 8
        ledger.write_bytes(bad)
        try:
            made = checkpoint(ledger, [key])
        except LedgerTampered:
            continue
        # A block line whose LF is gone looks like an append under way, and is not covered.
        assert (made.checkpoint.size, made.tail > 0) == (7, True), at
    assert contents(key.path.parent) == before


def test_a_flipped_bit_in_what_is_old_never_changes_what_is_signed(
    ledger: Path, key: keys.SigningKey
) -> None:
    """What was signed stays signed; that its bytes rotted is found by reading all, or by verify."""
    checkpoint(ledger, [key])
    old = ledger.stat().st_size
    good = forge.write(ledger, SCORES[:1])
    right = root_of(hashes(ledger))
    state, kept = keys.state_path(key.path), checkpoint_path(ledger)
    saved = state.read_bytes(), kept.read_bytes(), index_path(ledger).read_bytes()
    dice = random.Random(6962)
    for _ in range(25):
        for path, data in zip((state, kept, index_path(ledger)), saved, strict=True):
            path.write_bytes(data)
        bad = bytearray(good)
        bad[dice.randrange(old)] ^= 1 << dice.randrange(8)
        ledger.write_bytes(bad)
        with pytest.raises((LedgerTampered, UsageError)):
            checkpoint(ledger, [key], full=True)
        try:
            made = checkpoint(ledger, [key])
        except MedchainError:
            continue
        assert (made.checkpoint.size, made.checkpoint.root) == (8, right)


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_an_index_is_never_believed(ledger: Path, key: keys.SigningKey, step: int) -> None:
    """Trap: two structures that could lag each other. Every byte of the index wrong, in turn."""
    checkpoint(ledger, [key])
    kept = {path: path.read_bytes() for path in (checkpoint_path(ledger), index_path(ledger))}
    state = keys.state_path(key.path).read_bytes()
    forge.write(ledger, SCORES[:2])
    right = checkpoint(ledger, [key]).note
    good = index_path(ledger).read_bytes()
    for at in range(0, len(kept[index_path(ledger)]), step):
        for path, data in kept.items():
            path.write_bytes(data)
        keys.state_path(key.path).write_bytes(state)
        bad = bytearray(kept[index_path(ledger)])
        bad[at] ^= 0x80
        index_path(ledger).write_bytes(bad)
        made = checkpoint(ledger, [key])
        assert made.note == right, at
        if at % ROW_SIZE < 32:
            assert made.taken == 0, "a hash of the index was wrong, so all was read again"
            assert index_path(ledger).read_bytes() == good


@pytest.mark.parametrize("data", [b"", b"x", bytes(47), bytes(48 * 50)])
def test_an_index_that_is_stale_or_no_index_is_made_again(
    ledger: Path, key: keys.SigningKey, data: bytes
) -> None:
    right = checkpoint(ledger, [key]).note
    good = index_path(ledger).read_bytes()
    index_path(ledger).write_bytes(data)
    assert checkpoint(ledger, [key]).note == right
    assert index_path(ledger).read_bytes() == good


def test_a_key_may_be_named_by_its_file(ledger: Path, key: keys.SigningKey) -> None:
    made = checkpoint(str(ledger), [str(key.path)])
    assert key.public in notes.check(made.note, [key.public])
    keys.create(key.path.with_name("b.key"), ORIGIN, "log", b"x")
    with pytest.raises(UsageError, match="passphrase"):
        checkpoint(ledger, [key.path.with_name("b.key")])


def test_without_a_key_there_is_no_checkpoint(ledger: Path) -> None:
    with pytest.raises(UsageError, match="signed by a key"):
        checkpoint(ledger, [])
    assert not checkpoint_path(ledger).exists()


def test_an_archive_is_compared_with_the_checkpoint_beside_it(
    ledger: Path, key: keys.SigningKey
) -> None:
    made = checkpoint(ledger, [key])
    archive = ledger.with_name("ledger.jsonl.gz")
    archive.write_bytes(gzip.compress(ledger.read_bytes()))
    (ledger.parent / "policy").write_text(f"log {key.public}\nquorum none\n")
    for incremental in (False, True):
        found = verify(archive, policy=ledger.parent / "policy", from_checkpoint=incremental)
        assert found.exit_code == 0
        assert found.anchor
        assert found.anchor.blocks == made.checkpoint.size
        assert found.unread_blocks == (7 if incremental else 0)


def test_an_append_under_way_is_not_covered(ledger: Path, key: keys.SigningKey) -> None:
    with ledger.open("ab") as file:
        file.write(b'{"event":"score","ba')
    made = checkpoint(ledger, [key])
    assert (made.checkpoint.size, made.tail) == (7, 20)


def test_a_checkpoint_that_another_key_signed_saves_no_reading(
    tmp_path: Path, ledger: Path, key: keys.SigningKey
) -> None:
    """Trap: the key read from the very ledger. Whoever puts a file there shortens nothing."""
    checkpoint(ledger, [make_key(tmp_path / "stranger")])
    assert checkpoint(ledger, [key]).taken == 0


def test_a_damaged_checkpoint_beside_the_ledger_is_no_missing_one(
    ledger: Path, key: keys.SigningKey
) -> None:
    checkpoint(ledger, [key])
    good = checkpoint_path(ledger).read_bytes()
    for data in (b"", good[:-1], b"x"):
        checkpoint_path(ledger).write_bytes(data)
        with pytest.raises(UsageError, match="no checkpoint"):
            checkpoint(ledger, [key])


def test_keys_that_do_not_sign_for_this_log(tmp_path: Path, ledger: Path) -> None:
    for name, kind in (("other.example", "log"), (ORIGIN, "witness")):
        with pytest.raises(UsageError, match="does not sign for this log") as caught:
            checkpoint(ledger, [make_key(tmp_path / "keys", name, kind)])
        assert ORIGIN in caught.value.hint
    assert not checkpoint_path(ledger).exists()


def test_ledgers_of_which_there_is_no_checkpoint(
    tmp_path: Path, key: keys.SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    with pytest.raises(UsageError, match="no block yet"):
        checkpoint(empty, [key])
    with pytest.raises(UsageError, match="archive"):
        checkpoint(Path("data/archive/ledger-2026.jsonl.gz"), [key])
    monkeypatch.setattr(forge, "GENESIS", Genesis(forge.LEDGER, "My Hospital", 4, "sealed", "t"))
    forge.write(tmp_path / "spaces.jsonl", [])
    with pytest.raises(UsageError, match="origin"):
        checkpoint(tmp_path / "spaces.jsonl", [key])


def test_two_who_sign_at_once(ledger: Path, key: keys.SigningKey) -> None:
    with fs.locked([key.path.parent]), pytest.raises(LedgerLocked):
        checkpoint(ledger, [key])
    with fs.locked([ledger.parent]), pytest.raises(LedgerLocked):
        checkpoint(ledger, [key])
    checkpoint(ledger, [key])


def test_a_key_in_the_folder_of_the_ledger(ledger: Path) -> None:
    checkpoint(ledger, [make_key(ledger.parent)])


@pytest.mark.parametrize("call", range(3))
def test_a_disk_that_fails_leaves_no_signature_that_is_not_remembered(
    ledger: Path, key: keys.SigningKey, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """Index, memory of the key, checkpoint: each fails in its turn."""
    real, made = fs.replace, []

    def failing(path: Path, data: bytes, *, mode: int = 0o644) -> None:
        made.append(path)
        if len(made) == call + 1:
            raise NotDurable("no space")
        real(path, data, mode=mode)

    monkeypatch.setattr(fs, "replace", failing)
    with pytest.raises(NotDurable):
        checkpoint(ledger, [key])
    assert not checkpoint_path(ledger).exists()
    monkeypatch.setattr(fs, "replace", real)
    assert checkpoint(ledger, [key]).checkpoint.size == 7


def test_signing_on_another_machine(tmp_path: Path, ledger: Path, key: keys.SigningKey) -> None:
    rules = policy(key)
    for taken in (0, 7):
        request, read = unsigned(ledger, rules)
        assert read.taken == taken
        (tmp_path / "signed").write_bytes(sign_request(request.encode(), key).encode())
        forge.write(ledger, SCORES[:1])  # what comes meanwhile is not covered
        made = bring_back(ledger, tmp_path / "signed", rules)
        assert made.checkpoint.size == request.checkpoint.size
        assert made.file.read_bytes() == made.note.encode()
    assert merkle.root(b"".join(hashes(ledger)[:8])) == made.checkpoint.root


def test_signatures_that_come_back_wrong(
    tmp_path: Path, ledger: Path, key: keys.SigningKey
) -> None:
    request, _ = unsigned(ledger)
    signed = tmp_path / "signed"
    stranger = make_key(tmp_path / "stranger")
    signed.write_bytes(sign_request(request.encode(), stranger).encode())
    with pytest.raises(MedchainError, match="no log of the policy"):
        bring_back(ledger, signed, policy(key))
    signed.write_bytes(sign_request(request.encode(), key).encode())
    rewritten(ledger)
    with pytest.raises(LedgerTampered):
        bring_back(ledger, signed, policy(key))
    cut(ledger)
    with pytest.raises(LedgerShort):
        bring_back(ledger, signed, policy(key))
    assert not checkpoint_path(ledger).exists()


def test_a_stranger_s_signature_is_not_taken_in(
    tmp_path: Path, ledger: Path, key: keys.SigningKey
) -> None:
    made = checkpoint(ledger, [key])
    stranger = make_key(tmp_path / "stranger").sign(made.note.text, 0)
    signed = tmp_path / "signed"
    signed.write_bytes(notes.Note(made.note.text, (*made.note.signatures, stranger)).encode())
    assert bring_back(ledger, signed, policy(key)).note == made.note
