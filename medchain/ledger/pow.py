"""Proof of work: the lowest nonce whose block hash begins with enough zero bits.

The block hash is SHA-256 of the 112-byte header, and the nonce is the header's last eight bytes,
big-endian. Ranges of nonces are handed out in ascending order and a hit ends the handing out, so
that once every running search has returned, the lowest hit is the lowest there is: the same nonce
whatever the kernel and the number of threads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from ..errors import UsageError
from . import core
from .core import Found

HEADER_SIZE = 112
NONCE_AT = 104
NONCE_LIMIT = 1 << 53
"""Nonces stay below this, so that every JSON reader keeps them exact."""

TICK = 0.1
"""Seconds between two calls of `progress`."""
INLINE = 1 << 17
"""Nonces tried on the calling thread first: about two 16-bit blocks, and below 0.1 s anywhere."""
SMALLEST, LARGEST = 1 << 16, 1 << 20
"""Bounds on a thread's range; between them it grows with the search (`_Team.take`)."""
PYTHON_RANGE = 1 << 13
"""Nonces between two looks at the clock in pure Python, some 10 ms."""

Progress = Callable[[int], None]


class Kernel(NamedTuple):
    """One way to hash and mine, and whether this build and this CPU have it, and for what."""

    name: str
    compiled: bool
    usable: bool
    mines: bool
    hashes: bool


def kernels() -> list[Kernel]:
    """List every kernel of a complete build, and ``python`` last."""
    compiled, usable = [*core.compiled(), core.PYTHON], core.usable()
    miner, hasher = core.chosen(core.MINING), core.chosen(core.HASHING)
    return [
        Kernel(name, name in compiled, name in usable, name == miner, name == hasher)
        for name in (*core.KNOWN, core.PYTHON)
    ]


def kernel_name() -> str:
    """Name the kernel that hashes here; KernelUnavailable where a forced one cannot be had."""
    return core.chosen(core.HASHING)


def mine(
    header: bytes, bits: int, *, threads: int | None = None, progress: Progress | None = None
) -> int:
    """Find the lowest nonce, from 0, with which `header` meets `bits`.

    The 112 bytes of `header` are taken with any nonce, which is ignored. `threads` defaults to the
    cores that this process may use. `progress` gets the nonces tried so far, about ten times a
    second, on the calling thread. KeyboardInterrupt, and whatever `progress` raises, ends every
    thread before it passes on. Raises UsageError where no nonce below 2^53 will do.
    """
    nonce = find(header, bits, 0, NONCE_LIMIT, threads=threads, progress=progress)
    if nonce is None:
        raise UsageError(
            f"no nonce below 2^53 gives a block hash with {bits} leading zero bits",
            hint="choose fewer bits; 16 is the default",
        )
    return nonce


def find(
    header: bytes,
    bits: int,
    start: int,
    stop: int,
    *,
    kernel: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> int | None:
    """Find the lowest nonce in [start, stop) that meets `bits`; None where there is none."""
    if len(header) != HEADER_SIZE or not 0 <= bits <= 256:
        raise ValueError("a header has 112 bytes, and a target 0 to 256 bits")
    if threads is not None and threads < 1:
        raise ValueError("a search needs a thread")
    kernel = kernel or core.chosen(core.MINING)
    if kernel == core.PYTHON:
        return _find_in_python(header, bits, start, stop, progress)
    split = min(start + INLINE, stop)
    nonce = core.search(kernel, header, bits, start, split - start).nonce
    if nonce is not None or split == stop:
        return nonce
    team = _Team(kernel, header, bits, split, stop)
    team.run(threads or cores(), lambda tried: progress and progress(tried + split - start))
    return team.lowest


def _find_in_python(
    header: bytes, bits: int, start: int, stop: int, progress: Progress | None
) -> int | None:
    """Search on the calling thread: hashlib holds the interpreter lock for so short a message."""
    due = time.monotonic() + TICK
    for first in range(start, stop, PYTHON_RANGE):
        found = search_in_python(header, bits, first, min(PYTHON_RANGE, stop - first))
        if found.nonce is not None:
            return found.nonce
        if progress and time.monotonic() >= due:
            progress(first + found.tried - start)
            due = time.monotonic() + TICK
    return None


def search_in_python(header: bytes, bits: int, start: int, count: int) -> Found:
    """Search [start, start + count) on hashlib alone: the readable twin of the C search."""
    prefix = sha256(header[:NONCE_AT])
    ceiling = ((1 << (256 - bits)) - 1).to_bytes(32, "big")
    for nonce in range(start, start + count):
        attempt = prefix.copy()
        attempt.update(nonce.to_bytes(8, "big"))
        if attempt.digest() <= ceiling:
            return Found(nonce, nonce - start + 1)
    return Found(None, count)


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def rate(seconds: float = 0.02, *, kernel: str | None = None, threads: int | None = None) -> float:
    """Measure the nonces a second of this machine, on all its cores, for about `seconds`."""
    kernel = kernel or core.chosen(core.MINING)
    begin = time.perf_counter()
    if kernel == core.PYTHON:
        tried = 0
        while time.perf_counter() - begin < seconds:
            tried += search_in_python(bytes(HEADER_SIZE), 256, tried, 1000).tried
    else:
        team = _Team(kernel, bytes(HEADER_SIZE), 256, 0, NONCE_LIMIT)
        team.run(threads or cores(), None, seconds)
        tried = team.tried
    return tried / (time.perf_counter() - begin)


class _Team:
    """Threads that search successive ranges of one header, with the interpreter lock released."""

    def __init__(self, kernel: str, header: bytes, bits: int, start: int, stop: int) -> None:
        import threading

        self.job = (kernel, header, bits)
        self.start = self.next = start
        self.stop = stop
        self.tried = 0
        self.lowest: int | None = None
        self.failure: BaseException | None = None
        self.flag = core.StopFlag()
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.running = 0

    def run(
        self, threads: int, progress: Callable[[int], object] | None, seconds: float | None = None
    ) -> None:
        """Search until a hit, the end of the range, an exception, or `seconds` have passed."""
        from threading import Thread

        workers = [Thread(target=self.work, name="medchain-mine") for _ in range(threads)]
        self.running = threads
        try:
            for worker in workers:
                worker.start()
            while not self.done.wait(TICK if seconds is None else seconds) and seconds is None:
                if progress:
                    progress(self.tried)
        finally:
            self.flag.set()
            for worker in workers:
                if worker.ident is not None:
                    worker.join()
        if self.failure is not None:
            raise self.failure

    def work(self) -> None:
        """Search range after range, on a thread of its own."""
        try:
            while span := self.take():
                self.give(core.search(*self.job, *span, self.flag))
        except BaseException as error:
            self.failure = error
            self.flag.set()
        finally:
            with self.lock:
                self.running -= 1
                if not self.running:
                    self.done.set()

    def take(self) -> tuple[int, int] | None:
        """Hand out the next range as (first, count), or None where the search is over.

        A range is a 32nd of what came before: few calls, and little tried in vain after a hit.
        """
        with self.lock:
            if self.lowest is not None or self.flag.is_set() or self.next >= self.stop:
                return None
            first = self.next
            size = min(max((first - self.start) >> 5, SMALLEST), LARGEST)
            self.next = min(first + size, self.stop)
            return first, self.next - first

    def give(self, found: Found) -> None:
        """Take back a range that was searched."""
        with self.lock:
            self.tried += found.tried
            if found.nonce is not None:
                self.lowest = found.nonce if self.lowest is None else min(self.lowest, found.nonce)
