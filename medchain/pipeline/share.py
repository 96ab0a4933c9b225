"""Share the work on a table with other processes, where that pays and is safe; else do it alone.

Rows are Python objects under one interpreter lock, so threads cannot share them. A fork inherits
the open table and the model as they are, and starts in a millisecond.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from typing import TypeVar, cast

from .. import fs

T = TypeVar("T")
Task = Callable[[int], None]
WORTH_IT = 4 << 20
"""Bytes of a table from which on another process earns its start."""

MOST = 4
"""Every process reads the whole table: more of them would only read."""

_PIPE_SIZE = 1 << 20
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ (fcntl(2)), which Python knows from 3.10 on, on Linux only


def shares(size: int, cores: int) -> int:
    """Among how many processes a table of `size` bytes is shared.

    A fork copies one thread only: where there are others (or TensorFlow's, which Python does not
    know of), a lock that one of them holds would never be given back.
    """
    alone = threading.active_count() == 1 and "tensorflow" not in sys.modules
    return min(cores, MOST) if alone and size >= WORTH_IT and sys.platform == "linux" else 1


def shared(work: Callable[[int], T], count: int, keep: Iterable[int]) -> list[T]:
    """The results of ``work(0)`` to ``work(count - 1)``, each but the first from its own process.

    `work` must not raise in the others, and they have no files but `keep`. Raises what ``work(0)``
    raises, and `RuntimeError` where another process died; none outlives this call.
    """
    kept = set(keep)
    others = [_Other(_sending(work, number), kept) for number in range(1, count)]
    try:
        return [work(0), *[cast(T, other.receive()) for other in others]]
    finally:
        for other in others:
            other.end()


def streamed(items: Iterable[T], count: int, keep: Iterable[int]) -> Generator[T, None, None]:
    """Yield `items`, made ahead in a process of their own where `count` allows for one.

    Raises `RuntimeError` where that process died, or what `items` raises where there is none.
    """
    if count == 1:
        yield from items
        return

    def send(pipe: int) -> None:
        for item in items:
            fs.write_all(pipe, pickle.dumps(item))
        fs.write_all(pipe, pickle.dumps(None))

    other = _Other(send, set(keep))
    try:
        while (item := other.receive()) is not None:
            yield cast(T, item)
    finally:
        other.end()


class _Other:
    """A process that does a task and hands values back through a pipe."""

    def __init__(self, task: Task, keep: set[int]) -> None:
        ours, theirs = os.pipe()
        _widen(ours)
        self._process = os.fork()
        if self._process == 0:
            _live(task, {*keep, theirs}, theirs)
        os.close(theirs)
        self._pipe = open(ours, "rb", buffering=_PIPE_SIZE)  # noqa: SIM115

    def receive(self) -> object:
        """The next value."""
        try:
            return pickle.load(self._pipe)
        except (EOFError, pickle.UnpicklingError):
            raise RuntimeError("a process that shared the work has died") from None

    def end(self) -> None:
        """End the process, whatever it does."""
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        self._pipe.close()


def _sending(work: Callable[[int], object], number: int) -> Task:
    return lambda pipe: fs.write_all(pipe, pickle.dumps(work(number)))


def _widen(pipe: int) -> None:
    import fcntl

    with suppress(OSError):
        fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_SIZE)


def _live(task: Task, keep: set[int], pipe: int) -> None:
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # The ledger's lock would outlive the parent in a copy of its descriptor.
        first = 3
        for kept in sorted(keep):
            os.closerange(first, kept)
            first = kept + 1
        os.closerange(first, os.sysconf("SC_OPEN_MAX"))
        task(pipe)
    finally:
        os._exit(0)
