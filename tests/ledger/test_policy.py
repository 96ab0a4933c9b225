"""Trust policies: what they accept, and that no mistake in one makes it accept more."""

from __future__ import annotations

import pytest

from medchain.errors import PolicyUnmet
from medchain.ledger import policy as policies
from medchain.ledger.note import Note
from medchain.ledger.policy import Policy, PolicyError

from .signers import PARTIES, TIME, key, policy_text, sign, tree

LOG, SECOND, WITNESSES = PARTIES.log, PARTIES.second, PARTIES.witnesses
TEXT = tree(5).encode()


def policy(quorum: str = "none", **change: object) -> Policy:
    return policies.parse(policy_text(quorum, **change))  # type: ignore[arg-type]


def accepted(rules: Policy, note: Note) -> bool:
    try:
        rules.judge(note)
    except PolicyUnmet:
        return False
    return True


@pytest.mark.parametrize(
    ("quorum", "cosigned", "good"),
    [
        ("none", "", True),
        ("none", "w1", True),
        ("w1", "", False),
        ("w1", "w1", True),
        ("w1", "w2 w3", False),
        ("two", "w1", False),
        ("two", "w1 w3", True),
        ("two", "w1 w2 w3", True),
    ],
)
def test_the_quorum(quorum: str, cosigned: str, good: bool) -> None:
    note = sign(TEXT, LOG, *(WITNESSES[name] for name in cosigned.split()))
    assert accepted(policy(quorum), note) == good


def test_groups_of_groups() -> None:
    lines = policy_text("none").decode().replace("group two 2 w1 w2 w3\n", "")
    lines = lines.replace("quorum none\n", "group a any w1 w2\ngroup b all a w3\nquorum b\n")
    rules = policies.parse(lines.encode())
    for names, good in ((("w1", "w2"), False), (("w3",), False), (("w2", "w3"), True)):
        assert accepted(rules, sign(TEXT, LOG, *(WITNESSES[name] for name in names))) == good


def test_witnesses_without_the_log_are_not_enough() -> None:
    assert not accepted(policy("w1"), sign(TEXT, WITNESSES["w1"]))
    assert not accepted(policy(), sign(TEXT, key(seed="stranger")))


def test_a_log_signs_for_its_own_origin_alone() -> None:
    """A key that the policy lists as that of another log has no say on this one."""
    other = key("other.example")
    rules = policy(logs=(other,))
    assert not accepted(rules, sign(TEXT, other))
    assert accepted(policy(logs=(other, LOG)), sign(TEXT, LOG))


def test_any_of_several_keys_of_a_log() -> None:
    rules = policy(logs=(LOG, SECOND))
    assert accepted(rules, sign(TEXT, SECOND))
    assert len(rules.judge(sign(TEXT, LOG, SECOND)).logs) == 2


def test_a_witness_in_the_place_of_a_log_and_a_log_in_that_of_a_witness() -> None:
    for text in (
        f"log {WITNESSES['w1'].public}\nquorum none\n",
        f"log {LOG.public}\nwitness a {SECOND.public}\nquorum a\n",
    ):
        with pytest.raises(PolicyError, match="of type"):
            policies.parse(text.encode())


def test_no_single_clock_decides_on_the_time() -> None:
    """The time of a quorum is the latest at which a whole quorum had signed."""
    times = {"w1": TIME, "w2": TIME + 10, "w3": TIME + 10**9}
    signatures = [LOG.sign(TEXT, 0), *(WITNESSES[n].sign(TEXT, t) for n, t in times.items())]
    endorsed = policy("two").judge(Note(TEXT, tuple(signatures)))
    assert endorsed.time == TIME + 10
    assert endorsed.witnesses == times
    assert policy("w3").judge(Note(TEXT, tuple(signatures))).time == TIME + 10**9
    assert policy("none").judge(Note(TEXT, tuple(signatures))).time is None


def test_a_wrong_signature_of_a_listed_key_spoils_the_note() -> None:
    wrong = WITNESSES["w2"].sign(b"other\n", TIME)
    note = sign(TEXT, LOG, WITNESSES["w1"])
    assert not accepted(policy("w1"), Note(note.text, (*note.signatures, wrong)))


