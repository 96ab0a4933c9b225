"""Verify Ed25519 signatures (RFC 8032) on the standard library alone.

Everything here is public, so nothing has to run in constant time; signing is another module's work.
Where RFC 8032 leaves a choice, the strict one is taken, so that a signature has one form and a key
means one signer: S is below the group order (5.1.7), the key's encoding is canonical (5.1.3), keys
of small order are refused, since they verify for anyone, and R is compared as the bytes that stand
in the signature, without the cofactor, which makes its encoding canonical too.
"""

from __future__ import annotations

from hashlib import sha512

KEY, SIGNATURE = 32, 64

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int, int, int]
"""Extended coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z (RFC 8032, 5.1.4)."""

_NEUTRAL: Point = (0, 1, 1, 0)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` (64 bytes) over `message` was made with the key of `public`."""
    key = _decode(public)
    if key is None or _is_small(key) or len(signature) != SIGNATURE:
        return False
    commitment, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    if scalar >= _ORDER:
        return False
    challenge = int.from_bytes(sha512(commitment + public + message).digest(), "little") % _ORDER
    x, y, z, t = key
    return _encode(_combine(scalar, _BASE, challenge, (-x, y, z, -t))) == commitment


def is_key(public: bytes) -> bool:
    """Tell whether `public` is the one encoding of a point that is not of small order."""
    point = _decode(public)
    return point is not None and not _is_small(point)


def _decode(data: bytes) -> Point | None:
    """RFC 8032, 5.1.3."""
    if len(data) != KEY:
        return None
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= _P:
        return None
    x = _recover(y, sign)
    return None if x is None else (x, y, 1, x * y % _P)


def _recover(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT % _P
    if x * x % _P != square or (x == 0 and sign):
        return None
    return _P - x if x & 1 != sign else x


def _encode(point: Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(KEY, "little")


def _add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % _P
    b = (one[1] + one[0]) * (two[1] + two[0]) % _P
    c = 2 * one[3] * two[3] * _D % _P
    d = 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(point: Point) -> Point:
    x, y, z, _ = point
    a, b = x * x % _P, y * y % _P
    h = a + b
    e = h - (x + y) * (x + y)
    g = a - b
    f = 2 * z * z + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _combine(a: int, one: Point, b: int, two: Point) -> Point:
    """Compute a·one + b·two, both bit by bit in one pass (Straus)."""
    table = (_NEUTRAL, one, two, _add(one, two))
    total = _NEUTRAL
    for bit in range(max(a.bit_length(), b.bit_length()) - 1, -1, -1):
        total = _double(total)
        choice = (a >> bit & 1) | (b >> bit & 1) << 1
        if choice:
            total = _add(total, table[choice])
    return total


def _is_small(point: Point) -> bool:
    """Tell whether eight times the point is the neutral element."""
    x, y, z, _ = _double(_double(_double(point)))
    return x % _P == 0 and (y - z) % _P == 0


_BASE_Y = 4 * pow(5, -1, _P) % _P
_BASE_X = _recover(_BASE_Y, 0)
assert _BASE_X is not None
_BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)
