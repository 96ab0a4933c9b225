"""What a call costs before it does anything: CPU time against an empty typer app in the same run.

    python benchmarks/startup.py

Prints the median CPU milliseconds of 15 processes each, taken in turns, and what each costs beyond
the empty app. The ingest is of 100 rows with a model trained for the purpose.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 15
EXAMPLE = Path(__file__).parent.parent / "tests" / "vectors" / "example.jsonl"
EMPTY = """
import typer
app = typer.Typer()
@app.command()
def main() -> None: pass
app()
"""


def cpu(words: list[str], folder: Path) -> float:
    """CPU milliseconds of one process."""
    process = subprocess.Popen(
        words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return 1000 * (used.ru_utime + used.ru_stime)


def model(folder: Path) -> None:
    """A model and a table of 100 patients in `folder`."""
    from medchain.tabular.synthetic import patients

    (folder / "known.csv").write_bytes(patients(400, seed=1).csv(label=True))
    (folder / "new.csv").write_bytes(patients(100, seed=2).csv(label=False))
    words = ["train", "known.csv", "--label", "anomaly", "--id", "patient_id"]
    subprocess.run(
        [sys.executable, "-m", "medchain", *words], cwd=folder, check=True, capture_output=True
    )


def main() -> None:
    """Measure in turns and print."""
    medchain = [sys.executable, "-m", "medchain"]
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "an empty typer app": [sys.executable, "-c", EMPTY],
        "import medchain": [sys.executable, "-c", "import medchain"],
        "medchain --help": [*medchain, "--help"],
        "medchain verify, 3 blocks": [*medchain, "verify", str(EXAMPLE)],
        "medchain ingest, 100 rows": [*medchain, "ingest", "new.csv", "--allow-duplicate"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        model(Path(folder))
        for _ in range(RUNS):
            for name, words in commands.items():
                taken[name].append(cpu(words, Path(folder)))
    empty = statistics.median(taken["an empty typer app"])
    for name, values in taken.items():
        middle = statistics.median(values)
        print(f"{name:<28}{middle:>8.0f} ms{middle - empty:>+8.0f} ms beyond the empty app")


if __name__ == "__main__":
    main()
