"""Signed notes and checkpoints: the specification's examples, one form each, every bit counts."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medchain.ledger import checkpoint as checkpoints
from medchain.ledger import note as notes
from medchain.ledger.checkpoint import Checkpoint
from medchain.ledger.note import COSIGNATURE, Note, VerifierKey

from .signers import PARTIES, SIGNATURES, TIME, key, sign, tree, witness

# The example of C2SP signed-note, with its verifier key.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()  # noqa: E501
# The example of C2SP tlog-cosignature.
COSIGNED = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
""".encode()  # noqa: E501
GOOD = sign(tree(5).encode(), PARTIES.log, PARTIES.witnesses["w1"])


def test_the_example_of_the_specification() -> None:
    example, signer = notes.parse(NOTE), notes.parse_key(VKEY)
    assert str(signer) == VKEY
    assert notes.check(example, [signer]) == {signer: None}
    assert notes.check(example, [PARTIES.log.public]) == {}
    assert example.encode() == NOTE


def test_the_example_of_a_cosigned_checkpoint() -> None:
    example = notes.parse(COSIGNED)
    found = checkpoints.parse(example.text)
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20852163)
    assert found.encode() == example.text
    stamped = example.signatures[1].data
    assert (len(stamped), int.from_bytes(stamped[:8], "big")) == (72, 1679315147)


def test_who_signed_and_when() -> None:
    signers = [PARTIES.log.public, PARTIES.witnesses["w1"].public, PARTIES.witnesses["w2"].public]
    assert notes.check(GOOD, signers) == {signers[0]: None, signers[1]: TIME}


def test_of_two_cosignatures_of_one_witness_the_later_counts() -> None:
    signer = witness("w1")
    text = tree(5).encode()
    twice = Note(text, (signer.sign(text, 9), signer.sign(text, 7)))
    assert notes.check(twice, [signer.public]) == {signer.public: 9}


def test_a_cosignature_covers_its_time() -> None:
    signer = witness("w1")
    signed = signer.sign(GOOD.text, TIME)
    later = notes.Signature(signed.name, signed.id, (TIME + 1).to_bytes(8, "big") + signed.data[8:])
    with pytest.raises(ValueError, match="wrong"):
        notes.check(Note(GOOD.text, (later,)), [signer.public])


def test_a_note_under_a_log_key_is_no_cosignature_and_the_other_way() -> None:
    """One secret in both roles: neither signature passes for the other."""
    log, cosigner = key("one.example"), key("one.example", COSIGNATURE)
    cosigner = type(log)(log.path, VerifierKey("one.example", 4, log.public.public), log.secret)
    signed = log.sign(GOOD.text, TIME)
    moved = notes.Signature(signed.name, cosigner.public.id, (9).to_bytes(8, "big") + signed.data)
    with pytest.raises(ValueError, match="wrong"):
        notes.check(Note(GOOD.text, (moved,)), [cosigner.public])


