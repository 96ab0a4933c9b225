"""Rows a second of the scoring path on one core, stage by stage, and what a cold start costs.

    python benchmarks/scoring.py [--rows 20000] [--features 20] [--digits 4] [--rounds 7]

Cells are text, as a table's reader hands them over. CPU time of one thread is counted, and the best
of several rounds, so that other work on the machine disturbs little; the floor is `float` alone on
the same cells in the same run. A cold start is a fresh interpreter that loads the bundle and scores
one row.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medchain.detect.bundle import Bundle
from medchain.detect.cells import columns_of
from medchain.detect.scoring import Scorer
from medchain.detect.train import fit

BATCH = 512
COLD = """
import sys
from medchain.detect.bundle import Bundle
from medchain.detect.scoring import Scorer
scorer = Scorer(Bundle.load(sys.argv[1]))
scorer.bind(scorer.schema.features)
scorer.score([["0.5"] * len(scorer.schema.features)])
"""


def main() -> None:
    """Train a model, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--digits", type=int, default=4, help="decimals of a cell")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()

    columns = [f"feature {number}" for number in range(options.features)]
    rows = table(options.rows, options.features, options.digits)
    print(f"{processor()}, Python {platform.python_version()}, {datetime.date.today()}")
    print(f"{options.features} features of {options.digits} decimals, batches of {BATCH} rows")
    for name, bundle in models(columns, rows[:1000]):
        scorer = Scorer(bundle)
        scorer.bind(columns)
        report(name, measure(scorer, rows, options.rounds), len(rows))
        print(f"{'cold start':<28}{1000 * cold_start(bundle):8.0f} ms of CPU")


def table(rows: int, features: int, digits: int) -> list[list[str]]:
    """Normal numbers as text."""
    chance = random.Random(0)
    return [[f"{chance.gauss(0, 1):.{digits}f}" for _ in range(features)] for _ in range(rows)]


def models(columns: list[str], rows: list[list[str]]) -> list[tuple[str, Bundle]]:
    """One model of each mode, trained on the same rows."""
    labelled = [[*row, str(int(float(row[0]) + float(row[1]) > 1.5))] for row in rows]
    return [
        ("with labels", fit([*columns, "label"], labelled, label="label").bundle),
        ("without labels", fit(columns, rows).bundle),
    ]


def measure(scorer: Scorer, rows: list[list[str]], rounds: int) -> dict[str, float]:
    """The best CPU seconds of each stage over all rows."""
    views, places = scorer._views, scorer._places
    best: dict[str, float] = {}
    for _ in range(rounds):
        spent: dict[str, float] = {}

        def stage(name: str, call: Callable[..., Any], *given: Any) -> Any:
            start = time.thread_time()
            found = call(*given)
            spent[name] = spent.get(name, 0.0) + time.thread_time() - start  # noqa: B023
            return found

        for first in range(0, len(rows), BATCH):
            part = rows[first : first + BATCH]
            cells = stage("rows to columns", columns_of, part)
            stage("floor: float alone", lambda: [list(map(float, c)) for c in cells])  # noqa: B023
            read = stage("text to numbers", views.encoder.read, [cells[p] for p in places or ()])
            encoded = stage("encoding", views.encoder.encode, read)
            if views.statistics:
                sums = stage("statistics", views.statistics, read)
                encoded = views.statistics.beside(encoded, *sums)
            stage("network", views.network, encoded)
            if views.forest:
                stage("trees", views.forest, encoded)
            stage("all of Scorer.score", scorer.score, part)
        best = {name: min(best.get(name, 9e9), value) for name, value in spent.items()}
    return best


def report(name: str, spent: dict[str, float], rows: int) -> None:
    """Print microseconds for a row, and rows a second for the whole."""
    print(f"\n{name}")
    for stage, seconds in spent.items():
        print(
            f"{stage:<28}{1e6 * seconds / rows:8.2f} us a row{rows / seconds:14,.0f} rows a second"
        )


def cold_start(bundle: Bundle) -> float:
    """CPU seconds of a fresh process that loads `bundle` and scores a row, less an empty one."""
    with tempfile.TemporaryDirectory() as folder:
        bundle.save(Path(folder) / "model")
        run = [sys.executable, "-c", COLD, str(Path(folder) / "model")]
        return min(_cpu(run) for _ in range(5)) - min(
            _cpu([sys.executable, "-c", ""]) for _ in "ab"
        )


def _cpu(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, check=True)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


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
