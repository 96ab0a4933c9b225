"""The package against verifiers that know only docs/format.md, and all against known answers.

Where node is there, the one in JavaScript is asked as well.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medchain.ledger.verify import verify

from . import make_vectors, verifier
from .forge import Forge, event, genesis, opened, score, sealed
from .make_vectors import VECTORS, small
from .verifier import Result

FILE = VECTORS / "format-1.json"
DOCUMENT = json.loads(FILE.read_text(encoding="ascii"))
CASES = {case["name"]: case for case in DOCUMENT["cases"]}
NODE = shutil.which("node")
SCRIPT = VECTORS.parent.parent / "docs" / "verifier.mjs"
VERDICTS = {0: "verified", 10: "tampered", 11: "torn", 13: "newer"}


def package(data: bytes) -> Result:
    report = verify(io.BytesIO(data))
    return Result(VERDICTS[report.exit_code], report.blocks, report.records, report.root)


def javascript(ledgers: Sequence[bytes]) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(number) for number in range(len(ledgers))]
        for path, data in zip(paths, ledgers, strict=True):
            path.write_bytes(data)
        command = [str(NODE), str(SCRIPT), *map(str, paths)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [Result(**json.loads(line)) for line in out.splitlines()]


def each(check: Callable[[bytes], Result]) -> Callable[[Sequence[bytes]], list[Result]]:
    return lambda ledgers: list(map(check, ledgers))


FOREIGN = {"python": each(verifier.verify)} | ({"javascript": javascript} if NODE else {})
EVERY = {"package": each(package)} | FOREIGN


def ledger_of(case: dict[str, str]) -> bytes:
    if "ledger" in case:
        return case["ledger"].encode("ascii")
    return base64.b64decode(case["ledger_base64"])


@functools.cache
def answers_of_javascript() -> dict[str, Result]:
    """To all cases, because node is slow to start."""
    return dict(zip(CASES, javascript(list(map(ledger_of, CASES.values()))), strict=True))


def answer(who: str, name: str) -> Result:
    if who == "javascript":
        return answers_of_javascript()[name]
    return EVERY[who]([ledger_of(CASES[name])])[0]


def answer_of(case: dict[str, object]) -> Result:
    return Result(*(case[key] for key in Result._fields))  # type: ignore[arg-type]


def assert_agreed(ledgers: Sequence[bytes], *, sample: int = 1) -> list[Result]:
    """All say the same of each ledger; the one in JavaScript is asked about every `sample`th."""
    said = EVERY["package"](ledgers)
    for who, check in FOREIGN.items():
        step = sample if who == "javascript" else 1
        others = check(ledgers[::step])
        for data, ours, theirs in zip(ledgers[::step], said[::step], others, strict=True):
            assert ours == theirs, (who, data)
    return said


@pytest.mark.parametrize("who", EVERY)
@pytest.mark.parametrize("name", CASES)
def test_known_answer(who: str, name: str) -> None:
    assert answer(who, name) == answer_of(CASES[name])


def test_the_one_in_javascript_is_short_enough_to_be_read() -> None:
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) < 190


def test_the_vectors_are_what_the_generator_writes() -> None:
    assert FILE.read_text(encoding="ascii") == make_vectors.build()


def test_the_vectors_break_every_rule() -> None:
    bad = {name.split(":")[0] for name, case in CASES.items() if case["verdict"] == "tampered"}
    assert bad >= {f"rule {number}" for number in range(1, 10)}


@pytest.mark.parametrize("who", EVERY)
def test_worked_example(who: str) -> None:
    data = (VECTORS / "example.jsonl").read_bytes()
    assert EVERY[who]([data]) == [Result("verified", 3, 3, DOCUMENT["example"]["root"])]


def test_the_text_says_what_the_vectors_say_of_the_worked_example() -> None:
    text = (VECTORS.parent.parent / "docs" / "format.md").read_text(encoding="utf-8")
    example = DOCUMENT["example"]
    for line in (VECTORS / "example.jsonl").read_text(encoding="ascii").splitlines()[2:6]:
        assert line in text
    for key in ("sealed_line", "block_1_node_0_1", "block_1_root", "block_1_hash", "root"):
        assert example[key] in text
    assert all(leaf in text for leaf in example["block_1_leaves"])
    header = example["block_1_header"]
    for offset in range(0, 224, 32):
        assert " ".join(header[offset + i : offset + i + 2] for i in range(0, 32, 2)) in text


@pytest.mark.parametrize("mode", ["sealed", "open"])
def test_every_bit_flip_is_seen(mode: str) -> None:
    data = small(mode).data
    flipped = [
        data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        for at in range(len(data))
        for bit in range(8)
    ]
    said = assert_agreed(flipped, sample=29)
    assert {result.verdict for result in said} == {"tampered", "torn", "newer"}


def test_every_truncation_is_torn_except_between_blocks() -> None:
    forge = small("open")
    ends = {len(Forge(genesis(rows="open")).data), len(forge.data)}
    forge.add(event("recovery", bytes=3, sha256="ab" * 32))
    ends.add(len(forge.data))
    said = assert_agreed([forge.data[:size] for size in range(len(forge.data) + 1)], sample=17)
    for size, result in enumerate(said):
        assert result.verdict == ("verified" if size in ends else "torn"), size


def test_line_taken_out_doubled_moved_or_spliced_in() -> None:
    data = small().add(event("x"), sealed(3)).data
    lines = data.splitlines(keepends=True)
    other = small("open").data.splitlines(keepends=True)
    ledgers = []
    for i in range(len(lines)):
        ledgers += [b"".join(lines[:i] + lines[j:]) for j in range(len(lines)) if j != i]
        ledgers += [b"".join(lines[:i] + other[j:]) for j in range(1, len(other))]
        for j in range(i):
            swapped = lines.copy()
            swapped[i], swapped[j] = swapped[j], swapped[i]
            ledgers.append(b"".join(swapped))
    said = assert_agreed(ledgers)
    assert {result.verdict for result in said} == {"tampered"}


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?", fullmatch=True)
ROWS = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3)


@given(
    mode=st.sampled_from(["sealed", "open"]),
    bits=st.integers(0, 4),
    blocks=st.lists(st.tuples(NUMBERS, st.lists(st.tuples(NUMBERS, ROWS), max_size=9)), max_size=4),
    lie=st.none() | st.integers(0, 9),
)
@settings(max_examples=150, deadline=None)
def test_ledgers_of_any_shape(
    mode: str,
    bits: int,
    blocks: list[tuple[str, list[tuple[str, dict[str, str]]]]],
    lie: int | None,
) -> None:
    """Sound ones verify, and one false verdict, mined like all the rest, is found."""
    forge, sound = Forge(genesis(rows=mode, min_bits=bits), bits=bits), True
    for threshold, rows in blocks:
        verdicts = [float(value) >= float(threshold) for value, _ in rows]
        if lie is not None and lie < len(verdicts):
            verdicts[lie] = not verdicts[lie]
            sound = False
        records = [
            sealed(number, value, json.dumps(verdict))
            if mode == "sealed"
            else opened(number, value, json.dumps(verdict), json.dumps(row, separators=(",", ":")))
            for number, ((value, row), verdict) in enumerate(
                zip(rows, verdicts, strict=True), forge.records
            )
        ]
        head = score("T", len(rows), sum(verdicts)).replace(b'"T"', threshold.encode())
        forge.add(head, *records)
    expected, seen = verifier.verify(forge.data), package(forge.data)
    assert expected == seen
    assert seen.verdict == ("verified" if sound else "tampered")
    if sound:
        assert seen == Result("verified", len(forge.blocks), forge.records, forge.root)


@given(
    at=st.integers(0, 10**6),
    gone=st.integers(0, 40),
    put=st.binary(max_size=4) | st.sampled_from([b"\n", b'{"block":', b'{"event":', b"{}", b" "]),
)
@settings(max_examples=400, deadline=None)
def test_edits_of_any_kind(at: int, gone: int, put: bytes) -> None:
    data = small().data
    at %= len(data) + 1
    edited = data[:at] + put + data[at + gone :]
    assert verifier.verify(edited) == package(edited)
