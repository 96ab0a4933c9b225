"""Shared work: the same results as alone, no process left behind, no lock carried off."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from medchain.pipeline.share import WORTH_IT, shared, shares, streamed

linux = sys.platform == "linux"


def children() -> set[str]:
    """The processes that this one has started and not yet waited for."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_share_is_done_once(count: int) -> None:
    before = children()
    assert shared(lambda number: number * 10, count, ()) == [10 * n for n in range(count)]
    assert children() == before


@pytest.mark.parametrize("count", [1, 2])
def test_a_stream_comes_whole_and_in_order(count: int) -> None:
    before = children()
    items = [(number, "x" * random.Random(number).randrange(100_000)) for number in range(50)]
    assert list(streamed(iter(items), count, ())) == items
    assert children() == before


def test_leaving_early_ends_the_other_process() -> None:
    before = children()
    with closing(streamed(iter(int, 1), 2, ())) as endless:
        assert next(endless) == 0
    assert children() == before
    with pytest.raises(ZeroDivisionError):
        shared(lambda number: 1 // number, 2, ())
    assert children() == before


def test_a_death_in_the_other_process_is_an_error_not_an_end() -> None:
    def items() -> Iterator[int]:
        yield 1
        os._exit(1)

    with closing(streamed(items(), 2, ())) as stream:
        assert next(stream) == 1
        with pytest.raises(RuntimeError):
            next(stream)


def test_the_other_process_keeps_only_the_files_that_it_needs(tmp_path: Path) -> None:
    with open(tmp_path / "kept", "w") as kept, open(tmp_path / "lock", "w") as lock:

        def look(_: int) -> tuple[bool, bool]:
            return _is_open(kept.fileno()), _is_open(lock.fileno())

        assert shared(look, 2, (kept.fileno(),)) == [(True, True), (True, False)]


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_a_small_table_is_not_shared() -> None:
    assert shares(WORTH_IT - 1, 2) == 1


INGEST = """
import sys
from medchain.pipeline import ingest, share
share.WORTH_IT = int(sys.argv[1])
seen = []
real = share.os.fork
share.os.fork = lambda: seen.append(1) or real()
try:
    ingest.ingest(sys.argv[2], model=sys.argv[3], ledger=sys.argv[4], bits=0, batch_size=7,
                  skip_bad_rows=sys.argv[5] == "skip")
except Exception as error:
    print(type(error).__name__, error)
print("forks", len(seen))
"""


def ingest(worth_it: int, *words: object) -> str:
    command = [sys.executable, "-c", INGEST, str(worth_it), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("bad", [(), (3,), (1500, 1200), (1999,)], ids=str)
@pytest.mark.parametrize("skip", ["skip", "refuse"])
def test_shared_and_alone_record_the_same(
    model: Path, tmp_path: Path, bad: tuple[int, ...], skip: str
) -> None:
    from medchain.ledger.verify import Walk
    from medchain.tabular.synthetic import patients

    table = tmp_path / "patients.csv"
    people = patients(2500, seed=4)
    place = people.columns.index("urea")
    for row in bad:
        people.rows[row][place] = "text"
    table.write_bytes(people.csv(label=False))
    said, found = [], []
    for name, worth_it in (("alone", 1 << 40), ("shared", 1)):
        ledger = tmp_path / f"{name}.jsonl"
        said.append(ingest(worth_it, table, model, ledger, skip))
        if ledger.exists():
            with ledger.open("rb") as stream:
                found.append([(r.score, r.anomaly) for block in Walk(stream) for r in block.rows()])
    refused = bool(bad) and skip == "refuse"
    assert said[0].splitlines()[:-1] == said[1].splitlines()[:-1]
    assert said[0].splitlines()[-1] == "forks 0"
    if os.cpu_count() != 1:
        assert said[1].splitlines()[-1] == f"forks {1 if refused else 2}"
    if refused:
        assert f"line {min(bad) + 2}, column 'urea'" in said[0]
        assert not found
    else:
        assert found[0] == found[1]
        assert len(found[0]) == 2500 - len(bad)
