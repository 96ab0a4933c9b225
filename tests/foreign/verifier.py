"""A second verifier of the ledger, written from docs/format.md alone.

It shares no code with the package and imports nothing of it: where the two disagree, one of them or
the text is wrong. The whole ledger is held in memory, and compressed files are not opened.
"""

from __future__ import annotations

import json
import re
import struct
from hashlib import sha256
from typing import Any, NamedTuple

LIMIT = 1 << 53
LONGEST, LINE, RECORDS = 1 << 24, 1 << 20, 1 << 17  # of a block and a line the bytes; lines
GENESIS = b'{"event":"genesis",'
HEX = "[0-9a-f]{64}"
NUMBER = "(0|[1-9][0-9]{0,15})"  # 2^53 has 16 digits
RECORD = re.compile(
    rf'\{{"record":{NUMBER},'
    r'(?:"(?:score":(-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?)|class":(0|[1-9][0-9]{0,2})),'
    r'"anomaly":(true|false)|"said":"(text|error|unfit)"),'
    rf'(?:"seal":"{HEX}"|"row":(\{{.*\}}))\}}'
)
BLOCK = re.compile(
    rf'\{{"block":{NUMBER},"time":{NUMBER},"first":{NUMBER},"count":{NUMBER},"bits":{NUMBER},'
    rf'"prev":"({HEX})","root":"({HEX})","nonce":{NUMBER},"hash":"({HEX})"\}}'
)


class Result(NamedTuple):
    """Blocks, records and root count what is sound: `blocks` is the height of the first bad one."""

    verdict: str
    blocks: int
    records: int
    root: str


class Stop(Exception):
    """The verdict is found; where it is "tampered", with the rule of section 8 that is broken."""


def need(condition: object, rule: int) -> None:
    if not condition:
        raise Stop("tampered", rule)


def merkle(leaves: list[bytes]) -> bytes:
    """The tree of RFC 6962, section 2.1, over leaf hashes."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01" + merkle(leaves[:k]) + merkle(leaves[k:])).digest()


def depth(value: Any) -> int:
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


def parse(text: str, rule: int) -> dict[str, Any]:
    """A JSON object as in section 3; a whole number becomes an int, any other a float."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len(dict(pairs)) == len(pairs), rule)
        return dict(pairs)

    def number(digits: str) -> float:
        need(len(digits) <= 64 and digits[-1] not in "Ny", rule)  # NaN, Infinity
        plain = re.fullmatch(NUMBER, digits) and int(digits) < LIMIT
        return int(digits) if plain else float(digits)

    hooks = dict.fromkeys(("parse_int", "parse_float", "parse_constant"), number)
    try:
        value = json.loads(text, object_pairs_hook=unique, **hooks)
        need(depth(value) <= 64, rule)
    except (ValueError, RecursionError):
        need(False, rule)
    return value