def test_a_bad_signature_of_a_known_key_spoils_the_note() -> None:
    signed = PARTIES.log.sign(b"another text\n", 0)
    spoiled = Note(GOOD.text, (*GOOD.signatures, signed))
    with pytest.raises(ValueError, match="wrong"):
        notes.check(spoiled, [PARTIES.log.public])
    assert notes.check(spoiled, [PARTIES.witnesses["w1"].public])


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_every_flipped_bit_of_a_checkpoint_is_refused(step: int) -> None:
    """Where every signature on it is asked for; an unknown one may hold anything."""
    data = GOOD.encode()
    signers = [PARTIES.log.public, PARTIES.witnesses["w1"].public]
    for at in range(0, len(data) * 8, step):
        spoiled = bytearray(data)
        spoiled[at // 8] ^= 1 << at % 8
        assert not accepted(bytes(spoiled), signers), at


def accepted(data: bytes, signers: list[VerifierKey]) -> bool:
    try:
        parsed = notes.parse(data)
        checkpoints.parse(parsed.text)
        names = {(s.name, s.id) for s in parsed.signatures}
        if any((signer.name, signer.id) not in names for signer in signers):
            return False
        return len(notes.check(parsed, signers)) == len(signers)
    except ValueError:
        return False


GAP = "\n\n"
LINE = GOOD.signatures[0].line()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "text",
        "text\n",
        "text\n\n",
        f"text\n{LINE}",
        f"text{GAP}{LINE}"[:-1],
        f"text{GAP}{LINE}\n",
        f"text{GAP}{LINE}extra\n",
        f"text{GAP}{LINE}{LINE[1:]}",
        f"text{GAP}{LINE.replace('—', '-')}",
        f"text{GAP}{LINE.replace('— ', '—  ')}",
        f"text{GAP}{LINE.replace('test ', 'test  ')}",
        f"text{GAP}{LINE[:-1]} \n",
        f"text{GAP}{LINE.replace('example.org/test', 'a+b')}",
        f"text{GAP}{LINE.replace('example.org/test', 'a b')}",
        f"text{GAP}{LINE.replace('example.org/test', '')}",
        f"te\rxt{GAP}{LINE}",
        f"te\txt{GAP}{LINE}",
        f"te\0xt{GAP}{LINE}",
        f"text{GAP}{LINE}".replace("\n", "\r\n"),
        f"text{GAP}— a AAAA\n",
        f"text{GAP}— a AAAAAA==\n",
        f"text{GAP}— a \n",
        f"text{GAP}— a AAAAAAA\n",
        f"text{GAP}— a AAAAAAB=\n",
        f"text{GAP}— a AAAA AAA=\n",
        f"text{GAP}— a AAA-AAA=\n",
        f"text{GAP}— a AAAAAAA=AAAA\n",
        f"text{GAP}{LINE * 101}",
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        notes.parse(text.encode())


@pytest.mark.parametrize("name", SIGNATURES)
def test_unknown_signatures_are_ignored_and_malformed_ones_are_not(name: str) -> None:
    lines, good = SIGNATURES[name]
    three = sign(GOOD.text, PARTIES.log, *map(witness, ("w1", "w2"))).encode()
    assert accepted(three + lines, [PARTIES.log.public]) == good


def test_what_is_no_utf_8_is_refused_and_what_is_too_long() -> None:
    for data in (b"\xff\n\n" + LINE.encode(), b"\xed\xa0\x80\n\n" + LINE.encode()):
        with pytest.raises(ValueError, match="decode"):
            notes.parse(data)
    with pytest.raises(ValueError, match="more than"):
        notes.parse(b"a" * (1 << 20) + b"\n\n" + LINE.encode())


@given(st.binary(max_size=300))
def test_whatever_parses_is_written_as_it_was(data: bytes) -> None:
    for start in (b"", b"text\n\n", GOOD.encode()[:-9]):
        with suppress(ValueError):
            assert notes.parse(start + data).encode() == start + data


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b+c",
        VKEY.replace("530d903a", "530D903A"),
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("530d903a", " 30d903a"),
        VKEY.replace("530d903a", "٥30d903a"),
        VKEY.replace("foo", "fo"),
        VKEY.replace("foo", "f o"),
        VKEY + "\n",
        VKEY + "=",
        VKEY[:-1],
        VKEY[:-1] + "l",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "a+00000000+",
        str(VerifierKey("a", 2, bytes(32))),
        str(VerifierKey("a", 1, bytes(32))),
        str(VerifierKey("a", 1, bytes(31))),
        str(VerifierKey("a", 1, b"\x01" + bytes(31))),
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        notes.parse_key(text)


ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n5\n",
        f"o\n5\n{ROOT}",
        f"\n5\n{ROOT}\n",
        f"o\n05\n{ROOT}\n",
        f"o\n+5\n{ROOT}\n",
        f"o\n-5\n{ROOT}\n",
        f"o\n 5\n{ROOT}\n",
        f"o\n5 \n{ROOT}\n",
        f"o\n٥\n{ROOT}\n",
        f"o\n5_0\n{ROOT}\n",
        f"o\n5.0\n{ROOT}\n",
        f"o\n{10**18}\n{ROOT}\n",
        f"o\n5\n{ROOT[:-1]}\n",
        f"o\n5\n{ROOT[:-2]}J=\n",
        f"o\n5\n{ROOT} \n",
        "o\n5\nAAAA\n",
        f"o\n0\n{ROOT}\n",
        f"o\n5\n{ROOT}\n\n",
        f"o\n5\n{ROOT}\n\nx\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        checkpoints.parse(text.encode())


def test_extensions_are_kept_and_signed() -> None:
    text = f"o\n5\n{ROOT}\nanything\n".encode()
    found = checkpoints.parse(text)
    assert found.extensions == ("anything",)
    assert found.encode() == text


@given(
    origin=st.text(min_size=1).filter(lambda text: "\n" not in text),
    size=st.integers(1, 10**18 - 1),
    root=st.binary(min_size=32, max_size=32),
)
@settings(max_examples=30, deadline=None)
def test_a_checkpoint_is_read_as_it_was_written(origin: str, size: int, root: bytes) -> None:
    found = Checkpoint(origin, size, root)
    assert checkpoints.parse(found.encode()) == found


def test_an_empty_tree_has_the_root_of_nothing() -> None:
    assert checkpoints.parse(tree(0).encode()) == tree(0)
