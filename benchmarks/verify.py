"""How long `medchain verify` takes, beside hashing the same file: `python benchmarks/verify.py`.

Makes a ledger of 1 GB under --folder (and of 4 GB with --large), measures from the start of the
process to its report, in turns with `openssl dgst -sha256` and `sha256sum`, and removes it. The
file is in the page cache; of all turns the fastest counts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from medchain.ledger.block import GENESIS_PREV, Header, block_hash, encode, to_line
from medchain.ledger.judge import FORMAT
from medchain.ledger.lines import event, open_records, row_objects, sealed_records
from medchain.ledger.merkle import leaf_hashes, root
from medchain.ledger.pow import mine

BITS = 4
VERIFY = [sys.executable, "-m", "medchain", "verify"]


def write_ledger(path: Path, size: int, records: int, rows: str = "sealed") -> None:
    """Write a ledger of about `size` bytes in blocks of `records`, every tenth row anomalous."""
    scores = [(i * 611_953 % 1_000_003) / 1_000_003 for i in range(records)]
    verdicts = [score >= 0.9 for score in scores]
    seals = [hashlib.sha256(b"%d" % i).hexdigest() for i in range(records)]
    cells = [[str(i * 31 % 977 + i % 7 / 10) for i in range(n, n + 20)] for n in range(records)]
    texts = row_objects([f"measure_{i}" for i in range(20)], cells)
    fields = {"batch": "ba" * 16, "model": "0d" * 32, "threshold": 0.9}
    fields |= {"rows": records, "anomalies": sum(verdicts)}
    genesis = {"format": FORMAT, "ledger": "1d" * 16, "origin": "benchmark", "min_bits": BITS}
    body, count, first, height, prev = event("genesis", genesis | {"rows": rows}), 0, 0, 0, b""
    with path.open("wb", buffering=1 << 20) as file:
        while file.tell() < size:
            blank = Header(
                height, first, count, BITS, prev or GENESIS_PREV, root(leaf_hashes(body)), height
            )
            header = Header(*_fields(blank), mine(encode(blank), BITS))
            file.write(body + to_line(header))
            prev, first, height = block_hash(header), first + count, height + 1
            lines = (
                sealed_records(first, scores, verdicts, seals)
                if rows == "sealed"
                else open_records(first, scores, verdicts, texts)
            )
            body, count = event("score", fields) + lines, records


def _fields(header: Header) -> tuple[object, ...]:
    return tuple(getattr(header, name) for name in Header.__slots__ if name != "nonce")


def seconds(command: Sequence[str | Path], stdin: Path | None = None) -> float:
    """The wall time of one run of `command`, which has to succeed."""
    source = stdin.open("rb") if stdin else subprocess.DEVNULL
    begin = time.perf_counter()
    subprocess.run(list(map(str, command)), check=True, capture_output=True, stdin=source)
    return time.perf_counter() - begin


def in_turns(commands: dict[str, list[str | Path]], turns: int) -> dict[str, float]:
    """The fastest run of each command, in turns so that a slow moment meets all of them."""
    runs: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            runs[name].append(seconds(command))
    return {name: min(times) for name, times in runs.items()}


def peak(path: Path) -> float:
    """The most memory that a verification of `path` occupied, in MB."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True,"
        "stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    run = [sys.executable, "-c", code, *VERIFY, str(path)]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout) / 1024


def measure(path: Path, turns: int) -> dict[str, object]:
    """All figures of one ledger."""
    one_core: list[str | Path] = ["taskset", "-c", "0"]
    openssl: list[str | Path] = ["openssl", "dgst", "-sha256", path]
    times = in_turns(
        {
            "verify": [*VERIFY, path],
            "openssl": openssl,
            "verify, one core": [*one_core, *VERIFY, path],
            "openssl, one core": [*one_core, *openssl],
        },
        turns,
    )
    times |= in_turns({"sha256sum": ["sha256sum", path]}, 1)
    return {
        "bytes": path.stat().st_size,
        "seconds": {name: round(value, 3) for name, value in times.items()},
        "verify to openssl": round(times["openssl"] / times["verify"], 3),
        "one core": round(times["openssl, one core"] / times["verify, one core"], 3),
        "verify to sha256sum": round(times["sha256sum"] / times["verify"], 2),
        "peak MB": round(peak(path), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--rows", choices=("sealed", "open"), default="sealed")
    parser.add_argument("--large", action="store_true", help="peak memory at four times the size")
    parser.add_argument("--archives", action="store_true", help="gzip and Zstandard once")
    wish = parser.parse_args()
    size = int(wish.gigabytes * 1e9)
    with tempfile.TemporaryDirectory(dir=wish.folder) as folder:
        path = Path(folder) / "ledger.jsonl"
        for records in (100, 1000):
            write_ledger(path, size, records, wish.rows)
            print(json.dumps({"records a block": records, **measure(path, wish.turns)}), flush=True)
        if wish.archives:
            for tool, suffix in (("gzip", ".gz"), ("zstd", ".zst")):
                packed = Path(f"{path}{suffix}")
                with packed.open("wb") as file:
                    subprocess.run([tool, "-1", "-c", path], stdout=file, check=True)
                print(json.dumps({tool: round(seconds([*VERIFY, packed]), 3)}), flush=True)
                packed.unlink()
        if wish.large:
            write_ledger(path, 4 * size, 1000, wish.rows)
            print(json.dumps({"bytes": path.stat().st_size, "peak MB": round(peak(path), 1)}))


if __name__ == "__main__":
    main()