def like(value: Any, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


class Ledger:
    def __init__(self) -> None:
        self.hashes: list[bytes] = []
        self.records = self.time = self.min_bits = 0
        self.open_rows = False

    def block(self, lines: list[bytes]) -> None:
        """Check one block, its lines given without their LF, and count it."""
        height = len(self.hashes)
        need(sum(map(len, lines)) + len(lines) <= LONGEST, 1)
        need(all(re.fullmatch(rb"[ -~]*+", line) for line in lines), 1)

        need(len(lines) > 1 and lines[0].startswith(b'{"event":'), 2)
        need(len(lines[0]) <= LINE, 2)
        event = parse(lines[0].decode(), 2)
        need(isinstance(event["event"], str), 2)
        need((event["event"] == "genesis") == (height == 0), 2)
        if height == 0:
            need(lines[0].startswith(GENESIS), 2)
            self.genesis(event)

        need(len(lines) - 2 <= RECORDS and max(map(len, lines)) <= LINE, 3)
        rows = [RECORD.fullmatch(line.decode()) for line in lines[1:-1]]
        need(all(rows), 3)
        records = [row.groups() for row in rows]
        for *_, row in records:
            need(not row or all(isinstance(cell, str) for cell in parse(row, 3).values()), 3)

        match = BLOCK.fullmatch(lines[-1].decode())
        need(match, 4)
        block, time, first, count, bits, nonce = (int(match[i]) for i in (1, 2, 3, 4, 5, 8))
        prev, root, claimed = (bytes.fromhex(match[i]) for i in (6, 7, 9))
        need(max(block, time, first, count, nonce) < LIMIT and bits <= 255, 4)

        need(block == height and prev == (self.hashes[-1] if height else bytes(32)), 5)
        need(first == self.records and count == len(rows) and time >= self.time, 5)
        need(height or not count, 5)
        need(all(number == str(first + i) for i, (number, *_) in enumerate(records)), 5)

        need(root == merkle([sha256(b"\x00" + line).digest() for line in lines[:-1]]), 6)
        header = b"\x00MC1" + struct.pack(">QQQI", block, first, count, bits)
        header += prev + root + struct.pack(">QQ", time, nonce)
        need(claimed == sha256(header).digest(), 6)
        need(int.from_bytes(claimed, "big") >> (256 - bits) == 0 and bits >= self.min_bits, 7)
        if event["event"] in ("score", "verdict"):
            self.score(event, records)
        if event["event"] == "declare":
            text = event.get("declaration")
            need(like(text, "[\0-\x7f]*") and like(event.get("reason"), ".*"), 8)
            need(event.get("model") == sha256(text.encode()).hexdigest(), 8)
        self.hashes.append(claimed)
        self.records, self.time = first + count, time

    def genesis(self, event: dict[str, Any]) -> None:
        number, least, rows = event.get("format"), event.get("min_bits"), event.get("rows")
        need(type(number) is int and number > 0, 2)
        if number != 1:
            raise Stop("newer")
        need(like(event.get("ledger"), "[0-9a-f]{32}") and like(event.get("origin"), ".*"), 2)
        need(type(least) is int and like(rows, "sealed|open"), 2)
        self.min_bits, self.open_rows = least, rows == "open"

    def score(self, event: dict[str, Any], records: list[tuple[str, ...]]) -> None:
        need(like(event.get("batch"), "[0-9a-f]{32}") and like(event.get("model"), HEX), 8)
        verdict, threshold = event["event"] == "verdict", event.get("threshold", "")
        need(type(threshold) in (int, float) or (verdict and threshold is None), 8)
        says = event.get("says") if verdict else "number"
        need(says in ("probability", "number", "class", "text"), 8)
        counts = {"rows": len(records), "anomalies": sum(r[3] == "true" for r in records)}
        if verdict:
            counts["errors"] = sum(r[4] == "error" for r in records)
        for key, count in counts.items():
            need(type(event.get(key)) is int and event[key] == count, 8)  # no True, no 1.0
        for _, score, place, anomaly, said, row in records:
            need((row is not None) == self.open_rows, 8)
            if said is not None:
                need(verdict and (said != "text" or says == "text"), 8)
                continue
            value = {"class": place, "text": None}.get(says, score)
            need(value is not None, 8)
            above = threshold is not None and float(value) >= float(threshold)
            need((anomaly == "true") == above, 8)

    def tail(self, data: bytes) -> None:
        need(len(data) <= LONGEST, 9)
        if not self.hashes:
            need(data[: len(GENESIS)] == GENESIS[: len(data)], 9)
        *lines, rest = data.split(b"\n")
        need(len(lines) - 1 <= RECORDS and all(len(line) <= LINE for line in [*lines, rest]), 9)
        for i, line in enumerate(lines):
            need(re.fullmatch(rb"[ -~]*+", line), 9)
            need(line.startswith(b'{"record":' if i else b'{"event":'), 9)


def verify(data: bytes) -> Result:
    ledger, lines, done, at = Ledger(), list[bytes](), 0, 0
    try:
        while (end := data.find(b"\n", at)) >= 0:
            lines.append(data[at:end])
            at = end + 1
            if lines[-1].startswith(b'{"block":'):
                ledger.block(lines)
                lines, done = [], at
        ledger.tail(data[done:])
        verdict = "torn" if done < len(data) or not ledger.hashes else "verified"
    except Stop as stop:
        verdict = stop.args[0]
    return Result(verdict, len(ledger.hashes), ledger.records, merkle(ledger.hashes).hex())
