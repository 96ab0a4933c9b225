"""The scanner against the walk: whatever stands in a ledger, both reports are the same.

Sound ledgers are also scanned by the C core alone, so that these tests do not pass because it
accepts nothing.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from medchain.ledger import archive, core, reader, scan, verify
from medchain.ledger.block import Header
from medchain.ledger.judge import judge
from medchain.ledger.merkle import Frontier
from medchain.ledger.reader import Reader, open_ledger
from medchain.ledger.scan import Scan
from medchain.ledger.verify import Point, Report, Walk
from tests.foreign.forge import Forge, event, genesis, opened, score, sealed
from tests.foreign.make_vectors import put
from tests.foreign.test_foreign import CASES, ledger_of
from tests.fuzz.scan import Case, Maker, Pair

from .test_verify import mutants

pytestmark = pytest.mark.skipif(
    core.chosen(core.HASHING) == core.PYTHON, reason="without the C core there is no scanner"
)

BIG = 1 << 53
Sizes = Sequence[tuple[int, int]]
ALL_SIZES: Sizes = ((1 << 20, 4), (997, 2), (100, 1), (7, 3))
TWO_SIZES: Sizes = ((1 << 14, 4), (100, 1))


def walked(data: bytes) -> Report:
    return verify.verify(io.BytesIO(data), check=lambda _: None)


def scanned(data: bytes, monkeypatch: pytest.MonkeyPatch, **sizes: int) -> Report:
    """What `verify` reports with windows of other sizes."""
    with monkeypatch.context() as patch:
        patch.setattr(scan, "Scan", lambda stream, since: Scan(stream, since, **sizes))
        return verify.verify(io.BytesIO(data))


@pytest.fixture
def agree(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    """Compare the reports of the walk and of scans with windows of all sizes."""

    def compare(data: bytes, threads: int = 1, sizes: Sizes = ALL_SIZES) -> Report:
        expected = walked(data)
        for chunk, chunks in sizes:
            found = scanned(data, monkeypatch, chunk=chunk, chunks=chunks, threads=threads)
            assert found == expected, (chunk, chunks, data)
        return expected

    return compare


def accepted(data: bytes) -> int:
    """How many blocks behind block 0 the C core accepts at once."""
    raw = next(iter(Reader(io.BytesIO(data))))
    block = judge(raw, None, {})
    window = scan._Window(len(data))
    window.view[:] = data
    window.end = len(data)
    window.scan(raw.end, (block.header, block.hash), block.event)
    assert window.accepted <= len(data) - raw.end
    return int(window.state.blocks)


def records(make: Callable[..., bytes], first: int, count: int) -> list[bytes]:
    """Some record lines: every third anomalous at 0.5."""
    return [
        make(number, f"0.{number % 3 * 25:02}", "true" if number % 3 == 2 else "false")
        for number in range(first, first + count)
    ]


def ledger(mode: str, *counts: int) -> Forge:
    """A sound ledger with so many records in each block."""
    make = sealed if mode == "sealed" else opened
    forge = Forge(genesis(rows=mode))
    for index, count in enumerate(counts):
        lines = records(make, forge.records, count)
        anomalies = sum(b'"anomaly":true' in line for line in lines)
        batch, model = f"{index // 3:032x}", f"{index % 2:064x}"
        forge.add(score(0.5, count, anomalies, batch=batch, model=model), *lines)
    return forge


@pytest.mark.parametrize("name", CASES)
def test_all_vectors(name: str, agree: Callable[..., Report]) -> None:
    agree(ledger_of(CASES[name]), 2)


@pytest.mark.parametrize("mode", ["sealed", "open"])
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "counts", [[], [0], [1], [2, 0, 0, 1], [100] * 7, [1000, 3, 1000], [1] * 99]
)
def test_ledgers_of_many_shapes(
    mode: str, threads: int, counts: list[int], agree: Callable[..., Report]
) -> None:
    forge = ledger(mode, *counts)
    assert accepted(forge.data) == len(counts)
    report = agree(forge.data, threads)
    assert report.ok
    assert report.root == forge.root
    assert (report.blocks, report.records) == (1 + len(counts), sum(counts))


def test_blocks_of_other_kinds_in_between(agree: Callable[..., Report]) -> None:
    forge = ledger("sealed", 5, 5)
    forge.add(event("recovery", bytes=1, sha256="ab" * 32)).add(event("later"), sealed(10))
    forge.add(score(0.5, 1, 1), sealed(11)).add(event("recovery")).add(event("recovery"))
    for number in range(12, 40):
        forge.add(score(0.5, 1, 1), sealed(number)).add(event("x"))
    assert accepted(forge.data) == 2
    assert agree(forge.data, 2).recoveries == 3


def test_stretches_tell_of_each_batch_and_of_each_hash() -> None:
    forge, expected = Forge(genesis()), {("", ""): 0}
    for number in range(60):
        bits, batch = number // 7 % 3, f"{number // 5:032x}"
        model = f"{number // 3 % 2:064x}"
        head = score(0.5, 2, 2, batch=batch, model=model)
        forge.add(head, sealed(2 * number), sealed(2 * number + 1), bits=bits)
        expected[batch, model] = expected.get((batch, model), 0) + 2
    records: dict[tuple[str, str], int] = {}
    hashes: dict[int, bytes] = {}
    parts = 0
    for part in Scan(io.BytesIO(forge.data), threads=2, chunk=8000):
        parts += 1
        for run in part.runs:
            key = run.batch, run.model
            records[key] = records.get(key, 0) + run.records
        found = ((height, part.hash(height)) for height in range(-1, 70))
        hashes |= {height: hash for height, hash in found if hash}
        assert part.blocks == sum(run.blocks for run in part.runs)
    assert parts < 20
    assert records == expected
    assert hashes == dict(enumerate(forge.blocks))
    assert verify.verify(io.BytesIO(forge.data)) == walked(forge.data)


def test_a_stretch_ends_where_there_is_no_room_for_runs(
    agree: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "_RUNS", 2)
    forge = ledger("sealed", *[1] * 40)
    assert accepted(forge.data) == 2
    assert len(agree(forge.data).models) == 2


def test_every_flipped_bit(agree: Callable[..., Report]) -> None:
    for mode in ("sealed", "open"):
        data = ledger(mode, 2, 1).data
        for offset in range(len(data)):
            for bit in range(8):
                changed = bytearray(data)
                changed[offset] ^= 1 << bit
                sizes = TWO_SIZES if bit == offset % 8 else TWO_SIZES[:1]
                assert not agree(bytes(changed), sizes=sizes).ok


def test_every_byte_and_line_deleted_doubled_or_swapped(agree: Callable[..., Report]) -> None:
    for _name, changed in mutants(ledger("sealed", 2, 1).data):
        agree(changed, sizes=TWO_SIZES)


@pytest.mark.parametrize("inserted", [b'"', b"\n", b" ", b"0", b"\\", b"\x80", b'{"block":'])
def test_a_byte_inserted_everywhere(inserted: bytes, agree: Callable[..., Report]) -> None:
    data = ledger("open", 2, 1).data
    for offset in range(len(data) + 1):
        agree(data[:offset] + inserted + data[offset:], sizes=TWO_SIZES)


def test_every_truncation(agree: Callable[..., Report]) -> None:
    data = ledger("sealed", 2, 1).data
    for length in range(len(data)):
        agree(data[:length], 2 if length % 50 == 0 else 1, TWO_SIZES)


def test_a_tampered_block_anywhere_among_many(agree: Callable[..., Report]) -> None:
    data = ledger("sealed", *[3] * 40).data
    for offset in range(0, len(data), 97):
        changed = bytearray(data)
        changed[offset] ^= 1
        assert not agree(bytes(changed), 3, TWO_SIZES).ok


# --- one broken rule each, with hashes and work as if nothing were wrong --------------------------

ONE = score(0.5, 1, 1)
Lie = dict[str, Any]


def rewritten(was: bytes, now: bytes) -> Lie:
    def edit(line: bytes) -> bytes:
        assert was in line
        return line.replace(was, now, 1)

    return {"edit": edit}


def event_rules() -> Iterator[tuple[str, bytes]]:
    """Score events of one record that do not hold, or are not of the usual form."""
    for key, values in {
        "batch": ["BA" * 16, "ba" * 15, "ba" * 17, "bg" * 16, "ba" * 15 + "b`", "", 7, None, ...],
        "model": ["0D" * 32, "0" * 63, "0" * 65, "0" * 63 + "/", "0" * 63 + ":", 7, None, ...],
        "threshold": ["0.5", None, True, ..., 0.500001, 10.0],
        "rows": [0, 2, -1, "1", True, 1.0, None, ...],
        "anomalies": [0, 2, -1, "1", True, 1.0, None, ...],
    }.items():
        for value in values:
            yield f"{key} {value!r}", score(0.5, 1, 1, **{key: value})
    for text in (
        "00",
        "01",
        "1.",
        ".5",
        "+1",
        "-",
        "",
        "0x1",
        "1" * 65,
        "NaN",
        "-Infinity",
        "1e",
        "[]",
    ):
        yield f"threshold {text}", put(score("?", 1, 1), text)
        yield f"rows {text}", put(score(0.5, "?", 1), text)
        yield f"anomalies {text}", put(score(0.5, 1, "?"), text)
        yield f"a further key {text}", put(score(0.5, 1, 1, drift="?"), text)
    for key in (b"event", b"batch", b"model", b"threshold", b"rows", b"anomalies"):
        yield f"{key!r} twice", ONE[:-1] + b',"' + key + b'":1}'
        escaped = b"\\u%04x" % key[0] + key[1:]
        yield f"{key!r} twice, once escaped", ONE[:-1] + b',"' + escaped + b'":1}'
        yield f"{key!r} missing", ONE.replace(b'"' + key, b'"_' + key)
    yield "a further key twice", ONE[:-1] + b',"a":1,"a":1}'
    yield "a further key twice, once escaped", ONE[:-1] + b',"a":1,"\\u0061":1}'
    yield (
        "a further key twice, among many",
        score(0.5, 1, 1, **dict.fromkeys("abcdefgh"))[:-1] + b',"d":1}',
    )
    for rest in (b"}", b" }", b",}", b"]", b"", b',"a"}', b',"a":}', b',"a":"}', b',"a":"\\x"}',
                 b',"a":1 2}', b',"a":01}', b',"a":nul}', b',"a":"\x7f"}', b',"a":"\x80"}',
                 b',"a":{"a":1,"a":1}}', b",a:1}", b';"a":1}'):  # fmt: skip
        yield f"the end {rest!r}", ONE[:-1] + rest + (b"}" if rest == b"}" else b"")
    yield "another kind", event("scores")
    yield "a control character", ONE.replace(b"ba", b"b\t", 1)
    yield "a genesis event", genesis()
    yield "a record", sealed(0)


def record_rules() -> Iterator[tuple[str, bytes, str]]:
    """Record lines, with the mode of their ledger, that do not hold."""
    for number in ("1", "00", "-0", "0.0", "", " 0", "0 ", "9", "-1", '"0"', "0" * 17):
        yield f"number {number!r}", sealed(number), "sealed"
    for text in ("", "-", ".", "1.", ".5", "+1", "00", "01", "-00.5", "5e0", "0.5000000", "--1",
                 "0.50000000", "1000000000", "0,5", "NaN", " 1", "1 ", '"1"', "0.5.5", "1-",
                 "0./", "0.:", "0.5:", "1:", "/1", "true", "99999999999999999999",
                 "0.4999999"):  # fmt: skip
        yield f"score {text!r}", sealed(0, text), "sealed"
    for text in ("false", "1", "", "True", "TRUE", "tru", "truee", "null", '"true"', " true"):
        yield f"verdict {text!r}", sealed(0, "0.5", text), "sealed"
    for value in ("0.499999", "-0.5", "0", "-1", "0.4"):
        yield f"anomalous at {value}", sealed(0, value), "sealed"
    for place in range(64):
        for wrong in b"/:@`gAF\x80":
            line = bytearray(sealed(0))
            line[-66 + place] = wrong
            yield f"seal with {wrong} at {place}", bytes(line), "sealed"
    for was, now in {
        b'"}': b'"} ', b'e"}': b'"}', b'"seal"': b'"sael"', b'"seal":"': b'"seal": "', b"{": b" {",
        b'"score"': b'"Score"', b'"anomaly"': b'"anomalie"', b'"record":0': b'"record":0 ',
        b'"score":0.5,"anomaly":true,': b'"anomaly":true,"score":0.5,', b',"sc': b',"a":1,"sc',
        b"}": b',"a":1}', b'"seal":"5e': b'"seal":"5e5e', b'{"record"': b'{"Record"',
    }.items():  # fmt: skip
        line = sealed(0).replace(was, now, 1)
        assert line != sealed(0)
        yield f"{now!r} for {was!r}", line, "sealed"
    yield "an open row among sealed", opened(0), "sealed"
    yield "a seal among open rows", sealed(0), "open"
    yield "an empty line", b"", "sealed"
    yield "CR", sealed(0) + b"\r", "sealed"


def row_rules() -> Iterator[tuple[str, str]]:
    """Rows that do not hold."""
    yield from {
        "a key twice": '{"a":"1","a":"1"}', "twice, apart": '{"a":"1","b":"","a":""}',
        "twice, once escaped": '{"a":"","\\u0061":""}', "twice, of no characters": '{"":"","":""}',
        "twice, among many": "{" + ",".join(f'"k{i}":""' for i in range(700)) + ',"k333":""}',
        "a number": '{"a":1}', "null": '{"a":null}', "an object": '{"a":{}}', "a list": '["a"]',
        "text": '"a"', "nothing": "", "unclosed": '{"a":"1"', "closed twice": '{"a":"1"}}',
        "a comma at the end": '{"a":"1",}', "a comma first": '{,"a":"1"}',
        "no comma": '{"a":"1""b":""}', "no colon": '{"a""1"}', "no value": '{"a":}',
        "no key": '{:"1"}', "a bare key": '{a:"1"}',
        "a further key": '{"a":"1"},"b":"1"', "a space behind": '{"a":"1"} ', "more": '{"a":"1"}x',
        "a bare word": '{"a":b}', "an open cell": '{"a":"1}', "an open key": '{"a:"1"}',
    }.items()  # fmt: skip
    for text in ("\\x", "\\u12", "\\u123g", "\\u 123", "\\u+123", "\\uD8", "\\", "\\U0041", "\\'",
                 "\\0", "\\\n", "\t", "\x00", "\x1f", "\x7f", "\\\x00", "x" * 15 + "\\",
                 "x" * 16 + "\x7f"):  # fmt: skip
        yield f"cell {text!r}", f'{{"a":"{text}"}}'
        yield f"key {text!r}", f'{{"{text}":""}}'
        yield f"behind a full register {text!r}", f'{{"a":"{"y" * 15}{text}{"y" * 15}"}}'


def block_rules() -> Iterator[tuple[str, Lie]]:
    """Block lines of one record at height 1 that do not hold."""
    for name, values in {
        "block": [0, 2, BIG - 1, BIG], "first": [1, BIG - 1, BIG], "count": [0, 2, BIG],
        "time": [0, 1_795_335_299_999_999, BIG, 1 << 60], "nonce": [BIG, BIG + 1, (1 << 64) - 1],
        "prev": ["11" * 32, "00" * 32], "root": ["11" * 32, "00" * 32],
    }.items():  # fmt: skip
        for value in values:
            yield f"{name} {value}", {name: value}
    yield "256 bits", {"bits": 256, "work": 0}
    yield "2^32 - 1 bits", {"bits": (1 << 32) - 1, "work": 0}
    for bits in (1, 7, 8, 9, 15, 16, 17, 32, 64, 248, 255):
        # A nonce whose hash begins with a one bit: no work at all was done.
        yield f"{bits} bits without work", {"bits": bits, "work": 0, "nonce": idle(bits)}
    yield "fewer bits than were asked", {"bits": 3}
    for name in ("block", "time", "first", "count", "bits", "nonce"):
        key = f'"{name}":'.encode()
        for text in (b"0", b"+", b" ", b"-", b"", b"0x", b'"'):
            if text or name == "block":
                yield f"{text!r} before {name}", rewritten(key, key + (text or b"0"))
        yield f"no {name}", rewritten(key, b'"_' + key[1:])
    for was, now in {
        b'"}': b'"} ', b"{": b"{ ", b",": b", ", b'"prev":"': b'"prev":"0', b"}": b',"a":1}',
        b'"root":"': b'"root":"A', b'"hash":"': b'"hash":"0', b'"prev"': b'"Prev"', b'"h': b'"H',
    }.items():  # fmt: skip
        yield f"{now!r} for {was!r}", rewritten(was, now)
    yield "upper case", {"edit": lambda line: line[:-66] + line[-66:].upper()}
    yield "a long line", {"edit": lambda line: line + b" " * 400}
    yield "a short line", {"edit": lambda line: line[:-1]}
    for place in range(64):
        yield (
            f"another hash at {place}",
            {"edit": lambda line, place=place: other_digit(line, place)},
        )


def other_digit(line: bytes, place: int) -> bytes:
    changed = bytearray(line)
    changed[-66 + place] = ord("1") if changed[-66 + place] != ord("1") else ord("2")
    return bytes(changed)


def idle(bits: int) -> int:
    """A nonce for the block of `ONE` at height 1 whose hash begins with a one bit."""
    for nonce in range(64):
        forge = Forge(genesis())
        forge.add(ONE, sealed(0), bits=bits, work=0, nonce=nonce)
        if forge.blocks[-1][0] >= 128:
            return nonce
    raise AssertionError


def refused(forge: Forge, agree: Callable[..., Report]) -> None:
    assert not agree(forge.data).ok
    assert accepted(forge.data) == 0


def test_what_the_broken_ledgers_are_broken_from_is_accepted() -> None:
    assert accepted(Forge(genesis()).add(ONE, sealed(0)).data) == 1
    assert accepted(Forge(genesis(rows="open")).add(ONE, opened(0)).data) == 1
    assert accepted(Forge(genesis(), bits=0).add(ONE, sealed(0), bits=3).data) == 1


@pytest.mark.parametrize(("head"), [pytest.param(head, id=name) for name, head in event_rules()])
def test_events(head: bytes, agree: Callable[..., Report]) -> None:
    # Some are unusual and hold: those the walk decides, as always.
    forge = Forge(genesis()).add(head, sealed(0))
    assert agree(forge.data).ok or accepted(forge.data) == 0


@pytest.mark.parametrize(
    ("line", "mode"), [pytest.param(line, mode, id=name) for name, line, mode in record_rules()]
)
def test_records(line: bytes, mode: str, agree: Callable[..., Report]) -> None:
    refused(Forge(genesis(rows=mode)).add(ONE, line), agree)
    second = Forge(genesis(rows=mode)).add(score(0.5, 2, 2), opened(0), line)
    assert not agree(second.data).ok


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in row_rules()])
def test_rows(row: str, agree: Callable[..., Report]) -> None:
    refused(Forge(genesis(rows="open")).add(ONE, opened(0, row=row)), agree)
    behind = Forge(genesis(rows="open")).add(score(0.5, 2, 2), opened(0), opened(1, row=row))
    refused(behind, agree)


@pytest.mark.parametrize("lie", [pytest.param(lie, id=name) for name, lie in block_rules()])
def test_block_lines(lie: Lie, agree: Callable[..., Report]) -> None:
    forge = Forge(genesis(min_bits=4), bits=4) if lie == {"bits": 3} else Forge(genesis())
    refused(forge.add(ONE, sealed(0), **lie), agree)


@pytest.mark.parametrize("bits", [0, 1, 2, 6, 7, 8, 9, 10])
def test_work_up_to_a_bit(bits: int, agree: Callable[..., Report]) -> None:
    """The hash has the bits that are claimed, and in the other ledger one fewer."""
    assert accepted(Forge(genesis()).add(ONE, sealed(0), bits=bits).data) == 1
    if bits:
        for nonce in range(1 << 20):
            forge = Forge(genesis()).add(ONE, sealed(0), bits=bits, work=0, nonce=nonce)
            if int.from_bytes(forge.blocks[-1], "big") >> (256 - bits) == 1:
                refused(forge, agree)
                return


def test_keys_of_rows_that_change(agree: Callable[..., Report]) -> None:
    rows = [
        ['{"a":"","b":""}', '{"a":""}', '{"a":"","b":""}'],
        ['{"a":""}', '{"b":"","a":""}', '{"a":"","b":"","c":""}', '{"c":""}', '{"":""}'],
        ['{"ab":""}', '{"a":""}', '{"ab":""}', '{"abc":"","ab":""}'],
    ]
    for texts in rows:
        lines = [opened(i, row=row) for i, row in enumerate(texts)]
        forge = Forge(genesis(rows="open")).add(score(0.5, len(lines), len(lines)), *lines)
        assert agree(forge.data).ok
        assert accepted(forge.data) == 1
    for first in ('{"a":"","b":""}', '{"b":"","a":""}', '{"a":""}'):
        lines = [opened(0, row=first), opened(1, row='{"a":"","a":""}')]
        refused(Forge(genesis(rows="open")).add(score(0.5, 2, 2), *lines), agree)


@pytest.mark.parametrize("first", [0, 8, 9, 98, 99, 998, 10**9 - 2, 10**15 - 2, BIG - 4, BIG - 3])
def test_record_numbers_count_on(first: int) -> None:
    """Far from 0, where no ledger gets in a test: the head before is made up."""
    head, rules = Header(6, first, 0, 0, bytes(32), bytes(32), 0), {"min_bits": 0, "rows": "sealed"}
    forge = Forge(None)
    forge.blocks, forge.records = [bytes(32)] * 7, first
    forge.add(score(0.5, 3, 3), *(sealed(first + i) for i in range(3)))
    case, pair = Case(forge.data, (head, bytes(32)), rules), Pair()
    assert pair.agree(case, True)
    assert pair.count["accepted"] == (first + 3 < BIG)


def test_some_inputs_of_the_fuzzer() -> None:
    maker, pair = Maker(1), Pair()
    for _ in range(5000):
        assert pair.agree(maker.case(), True)
    assert pair.count["accepted"] > 1000


# --- streams -------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_archives_cut_and_damaged_everywhere(suffix: str, tmp_path: Path) -> None:
    data = ledger("sealed", *[2] * 5).data
    packed = gzip.compress(data) if suffix == ".gz" else archive.zstd().compress(data)
    path = tmp_path / "archive"
    for offset in range(4, len(packed), 7):
        damaged = bytearray(packed)
        damaged[offset] ^= 0x10
        for content in (packed[:offset], bytes(damaged)):
            path.write_bytes(content)
            with open_ledger(path) as stream:
                found = verify.verify(stream)
            with open_ledger(path) as stream:
                assert found == verify.verify(stream, check=lambda _: None)


def test_a_block_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ledger("sealed", 1, 30, 1).data
    for limit in (300, 500, 700, 3000, len(data)):
        for module in (reader, verify, scan):
            monkeypatch.setattr(module, "MAX_BLOCK", limit)
        for cut in (len(data), len(data) - 1, 1500):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(reader, "CHUNK", 64)
                agree_on_size(data[:cut], patch)


def agree_on_size(data: bytes, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scan._Window, "scan", lambda self, *_: None)  # the C core's limit is its own
    expected = walked(data)
    for chunk in (64, 1000):
        assert scanned(data, patch, chunk=chunk, chunks=2, threads=1) == expected


def points(data: bytes) -> Iterator[Point]:
    """Every place behind a block."""
    walk, hashes = Walk(io.BytesIO(data)), b""
    for block in walk:
        hashes += block.hash
        end = block.offset + block.size
        line = data.count(b"\n", 0, end) + 1
        yield Point((block.header, block.hash), walk.genesis, Frontier.over(hashes), line, end)


def test_from_every_point_on_both_ways_report_the_same() -> None:
    data = ledger("sealed", 2, 0, 3, 1, 2).data
    for damaged in (data, data[:-1], data.replace(b"true", b"false", 1), data + b"{"):
        for place in range(len(list(points(data)))):
            found = []
            for check in (None, lambda _: None):
                since = list(points(data))[place]  # anew: its tree grows
                stream = io.BytesIO(damaged)
                stream.seek(since.offset)
                found.append(verify.verify(stream, check=check, since=since))
            assert found[0] == found[1], (place, damaged)


def test_progress_tells_where_it_is() -> None:
    data, told = ledger("sealed", *[3] * 50).data, list[int]()
    assert verify.verify(io.BytesIO(data), progress=told.append).ok
    assert told == sorted(told)
    assert told[-1] == len(data)


def test_a_file_that_grows_is_read_to_its_end(tmp_path: Path) -> None:
    data = ledger("sealed", *[3] * 50).data
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(data[:3000])

    class Growing(io.FileIO):
        def readinto(self, target: Any) -> int:
            path.write_bytes(data[: path.stat().st_size + 1000])
            return super().readinto(target)

    with io.BufferedReader(Growing(path), 512) as stream:
        assert verify.verify(stream) == walked(data)


def test_the_threads_end_with_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    data = ledger("sealed", *[3] * 50).data
    before = threading.active_count()

    def interrupt(_offset: int) -> None:
        if threading.active_count() > before:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(
            scan, "Scan", lambda stream, since: Scan(stream, since, threads=3, chunk=500, chunks=2)
        )
        with pytest.raises(KeyboardInterrupt):
            verify.verify(io.BytesIO(data), progress=interrupt)
    assert threading.active_count() == before


def test_a_small_ledger_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(scan._Team, "__enter__", fail)
    assert verify.verify(io.BytesIO(ledger("sealed", *[100] * 50).data)).ok


def test_the_python_kernel_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ledger("sealed", 3, 3).data
    expected = walked(data)
    monkeypatch.setattr(core, "chosen", lambda _: core.PYTHON)
    monkeypatch.setattr(scan._Windows, "read", None)
    assert verify.verify(io.BytesIO(data)) == expected


def test_a_stream_is_told_apart_from_its_end() -> None:
    """A stream that gives three bytes at a time has not ended."""

    class Trickle(io.BytesIO):
        def read1(self, _size: int | None = -1) -> bytes:
            return super().read1(3)

    data = ledger("sealed", 3, 3).data
    stream: IO[bytes] = Trickle(data)
    assert verify.verify(stream) == walked(data)
