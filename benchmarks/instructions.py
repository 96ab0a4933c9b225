"""Instructions a nonce and a 200-byte message by each kernel: what no busy machine can disturb.

    python benchmarks/instructions.py [--record]

Counts by single steps (``peers/steps.c``, Linux), because valgrind knows neither the SHA extensions
nor AVX-512. Each count is the difference between two runs, of which one does twice as much, so that
what is done once drops out. Compares with ``instructions.json``, or writes it with ``--record``;
exit code 1 where a count is off by more than 1 %. Another compiler makes other code: then nothing
is compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from medchain.ledger import core

HERE = Path(__file__).parent
CORE = HERE.parent / "csrc"
RECORD = HERE / "instructions.json"
TOLERANCE = 0.01
ONCE = {"nonces": 32, "lines": 16}
"""How much of each work the shorter run does: as much as fills the lanes of every kernel."""
ONCE_ALONE = {"nonces": 4, "lines": 2}
"""The same for the portable kernel: it has one lane, and a step takes 20 microseconds or more."""

Counts = dict[str, dict[str, float]]


def main() -> int:
    """Count, and compare or record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write what was counted")
    options = parser.parse_args()

    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True, check=True)
    version = compiler.stdout.splitlines()[0]
    counts = count()
    if options.record:
        record = {"compiler": version, "flags": "-O3", "instructions": counts}
        RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
        return 0
    recorded = json.loads(RECORD.read_text("utf-8"))
    if recorded["compiler"] != version:
        print(f"recorded with {recorded['compiler']}, counted with {version}")
        recorded["instructions"] = {}
    return compare(counts, recorded["instructions"])


def count() -> Counts:
    """Count for every kernel that runs here."""
    kernels = [name for name in core.usable() if name != core.PYTHON]
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/steps"
        sources = [HERE / "peers" / "steps.c", *CORE.glob("*.c")]
        command = ["cc", "-std=c11", "-O3", f"-I{CORE}", "-o", program, *map(str, sources)]
        subprocess.run(command, check=True)

        def steps(*words: str) -> int:
            done = subprocess.run([program, *words], capture_output=True, text=True, check=True)
            return int(done.stdout)

        def each(kernel: str, work: str, n: int) -> float:
            return (steps(kernel, work, str(2 * n)) - steps(kernel, work, str(n))) / n

        return {
            kernel: {
                f"a {work[:-1]}": each(kernel, work, n)
                for work, n in (ONCE_ALONE if kernel == "portable" else ONCE).items()
            }
            for kernel in kernels
        }


def compare(counts: Counts, recorded: Counts) -> int:
    """Print every count beside the recorded one; 1 where one is off."""
    off = 0
    for kernel, works in counts.items():
        for work, now in works.items():
            before = recorded.get(kernel, {}).get(work)
            differs = before is not None and abs(now / before - 1) > TOLERANCE
            print(f"{kernel:<16}{work:<10}{now:10.1f}{before or 0:10.1f}{' !' if differs else ''}")
            off |= differs
    return off


if __name__ == "__main__":
    sys.exit(main())
