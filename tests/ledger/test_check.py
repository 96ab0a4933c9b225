"""Whatever stands in a file to check, the answer is a fact or a sentence."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medchain.errors import MedchainError
from medchain.ledger import check as ledger_check
from medchain.ledger import policy as policies
from medchain.ledger.checkpoint import Checkpoint
from medchain.ledger.history import Extension, rotation_text
from medchain.ledger.path import consistency

from .signers import ORIGIN, PARTIES, policy_text, sign
from .test_anchor import fork
from .test_path import LEAVES, ROOTS

POLICY = policies.parse(policy_text())


def checkpoint(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, ROOTS[size])


NEW = sign(checkpoint(7).encode(), PARTIES.log)
OLD = sign(checkpoint(3).encode(), PARTIES.log).encode()
GOOD = {
    "checkpoint": NEW.encode(),
    "consistency": Extension(3, consistency(b"".join(LEAVES[:7]), 3), checkpoint(7), NEW).encode(),
    "fork": fork(3, 7).encode(),
    "rotation": sign(
        rotation_text(PARTIES.log.public, PARTIES.second.public), PARTIES.log, PARTIES.second
    ).encode(),
}
PIECES = [b"\n", b"\n\n", b"=", b"old 0", b"-1", b"9" * 30, b"\xff", b"\xe2\x80\x94 ", b"{}", b"+"]


@pytest.mark.parametrize("kind", GOOD)
def test_each_kind_is_told_by_its_first_bytes(kind: str) -> None:
    assert ledger_check.check(GOOD[kind], POLICY, OLD)["kind"] == kind


@given(st.binary(max_size=500), st.sampled_from([*GOOD.values(), b"c2sp.org/tlog-proof@v1\n"]))
@settings(max_examples=200, deadline=None)
def test_no_bytes_are_a_bug(data: bytes, start: bytes) -> None:
    for size in (0, 4, 30, len(start)):
        with suppress(MedchainError):
            ledger_check.check(start[:size] + data, POLICY, OLD)


@given(
    kind=st.sampled_from(sorted(GOOD)),
    at=st.integers(0, 700),
    gone=st.integers(0, 60),
    put=st.sampled_from(PIECES) | st.binary(max_size=3),
)
@settings(max_examples=200, deadline=None)
def test_no_edit_is_a_bug_and_none_is_believed(kind: str, at: int, gone: int, put: bytes) -> None:
    good = GOOD[kind]
    at = min(at, len(good))
    data = good[:at] + put + good[at + gone :]
    if data != good:
        with pytest.raises(MedchainError):
            ledger_check.check(data, POLICY, OLD)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_policy_is_a_bug(data: bytes) -> None:
    for text in (data, policy_text()[:-13] + data, data + b"\n" + policy_text()):
        with suppress(policies.PolicyError):
            policies.parse(text)
