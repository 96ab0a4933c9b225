"""Verification against a checkpoint: what it says of every ledger, and with which exit code."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from medchain import fs
from medchain.errors import NotDurable, PolicyUnmet, UsageError
from medchain.ledger import checkpoint as checkpoints
from medchain.ledger import history, merkle
from medchain.ledger import note as notes
from medchain.ledger.anchor import Demand, parse_age, verify_anchored
from medchain.ledger.checkpoint import Checkpoint, checkpoint_path
from medchain.ledger.history import BadHistory, Fork
from medchain.ledger.index import index_path
from medchain.ledger.note import Note
from medchain.ledger.path import consistency
from medchain.ledger.policy import parse
from medchain.ledger.verify import Report
from medchain.pipeline import keys
from medchain.pipeline.audit import verify
from medchain.pipeline.checkpoint import checkpoint

from . import forge
from .signers import ORIGIN, PARTIES, TIME, policy_text, sign, stored, tree
from .test_path import LEAVES, ROOTS

SCORES = [[0.25, 0.75]] * 5
W1 = PARTIES.witnesses["w1"]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger of 6 blocks with a checkpoint, an index, and 2 blocks more."""
    path = tmp_path / "ledger.jsonl"
    forge.write(path, SCORES)
    checkpoint(path, [stored(tmp_path / "log.key", PARTIES.log)])
    forge.write(path, SCORES[:2])
    return path


def kept(ledger: Path) -> Note:
    return notes.parse(checkpoint_path(ledger).read_bytes())


def report(
    ledger: Path, note: Note | bytes | None = None, quorum: str = "none", **change: object
) -> Report:
    data = note if isinstance(note, bytes) else (note or kept(ledger)).encode()
    demand = Demand(data, parse(policy_text(quorum)), TIME + 100, **change)  # type: ignore[arg-type]
    return verify_anchored(ledger, demand)


def test_what_is_anchored_and_what_is_not(ledger: Path) -> None:
    found = report(ledger, sign(kept(ledger).text, PARTIES.log, W1), "w1")
    assert (found.exit_code, found.ok) == (0, True)
    anchor = found.anchor
    assert anchor
    assert (anchor.origin, anchor.blocks, anchor.unanchored) == (ORIGIN, 6, 2)
    assert anchor.logs == (str(PARTIES.log.public),)
    assert (anchor.witnesses, anchor.witnessed) == ({"w1": TIME}, TIME)
    assert anchor.block_time == forge.clock()
    assert (anchor.short, anchor.unmet) == (False, ())


def test_a_shorter_ledger_has_a_code_of_its_own(ledger: Path) -> None:
    lines = ledger.read_bytes().splitlines(keepends=True)
    ends = [n + 1 for n, line in enumerate(lines) if line.startswith(b'{"block":')]
    for blocks in range(1, 9):
        ledger.write_bytes(b"".join(lines[: ends[blocks - 1]]))
        found = report(ledger)
        assert found.exit_code == (0 if blocks >= 6 else 14), blocks
        ledger.write_bytes(ledger.read_bytes() + b'{"event":')
        assert report(ledger).exit_code == (11 if blocks >= 6 else 14), blocks
    ledger.write_bytes(b"")
    assert report(ledger).exit_code == 11


def test_a_ledger_that_was_mined_again_is_found(ledger: Path) -> None:
    note = kept(ledger)
    for changed in range(5):
        scores = [list(block) for block in SCORES]
        scores[changed][0] = 0.26
        ledger.unlink()
        forge.write(ledger, [*scores, *SCORES])
        found = report(ledger, note)
        assert found.exit_code == 10
        assert found.finding
        assert (found.finding.kind, found.finding.block) == ("checkpoint", 5)
        assert found.finding.expected == checkpoints.parse(note.text).root.hex()
        assert found.anchor
        assert found.anchor.blocks == 0
    # A change behind the checkpoint is none that it can show: that is what unanchored means.
    ledger.unlink()
    forge.write(ledger, [*SCORES, [0.9]])
    assert report(ledger, note).exit_code == 0


def test_a_ledger_that_does_not_hold_is_tampered_whatever_the_policy(ledger: Path) -> None:
    data = ledger.read_bytes()
    ledger.write_bytes(data.replace(b"0.25", b"0.26", 1))
    for quorum in ("none", "w1"):
        assert report(ledger, quorum=quorum).exit_code == 10
    ledger.write_bytes(data.replace(b'"format":1', b'"format":2', 1))
    assert report(ledger).exit_code == 13


