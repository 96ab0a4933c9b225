"""Bench: how fast this machine hashes and mines, and what that makes of a block's work."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..ledger import merkle, pow
from ..ledger.store import MAX_BITS

BITS = (16, 20, 24, 28, 32)
_LINES = 10_000
_LINE = 125  # a record line of a ledger of some million records


@dataclass(frozen=True, slots=True)
class Bench:
    """Rates a second of `kernels` on one core, and of those that were chosen.

    `nonces` is what the `miner` does on all `cores`, `lines` how many record lines the `hasher`
    turns into leaves on one; `block_seconds` is how long a block takes on average, by its bits.
    """

    kernels: dict[str, float]
    miner: str
    hasher: str
    cores: int
    nonces: float
    lines: float
    block_seconds: dict[int, float]


def bench(seconds: float = 0.2) -> Bench:
    """Measure every kernel that runs here, each for about `seconds`.

    Raises `KernelUnavailable` where MEDCHAIN_KERNEL names one that cannot be had.
    """
    usable = [kernel for kernel in pow.kernels() if kernel.usable]
    nonces = pow.rate(seconds)
    return Bench(
        kernels={k.name: pow.rate(seconds, kernel=k.name, threads=1) for k in usable},
        miner=next(kernel.name for kernel in usable if kernel.mines),
        hasher=next(kernel.name for kernel in usable if kernel.hashes),
        cores=pow.cores(),
        nonces=nonces,
        lines=_lines(seconds),
        block_seconds={bits: 2**bits / nonces for bits in BITS},
    )


def bits_for(seconds: float, nonces: float) -> int:
    """The most bits with which a block takes no longer than `seconds` on average.

    `nonces` is the mining rate a second; the answer is 0 to 32.
    """
    return min(max(int(seconds * nonces), 1).bit_length() - 1, MAX_BITS)


def _lines(seconds: float) -> float:
    text = (b"x" * _LINE + b"\n") * _LINES
    begin, done = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        merkle.leaf_hashes(text)
        done += _LINES
    return done / (time.perf_counter() - begin)
