"""Small ledgers for tests, written through the store with a clock that stands still."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from medchain.ledger import lines
from medchain.ledger.store import Genesis, Store

LEDGER = "000102030405060708090a0b0c0d0e0f"
MODEL = "ab" * 32
GENESIS = Genesis(LEDGER, "example.org/test", 4, "sealed", "test")


def clock() -> int:
    """A fixed moment in microseconds."""
    return 1_795_335_300_000_000


def seal(number: int) -> str:
    """Some seal for record `number`."""
    return sha256(b"%d" % number).hexdigest()


def append_scores(
    store: Store, scores: list[float], *, batch: str = "00" * 16, seals: list[str] | None = None
) -> None:
    """Append one block of sealed records with the threshold 0.5."""
    first = store.next_record
    verdicts = [score >= 0.5 for score in scores]
    seals = seals or [seal(first + index) for index in range(len(scores))]
    fields: lines.Event = {
        "batch": batch,
        "model": MODEL,
        "threshold": 0.5,
        "rows": len(scores),
        "anomalies": sum(verdicts),
    }
    records = lines.sealed_records(first, scores, verdicts, seals)
    store.append("score", fields, records, len(scores), 4)


def open_store(path: Path) -> Store:
    """A store on `path` with the fixed clock."""
    return Store(path, clock=clock)


def write(path: Path, blocks: list[list[float]]) -> bytes:
    """A ledger at `path` with one block for each list of scores; returns its bytes."""
    with open_store(path) as store:
        store.read(lambda _: None)
        if store.height == 0:
            store.begin(GENESIS)
        for scores in blocks:
            append_scores(store, scores)
    return path.read_bytes()
