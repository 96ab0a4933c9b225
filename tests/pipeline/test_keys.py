"""Key files, what a key remembers, and that it never signs two histories."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest

from medchain import fs
from medchain.errors import LedgerShort, NotDurable, UsageError
from medchain.ledger import note as notes
from medchain.ledger.checkpoint import Checkpoint
from medchain.ledger.history import BadHistory, Extension, check_rotation
from medchain.ledger.note import Note
from medchain.ledger.path import consistency
from medchain.ledger.policy import PolicyUnmet, parse
from medchain.pipeline import keys
from medchain.pipeline.checkpoint import sign_request
from tests.ledger.signers import ORIGIN, sign, tree, witness
from tests.ledger.test_path import LEAVES, ROOTS


def no_passphrase(_: Path) -> bytes:
    raise AssertionError("nobody should have been asked")


@pytest.fixture
def key(tmp_path: Path) -> keys.SigningKey:
    keys.create(tmp_path / "log.key", ORIGIN, "log", None)
    made = keys.load(tmp_path / "log.key", no_passphrase)
    with keys.locked([made]):
        return made


def test_a_key_file_is_private_and_says_who_it_is(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        public = keys.create(tmp_path / "a.key", ORIGIN, "log", None)
    finally:
        os.umask(old)
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.key", "a.key.state"]
    assert keys.state_path(tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    assert keys.load(tmp_path / "a.key", no_passphrase).public == public
    assert keys.public_key(tmp_path / "a.key") == public
    assert notes.parse_key(str(public)) == public


def test_two_keys_are_never_the_same(tmp_path: Path) -> None:
    assert len({keys.create(tmp_path / f"{n}", ORIGIN, "log", None).public for n in range(9)}) == 9


def test_a_passphrase_protects_a_key(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    public = keys.create(path, "w.example", "witness", b"a secret")
    assert keys.public_key(path) == public
    loaded = keys.load(path, lambda _: b"a secret")
    assert loaded.public == public
    seed = loaded.secret.private_bytes_raw()
    assert seed not in path.read_bytes()
    assert notes.to_base64(seed)[:20] not in path.read_text()
    for wrong in (b"", b"a secret ", b"A secret"):
        with pytest.raises(UsageError, match="wrong, or the file is damaged"):
            keys.load(path, lambda _, wrong=wrong: wrong)  # type: ignore[misc]


def test_the_name_on_an_encrypted_key_cannot_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    public = keys.create(path, "w.example", "witness", b"a secret")
    other = notes.VerifierKey("x.example", public.type, public.public)
    path.write_text(path.read_text().replace(str(public), str(other)))
    with pytest.raises(UsageError, match="wrong, or the file is damaged"):
        keys.load(path, lambda _: b"a secret")


@pytest.mark.parametrize("passphrase", [None, b"x"])
def test_a_damaged_key_file_is_refused_in_a_sentence(
    tmp_path: Path, passphrase: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(keys._COST, "n", 2)
    path = tmp_path / "a.key"
    keys.create(path, ORIGIN, "log", passphrase)
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(UsageError):
            keys.load(path, lambda _: b"x")
    for data in (b"", b"\n", b"{}", b"[]", b"{", b"\xff", b"PRIVATE+KEY+", good[:-2], good * 2):
        path.write_bytes(data)
        with pytest.raises(UsageError):
            keys.load(path, lambda _: b"x")
        with pytest.raises(UsageError):
            keys.public_key(path)


def test_a_key_that_others_may_read_is_refused(key: keys.SigningKey) -> None:
    key.path.chmod(0o640)
    with pytest.raises(UsageError, match="may be read by others") as caught:
        keys.load(key.path, no_passphrase)
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "kind", "passphrase"),
    [
        *((name, "log", None) for name in ("", "a b", "a+b", "a\nb", "a\u00a0b")),
        ("a", "clock", None),
        ("a", "log", b""),
    ],
)
def test_what_no_key_may_be(tmp_path: Path, name: str, kind: str, passphrase: bytes | None) -> None:
    with pytest.raises(UsageError):
        keys.create(tmp_path / "a.key", name, kind, passphrase)
    assert not list(tmp_path.iterdir())


def test_a_key_is_never_replaced(key: keys.SigningKey) -> None:
    before = key.path.read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        keys.create(key.path, ORIGIN, "log", None)
    assert key.path.read_bytes() == before
    assert sorted(path.name for path in key.path.parent.iterdir()) == ["log.key", "log.key.state"]


def no_path(_size: int, _root: bytes) -> None:
    raise BadHistory("it", "no path")


def test_a_key_remembers_what_it_signed_for_each_log(key: keys.SigningKey) -> None:
    asked: list[tuple[int, bytes]] = []
    other = Checkpoint("other.example with spaces", 7, tree(7).root)
    for new in (tree(3), tree(5), other, tree(5), tree(9)):
        keys.advance(key, new, lambda size, root: asked.append((size, root)))
    expected = [tree(size) for size in (3, 5, 5)]
    assert asked == [(found.size, found.root) for found in expected]
    with pytest.raises(LedgerShort):
        keys.advance(key, tree(8), lambda *_: None)
    with pytest.raises(BadHistory):
        keys.advance(key, tree(10), no_path)
    assert keys.state_path(key.path).stat().st_mode & 0o777 == 0o600
    assert keys._read_states(keys.state_path(key.path)) == {
        ORIGIN: (9, tree(9).root),
        other.origin: (7, other.root),
    }


def test_a_damaged_memory_is_no_empty_one(key: keys.SigningKey) -> None:
    keys.advance(key, tree(3), no_path)
    path = keys.state_path(key.path)
    good = path.read_bytes()
    for data in (b"\n", good[:-1], good[:-9][:-30], b"x" + good, good.replace(b"3 ", b" 3 ", 1)):
        path.write_bytes(data)
        with pytest.raises(UsageError, match="damaged"):
            keys.advance(key, tree(5), lambda *_: None)


def request(old: int, new: int, salt: str = "") -> bytes:
    """A log's request, for the trees of `test_path`, that nobody has signed."""
    found = Checkpoint(ORIGIN, new, ROOTS[new] if not salt else tree(new, salt).root)
    return Extension(old, consistency(b"".join(LEAVES[:new]), old), found, None).encode()


