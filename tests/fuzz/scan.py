"""Differential fuzzing of the scanner in C: `python -m tests.fuzz.scan --inputs 10000000`.

An input is one block behind some head: a sound one, in which now and then a part is odd, a byte is
changed, or a field of the header lies. It is committed to as it is, hashes and work included, so
that nothing but the rule that it breaks can give it away. What the C core accepts, `judge` has to
accept, with the same facts; of what it refuses, a sample is judged to see how much of that holds.
Stops at the first difference and writes it to a file in hex, with the head.
"""

from __future__ import annotations

import argparse
import struct
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import NamedTuple

from medchain.ledger.block import Header
from medchain.ledger.judge import BadBlock, Block, judge
from medchain.ledger.lines import Event
from medchain.ledger.reader import RawBlock, find_block_line
from medchain.ledger.scan import _Window
from medchain.ledger.verify import stretch

BIG = 1 << 53
BYTES = b'"\\{}[]:,0123456789abcdefABCDEF.-+eEu/ \n\r\t\x00\x1f\x7e\x7f\x80\xff'
SEALS = [sha256(b"%d" % i).hexdigest() for i in range(16)]
BAD_SEALS = ["AB" * 32, "0" * 63, "0" * 65, "g" * 64, "0" * 48 + "`" * 16, "", ":" + "0" * 63]
BATCHES = ["ba" * 16, "00" * 16, "0123456789abcdef" * 2]
BAD_BATCHES = ["BA" * 16, "ba" * 15, "ba" * 17, "zz" * 16, "0123456789abcde/" * 2]
MODELS = ["0d" * 32, "f" * 64, "9" * 64]
BAD_MODELS = ["0D" * 32, "0" * 63, "0" * 65, "@" + "0" * 63]
BAD_SCORES = [
    "", ".", "-", "1.", ".5", "+1", "00", "01", "-00", "1e5", "0.1234567", "1234567890", "--1",
    "0.12345678", "1.5e0", "0,5", "NaN", "0.5.5", "0x1", "12345678901", "1 ", "0.5a", "0./", "0.:",
    "999999999999999999999", "0.0000000000000000000", "null", '"1"',
]  # fmt: skip
THRESHOLDS = [
    "1e-1",
    "0.1000000000000000000001",
    "1E400",
    "-1e400",
    "12345678901234567",
    "0.1234567",
]
BAD_THRESHOLDS = ["", "01", "1.", ".5", "-", "null", '"0.5"', "true", "NaN", "1" * 65, "[0]", "+1"]
SAYS = ["probability", "number", "class", "text"]
BAD_SAYS = ["score", "", "Class", "text ", "numbe", "n\\u0075mber"]
CLASSES = ["0", "1", "2", "3", "9", "10", "999"]
BAD_CLASSES = ["1000", "01", "-1", "1.0", "", "00", "1e0", "-0", "99999999999999999999"]
BAD_SAID = ["text", "", "Error", "errors", "err", "unfit ", "t\\u0065xt"]
EXTRAS = [
    '"drift":0.25', '"drift":-1', '"note":"plain text"', '"":""', '"a":0', '"score":"{}[]:,"',
    '"rows ":1', '"Rows":"x"', '"z":999999999.999999', '"seal":"5"',
]  # fmt: skip
ODD_EXTRAS = [
    '"rows":1', '"event":"score"', '"anomalies":0', '"batch":"x"', '"model":1', '"threshold":0',
    '"n":null', '"t":true', '"l":[1]', '"o":{"a":1}', '"e":1e5', '"b":1234567890123', '"d":NaN',
    '"\\u0061":1', '"\\u0072ows":1', '"a":1,"a":2', '"s":"a\\n"', '"s":"\\x"', '"s":"a', '"s":01',
    '"s":1.', '"s" :1', '"s": 1', ' "s":1', '"s":', '"s"', "", "s:1", '"s":-0', '"s":"\x7f"',
]  # fmt: skip
KEYS = ["age", "sex", "a", "b", "measure of some length, 20", "", "x{}", "age ", "z" * 40]
ODD_KEYS = ["\\u0061", "a\\n", 'a"', "a\\", "\\u00fc", "\\x", "\x7f"]
CELLS = ["", "61", "f", "plain text of more than 16 bytes", "{", "}}", '\\"', "\\\\", "\\u00e9",
         "\\ud800", "\\/", "a\\nb\\tc\\r\\b\\f", "\\uABCD\\uabcd", "x" * 15, "x" * 16, "x" * 17,
         "x" * 15 + '\\"', "x" * 31 + "\\u0041y", "~", ":"]  # fmt: skip
