"""Count the system calls with which `medchain.fs` changes the disk, and fail or die at the n-th.

Run as a program, it appends to a ledger and dies at a call (``before`` or ``after`` it):
``python -m tests.faults.syscalls LEDGER CALL before``. Call 0 counts them, and prints how many.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CALLS = ("open", "write", "fsync", "ftruncate", "replace", "rename", "unlink", "fchmod", "link")
Strike = Callable[[str, Callable[..., object], tuple[object, ...]], object]


@contextmanager
def struck(call: int, strike: Strike) -> Iterator[list[str]]:
    """Let `strike` stand for the `call`-th call (from 1); yields the names of all calls made."""
    with striking(call, strike) as made:
        yield made


@contextmanager
def striking(
    call: int, strike: Strike, more: Sequence[tuple[type, str]] = ()
) -> Iterator[list[str]]:
    """As `struck`, where the methods in `more` count as well."""
    made: list[str] = []
    points: list[tuple[Any, str]] = [*((os, name) for name in CALLS), *more]
    real = [getattr(owner, name) for owner, name in points]

    def replacement(name: str, original: Callable[..., object]) -> Callable[..., object]:
        def called(*args: object, **kwargs: object) -> object:
            made.append(name)
            if len(made) == call:
                return strike(name, original, args)
            return original(*args, **kwargs)

        return called

    for (owner, name), original in zip(points, real, strict=True):
        setattr(owner, name, replacement(name, original))
    try:
        yield made
    finally:
        for (owner, name), original in zip(points, real, strict=True):
            setattr(owner, name, original)


def half(name: str, real: Callable[..., object], args: tuple[object, ...]) -> None:
    """Do half of the call: a write of half of its bytes, anything else in full."""
    if name == "write":
        descriptor, data = args
        real(descriptor, bytes(data)[: len(bytes(data)) // 2])  # type: ignore[arg-type]
    else:
        real(*args)


def die(moment: str) -> Strike:
    """End the process ``before`` or ``after`` the call."""

    def strike(name: str, real: Callable[..., object], args: tuple[object, ...]) -> object:
        try:
            if moment == "after":
                half(name, real, args)
        finally:
            os._exit(77)

    return strike


def append(path: Path) -> None:
    """What is interrupted: two blocks appended to the ledger at `path`."""
    from tests.ledger import forge

    forge.write(path, [[0.25, 0.75], [0.5]])


if __name__ == "__main__":
    ledger, number, when = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with struck(number, die(when)) as calls:
        append(ledger)
    print(len(calls))
