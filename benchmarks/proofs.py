"""Checkpoints and proofs of a large ledger: their time, their size, and what grows with what.

    python benchmarks/proofs.py [RECORDS]       default 1,000,000; makes a file of 130 bytes each

Times are of whole processes, from a cold start: the best of several by the clock, the median of
their CPU time.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from medchain.ledger import writer
from medchain.ledger.block import Header, block_hash, to_line
from medchain.ledger.lines import event
from medchain.ledger.merkle import leaf_hashes, root
from medchain.ledger.store import Genesis

BATCH = 100
START = 1_795_335_300_000_000
ORIGIN = "bench.example/ledger"


def grow(path: Path, head: tuple[Header, bytes] | None, blocks: int) -> tuple[Header, bytes]:
    """Append `blocks` blocks of 100 sealed records to the ledger at `path`."""
    from array import array

    scores = array("d", [0.25] * BATCH)
    fields = {"batch": "00" * 16, "model": "ab" * 32, "threshold": 0.5, "rows": BATCH}
    score = event("score", {**fields, "anomalies": 0})
    with path.open("ab") as file:
        if head is None:
            body = event("genesis", Genesis("00" * 16, ORIGIN, 0, "sealed", "bench").fields())
            header = Header(0, 0, 0, 0, bytes(32), root(leaf_hashes(body)), START)
            head = header, block_hash(header)
            file.write(body + to_line(header))
        for _ in range(blocks):
            before, prev = head
            first = before.first + before.count
            seals = first.to_bytes(8, "big") * 4 * BATCH
            body = score + writer.sealed_records(first, scores, 0.5, seals)
            block_root = root(leaf_hashes(body))
            header = Header(before.block + 1, first, BATCH, 0, prev, block_root, START)
            head = header, block_hash(header)
            file.write(body + to_line(header))
    return head


def timed(
    folder: Path, label: str, *words: str, program: tuple[str, ...] = (), runs: int = 5
) -> str:
    """Run a command several times and print what it took; returns its output."""
    command = [sys.executable, *(program or ("-m", "medchain")), *words]
    walls, cpus = [], []
    for _ in range(runs):
        begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(1000 * (time.perf_counter() - begin))
        cpus.append(1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    print(
        f"  {label:<38}{min(walls):>9,.0f} ms at best, {statistics.median(cpus):>9,.0f} ms of CPU",
        flush=True,
    )
    return done.stdout


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        head = grow(folder / "ledger.jsonl", None, records // BATCH)
        size = (folder / "ledger.jsonl").stat().st_size
        print(f"{records:,} records in blocks of {BATCH}, {size / 1e6:,.0f} MB")
        log = timed(folder, "key new", "key", "new", "--name", ORIGIN, "-o", "k", runs=1)
        (folder / "policy").write_text(f"log {log}quorum none\n")
        sign = ("checkpoint", "ledger.jsonl", "--key", "k")
        timed(folder, "first checkpoint: every byte is read", *sign, runs=1)
        grow(folder / "ledger.jsonl", head, records // BATCH // 100)
        timed(folder, "checkpoint after 1 % more", *sign, runs=1)
        timed(folder, "checkpoint with nothing new", *sign)
        prove = ("prove", "ledger.jsonl", "--record", str(records // 2), "-o", "proof")
        timed(folder, "prove one record", *prove)
        print(f"  {'size of that proof':<38}{(folder / 'proof').stat().st_size:>9,} bytes")
        check = ("check", "proof", "--policy", "policy")
        timed(folder, "medchain check", *check, runs=20)
        timed(folder, "verifier", "verifier", "-o", "v.pyz", runs=1)
        handed = ("-I", "-S", "v.pyz")
        timed(folder, "medchain-verify.pyz check", *check, program=handed, runs=20)
        anchored = ("verify", "ledger.jsonl", "--policy", "policy")
        timed(folder, "verify --from-checkpoint", *anchored, "--from-checkpoint", runs=3)
        timed(folder, "verify", *anchored, runs=1)


if __name__ == "__main__":
    main()
