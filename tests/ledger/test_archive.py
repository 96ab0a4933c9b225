"""Archives: what they hold beside the ledger is told, and what they are cut or damaged by."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from pathlib import Path

import pytest

from medchain.ledger import archive
from medchain.ledger.reader import open_ledger
from medchain.ledger.verify import Report, verify
from medchain.pipeline.handover import build

EXAMPLE = Path("tests/vectors/example.jsonl").read_bytes()
HALF = len(EXAMPLE) // 2
PACK = {"gzip": gzip.compress, "zstd": archive.zstd().compress}


def skipped(content: bytes, kind: int = 0) -> bytes:
    """A frame to be skipped (RFC 8878, section 3.1.2)."""
    return (0x184D2A50 + kind).to_bytes(4, "little") + len(content).to_bytes(4, "little") + content


def idle(count: int) -> str:
    return f"{count:,} bytes that unpack to nothing, and that no hash covers"


def told(packing: str) -> dict[bytes, str]:
    """Archives of the example, and what is said of each."""
    pack = PACK[packing]
    whole, empty = pack(EXAMPLE), pack(b"")
    parts = pack(EXAMPLE[:HALF]) + pack(EXAMPLE[HALF:])
    cases = {
        whole: "",
        parts: "2 members",
        whole + empty: idle(len(empty)),
        empty + parts + empty: f"2 members and {idle(2 * len(empty))}",
    }
    if packing == "gzip":
        return {**cases, whole + bytes(512): idle(512), whole + bytes(100_000): idle(100_000)}
    for size in (0, 1, 900, 100_000):
        frame = skipped(b"x" * size, size % 16)
        cases |= {whole + frame: idle(8 + size), frame + whole: idle(8 + size)}
        cases[frame + parts + frame + frame] = f"2 members and {idle(3 * (8 + size))}"
    return cases


def report(path: Path, data: bytes) -> Report:
    path.write_bytes(data)
    with open_ledger(path) as stream:
        return verify(stream)


@pytest.mark.parametrize("packing", PACK)
def test_bytes_that_no_hash_covers_are_counted(packing: str, tmp_path: Path) -> None:
    plain = verify(io.BytesIO(EXAMPLE))
    for data, said in told(packing).items():
        found = report(tmp_path / "ledger", data)
        assert found.notices == ((f"the archive has {said}",) if said else ())
        assert (found.ok, found.root, found.size) == (True, plain.root, plain.size)


@pytest.mark.parametrize("packing", PACK)
def test_anything_else_behind_the_members_is_damage(packing: str, tmp_path: Path) -> None:
    whole = PACK[packing](EXAMPLE)
    others = [
        b"x",
        b"secret of Mr X",
        b"y" * 100_000,
        PACK["zstd" if packing == "gzip" else "gzip"](b""),
    ]
    for more in others:
        found = report(tmp_path / "ledger", whole + more)
        assert found.finding
        assert (found.blocks, found.finding.kind) == (3, "archive")
        said = f"bytes of something else behind the compressed data: {len(more):,}"
        assert found.finding.message == said


@pytest.mark.parametrize("packing", PACK)
def test_members_that_are_cut_are_a_torn_end(packing: str, tmp_path: Path) -> None:
    whole, more = PACK[packing](EXAMPLE), PACK[packing](b"more")
    ends = [more[:length] for length in range(1, len(more))]
    if packing == "zstd":
        ends += [skipped(b"12345")[:length] for length in range(1, 13)]
    for end in ends:
        assert report(tmp_path / "ledger", whole + end).exit_code == 11, end


def test_what_stands_before_a_wrong_checksum_is_read(tmp_path: Path) -> None:
    found = report(tmp_path / "ledger", PACK["gzip"](EXAMPLE)[:-8] + bytes(8))
    assert (found.blocks, found.exit_code) == (3, 10)


@pytest.mark.parametrize("packing", PACK)
def test_any_place_can_be_sought(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(PACK[packing](EXAMPLE[:HALF]) + PACK[packing](EXAMPLE[HALF:]))
    with open_ledger(path) as stream:
        for offset in (0, 5, len(EXAMPLE), HALF, HALF + 1, 2 * len(EXAMPLE), 1):
            stream.seek(offset)
            assert stream.read() == EXAMPLE[offset:]


def test_both_verifiers_say_it(tmp_path: Path) -> None:
    ledger, alone = tmp_path / "ledger.jsonl.gz", tmp_path / "verify.pyz"
    ledger.write_bytes(PACK["gzip"](EXAMPLE) + bytes(512))
    build(alone)
    for command in (["-m", "medchain"], [str(alone)]):
        done = subprocess.run(
            [sys.executable, *command, "verify", str(ledger)], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert f"\n  note: the archive has {idle(512)}\n" in done.stdout
