"""`medchain bench`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from .options import Json
from .output import plural, result, result_json, table

if TYPE_CHECKING:
    from ..pipeline.bench import Bench

_UNITS = ((1e-3, "µs", 1e6), (1.0, "ms", 1e3), (120.0, "seconds", 1.0), (7200.0, "minutes", 1 / 60))


def bench(json: Json = False) -> None:
    """Measure how fast this machine mines, and how long a block takes.

    Every kernel on one core, the chosen one on all; then the average time of a block by its bits.
    """
    from ..pipeline.bench import bench as run

    found = run()
    result_json(asdict(found)) if json else result(_words(found))


def _words(found: Bench) -> str:
    kernels = {name: f"{rate / 1e6:,.2f}" for name, rate in found.kernels.items()}
    return "\n".join(
        [
            "million nonces a second",
            table([(f"{name}, one core", rate) for name, rate in kernels.items()]),
            table(
                [(f"{found.miner}, {plural(found.cores, 'core')}", f"{found.nonces / 1e6:,.2f}")]
            ),
            "million record lines hashed a second",
            table([(f"{found.hasher}, one core", f"{found.lines / 1e6:,.2f}")]),
            "a block takes on average",
            table([(f"{bits} bits", _time(some)) for bits, some in found.block_seconds.items()]),
        ]
    )


def _time(seconds: float) -> str:
    for limit, unit, factor in _UNITS:
        if seconds < limit:
            return f"{seconds * factor:,.1f} {unit}"
    return f"{seconds / 3600:,.1f} hours"