BAD_CELLS = ["\\x", "\\u12", "\\u12g4", '"', "\\", "\x1f", "\x7f", "\x80", "\\U0041", "\\ ", "a\nb",
             "\\u 123", "\\u+123", "\\u-123", "\\a", "\\0", "x" * 15 + "\\", "\xff"]  # fmt: skip
ROWS = ["{}", "{ }", '{ "a":"1"}', '{"a" :"1"}', '{"a":1}', '{"a":null}', '["a"]', '""', "{",
        '{"a":"1",}', '{,"a":"1"}', '{"a":"1"}}', '{"a":{"b":"c"}}', '{"a":"1""b":"2"}',
        '{"a":"1" ,"b":"2"}', '{"a":"1"} ', '{"a":"1"}{"a":"1"}']  # fmt: skip


class Case(NamedTuple):
    """A block, the head before it, and the genesis event of its ledger."""

    data: bytes
    head: tuple[Header, bytes]
    genesis: Event


def decimal(rng: Random, millionths: int) -> str:
    """One of the ways to write a number in the grammar of a score."""
    sign = "-" if millionths < 0 or (millionths == 0 and rng.random() < 0.1) else ""
    whole, part = divmod(abs(millionths), 1_000_000)
    digits = f"{part:06d}".rstrip("0")
    digits += "0" * int(rng.random() * (7 - len(digits)))
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


