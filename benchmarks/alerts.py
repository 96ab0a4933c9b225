"""Is the alert rate asked for the one got? On new rows of the same population, without labels.

    python benchmarks/alerts.py [ROWS ...]

For each number of training rows (default 100, 200 and 1000) and each mode without labels, trains
on several draws of eight log-normal features that depend on each other, asks for alerts on 5 % of
the rows, and prints the mean share got on 5000 new rows of each draw, with its standard error.
"""

from __future__ import annotations

import sys

import numpy as np

from medchain.detect.scoring import Scorer
from medchain.detect.train import fit

ASKED, NEW = 0.05, 5000
COLUMNS = [f"x{number}" for number in range(8)]


def got(rows: int, seed: int, mode: str) -> float:
    """The share of new rows that one model calls anomalous."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(8, 8))

    def drawn(count: int) -> list[list[str]]:
        values = np.exp(0.3 * random.normal(size=(count, 8)) @ mixed)
        return [[f"{value:.5f}" for value in row] for row in values]

    trained = fit(COLUMNS, drawn(rows), mode=mode, alert_rate=ASKED, held_out=0.0, max_epochs=30)
    scorer = Scorer(trained.bundle)
    scorer.bind(COLUMNS)
    return float((scorer.score(drawn(NEW))[0] >= trained.threshold).mean())


def main(sizes: list[int]) -> None:
    """Print a line for each mode and size."""
    print(f"asked {ASKED:.1%}")
    for mode in ("unlabelled", "normal-only"):
        for rows in sizes:
            shares = [got(rows, seed, mode) for seed in range(8 if rows < 1000 else 4)]
            error = np.std(shares) / len(shares) ** 0.5
            print(f"{mode:<14}{rows:>8} rows  got {np.mean(shares):.1%} ± {error:.1%}", flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100, 200, 1000])
