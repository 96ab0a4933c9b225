"""Ed25519 against RFC 8032's vectors, against another implementation, and where it is strict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from medchain.ledger import ed25519
from medchain.ledger.ed25519 import verify

FILE = Path(__file__).parent.parent / "vectors" / "ed25519.json"
VECTORS = [
    tuple(bytes.fromhex(vector[key]) for key in ("secret", "public", "message", "signature"))
    for vector in json.loads(FILE.read_text())["vectors"]
]
# The points of order 1, 2, 4 and 8, in the encodings of RFC 8032 and in those that it forbids.
SMALL = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
FORBIDDEN = [
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


def other(public: bytes, message: bytes, signature: bytes) -> bool:
    """What the cryptography package says."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS)
def test_vectors_of_the_rfc(vector: tuple[bytes, ...]) -> None:
    secret, public, message, signature = vector
    assert Ed25519PrivateKey.from_private_bytes(secret).sign(message) == signature
    assert verify(public, message, signature)
    assert not verify(public, message + b"\0", signature)


def test_every_flipped_bit_is_refused() -> None:
    _, key, message, signed = VECTORS[1]
    for at in range(0, 64 * 8, 5):
        assert not verify(key, message, flipped(signed, at)), at
    for at in range(0, 32 * 8, 11):
        assert not verify(flipped(key, at), message, signed), at


def flipped(data: bytes, at: int) -> bytes:
    return bytes(byte ^ (1 << at % 8 if place == at // 8 else 0) for place, byte in enumerate(data))


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_it_verifies_what_another_implementation_signed(seed: bytes, message: bytes) -> None:
    secret = Ed25519PrivateKey.from_private_bytes(seed)
    public = secret.public_key().public_bytes_raw()
    assert verify(public, message, secret.sign(message))


@given(
    public=st.binary(min_size=32, max_size=32),
    signature=st.binary(min_size=64, max_size=64),
    at=st.integers(0, 511),
)
@settings(max_examples=60, deadline=None)
def test_it_refuses_what_another_implementation_refuses(
    public: bytes, signature: bytes, at: int
) -> None:
    assert verify(public, b"m", signature) == other(public, b"m", signature) == False  # noqa: E712
    secret = Ed25519PrivateKey.from_private_bytes(public)
    key, signed = secret.public_key().public_bytes_raw(), flipped(secret.sign(b"m"), at)
    assert verify(key, b"m", signed) == other(key, b"m", signed) == False  # noqa: E712


def test_a_scalar_of_the_order_or_more_is_refused() -> None:
    _, public, message, signed = VECTORS[2]
    scalar = int.from_bytes(signed[32:], "little")
    for times in range(1, 15):
        more = scalar + times * ed25519._ORDER
        assert not verify(public, message, signed[:32] + more.to_bytes(32, "little"))


@pytest.mark.parametrize("encoded", [*SMALL, *FORBIDDEN])
def test_keys_that_sign_for_anyone_are_refused(encoded: str) -> None:
    """With a key of small order, R = S·B verifies for one message in eight at least."""
    key = bytes.fromhex(encoded)
    assert not ed25519.is_key(key)
    forged = ed25519._encode(ed25519._BASE) + (1).to_bytes(32, "little")
    assert not any(verify(key, bytes([number]), forged) for number in range(32))


def test_the_small_points_are_small() -> None:
    """Else the test above would refuse them for another reason."""
    for encoded in SMALL:
        point = ed25519._decode(bytes.fromhex(encoded))
        assert point is not None
        assert ed25519._is_small(point)


def test_a_point_has_one_encoding() -> None:
    """The nineteen y that fit into 255 bits twice, and the two points that have no sign."""
    twice = 0
    for y in range(19):
        for sign in (0, 1 << 255):
            once = (y | sign).to_bytes(32, "little")
            assert ed25519._decode((y + ed25519._P | sign).to_bytes(32, "little")) is None
            twice += ed25519.is_key(once)
    assert twice > 5, "some of them would be good keys"
    assert [ed25519._decode(bytes.fromhex(text)) for text in FORBIDDEN] == [None] * 6


@pytest.mark.parametrize("length", [0, 31, 33, 63, 65])
def test_other_lengths_are_refused(length: int) -> None:
    public = VECTORS[0][1]
    assert not verify(public, b"", bytes(length))
    assert not verify(bytes(length), b"", bytes(64))