class Maker:
    """Makes inputs; `odd` is the share of parts that are odd."""

    def __init__(self, seed: int, odd: float = 0.012) -> None:
        self.rng, self.odd = Random(seed), odd

    def pick(self, good: list[str], bad: list[str]) -> str:
        """One of `good`, or seldom one of `bad`."""
        pool = bad if self.rng.random() < self.odd else good
        return pool[int(self.rng.random() * len(pool))]

    def case(self) -> Case:
        """One input."""
        rng = self.rng
        first = int(10 ** (rng.random() * 16.2)) if rng.random() < 0.5 else int(rng.random() * 120)
        if rng.random() < 0.1:
            first = 10 ** int(rng.random() * 17) - int(rng.random() * 4)
        first = max(0, first)
        height = int(rng.random() * 12)
        time = int(rng.random() * 3) if rng.random() < 0.5 else 1_795_335_300_000_000
        before = first if height == 0 else min(first, 5)
        head = Header(height, first - before, before, 0, bytes(32), bytes(32), time)
        claimed = sha256(b"%d" % height).digest()
        rows = "sealed" if rng.random() < 0.5 else "open"
        genesis: Event = {"min_bits": 0 if rng.random() < 0.9 else 2, "rows": rows}
        body = self.body(first, rows == "sealed")
        if rng.random() < 0.15:
            body = self.bent(body)
        data = body + self.block_line(body, head, claimed, genesis)
        if rng.random() < 0.03:
            data = self.bent(data)
        if rng.random() < 0.05:
            data += b'{"event":"score","batch":"' * int(rng.random() * 4)
        return Case(data, (head, claimed), genesis)

    def body(self, first: int, sealed: bool) -> bytes:
        """An event line and some record lines."""
        rng = self.rng
        level = int(rng.random() * 1_000_001) if rng.random() < 0.8 else int(rng.gauss(0, 1e14))
        level = max(-(10**15) + 1, min(10**15 - 1, level))
        threshold, count = decimal(rng, level), int(rng.random() * 4)
        if rng.random() < self.odd:
            threshold = rng.choice(BAD_THRESHOLDS + THRESHOLDS)
        lines, anomalies, errors = [], 0, 0
        says = self.pick(SAYS, BAD_SAYS) if rng.random() < 0.3 else ""
        if says and rng.random() < 0.2:
            threshold = "null"
        keys = [self.pick(KEYS, ODD_KEYS) for _ in range(1 + int(rng.random() * 3))]
        if len(set(keys)) < len(keys) and rng.random() < 0.9:
            keys = keys[:1]
        for number in range(first, first + count):
            line, anomaly = self.record(number, level, threshold, sealed, keys, says)
            lines.append(line)
            anomalies += anomaly
            errors += '"said":"error"' in line
        rows = count
        if rng.random() < self.odd:
            rows += int(rng.random() * 3) - 1
        if rng.random() < self.odd:
            anomalies += int(rng.random() * 3) - 1
        extras = ""
        if rng.random() < 0.2:
            extras = "," + ",".join(
                self.pick(EXTRAS, ODD_EXTRAS) for _ in range(1 + int(rng.random() * 2))
            )
        if rng.random() < self.odd:
            errors += int(rng.random() * 3) - 1
        kind = "verdict" if says else "score"
        kind = kind if rng.random() < 0.995 else rng.choice(("x", "score", "verdict"))
        about = f'"says":"{says}",' if says else ""
        behind = f',"errors":{errors}' if says and rng.random() > self.odd else ""
        event = (
            f'{{"event":"{kind}","batch":"{self.pick(BATCHES, BAD_BATCHES)}",'
            f'"model":"{self.pick(MODELS, BAD_MODELS)}",{about}"threshold":{threshold},'
            f'"rows":{rows},"anomalies":{anomalies}{behind}{extras}}}\n'
        )
        return (event + "".join(lines)).encode("latin-1")

    def record(
        self, number: int, level: int, threshold: str, sealed: bool, keys: list[str], says: str
    ) -> tuple[str, bool]:
        """A record line, and its verdict."""
        rng = self.rng
        if rng.random() < (self.odd / 2 if not says else 0.9 if says == "text" else 0.2):
            said = rng.choice(("text", "error", "unfit") if says == "text" else ("error", "unfit"))
            said = rng.choice(BAD_SAID) if rng.random() < self.odd else said
            rest = f'"seal":"{rng.choice(SEALS)}"' if sealed else f'"row":{self.row(keys)}'
            return f'{{"record":{number},"said":"{said}",{rest}}}\n', False
        value = level + int(rng.random() * 5) - 2 if rng.random() < 0.5 else int(rng.random() * 1e6)
        score = decimal(rng, max(-(10**15) + 1, min(10**15 - 1, value)))
        if rng.random() < self.odd:
            score = rng.choice(BAD_SCORES)
        key = "class" if (says == "class") != (rng.random() < self.odd) else "score"
        if key == "class":
            score = self.pick(CLASSES, BAD_CLASSES)
        try:
            anomaly = threshold != "null" and float(score) >= float(threshold)
        except ValueError:
            anomaly = True
        said = anomaly
        if rng.random() < self.odd:
            said = not said
        if rng.random() < self.odd:
            number += int(rng.random() * 3) - 1
        text = f"0{number}" if rng.random() < self.odd else f"{number}"
        if sealed != (rng.random() < self.odd / 2):
            rest = f'"seal":"{self.pick(SEALS, BAD_SEALS)}"'
        else:
            rest = f'"row":{self.row(keys)}'
        verdict = "true" if said else "false"
        return f'{{"record":{text},"{key}":{score},"anomaly":{verdict},{rest}}}\n', said

    def row(self, keys: list[str]) -> str:
        """A row with these keys, nearly always."""
        rng = self.rng
        if rng.random() < self.odd:
            return rng.choice(ROWS)
        if rng.random() < 4 * self.odd:
            keys = [self.pick(KEYS, ODD_KEYS) for _ in range(1 + int(rng.random() * 4))]
        cells = [f'"{key}":"{self.pick(CELLS, BAD_CELLS)}"' for key in keys]
        return "{" + ",".join(cells) + "}"

    def bent(self, text: bytes) -> bytes:
        """`text` with one change of a byte or a few."""
        rng = self.rng
        at, way = int(rng.random() * len(text)), int(rng.random() * 6)
        new = BYTES[int(rng.random() * len(BYTES)) :][:1]
        if way == 0:
            return text[:at] + bytes([text[at] ^ 1 << int(rng.random() * 8)]) + text[at + 1 :]
        if way == 1:
            return text[:at] + text[at + 1 :]
        if way == 2:
            return text[:at] + new + text[at:]
        if way == 3:
            return text[: at + 1] + text[at:]
        if way == 4:
            end = at + int(rng.random() * 24)
            return text[:at] + text[end:]
        return text[:at] + new + text[at + 1 :]

    def block_line(
        self, body: bytes, before: tuple[Header, bytes] | Header, claimed: bytes, genesis: Event
    ) -> bytes:
        """The block line of `body`, in which a field lies now and then."""
        rng, odd = self.rng, self.odd
        assert isinstance(before, Header)
        lines = body.split(b"\n")[:-1]
        level = [sha256(b"\x00" + line).digest() for line in lines]
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            rest = level[len(level) & ~1 :]
            level = [sha256(b"\x01" + a + b).digest() for a, b in pairs] + rest
        root = level[0] if level else bytes(32)
        height, time = before.block + 1, before.time + int(rng.random() * 3)
        first, count, prev = before.first + before.count, len(lines) - 1, claimed
        bits = int(genesis["min_bits"]) + (int(rng.random() * 4) if rng.random() < 0.1 else 0)  # type: ignore[call-overload]
        if rng.random() < 6 * odd:
            lie, change = int(rng.random() * 7), rng.choice((-1, 1, 10, BIG, BIG - 1, -time))
            height += change if lie == 0 else 0
            time += change if lie == 1 else 0
            first += change if lie == 2 else 0
            count += change if lie == 3 else 0
            bits = rng.choice((0, 1, 255, 256, 4)) if lie == 4 else bits
            prev = bytes(32) if lie == 5 else prev
            root = bytes(32) if lie == 6 else root
        start = struct.pack(
            ">4sQQQI32s32sQ", b"\x00MC1", *(n % (1 << 64) for n in (height, first, count)),
            bits, prev, root, time % (1 << 64),
        )  # fmt: skip
        nonce = BIG - 2 if rng.random() < 0.05 else 0
        digest = sha256(start + struct.pack(">Q", nonce)).digest()
        work = bits if bits < 12 and rng.random() < 0.95 else 0
        while int.from_bytes(digest, "big") >> (256 - work):
            nonce += 1
            digest = sha256(start + struct.pack(">Q", nonce)).digest()
        if rng.random() < odd:
            digest = bytes(32)
        line = (
            f'{{"block":{height},"time":{time},"first":{first},"count":{count},"bits":{bits},'
            f'"prev":"{prev.hex()}","root":"{root.hex()}","nonce":{nonce},'
            f'"hash":"{digest.hex()}"}}\n'
        ).encode()
        return self.bent(line) if rng.random() < 2 * odd else line


