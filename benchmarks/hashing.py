"""Lines and Merkle nodes hashed on one core by every kernel, beside OpenSSL in C and hashlib.

    python benchmarks/hashing.py [--rounds 100] [--json]

The peers: `peers/evp.c`, an OpenSSL EVP loop with the context reused, compiled here with
``cc -lcrypto``; and for the root of a million lines a hashlib loop in Python. Peer and kernels take
turns, and the fastest round of each counts: rounds are short, so that some of them have the core to
themselves. An asterisk marks the kernel that is the default here.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from cffi import FFI
from mining import processor

from medchain.ledger import core, merkle

PEER = "peer"
SOURCE = Path(__file__).parent / "peers" / "evp.c"
DECLARATIONS = """
int evp_begin(void);
void evp_lines(const uint8_t *data, size_t size, uint8_t *out);
void evp_root(uint8_t *nodes, size_t count, uint8_t *out);
"""
LINES = 4000

Run = Callable[[], object]


class Case(NamedTuple):
    """What is measured: `items` of it in a run, and by how much the peer is to be beaten."""

    what: str
    items: int
    reach: float | None
    runs: dict[str, Run]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="measurements of each kernel")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()

    rows = [row for case in cases() for row in measure(case, options.rounds)]
    if options.json:
        print(json.dumps({"processor": processor(), "rows": rows}, indent=1))
        return
    print(f"{processor()}, Python {platform.python_version()}, {datetime.date.today()}")
    print(f"{'':<44}{'kernel':<16}{'ns each':>10}{'M/s':>8}{'to peer':>9}{'reach':>7}")
    for row in rows:
        name, reach = row["kernel"] + "*" * row["default"], row["reach"] or ""
        rates = f"{row['ns']:10.1f}{1e3 / row['ns']:8.2f}{row['ratio']:8.2f}x"
        print(f"{row['what']:<44}{name:<16}{rates}{reach:>7}")


def measure(case: Case, rounds: int) -> list[dict[str, Any]]:
    """Measure every contestant of one case in turns; the fastest round of each counts."""
    answers = {name: run() for name, run in case.runs.items()}
    wrong = [name for name, answer in answers.items() if answer != answers[PEER]]
    assert not wrong, f"{case.what}: {wrong} disagree with the peer"
    best = dict.fromkeys(case.runs, float("inf"))
    for _ in range(max(3, min(rounds, rounds * 10 * LINES // case.items))):
        for name, run in case.runs.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    return [
        {
            "what": case.what,
            "kernel": name,
            "default": name == core.chosen(core.HASHING),
            "ns": seconds / case.items * 1e9,
            "ratio": best[PEER] / seconds,
            "reach": case.reach if name != PEER else None,
        }
        for name, seconds in best.items()
    ]


def cases() -> Iterator[Case]:
    """Make the cases one after the other, so that one at a time is in memory."""
    peer = compiled_peer()
    for size in (1000, 100):
        what = f"200-byte messages, {size} at a time"
        yield lines_case(peer, what, size, [200], 3.2)
    for size in (1000, 100):
        yield nodes_case(peer, f"65-byte nodes, trees of {size} leaves", size, 5)
    lengths = [random.Random(50).randint(50, 2000) for _ in range(LINES)]
    mean = sum(lengths) / len(lengths)
    yield lines_case(peer, f"50 to 2000 bytes, {mean:.0f} on average", LINES, lengths, None)
    yield root_case("root of 1,000,000 lines of 126 bytes", 1_000_000, 20)


def lines_case(peer: Any, what: str, block: int, lengths: list[int], reach: float | None) -> Case:
    """Hash LINES lines of these lengths in turn, `block` lines a call."""
    text = random_lines(LINES, lengths)
    feeds = [i for i, byte in enumerate(text) if byte == 10]
    cuts = [0, *(feed + 1 for feed in feeds[block - 1 :: block])]
    blocks = [text[start:end] for start, end in pairwise(cuts)]
    out = bytearray(32 * block)
    target = core.ffi.from_buffer("uint8_t[]", out)

    def run_peer() -> bytes:
        for data in blocks:
            peer.evp_lines(data, len(data), target)
        return bytes(out)

    def run(number: int) -> bytes:
        for data in blocks:
            core.lib.medchain_hash_lines(number, data, len(data), -1, target, len(out))
        return bytes(out)

    return Case(what, LINES, reach, {PEER: run_peer, **on_kernels(run)})


def nodes_case(peer: Any, what: str, leaves: int, reach: float) -> Case:
    """Fold LINES leaves, `leaves` of them a call. A tree of n leaves has n - 1 nodes."""
    nodes, out = bytearray(32 * leaves), bytearray(32)
    trees = LINES // leaves
    source, target = (core.ffi.from_buffer("uint8_t[]", buffer) for buffer in (nodes, out))

    def times(fold: Callable[[Any, int, Any], object]) -> bytes:
        nodes[:] = random_leaves
        for _ in range(trees):
            fold(source, leaves, target)  # what is left of the last tree is as good as new
        return bytes(out)

    random_leaves = random.Random(65).randbytes(32 * leaves)
    runs = on_kernels(lambda number: times(lambda *tree: core.lib.medchain_root(number, *tree)))
    return Case(what, trees * (leaves - 1), reach, {PEER: lambda: times(peer.evp_root), **runs})


def root_case(what: str, count: int, reach: float) -> Case:
    """Compute the root over the lines in one call from Python; the peer is a loop over hashlib."""
    text = random_lines(1000, [126]) * (count // 1000)

    def run_peer() -> bytes:
        return merkle.root_in_python(merkle.hash_lines_in_python(text, merkle.LEAF))

    runs = {name: partial(core.lines_root, name, text) for name in kernels()}
    return Case(what, count, reach, {PEER: run_peer, **runs})


def on_kernels(run: Callable[[int], bytes]) -> dict[str, Run]:
    """Bind `run` to the number of every compiled kernel that is usable here."""
    return {name: partial(run, core._number(name)) for name in kernels()}


def kernels() -> list[str]:
    """Name the compiled kernels that are usable here."""
    return [name for name in core.usable() if name != core.PYTHON]


def random_lines(count: int, lengths: list[int]) -> bytes:
    """Make `count` LF-terminated lines of these lengths, taken in turns."""
    source = random.Random(200)
    table = bytes(byte if byte != 10 else 13 for byte in range(256))
    sizes = (lengths[i % len(lengths)] for i in range(count))
    return b"".join(source.randbytes(size).translate(table) + b"\n" for size in sizes)


def compiled_peer() -> Any:
    """Compile and load the peer in C."""
    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    with tempfile.TemporaryDirectory() as directory:
        library = f"{directory}/evp.so"
        command = ["cc", "-O2", "-shared", "-fPIC", "-o", library, str(SOURCE), "-lcrypto"]
        subprocess.run(command, check=True)
        peer = ffi.dlopen(library)
    assert peer.evp_begin(), "OpenSSL has no SHA-256"
    return peer


if __name__ == "__main__":
    main()
