"""As little DER as it takes to put the certificates of a token in order (X.690, section 11.6).

DER wants the elements of a set sorted, many authorities send the chain in its own order (CMS, RFC
5652, lets them), and the parser insists on DER. No signature covers that order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_CERTIFICATES = 0xA0  # [0] IMPLICIT in SignedData (RFC 5652, section 5.1)


class _Element(NamedTuple):
    """Tag, and where the element, its content and the next element begin."""

    tag: int
    start: int
    content: int
    end: int


def with_sorted_certificates(response: bytes) -> bytes:
    """A TimeStampResp with the certificates of its token in the order of DER.

    What has another shape comes back as it is, for the parser to refuse.
    """
    try:
        return _sorted(response)
    except (IndexError, StopIteration, OverflowError):
        return response


def _sorted(data: bytes) -> bytes:
    # TimeStampResp { status, ContentInfo { oid, [0] { SignedData { ..., [0] certificates ...
    response = _element(data, 0)
    token = list(_inside(data, response))[1]
    signed = next(_inside(data, list(_inside(data, token))[1]))
    for part in _inside(data, signed):
        if part.tag == _CERTIFICATES:
            certificates = sorted(data[one.start : one.end] for one in _inside(data, part))
            return data[: part.content] + b"".join(certificates) + data[part.end :]
    return data


def _inside(data: bytes, outer: _Element) -> Iterator[_Element]:
    position = outer.content
    while position < outer.end:
        inner = _element(data, position)
        yield inner
        position = inner.end


def _element(data: bytes, start: int) -> _Element:
    length, content = data[start + 1], start + 2
    if length & 0x80:
        size = length & 0x7F
        length, content = int.from_bytes(data[content : content + size]), content + size
    if content + length > len(data):
        raise IndexError
    return _Element(data[start], start, content, content + length)