class Pair:
    """The two verifiers, asked about one block each time."""

    def __init__(self) -> None:
        self.window = _Window(1 << 16)
        self.count: Counter[str] = Counter()

    def accepted(self, case: Case) -> int:
        """How many blocks the C core accepts; what stands in the window behind them is noise."""
        window, size = self.window, len(case.data)
        window.view[:size] = case.data
        window.end = size
        window.scan(0, case.head, case.genesis)
        return int(window.state.blocks)

    def agree(self, case: Case, judge_all: bool) -> bool:
        """Whether the two say the same of `case`; of a refusal, when `judge_all`, it is counted."""
        self.count["inputs"] += 1
        accepted = self.accepted(case)
        if accepted:
            self.count["accepted"] += 1
            return accepted == 1 and self.same(case)
        if judge_all:
            self.count["refused and judged"] += 1
            self.count["refused, but holds"] += judged(case) is not None
        return True

    def same(self, case: Case) -> bool:
        """Whether `judge` accepts as well, and sees what the C core saw."""
        block, state = judged(case), self.window.state
        if block is None:
            return False
        header = block.header
        window, runs = self.window, stretch(block).runs
        seen = (
            (state.size, state.height, state.first, state.time, bytes(state.prev)),
            (state.records, state.anomalies, state.lines, window.runs()),
            bytes(window.hashes[:32]),
        )
        head = header.block + 1, header.first + header.count, header.time, block.hash
        return seen == (
            (block.size, *head),
            (header.count, block.anomalies, header.count + 2, runs),
            block.hash,
        )


def judged(case: Case) -> Block | None:
    """The first block of the case, if it is whole and holds."""
    data = case.data
    begin, _ = find_block_line(data, 0, 0)  # type: ignore[arg-type]
    end = data.find(b"\n", begin) if begin >= 0 else -1
    if end < 0:
        return None
    try:
        return judge(RawBlock(data[:begin], data[begin:end], 1, 0), case.head, case.genesis)
    except BadBlock:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000_000)
    parser.add_argument("--folder", default=".", help="where a failing input is written")
    wish = parser.parse_args()
    print(f"seed {wish.seed}", flush=True)
    maker, pair, begin = Maker(wish.seed), Pair(), time.perf_counter()
    for number in range(1, wish.inputs + 1):
        case = maker.case()
        if not pair.agree(case, number % 16 == 0):
            path = Path(wish.folder) / f"scan-{wish.seed}-{number}.txt"
            path.write_text(f"{case.data.hex()}\n{case.head}\n{case.genesis}\n", encoding="ascii")
            sys.exit(f"input {number} of seed {wish.seed}: accepted by C alone; see {path}")
        if number % 1_000_000 == 0 or number == wish.inputs:
            rate = number / (time.perf_counter() - begin)
            print(f"{dict(pair.count)}, {rate:,.0f} inputs a second", flush=True)


if __name__ == "__main__":
    main()
