"""Ledgers that are small as an archive and large, or costly, when they are read.

Their hashes and work are sound, so that only a limit of docs/limits.md can stop them.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable

from .forge import Forge, event, genesis, opened, score, sealed
from .make_vectors import nest, small

LINE, BLOCK, RECORDS = 1 << 20, 1 << 24, 1 << 17
LONG = 15 << 20
"""Bytes of what is put into one line: a block may have so many, a line may not."""

ENDLESS = 40 << 20
"""More bytes than a block may have."""


def packed(data: bytes) -> bytes:
    """`data` as an archive of a few kB."""
    return gzip.compress(data, 6, mtime=0)


def listing(unit: str, size: int) -> bytes:
    """An event line of nearly `size` bytes with as many of `unit` as fit."""
    inside = ",".join([unit] * ((size - 40) // (len(unit) + 1)))
    return f'{{"event":"x","a":[{inside}]}}'.encode()


def keys(size: int, named: Callable[[int], str]) -> bytes:
    """An event line of nearly `size` bytes, which is all keys of five characters."""
    inside = ",".join(f'"{named(number)}":0' for number in range((size - 40) // 10))
    return f'{{"event":"x",{inside}}}'.encode()


def cells(count: int) -> str:
    """A row of so many cells, all of them empty."""
    return "{" + ",".join(f'"{number}":""' for number in range(count)) + "}"


def behind(*lines: bytes) -> bytes:
    """A small sound ledger and one more block, whose hash is that of its lines."""
    return small().add(*lines).data


def open_rows(*rows: str) -> bytes:
    """An open ledger with these rows."""
    lines = (opened(number, row=row) for number, row in enumerate(rows))
    return Forge(genesis(rows="open")).add(event("x"), *lines).data


WHOLE = small().data
COUNT = small().records
BOMBS: dict[str, Callable[[], bytes]] = {
    "objects": lambda: behind(listing("{}", LONG)),
    "arrays": lambda: behind(listing("[]", LONG)),
    "numbers": lambda: behind(listing("1.5", LONG)),
    "texts": lambda: behind(listing('"x"', LONG)),
    "keys": lambda: behind(keys(LONG, "{:05x}".format)),
    "one key again and again": lambda: behind(keys(LONG, lambda _: "aaaaa")),
    "deep": lambda: behind(nest(LONG // 2, "[", "]")),
    "one long line": lambda: behind(event("x", a="x" * LONG)),
    "line feeds in a block": lambda: behind(event("x") + b"\n" * LONG),
    "records in a block": lambda: behind(event("x") + b'\n{"record":' * (LONG // 11)),
    "cells in a block": lambda: open_rows(cells(1_200_000)),
    "a line without an end": lambda: WHOLE + b'{"event":"' + b"x" * ENDLESS,
    "line feeds without an end": lambda: WHOLE + event("x") + b"\n" * ENDLESS,
    "records without an end": lambda: WHOLE + event("x") + b'\n{"record":' * (ENDLESS // 11),
    "a tail of one line": lambda: WHOLE + b'{"event":"' + b"x" * LONG,
    "a tail of records": lambda: WHOLE + event("x") + b'\n{"record":' * (LONG // 11),
    "line feeds alone": lambda: b"\n" * ENDLESS,
    "zeros": lambda: bytes(ENDLESS),
}
"""What is tampered with, for a verifier that keeps to the limits."""

DEAREST: dict[str, tuple[str, Callable[[], bytes]]] = {
    "objects": ("verified", lambda: behind(listing("{}", LINE))),
    "objects of one key": ("verified", lambda: behind(listing('{"a":0}', LINE))),
    "arrays": ("verified", lambda: behind(listing("[]", LINE))),
    "numbers": ("verified", lambda: behind(listing("1.5", LINE))),
    "keys": ("verified", lambda: behind(keys(LINE, "{:05x}".format))),
    "records": (
        "verified",
        lambda: behind(event("x"), *(sealed(COUNT + n, "0", "false") for n in range(RECORDS))),
    ),
    "open records": ("verified", lambda: open_rows(*['{"a":""}'] * RECORDS)),
    "cells": ("verified", lambda: open_rows(*[cells(90_000)] * 15)),
    "a tail of records": (
        "torn",
        lambda: WHOLE + event("x") + b"\n" + (b'{"record":' + b"x" * 100 + b"\n") * RECORDS,
    ),
}
"""What costs most of all that the format allows, with its verdict."""


def of_size(size: int, start: bytes, end: bytes) -> bytes:
    """A line of `size` bytes."""
    return start + b"a" * (size - len(start) - len(end)) + end


def long_event(beyond: int) -> bytes:
    return behind(of_size(LINE + beyond, b'{"event":"x","a":"', b'"}'))


def long_score(beyond: int) -> bytes:
    head = b'{"event":"score","batch":"' + b"ba" * 16 + b'","model":"' + b"0d" * 32
    head += b'","threshold":0.5,"rows":1,"anomalies":1,"a":"'
    return behind(of_size(LINE + beyond, head, b'"}'), sealed(COUNT))


def long_genesis(beyond: int) -> bytes:
    return Forge(of_size(LINE + beyond, genesis()[:-1] + b',"a":"', b'"}')).data


def long_record(beyond: int) -> bytes:
    head = opened(0, row='{"a":"').removesuffix(b"}")
    line = of_size(LINE + beyond, head, b'"}}')
    return Forge(genesis(rows="open")).add(_scored(1), line).data


def many_records(beyond: int) -> bytes:
    lines = (sealed(n) for n in range(RECORDS + beyond))
    return Forge().add(_scored(RECORDS + beyond), *lines).data


def long_block(beyond: int) -> bytes:
    """A block of open rows that is as long as it may be."""
    rows = [opened(n, row=f'{{"a":"{"a" * 1_000_000}"}}') for n in range(16)]
    begin = Forge(genesis(rows="open")).data

    def ledger(cell: int) -> bytes:
        last = opened(16, row=f'{{"a":"{"a" * cell}"}}')
        return Forge(genesis(rows="open")).add(_scored(17), *rows, last).data

    return ledger(BLOCK + beyond - (len(ledger(0)) - len(begin)))


def long_tail_line(beyond: int) -> bytes:
    return WHOLE + of_size(LINE + beyond, b'{"event":', b"") + b"\n"


def long_torn_line(beyond: int) -> bytes:
    return WHOLE + event("x") + b"\n" + b"\xff" * (LINE + beyond)


def many_tail_lines(beyond: int) -> bytes:
    return WHOLE + event("x") + b"\n" + (sealed(0) + b"\n") * (RECORDS + beyond) + b"more"


def long_tail(beyond: int) -> bytes:
    head = event("x") + b"\n"
    lines = (of_size(LINE - 1, b'{"record":', b"") + b"\n") * 15
    return WHOLE + head + lines + b"a" * (BLOCK + beyond - len(head) - len(lines))


def _scored(count: int) -> bytes:
    return score(0.5, count, count)


EDGES: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "bytes of an event line": ("verified", long_event),
    "bytes of a score event": ("verified", long_score),
    "bytes of the genesis event": ("verified", long_genesis),
    "bytes of a record line": ("verified", long_record),
    "records of a block": ("verified", many_records),
    "bytes of a block": ("verified", long_block),
    "bytes of a line of the tail": ("torn", long_tail_line),
    "bytes of the tail's last line": ("torn", long_torn_line),
    "lines of the tail": ("torn", many_tail_lines),
    "bytes of the tail": ("torn", long_tail),
}
"""Each limit: the verdict of what reaches it, and a ledger that passes it by so many."""
