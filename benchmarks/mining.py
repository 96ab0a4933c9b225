"""Nonces a second of every kernel, beside hashlib with a saved midstate, measured in the same run.

    python benchmarks/mining.py [--seconds 0.5] [--rounds 5]

The peer is the best that pure Python does: SHA-256 of the constant 104 bytes once, then a copy, an
update with the nonce and a digest for each (``search_in_python``). Rounds alternate between the
kernels and the best of each counts, so that other work on the machine disturbs the ratios little.
"""

from __future__ import annotations

import argparse
import datetime
import platform
from pathlib import Path

from medchain.ledger import core, pow

PEER = core.PYTHON


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each kernel")
    options = parser.parse_args()

    one, all_cores = measure(options.seconds, options.rounds)
    print(f"{processor()}, Python {platform.python_version()}, {datetime.date.today()}")
    print(f"{'kernel':<18}{'1 core, M/s':>12}{'to hashlib':>12}{f'{pow.cores()} cores, M/s':>14}")
    for name, rate in one.items():
        label = "hashlib midstate" if name == PEER else name
        many = f"{all_cores[name] / 1e6:14.2f}" if name in all_cores else f"{'':>14}"
        print(f"{label:<18}{rate / 1e6:12.2f}{rate / one[PEER]:11.1f}x{many}")


def measure(seconds: float, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Measure the best rate of each kernel on one core, and of the compiled ones on all."""
    one = dict.fromkeys(core.usable(), 0.0)
    all_cores: dict[str, float] = {}
    for _ in range(rounds):
        for name in one:
            one[name] = max(one[name], pow.rate(seconds, kernel=name, threads=1))
            if name != PEER:
                rate = pow.rate(seconds, kernel=name)
                all_cores[name] = max(all_cores.get(name, 0.0), rate)
    return one, all_cores


def processor() -> str:
    """Name the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
