"""Print the known answers of `tests/vectors` for `check_core.c`: a line each, fields in hex."""

from __future__ import annotations

import json
from pathlib import Path

VECTORS = Path(__file__).parent.parent / "vectors"


def hashes() -> list[str]:
    groups = json.loads((VECTORS / "sha256.json").read_text("utf-8"))["groups"]
    return [
        f"hash {v['repeat']} {v['message']} {v['sha256']}" for g in groups for v in g["vectors"]
    ]


def blocks(lines: list[bytes]) -> list[str]:
    """The lines of each block with their root, and its header with its lowest nonce."""
    answers, begin = [], 0
    for end, line in enumerate(lines):
        if line.startswith(b'{"block":'):
            block = json.loads(line)
            answers.append(f"block {b''.join(lines[begin:end]).hex()} {block['root']}")
            answers.append(f"mine {header(block).hex()} {block['bits']} {block['nonce']}")
            begin = end + 1
    return answers


def header(block: dict[str, int | str]) -> bytes:
    """Docs/format.md, section 5."""
    widths = [("block", 8), ("first", 8), ("count", 8), ("bits", 4)]
    numbers = b"".join(int(block[key]).to_bytes(width, "big") for key, width in widths)
    hashes = bytes.fromhex(f"{block['prev']}{block['root']}")
    last = b"".join(int(block[key]).to_bytes(8, "big") for key in ("time", "nonce"))
    return b"\0MC1" + numbers + hashes + last


def scan(kind: str, ledger: bytes, good: int) -> str:
    """What stands behind block 0, and what a scanner has to know of that block."""
    genesis, line, rest = ledger.split(b"\n", 2)
    event, block = json.loads(genesis), json.loads(line)
    sealed = int(event["rows"] == "sealed")
    head = f"{event['min_bits']} {sealed} {block['time']} {block['hash']}"
    return f"{kind} {head} {good - 1} {rest.hex()}"


def scans() -> list[str]:
    usual = ("sealed rows", "open rows")
    cases = json.loads((VECTORS / "format-1.json").read_text("utf-8"))["cases"]
    return [
        scan("accept" if c["name"] in usual else "scan", c["ledger"].encode(), c["blocks"])
        for c in cases
        if c["blocks"] and "ledger" in c
    ]


if __name__ == "__main__":
    example = (VECTORS / "example.jsonl").read_bytes().splitlines(keepends=True)
    accept = scan("accept", b"".join(example), 3)
    print(*hashes(), *blocks(example), *scans(), accept, sep="\n")
