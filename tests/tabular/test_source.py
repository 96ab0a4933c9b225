"""Where tables come from: files, gzip, pipes; each read in flat memory, with its digest."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import io
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from medchain.errors import MedchainError, UsageError
from medchain.tabular import open_table, source

DATA = b"a,b\n1,2\n3,4\n"
SHOW = """
import sys
from medchain.tabular import open_table
with open_table(sys.argv[1]) as table:
    print(table.name, table.size, [batch.rows for batch in table.batches(9)],
          [batch.lines for batch in table.batches(9)], table.digest(b"key").hex())
"""


def expected(name: str, data: bytes = DATA) -> str:
    """What `SHOW` prints about `DATA`, which lies on disk as `data`."""
    mac = hmac.new(b"key", data, hashlib.sha256).hexdigest()
    return f"{name} {len(data)} [[['1', '2'], ['3', '4']]] [[2, 3]] {mac}\n"


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("piped", [True, False], ids=["pipe", "file"])
def test_standard_input(tmp_path: Path, name: str, piped: bool) -> None:
    (tmp_path / "t.csv").write_bytes(DATA)
    command = [sys.executable, "-c", SHOW, name]
    with (tmp_path / "t.csv").open("rb") as file:
        if piped:
            run = subprocess.run(command, input=DATA, capture_output=True, check=True)
        else:
            run = subprocess.run(command, stdin=file, capture_output=True, check=True)
    assert run.stdout.decode() == expected("standard input")


def test_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        open_table("-")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_fifo(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    data = gzip.compress(DATA, mtime=0) if packed else DATA
    threading.Thread(target=path.write_bytes, args=(data,), daemon=True).start()
    # In a process of its own: a FIFO that is opened twice would block for ever.
    command = [sys.executable, "-c", SHOW, str(path)]
    run = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert run.stdout.decode() == expected(str(path), data)


def test_a_spooled_table_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(DATA)))
    with open_table("-") as table:
        assert len(list(table.batches(9))) == 1
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_digest_is_a_keyed_hash_of_the_bytes_on_disk(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "t.csv"
    data = b"\xef\xbb\xbf" + DATA + b"5,6\r\n" * 600_000
    path.write_bytes(gzip.compress(data) if packed else data)
    with open_table(path) as table:
        for key in (b"one", b"two"):
            expected = hmac.new(key, path.read_bytes(), hashlib.sha256).digest()
            assert table.digest(key) == expected
        assert table.position == table.size == path.stat().st_size


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_position_grows_to_the_size(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "t.csv"
    data = b"a,b\n" + b"".join(
        b"%d,%s\n" % (n, os.urandom(20).hex().encode()) for n in range(20000)
    )
    path.write_bytes(gzip.compress(data) if packed else data)
    with open_table(path) as table:
        assert table.size == path.stat().st_size
        for _ in range(2):
            places = [table.position for _ in table.batches(500)]
            assert places == sorted(places)
            assert 0 < places[0] < table.size / 2
            assert places[-1] == table.position == table.size


def test_a_closed_table_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(DATA + b"5,6\n" * source.BLOCK)
    with open_table(path) as table:
        batches = table.batches(1)
        next(batches)
    with pytest.raises(ValueError, match="closed"):
        list(batches)


def test_a_table_that_is_refused_is_closed(tmp_path: Path) -> None:
    held: list[MedchainError] = []
    before = sum(1 for _ in Path("/dev/fd").iterdir())
    for data in (b"", b"a,a\n1,2\n", b"a;b\n", gzip.compress(b"a,b\n")[:-9]):
        (tmp_path / "t.csv").write_bytes(data)
        with pytest.raises(MedchainError) as caught:
            open_table(tmp_path / "t.csv")
        held.append(caught.value)  # and with its traceback all that was open
    assert sum(1 for _ in Path("/dev/fd").iterdir()) == before


def peak(call: Callable[[], object]) -> int:
    """The most bytes that `call` held at one time."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def read_all(path: Path) -> None:
    """Digest the table, then read it, whatever is wrong with it."""
    with open_table(path) as table:
        table.digest(b"key")
        try:
            for _ in table.batches(500):
                pass
        except MedchainError:
            pass


@pytest.mark.parametrize(
    ("unit", "packed"),
    [
        (b"1.5,2.5,3.5\n" * 100, False),
        (b"1.5,2.5,3.5\n" * 100, True),
        (b'1.5,"2.5",3.5\n' * 100, False),
        (b'1,2,"3\n' + b"4,5,6\n" * 200, False),
        (b"x" * 1000, False),
        (b"7,8,9\r" * 200, False),
    ],
    ids=["plain", "gzip", "quoted", "quotes in every 200th row", "one line", "cr"],
)
def test_memory_is_flat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: bytes, packed: bool
) -> None:
    monkeypatch.setattr(source, "LONGEST_LINE", 1 << 20)
    path = tmp_path / "t.csv"
    opener = gzip.open if packed else io.open
    with opener(path, "wb") as file:
        file.write(b"a,b,c\n")
        for _ in range(4_000_000 // len(unit)):
            file.write(unit)
    assert peak(lambda: read_all(path)) < 2_000_000


def test_import_is_light() -> None:
    code = "import sys, medchain.tabular; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = run.stdout.decode().split()
    assert "medchain.tabular.table" in loaded
    heavy = {"numpy", "pandas", "pyarrow", "sklearn", "tensorflow", "matplotlib", "gzip"}
    assert heavy.isdisjoint(loaded)