def test_what_is_signed_must_be_a_checkpoint() -> None:
    assert not accepted(policy(), sign(b"example.org/test\nnothing of the kind\n", LOG))


KEY, WITNESS = str(LOG.public), str(WITNESSES["w1"].public)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "quorum"),
        ("\n", "quorum"),
        ("# nothing\n", "quorum"),
        ("quorum none\n", "log"),
        (f"log {KEY}\n", "quorum"),
        (f"log {KEY}\nquorum none", "not ended"),
        (f"log {KEY}\r\nquorum none\r\n", "control"),
        (f"log {KEY}\nquorum none\nquorum none\n", "second quorum"),
        (f"log {KEY}\nquorum w1\n", "defines"),
        (f"log {KEY}\nquorum w1\nwitness w1 {WITNESS}\n", "defines"),
        (f"log {KEY}\nquorum\n", "another form"),
        (f"log {KEY}\nquorum none none\n", "another form"),
        (f"log {KEY} url more\nquorum none\n", "another form"),
        (f"log {KEY}\nlog {KEY}\nquorum none\n", "already"),
        (f"log {KEY[:-1]}\nquorum none\n", "line 1"),
        (f"logs {KEY}\nquorum none\n", "begins with"),
        (f"log {KEY}\nwitness a {WITNESS}\nwitness b {WITNESS}\nquorum a\n", "already"),
        (f"log {KEY}\nwitness none {WITNESS}\nquorum none\n", "taken"),
        (f"log {KEY}\nwitness a {WITNESS}\ngroup a any a\nquorum a\n", "taken"),
        (f"log {KEY}\nwitness a {WITNESS}\ngroup g any a none\nquorum g\n", "defines"),
        (f"log {KEY}\nwitness a {WITNESS}\ngroup g 0 a\nquorum g\n", "asks for none"),
        (f"log {KEY}\nwitness a {WITNESS}\ngroup g 2 a\nquorum g\n", "more than all"),
        (f"log {KEY}\nwitness a {WITNESS}\ngroup g 01 a\nquorum g\n", "plain decimal"),
        (f"log {KEY}\nwitness a {WITNESS}\ngroup g ١ a\nquorum g\n", "plain decimal"),
        (f"log {KEY}\nwitness a {WITNESS}\ngroup g all\nquorum g\n", "asks for none"),
        (f"log {KEY}\nwitness a {WITNESS}\ngroup g any a a\nquorum g\n", "twice"),
        (f"log {KEY}\nwitness a {WITNESS}\ngroup g any a\ngroup h any a\nquorum h\n", "twice"),
        (f"log {KEY}\ngroup g any g\nquorum g\n", "defines"),
    ],
)
def test_a_policy_that_is_wrong_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(PolicyError, match=reason):
        policies.parse(text.encode())


def test_comments_spaces_and_urls_mean_nothing() -> None:
    text = f"\t# a comment of Ümläut\n\n  log \t {KEY}  https://log.example/ \n quorum\tnone \n"
    assert accepted(policies.parse(text.encode()), sign(TEXT, LOG))


def test_names_are_octets() -> None:
    """K and the Kelvin sign are two names, and what is no UTF-8 is a name too."""
    witnesses = list(WITNESSES.values())
    names = [b"K", "\u212a".encode(), b"\xff"]
    lines = [f"log {KEY}".encode()]
    lines += [
        b"witness %b %b" % (name, str(signer.public).encode())
        for name, signer in zip(names, witnesses, strict=True)
    ]
    rules = policies.parse(b"\n".join([*lines, b"quorum \xff", b""]))
    assert accepted(rules, sign(TEXT, LOG, witnesses[2]))
    assert not accepted(rules, sign(TEXT, LOG, *witnesses[:2]))


def test_as_many_parties_as_an_implementation_should_take() -> None:
    logs = [f"log {key(f'log{n}').public}" for n in range(32)]
    witnesses = [f"witness w{n} {key(f'w{n}', 4).public}" for n in range(32)]
    groups = [f"group g{n} any w{n}" for n in range(31)]
    groups.append("group g31 all " + " ".join(f"g{n}" for n in range(31)))
    text = "\n".join([*logs, *witnesses, *groups, "quorum g31", ""])
    assert len(policies.parse(text.encode()).groups) == 32