@pytest.mark.parametrize(
    ("quorum", "note", "reason"),
    [
        ("w1", "log", "has not cosigned"),
        ("none", "w1", "no log"),
        ("none", "stranger", "no log"),
        ("none", "nothing", "no signed note"),
        ("none", "text", "does not hold"),
        ("none", "other", "another log"),
    ],
)
def test_a_policy_that_is_unmet(ledger: Path, quorum: str, note: str, reason: str) -> None:
    text = kept(ledger).text
    other = Checkpoint("other.example", 6, ROOTS[6])
    shown: dict[str, Note | bytes] = {
        "log": sign(text, PARTIES.log),
        "w1": sign(text, W1),
        "stranger": sign(text, PARTIES.second),
        "nothing": b"",
        "text": sign(b"no checkpoint\n", PARTIES.log),
        "other": b"",
    }
    if note == "other":
        from .signers import key

        signer = key("other.example")
        demand = Demand(
            sign(other.encode(), signer).encode(),
            parse(policy_text(logs=(PARTIES.log, signer))),
            TIME,
        )
        found = verify_anchored(ledger, demand)
    else:
        found = report(ledger, shown[note], quorum)
    assert found.exit_code == 12
    assert found.anchor
    assert reason in found.anchor.unmet[0]
    assert (found.anchor.blocks, found.anchor.unanchored) == (0, 8)
    assert found.finding is None


@pytest.mark.parametrize(("age", "code"), [(99, 12), (100, 0), (101, 0), (0, 12)])
def test_the_age_of_a_checkpoint_is_its_witnesses_word(ledger: Path, age: int, code: int) -> None:
    note = sign(kept(ledger).text, PARTIES.log, W1)
    assert report(ledger, note, "w1", max_age=age).exit_code == code


def test_without_witnesses_its_age_is_the_log_s_word(ledger: Path) -> None:
    age = TIME + 100 - forge.clock() // 1_000_000
    assert report(ledger, max_age=age).exit_code == 0
    assert report(ledger, max_age=age - 1).exit_code == 12


def test_a_checkpoint_from_the_future_is_not_fresh(ledger: Path) -> None:
    note = sign(kept(ledger).text, PARTIES.log, W1, time=TIME + 10**6)
    assert report(ledger, note, "w1").exit_code == 0, "nobody asked how old it is"
    assert report(ledger, note, "w1", max_age=10**9).exit_code == 12


def test_the_least_work(ledger: Path) -> None:
    assert report(ledger, least_bits=4).exit_code == 0
    found = report(ledger, least_bits=5)
    assert found.exit_code == 12
    assert found.anchor
    assert "4 bits" in found.anchor.unmet[0]


def test_from_a_checkpoint_only_what_came_after_is_read(ledger: Path) -> None:
    whole = report(ledger)
    found = report(ledger, incremental=True)
    assert (found.exit_code, found.unread_blocks, found.unread_records) == (0, 6, 10)
    for name in ("blocks", "records", "size", "root", "head", "ledger", "rows"):
        assert getattr(found, name) == getattr(whole, name), name
    assert found.anomalies == 2
    assert found.anchor == whole.anchor


def test_what_was_not_read_is_not_judged_and_what_was_is(ledger: Path) -> None:
    """Read are the genesis event, the last block of the checkpoint, and all that came after."""
    good = ledger.read_bytes()
    first = good.index(b'{"event":"score"')
    last = good.rindex(b'{"event":"score"', 0, good.index(b'{"block":5,'))
    after = good.index(b'{"event":"score"', last + 1)
    line = good.index(b'{"block":5,')
    for at in [*range(0, line, 83), *range(line, after, 7), *range(after, len(good), 83)]:
        ledger.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        found = report(ledger, incremental=True)
        if first <= at < last:
            assert (found.exit_code, found.unread_blocks) == (0, 6), at
            assert found.root == report_root(good)
        else:
            assert found.exit_code in (10, 11), at
            assert found.unread_blocks == (6 if at >= after else 0)


def report_root(data: bytes) -> str:
    import io

    from medchain.ledger.verify import verify as plain

    return plain(io.BytesIO(data)).root


def test_without_a_good_index_everything_is_read(ledger: Path) -> None:
    good = index_path(ledger).read_bytes()
    for data in (b"", good[:-1], bytes(len(good)), good[::-1]):
        index_path(ledger).write_bytes(data)
        found = report(ledger, incremental=True)
        assert (found.exit_code, found.unread_blocks) == (0, 0)
    index_path(ledger).unlink()
    assert report(ledger, incremental=True).unread_blocks == 0


def test_ages() -> None:
    assert [parse_age(text) for text in ("30d", "12h", "90m", "5s")] == [2592000, 43200, 5400, 5]
    for text in ("", "30", "d", "-1d", " 1d", "1 d", "1.5d", "١d", "1w", "1d1h", "1_0d"):
        with pytest.raises(UsageError):
            parse_age(text)


# Forks


@functools.cache
def signed_tree(size: int, *signers: keys.SigningKey, salt: str = "") -> Note:
    root = tree(size, salt).root if salt else ROOTS[size]
    return sign(Checkpoint(ORIGIN, size, root).encode(), *(signers or (PARTIES.log,)))


def fork(earlier: int, later: int) -> Fork:
    """Evidence: the log signed some tree of `earlier` leaves, and ours of `later`."""
    path = consistency(b"".join(LEAVES[:later]), earlier)
    return Fork(signed_tree(earlier, salt="x"), signed_tree(later), ROOTS[earlier], path)


