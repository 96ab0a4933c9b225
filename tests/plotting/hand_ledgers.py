"""Ledgers for these tests, written by hand from docs/format.md: shares no code with the program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

MODEL_A = "a1" * 32
MODEL_B = "b2" * 32
START = 1795335300000000
Batch = tuple[Sequence[float], str, float]
"""Scores, model, threshold: what becomes one block."""


def write(path: Path, batches: Iterable[Batch], *, bits: int = 4, every: int = 60_000_000) -> Path:
    """Write a ledger with a genesis block and one block per batch, `every` microseconds apart."""
    genesis = {
        "event": "genesis", "format": 1, "ledger": "0f" * 16, "origin": "example.org/ledger",
        "min_bits": 1, "rows": "sealed", "program": "tests",
    }  # fmt: skip
    prev, first = "0" * 64, 0
    with path.open("w", encoding="ascii", newline="\n") as file:
        for height, (event, records) in enumerate([(genesis, []), *_blocks(batches)]):
            time = START + height * every
            head = {"block": height, "time": time, "first": first, "count": len(records)}
            lines = [_json(event)]
            lines += (f'{{"record":{first + i}{rest}' for i, rest in enumerate(records))
            prev, line = _close(lines, head | {"bits": bits, "prev": prev})
            file.write("\n".join([*lines, line, ""]))
            first += len(records)
    return path


def _blocks(batches: Iterable[Batch]) -> Iterable[tuple[dict[str, object], list[str]]]:
    """Yield each event with its record lines, which lack their beginning."""
    for index, (scores, model, threshold) in enumerate(batches):
        verdicts = [score >= threshold for score in scores]
        yield (
            {
                "event": "score", "batch": f"{index:032x}", "model": model, "threshold": threshold,
                "rows": len(scores), "anomalies": sum(verdicts),
            },
            [
                f',"score":{score:.6f},"anomaly":{str(verdict).lower()},"seal":"{"5e" * 32}"}}'
                for score, verdict in zip(scores, verdicts, strict=True)
            ],
        )  # fmt: skip


def _close(lines: list[str], head: dict[str, object]) -> tuple[str, str]:
    """Mine the block and return its hash and its line."""
    top = _root([_sha(b"\0" + line.encode()) for line in lines])
    fields = [head[key] for key in ("block", "first", "count")]
    start = b"\0MC1" + b"".join(int(str(value)).to_bytes(8, "big") for value in fields)
    start += int(str(head["bits"])).to_bytes(4, "big") + bytes.fromhex(str(head["prev"])) + top
    start += int(str(head["time"])).to_bytes(8, "big")
    nonce = 0
    limit = 1 << (256 - int(str(head["bits"])))
    while int.from_bytes(digest := _sha(start + nonce.to_bytes(8, "big")), "big") >= limit:
        nonce += 1
    return digest.hex(), _json(head | {"root": top.hex(), "nonce": nonce, "hash": digest.hex()})


def _root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    return _sha(b"\1" + _root(hashes[:half]) + _root(hashes[half:]))


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _json(value: dict[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))
