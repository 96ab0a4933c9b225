"""Builds ledgers, sound and unsound, and mines them; written from docs/format.md alone.

Nothing here is checked: what is wrong is committed to as faithfully as what is right, so that only
the rule that a test is about can catch it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable

ID = "000102030405060708090a0b0c0d0e0f"
SEAL = "5e" * 32
START = 1_795_335_300_000_000


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def root_of(leaves: list[bytes]) -> bytes:
    """The RFC 6962 root, folded level by level: an odd node out moves up as it is."""
    level = leaves or [sha256(b"")]
    while len(level) > 1:
        pairs = [sha256(b"\x01" + a + b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def event(kind: object, **keys: object) -> bytes:
    return json.dumps({"event": kind, **keys}, separators=(",", ":")).encode()


def genesis(**change: object) -> bytes:
    """The event of block 0; a key that is changed to `...` is left out."""
    keys = {"format": 1, "ledger": ID, "origin": "o", "min_bits": 0, "rows": "sealed"} | change
    return event("genesis", **{key: value for key, value in keys.items() if value is not ...})


def score(threshold: object, rows: object, anomalies: object, /, **change: object) -> bytes:
    keys = {"batch": "ba" * 16, "model": "0d" * 32, "threshold": threshold, "rows": rows}
    keys |= {"anomalies": anomalies} | change
    return event("score", **{key: value for key, value in keys.items() if value is not ...})


def speak(
    says: object,
    threshold: object,
    rows: object,
    anomalies: object,
    errors: object = 0,
    /,
    **change: object,
) -> bytes:
    keys = {"batch": "ba" * 16, "model": "0d" * 32, "says": says, "threshold": threshold}
    keys |= {"rows": rows, "anomalies": anomalies, "errors": errors} | change
    return event("verdict", **{key: value for key, value in keys.items() if value is not ...})


def declare(text: object = '{"name":"m"}', **change: object) -> bytes:
    """A declaration, whose digest is right unless it is changed."""
    model = sha256(text.encode()).hex() if isinstance(text, str) else "0d" * 32
    keys = {"model": model, "declaration": text, "reason": "r"} | change
    return event("declare", **{key: value for key, value in keys.items() if value is not ...})


def classed(number: object, place: object = 1, anomaly: object = "true") -> bytes:
    return f'{{"record":{number},"class":{place},"anomaly":{anomaly},"seal":"{SEAL}"}}'.encode()


def silent(number: object, said: object = "text") -> bytes:
    return f'{{"record":{number},"said":"{said}","seal":"{SEAL}"}}'.encode()


def sealed(number: object, value: object = "0.5", verdict: object = "true") -> bytes:
    return f'{{"record":{number},"score":{value},"anomaly":{verdict},"seal":"{SEAL}"}}'.encode()


def opened(
    number: object, value: object = "0.5", verdict: object = "true", row: str = '{"age":"61"}'
) -> bytes:
    return f'{{"record":{number},"score":{value},"anomaly":{verdict},"row":{row}}}'.encode()


class Forge:
    """A ledger that grows by `add`; `data` is its bytes."""

    def __init__(self, genesis_event: bytes | None = b"", *, bits: int = 0) -> None:
        self.data = b""
        self.blocks: list[bytes] = []
        self.records, self.time, self.bits = 0, START, bits
        if genesis_event is not None:
            self.add(genesis_event or genesis(min_bits=bits))

    @property
    def root(self) -> str:
        return root_of(self.blocks).hex()

    def add(
        self,
        head: bytes,
        *records: bytes,
        work: int | None = None,
        edit: Callable[[bytes], bytes] = bytes,
        **lie: int | str,
    ) -> Forge:
        """Append a block. `lie` overrides fields of its header, `edit` the block line."""
        lines = [head, *records]
        fields: dict[str, int | str] = {
            "block": len(self.blocks),
            "time": self.time,
            "first": self.records,
            "count": len(records),
            "bits": self.bits,
            "prev": self.blocks[-1].hex() if self.blocks else "00" * 32,
            "root": root_of([sha256(b"\x00" + line) for line in lines]).hex(),
            "nonce": 0,
        } | lie
        found = self.mine(fields, int(fields["bits"]) if work is None else work, "nonce" in lie)
        line = json.dumps(fields | {"hash": found.hex()}, separators=(",", ":")).encode()
        self.data += b"".join(part + b"\n" for part in [*lines, edit(line)])
        self.blocks.append(found)
        self.records += len(records)
        self.time = int(fields["time"]) + 1_000_000
        return self

    @staticmethod
    def mine(fields: dict[str, int | str], work: int, fixed: bool = False) -> bytes:
        """Find the lowest nonce, put it into the fields, and return the block hash."""

        def number(name: str, size: int) -> bytes:
            return int(fields[name]).to_bytes(size, "big")

        start = b"\x00MC1" + b"".join(number(name, 8) for name in ("block", "first", "count"))
        start += number("bits", 4) + bytes.fromhex(f"{fields['prev']}{fields['root']}")
        start += number("time", 8)
        while True:
            found = sha256(start + struct.pack(">Q", fields["nonce"]))
            if fixed or int.from_bytes(found, "big") >> (256 - work) == 0:
                return found
            fields["nonce"] = int(fields["nonce"]) + 1
