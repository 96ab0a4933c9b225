"""Tampering, exhaustively: whatever is done to a ledger's bytes is found, and in its place."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medchain.ledger import archive
from medchain.ledger.judge import BadBlock
from medchain.ledger.reader import open_ledger
from medchain.ledger.verify import Report, Walk, verify

from . import forge

EXAMPLE = Path(__file__).parent.parent / "vectors" / "example.jsonl"


def report(data: bytes) -> Report:
    return verify(io.BytesIO(data))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    return forge.write(path, [[0.25, 0.5, 0.000001], [0.75]])


def boundaries(data: bytes) -> list[int]:
    """The offsets behind each block line."""
    ends, offset = [], 0
    for line in data.splitlines(keepends=True):
        offset += len(line)
        if line.startswith(b'{"block":'):
            ends.append(offset)
    return ends


def block_at(data: bytes, offset: int) -> int:
    """The height of the block that the byte at `offset` belongs to."""
    return sum(end <= offset for end in boundaries(data))


def test_the_worked_example_verifies() -> None:
    found = report(EXAMPLE.read_bytes())
    assert found.ok
    assert (found.blocks, found.records, found.anomalies, found.work) == (3, 3, 2, 768)
    assert found.root == "8a2ccd72f1c171e3974f83fbcc1a72dfde0133d141c6da704cbbd72ad69498fb"


def test_a_written_ledger_verifies(ledger: bytes) -> None:
    found = report(ledger)
    assert found.ok
    assert (found.blocks, found.records, found.anomalies, found.size) == (3, 4, 2, len(ledger))


def test_every_flipped_bit_is_found_in_its_block(ledger: bytes) -> None:
    for offset in range(len(ledger)):
        for bit in range(8):
            data = bytearray(ledger)
            data[offset] ^= 1 << bit
            found = report(bytes(data))
            assert found.exit_code in (10, 11, 13), (offset, bit)
            assert found.blocks <= block_at(ledger, offset) + 1, (offset, bit)
            if found.exit_code == 10:
                assert_placed(ledger, offset, found)
            if found.exit_code == 11:
                assert offset >= boundaries(ledger)[-2], "only the last block can look torn"


def assert_placed(ledger: bytes, offset: int, found: Report) -> None:
    assert found.finding
    altered = block_at(ledger, offset)
    # A broken block line joins two blocks; the finding is then at the first line that shows it.
    assert found.finding.block in (altered, max(0, altered - 1)), (offset, str(found.finding))
    starts = [0, *boundaries(ledger)]
    assert starts[found.finding.block] <= found.finding.offset
    line = ledger.count(b"\n", 0, min(found.finding.offset, len(ledger))) + 1
    assert abs(found.finding.line - line) <= 1


def mutants(data: bytes) -> Iterator[tuple[str, bytes]]:
    for offset in range(len(data)):
        yield f"byte {offset} deleted", data[:offset] + data[offset + 1 :]
        yield f"byte {offset} doubled", data[: offset + 1] + data[offset:]
    lines = data.splitlines(keepends=True)
    for index, line in enumerate(lines):
        yield f"line {index} deleted", b"".join(lines[:index] + lines[index + 1 :])
        yield f"line {index} doubled", b"".join([*lines[:index], line, *lines[index:]])
        for other in range(index + 1, len(lines)):
            swapped = lines.copy()
            swapped[index], swapped[other] = swapped[other], swapped[index]
            yield f"lines {index} and {other} swapped", b"".join(swapped)


def test_every_byte_and_line_deleted_doubled_or_swapped_is_found(ledger: bytes) -> None:
    for name, data in mutants(ledger):
        assert not report(data).ok, name


def test_every_truncation_is_a_torn_tail_or_a_shorter_ledger(ledger: bytes) -> None:
    ends = boundaries(ledger)
    for length in range(len(ledger)):
        found = report(ledger[:length])
        whole = sum(end <= length for end in ends)
        assert found.blocks == whole
        if length in ends:
            assert found.ok
        else:
            assert found.exit_code == 11
            assert found.tail
            assert found.tail.offset == (ends[whole - 1] if whole else 0)
            assert found.tail.size == length - found.tail.offset


def test_a_block_from_another_ledger_breaks_the_link(ledger: bytes, tmp_path: Path) -> None:
    other = forge.write(tmp_path / "other.jsonl", [[0.1, 0.2, 0.3], [0.4]])
    end = boundaries(ledger)[1]
    found = report(ledger[:end] + other[boundaries(other)[1] :])
    assert found.finding
    assert (found.finding.kind, found.finding.block) == ("link", 2)


def test_whole_blocks_cannot_be_left_out_or_swapped(ledger: bytes) -> None:
    starts = [0, *boundaries(ledger)]
    blocks = [ledger[a:b] for a, b in pairwise(starts)]
    assert report(b"".join([blocks[0], blocks[2]])).exit_code == 10
    assert report(b"".join([blocks[0], blocks[2], blocks[1]])).exit_code == 10
    assert report(blocks[1]).exit_code == 10


@given(st.binary(max_size=2000))
def test_no_bytes_raise(data: bytes) -> None:
    assert report(data).exit_code in (10, 11)


@given(st.data())
def test_no_mutation_of_a_ledger_raises(data: st.DataObject) -> None:
    original = EXAMPLE.read_bytes()
    start = data.draw(st.integers(0, len(original)))
    end = data.draw(st.integers(start, min(len(original), start + 200)))
    inserted = data.draw(
        st.binary(max_size=50) | st.sampled_from([b"\n", b'{"block":', b"[" * 9999])
    )
    changed = original[:start] + inserted + original[end:]
    found = report(changed)
    assert found.ok == (changed == original or changed in truncations(original))


def truncations(data: bytes) -> list[bytes]:
    return [data[:end] for end in boundaries(data)]


def test_deep_nesting_is_a_finding() -> None:
    lines = EXAMPLE.read_bytes().splitlines(keepends=True)
    lines[0] = b'{"event":' + b"[" * 100_000 + b"\n"
    found = report(b"".join(lines))
    assert found.finding
    assert (found.finding.kind, found.finding.line) == ("event", 1)


def test_a_newer_format_says_so() -> None:
    data = EXAMPLE.read_bytes().replace(b'"format":1', b'"format":2')
    found = report(data)
    assert found.exit_code == 13
    assert found.too_new == 2


def test_archives_read_like_the_plain_file(tmp_path: Path) -> None:
    data = EXAMPLE.read_bytes()
    packed = tmp_path / "ledger.jsonl.gz"
    packed.write_bytes(gzip.compress(data))
    with open_ledger(packed) as stream:
        assert verify(stream) == report(data)


def test_a_cut_archive_is_torn_and_a_damaged_one_tampered(tmp_path: Path) -> None:
    packed = gzip.compress(EXAMPLE.read_bytes() * 1)
    for length in range(len(packed)):
        path = tmp_path / "cut.gz"
        path.write_bytes(packed[:length])
        with open_ledger(path) as stream:
            assert verify(stream).exit_code in ((11,) if length > 2 else (10, 11)), length
    for offset in range(10, len(packed)):
        damaged = bytearray(packed)
        damaged[offset] ^= 0x10
        path.write_bytes(bytes(damaged))
        with open_ledger(path) as stream:
            assert not verify(stream).ok, offset


def test_zstandard_archives(tmp_path: Path) -> None:
    zstd = archive.zstd()
    data = EXAMPLE.read_bytes()
    path = tmp_path / "ledger.jsonl.zst"
    packed = zstd.compress(data)
    path.write_bytes(packed)
    with open_ledger(path) as stream:
        assert verify(stream) == report(data)
    path.write_bytes(packed[: len(packed) // 2])
    with open_ledger(path) as stream:
        assert verify(stream).exit_code == 11


def test_reading_in_small_pieces_changes_nothing(ledger: bytes) -> None:
    class Trickle(io.BytesIO):
        def read1(self, _size: int | None = -1) -> bytes:
            return super().read1(3)

    assert verify(Trickle(ledger)) == report(ledger)
    for cut in range(0, len(ledger), 7):
        broken = ledger[:cut] + ledger[cut + 1 :]
        assert verify(Trickle(broken)) == report(broken), cut


def test_a_walk_yields_what_holds_and_raises_at_the_first_finding(ledger: bytes) -> None:
    last = boundaries(ledger)[1]
    data = bytearray(ledger)
    data[last + 30] ^= 1
    seen = []
    with pytest.raises(BadBlock) as caught:
        for block in Walk(io.BytesIO(bytes(data))):
            seen.append(block.header.block)
    assert seen == [0, 1]
    assert caught.value.finding.block == 2


def test_no_finding_quotes_a_cell() -> None:
    row = b'{"event":"genesis","format":1,"name":"CANARY"}\n{"record":0,"row":{"a":"CANARY"}}\n'
    assert "CANARY" not in str(report(row + b'{"block":0}\n'))
