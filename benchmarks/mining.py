"""Nonces a second of every kernel on one core, beside what others reach, measured in the same run.

    python benchmarks/mining.py [--rounds 200] [--json]

The peers, each of which spends one compression a nonce as we do:

- hashlib: SHA-256 of the constant 104 bytes once, then a copy, an update with the nonce and a
  digest for each (``search_in_python``), which is the best that pure Python does;
- ``proofofwork`` from PyPI (``pip install proofofwork``), its C miner on one thread. It searches
  texts of one block, "medchain N ????????", for 12 zero bits; it goes through the eight characters
  in a known order, so the text it finds says exactly how many it hashed;
- OpenSSL: its compression function, one nonce after the other, on a saved midstate, in C
  (``peers/mining.c``, compiled here with ``cc -lcrypto``);
- sha256rnds2: the rounds of a nonce alone, without a message schedule, as fast as the processor
  starts them (the same file). A search in other instructions may pass this bound.

Contestants take turns, short ones so that some are not interrupted, and the fastest turn of each
counts: other work on the machine disturbs the ratios little. Their ratios are those of the default
miner, marked by an asterisk, to them. Two threads are compared with one, in a tenth of the turns:
they need two idle cores for some 40 ms.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from medchain.ledger import core, pow

SOURCE = Path(__file__).parent / "peers" / "mining.c"
DECLARATIONS = """
uint32_t openssl_search(const uint8_t *header, uint32_t count);
int has_sha256rnds2(void);
uint32_t rounds_alone(uint32_t count);
"""
HEADER = bytes(112)
HASHLIB, PROOFOFWORK = "hashlib, midstate copied", "proofofwork from PyPI"
OPENSSL, ROUNDS = "OpenSSL, one stream", "sha256rnds2 alone"
ONE, TWO = "one thread", "two threads"
REACH = {HASHLIB: 42, PROOFOFWORK: 30, OPENSSL: 3.5, "shani": 1.35, ROUNDS: 0.75}
"""By how much the default miner is to beat them; "shani" is our best without vector schedules."""
REACH_OF_TWO = 1.9

Turn = Callable[[], int]
"""Try some nonces, for a millisecond or two, and return how many they were."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, help="turns of each contestant")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()

    found, missing = contestants()
    rates = measure(found, options.rounds)
    rows = table(rates)
    if options.json:
        print(json.dumps({"processor": processor(), "rows": rows, "missing": missing}, indent=1))
        return
    print(f"{processor()}, Python {platform.python_version()}, {datetime.date.today()}")
    print(f"{'':<28}{'M nonces/s':>12}{'ratio':>9}{'reach':>8}")
    for row in rows:
        name, reach = row["what"] + "*" * row["default"], row["reach"] or ""
        print(f"{name:<28}{row['rate'] / 1e6:12.2f}{row['ratio']:8.2f}x{reach:>8}")
    for name, reason in missing.items():
        print(f"{name:<28}{'not measured: ' + reason}")


def contestants() -> tuple[dict[str, Turn], dict[str, str]]:
    """Gather who takes turns, and say why those are missing that are."""
    turns: dict[str, Turn] = {}
    missing: dict[str, str] = {}
    for name in core.usable():
        if name != core.PYTHON:
            turns[name] = partial(search, name, 1 << (17 if name != "portable" else 13))
    turns[HASHLIB] = lambda: pow.search_in_python(HEADER, 256, 0, 4000).tried
    try:
        turns[PROOFOFWORK] = proofofwork()
    except (ImportError, OSError) as error:
        missing[PROOFOFWORK] = str(error)
    try:
        peer = compiled_peer()
    except (OSError, subprocess.CalledProcessError) as error:
        missing[OPENSSL] = missing[ROUNDS] = str(error)
    else:
        turns[OPENSSL] = partial(in_c, peer.openssl_search, HEADER, 1 << 15)
        if peer.has_sha256rnds2():
            turns[ROUNDS] = partial(in_c, peer.rounds_alone, 1 << 16)
        else:
            missing[ROUNDS] = "this processor lacks it"
    if pow.cores() > 1:
        turns[ONE] = partial(threads, 1)
        turns[TWO] = partial(threads, 2)
    else:
        missing[TWO] = "there is one core"
    return turns, missing


def search(kernel: str, count: int) -> int:
    """Search with one kernel on this thread."""
    return core.search(kernel, HEADER, 256, 0, count).tried


def threads(number: int) -> int:
    """Search on threads: as many nonces for each of them, whatever their number."""
    stop = pow.INLINE + number * (1 << 22)
    pow.find(HEADER, 256, 0, stop, threads=number)
    return stop


def in_c(function: Callable[..., int], *arguments: Any) -> int:
    """Call a peer in C, the last argument of which is how many nonces it tries."""
    function(*arguments)
    return int(arguments[-1])


def proofofwork() -> Turn:
    """Let the C miner of the package of that name find another text in each turn."""
    import itertools

    import proofofwork as package

    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    number = itertools.count()

    def turn() -> int:
        text = b"medchain %d " % next(number)
        found = package.sha256("000" + "?" * 61, text + b"?" * 8, num_threads=1)
        digits = [alphabet.index(byte) for byte in found[len(text) :]]  # the first varies fastest
        return 1 + sum(digit * 64**place for place, digit in enumerate(digits))

    return turn


def compiled_peer() -> Any:
    """Compile and load the peers in C."""
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    with tempfile.TemporaryDirectory() as directory:
        library = f"{directory}/mining.so"
        command = ["cc", "-O2", "-shared", "-fPIC", "-o", library, str(SOURCE), "-lcrypto"]
        subprocess.run(command, check=True, capture_output=True)
        return ffi.dlopen(library)


def measure(turns: dict[str, Turn], rounds: int) -> dict[str, float]:
    """Measure the nonces a second of every contestant; the fastest of its turns counts."""
    rates = dict.fromkeys(turns, 0.0)
    for i in range(rounds):
        for name, turn in turns.items():
            if name in (ONE, TWO) and i % 10:
                continue
            start = time.perf_counter()
            tried = turn()
            rates[name] = max(rates[name], tried / (time.perf_counter() - start))
    return rates


def table(rates: dict[str, float]) -> list[dict[str, Any]]:
    """Set every rate beside that of the default miner, and two threads beside one."""
    miner = core.chosen(core.MINING)
    rows = []
    for name, rate in rates.items():
        if name == ONE:
            continue
        ratio = rate / rates[ONE] if name == TWO else rates.get(miner, 0.0) / rate
        reach = REACH_OF_TWO if name == TWO else REACH.get(name)
        row = {"what": name, "rate": rate, "ratio": ratio, "reach": reach}
        rows.append({**row, "default": name == miner})
    return rows


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
