"""What the ledger costs: ingest against reading and scoring the same rows without any ledger.

    python benchmarks/ingest.py [ROWS]

Writes a table of ROWS x 20 numbers (default 1,000,000), trains models on 1500 such rows, then
runs, each in a process of its own: reading and scoring alone, ingest in blocks of 1000 at 16 bits,
and verify. Prints rows a second (wall), CPU seconds, peak memory, and the ratio of the first two.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCORE = """
import sys
from medchain.detect.bundle import Bundle
from medchain.detect.scoring import Scorer
from medchain.tabular import open_table
scorer = Scorer(Bundle.load("model"))
with open_table(sys.argv[1]) as table:
    scorer.bind(table.columns)
    for batch in table.batches(1024):
        scorer.score(batch.rows)
"""


def write_table(path: Path, rows: int, *, label: bool = False) -> None:
    """An id and 20 normally distributed numbers with 4 decimals a row, on demand with a label."""
    dice = random.Random(1)
    with path.open("w") as file:
        names = ["id", *(f"x{n}" for n in range(20)), *(["anomaly"] if label else [])]
        file.write(",".join(names) + "\n")
        for number in range(rows):
            values = [dice.gauss(0, 1) for _ in range(20)]
            cells = [f"P{number}", *(f"{value:.4f}" for value in values)]
            if label:
                cells.append(str(int(values[0] + values[1] * values[2] > 2)))
            file.write(",".join(cells) + "\n")


def run(name: str, rows: int, words: list[str], folder: Path) -> float:
    """Run one command; print and return its wall seconds."""
    started = time.perf_counter()
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    assert status == 0, name
    cpu = used.ru_utime + used.ru_stime
    memory = used.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)
    print(f"{name:<24}{rows / seconds:>12,.0f} rows/s{cpu:>9.1f} s CPU{memory:>8.0f} MB")
    return seconds


def main(rows: int) -> None:
    """Make the table and two models, with labels and without, then measure."""
    medchain = [sys.executable, "-m", "medchain"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "small.csv", 1500, label=True)
        write_table(folder / "table.csv", rows)
        for mode, option in (("with labels", "--label"), ("without labels", "--drop")):
            print(mode)
            train = [*medchain, "train", "small.csv", "--id", "id", option, "anomaly"]
            subprocess.run(train, cwd=folder, check=True, capture_output=True)
            words = [sys.executable, "-c", SCORE, "table.csv"]
            alone = run("read and score alone", rows, words, folder)
            ledger = ["--ledger", f"ledger{option}.jsonl"]
            words = [*medchain, "ingest", "table.csv", "--batch-size", "1000", *ledger]
            whole = run("ingest", rows, words, folder)
            print(f"ingest takes {whole / alone:.2f} times as long as reading and scoring alone")
        run("verify", rows, [*medchain, "verify", "ledger--drop.jsonl"], folder)
        run("verify --vault", rows, [*medchain, "verify", "ledger--drop.jsonl", "--vault"], folder)


if __name__ == "__main__":
    main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 1_000_000)