def test_every_fork_up_to_9_is_proved() -> None:
    rules = parse(policy_text())
    for later in range(1, 10):
        for earlier in range(1, later + 1):
            evidence = history.parse_fork(fork(earlier, later).encode())
            assert [found.size for found in evidence.check(rules)] == [earlier, later]


def test_no_evidence_is_made_of_an_honest_log() -> None:
    rules = parse(policy_text())
    for later in range(1, 10):
        for earlier in range(1, later + 1):
            path = consistency(b"".join(LEAVES[:later]), earlier)
            for root in (ROOTS[earlier], bytes(32), ROOTS[later]):
                honest = Fork(signed_tree(earlier), signed_tree(later), root, path)
                if root == ROOTS[earlier] or earlier < later or root != ROOTS[later]:
                    with pytest.raises(BadHistory):
                        honest.check(rules)


def test_evidence_needs_the_log_s_own_signatures() -> None:
    rules, sound = parse(policy_text()), fork(3, 7)
    for change in (
        Fork(signed_tree(3, PARTIES.second, salt="x"), sound.later, sound.root, sound.path),
        Fork(sound.earlier, signed_tree(7, W1), sound.root, sound.path),
    ):
        with pytest.raises(PolicyUnmet):
            change.check(rules)


@pytest.mark.parametrize("step", [37, pytest.param(1, marks=pytest.mark.slow)])
def test_every_flipped_bit_of_evidence_is_refused(step: int) -> None:
    rules, data = parse(policy_text()), fork(3, 7).encode()
    for at in range(0, len(data) * 8, step):
        bad = bytearray(data)
        bad[at // 8] ^= 1 << at % 8
        with pytest.raises((BadHistory, PolicyUnmet)):
            history.parse_fork(bytes(bad)).check(rules)


def test_a_signed_fork_leaves_evidence(
    ledger: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The reader kept a checkpoint; the log forgot, mined again, and signed again."""
    mine = tmp_path / "kept"
    mine.write_bytes(checkpoint_path(ledger).read_bytes())
    rules = tmp_path / "policy"
    rules.write_bytes(policy_text())
    ledger.unlink()
    forge.write(ledger, [[0.26], *SCORES, *SCORES])
    found = verify(ledger, checkpoint=mine, policy=rules)
    assert found.exit_code == 10
    assert found.anchor
    assert found.anchor.evidence is None, "it has not signed for this one yet"
    checkpoint_path(ledger).unlink()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "thief"))
    checkpoint(ledger, [stored(tmp_path / "stolen.key", PARTIES.log)])
    found = verify(ledger, checkpoint=mine, policy=rules)
    assert found.anchor
    assert found.anchor.evidence
    from medchain.pipeline.check import check

    def refused(path: Path, data: bytes, *, mode: int = 0o644) -> None:
        if path.parent == tmp_path:
            raise NotDurable("a folder of somebody else")
        real(path, data, mode=mode)

    real = fs.replace
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.setattr(fs, "replace", refused)
    again = verify(ledger, checkpoint=mine, policy=rules).anchor
    assert again
    assert again.evidence == Path(found.anchor.evidence).name
    facts = check(found.anchor.evidence, policy=rules)
    assert (facts["kind"], facts["blocks"], facts["blocks_of_the_other"]) == ("fork", 6, 12)
    assert merkle.EMPTY.hex() not in str(facts)


@pytest.mark.parametrize(
    "asked",
    [{"checkpoint": "x"}, {"max_age": "1d"}, {"least_bits": 0}, {"from_checkpoint": True}],
)
def test_nothing_is_asked_of_a_checkpoint_without_a_policy(
    ledger: Path, asked: dict[str, object]
) -> None:
    """Trap: an empty policy that accepts everything."""
    with pytest.raises(UsageError, match="whose signatures count"):
        verify(ledger, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quorum", "early"), [("w1", 300), ("w1", 301), ("two", 301), ("none", 301)]
)
def test_a_quorum_that_is_older_than_the_blocks_is_a_contradiction(
    ledger: Path, quorum: str, early: int
) -> None:
    """No single clock decides: it is the latest moment of a whole quorum that counts."""
    block = forge.clock() // 1_000_000
    w2, w3 = PARTIES.witnesses["w2"], PARTIES.witnesses["w3"]
    text = kept(ledger).text
    note = Note(
        text,
        (
            PARTIES.log.sign(text, 0),
            W1.sign(text, block - early),
            *(w.sign(text, block) for w in (w2, w3)),
        ),
    )
    found = report(ledger, note, quorum)
    if (quorum, early) != ("w1", 301):
        assert found.ok
        return
    assert found.exit_code == 12
    assert found.anchor
    assert found.anchor.unmet == (
        "the quorum's word is of 2026-11-22T08:09:59.000000Z, 0:05:01 older than a block that it "
        "covers, of 2026-11-22T08:15:00.000000Z: one of the two clocks is wrong",
    )