def test_a_log_key_signs_elsewhere_only_what_extends_what_it_signed(key: keys.SigningKey) -> None:
    assert notes.check(sign_request(request(0, 5), key), [key.public]) == {key.public: None}
    for old, new in ((5, 5), (5, 9), (9, 9), (9, 40)):
        sign_request(request(old, new), key)
    state = keys.state_path(key.path).read_bytes()
    for bad, error in (
        (request(9, 50), UsageError),
        (request(0, 50), UsageError),
        (request(40, 50, "fork"), BadHistory),
        (request(40, 40, "fork"), BadHistory),
        (request(9, 39), LedgerShort),
        (request(0, 5)[:-1], BadHistory),
    ):
        with pytest.raises(error):
            sign_request(bad, key)
        assert keys.state_path(key.path).read_bytes() == state


def test_every_flipped_bit_of_a_request_is_refused(key: keys.SigningKey) -> None:
    """But for its size, which no path binds: of an unsigned request, that is for eyes to see."""
    sign_request(request(0, 21), key)
    good = request(21, 30)
    size = good.index(b"\n30\n") + 1
    for at in set(range(len(good) * 8)) - set(range(size * 8, size * 8 + 16)):
        bad = bytearray(good)
        bad[at // 8] ^= 1 << at % 8
        with pytest.raises((BadHistory, UsageError, LedgerShort)):
            sign_request(bytes(bad), key)


def test_nothing_is_signed_that_is_not_remembered(
    key: keys.SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise NotDurable("no space")

    monkeypatch.setattr(fs, "replace", full)
    with pytest.raises(NotDurable):
        sign_request(request(0, 5), key)


def test_a_witness_signs_what_a_known_log_signed_and_no_fork(tmp_path: Path) -> None:
    from tests.ledger.signers import PARTIES, policy_text

    keys.create(tmp_path / "w.key", "w.example", "witness", None)
    key = keys.load(tmp_path / "w.key", no_passphrase)
    rules = parse(policy_text())

    def note(size: int, salt: str = "", signer: keys.SigningKey = PARTIES.log) -> Note:
        root = tree(size, salt).root if salt else ROOTS[size]
        return sign(Checkpoint(ORIGIN, size, root).encode(), signer)

    with pytest.raises(UsageError, match="a witness cosigns"):
        sign_request(note(5).encode(), key)
    with pytest.raises(UsageError, match="what a log has signed"):
        sign_request(request(0, 5), key, rules)
    with pytest.raises(PolicyUnmet):
        sign_request(note(5, signer=PARTIES.second).encode(), key, rules)
    first = sign_request(note(5).encode(), key, rules)
    assert key.public in notes.check(first, [key.public])
    assert first.signatures[0].name == ORIGIN, "the log's signature stays on it"
    sign_request(note(5).encode(), key, rules)
    with pytest.raises(BadHistory):
        sign_request(note(5, "fork").encode(), key, rules)
    with pytest.raises(UsageError, match="has signed 5 blocks"):
        sign_request(note(9).encode(), key, rules)
    path = consistency(b"".join(LEAVES[:9]), 5)
    extension = Extension(5, path, Checkpoint(ORIGIN, 9, ROOTS[9]), note(9))
    assert sign_request(extension.encode(), key, rules).text == note(9).text


def test_a_rotation_takes_both_keys(tmp_path: Path, key: keys.SigningKey) -> None:
    keys.create(tmp_path / "new.key", ORIGIN, "log", None)
    new = keys.load(tmp_path / "new.key", no_passphrase)
    rules = parse(f"log {key.public}\nquorum none\n".encode())
    note = keys.rotate(key, new)
    assert check_rotation(note, rules) == (key.public, new.public)
    for lacking in range(2):
        with pytest.raises(BadHistory, match="did not sign"):
            check_rotation(Note(note.text, (note.signatures[lacking],)), rules)
    with pytest.raises(PolicyUnmet):
        check_rotation(note, parse(f"log {new.public}\nquorum none\n".encode()))
    with pytest.raises(BadHistory):
        check_rotation(sign(note.text + b"more\n", key, new), rules)
    with pytest.raises(UsageError, match="itself"):
        keys.rotate(key, key)
    with pytest.raises(UsageError, match="same name"):
        keys.rotate(key, witness("w1"))


def test_a_link_to_a_key_has_the_memory_of_the_key(key: keys.SigningKey, tmp_path: Path) -> None:
    keys.advance(key, tree(5), no_path)
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "other.key"
    link.symlink_to(key.path)
    with pytest.raises(LedgerShort):
        keys.advance(keys.load(link, no_passphrase), tree(3), lambda *_: None)


def test_a_key_with_a_second_name_is_refused(key: keys.SigningKey, tmp_path: Path) -> None:
    (tmp_path / "other.key").hardlink_to(key.path)
    for path in (key.path, tmp_path / "other.key"):
        with pytest.raises(UsageError, match="hard link"):
            keys.load(path, no_passphrase)


def test_a_copy_of_a_key_signs_no_second_history(key: keys.SigningKey, tmp_path: Path) -> None:
    keys.advance(key, tree(5), no_path)
    (tmp_path / "elsewhere").mkdir()
    for state in (b"", keys.state_path(key.path).read_bytes()):
        copy = tmp_path / "elsewhere" / "copy.key"
        fs.replace(copy, key.path.read_bytes(), mode=0o600)
        fs.replace(keys.state_path(copy), state, mode=0o600)
        loaded = keys.load(copy, no_passphrase)
        with pytest.raises(LedgerShort):
            keys.advance(loaded, tree(3), lambda *_: None)
        with pytest.raises(BadHistory):
            keys.advance(loaded, tree(9, "another history"), no_path)


def test_the_longer_of_two_states_counts(key: keys.SigningKey) -> None:
    keys.advance(key, tree(5), no_path)
    for path in key.states:
        kept = path.read_bytes()
        path.write_bytes(b"")
        with pytest.raises(LedgerShort):
            keys.advance(key, tree(3), lambda *_: None)
        path.write_bytes(kept)


def test_states_that_contradict_each_other_are_said(key: keys.SigningKey) -> None:
    keys.advance(key, tree(5), no_path)
    own = key.states[1]
    root = notes.to_base64(tree(5, "another history").root)
    own.write_text(f"5 {root} {ORIGIN}\n")
    with pytest.raises(UsageError, match="two histories of one log"):
        keys.advance(key, tree(9), lambda *_: None)


def test_a_state_that_is_missing_a_link_or_a_folder_is_none(
    key: keys.SigningKey, tmp_path: Path
) -> None:
    path = keys.state_path(key.path)
    path.unlink()
    with pytest.raises(UsageError, match="is missing"):
        keys.advance(key, tree(3), no_path)
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is damaged"):
        keys.advance(key, tree(3), no_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match="is damaged"):
        keys.advance(key, tree(3), no_path)
    path.rmdir()
    path.touch(mode=0o600)
    keys.advance(key, tree(3), no_path)


def test_a_new_key_takes_no_state_of_another(tmp_path: Path) -> None:
    keys.state_path(tmp_path / "a.key").write_bytes(b"")
    with pytest.raises(UsageError, match="what another key has signed"):
        keys.create(tmp_path / "a.key", ORIGIN, "log", None)
    assert not (tmp_path / "a.key").exists()


@pytest.mark.parametrize("data", [b"{" + b'"a":{' * 100_000, b"[" * 60_000, b"{" * (1 << 17)])
def test_a_deep_or_long_key_file_is_refused_in_a_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.key"
    fs.replace(path, data, mode=0o600)
    for read in (keys.public_key, lambda path: keys.load(path, lambda _: b"x")):
        with pytest.raises(UsageError):
            read(path)


def test_two_states_of_one_log_are_no_memory(key: keys.SigningKey) -> None:
    keys.advance(key, tree(3), no_path)
    path = keys.state_path(key.path)
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(UsageError, match="damaged"):
        keys.advance(key, tree(5), lambda *_: None)


@pytest.mark.parametrize("other", [None, True, -1, 1e300, 10**30, [], {}, "x", [[]]])
def test_any_type_in_a_key_file_is_refused_in_a_sentence(
    tmp_path: Path, other: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(keys._COST, "n", 2)
    path = tmp_path / "a.key"
    keys.create(path, ORIGIN, "log", b"x")
    fields = json.loads(path.read_text())
    for name in fields:
        path.write_text(json.dumps({**fields, name: other}) + "\n")
        with pytest.raises(UsageError):
            keys.load(path, lambda _: b"x")
        with suppress(UsageError):
            keys.public_key(path)
