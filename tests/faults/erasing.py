"""An erasure whose every step can be made to fail or to be the last: system calls and SQL.

Run as a program, it erases record 1 of a ledger and dies at a step (``before`` or ``after`` it):
``python -m tests.faults.erasing LEDGER STEP before``.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from medchain.ledger import lines
from medchain.ledger.merkle import line_hashes
from medchain.ledger.vault import Vault, vault_path
from medchain.pipeline.erase import erase
from tests.faults.syscalls import Strike, die, striking
from tests.ledger import forge

RECORD = 1
SALTS = [f"{number:02x}" * 16 for number in range(0xA0, 0xA6)]
COLUMNS = ["patient_id", "note"]
ROWS = [[f"P-{number}-P", f"CANARY{number}CANARY"] for number in range(len(SALTS))]
PARTS = [text.encode() for text in (SALTS[RECORD], *ROWS[RECORD])]


class _Connection(sqlite3.Connection):
    def execute(self, *words):  # type: ignore[no-untyped-def]
        return super().execute(*words)


@contextmanager
def steps(step: int, strike: Strike) -> Iterator[list[str]]:
    """Let `strike` stand for the `step`-th step (from 1); yields the names of all steps made."""
    real = sqlite3.connect

    def connect(*words: object, **named: object) -> sqlite3.Connection:
        return real(*words, factory=_Connection, **named)  # type: ignore[call-overload,no-any-return]

    with (
        mock.patch.object(sqlite3, "connect", connect),
        striking(step, strike, [(_Connection, "execute")]) as made,
    ):
        yield made


def prepare(folder: Path) -> Path:
    """A ledger of six sealed rows in a new folder, its vault beside it."""
    folder.mkdir()
    path = folder / "ledger.jsonl"
    text = lines.sealed_lines(forge.LEDGER, 0, SALTS, lines.row_objects(COLUMNS, ROWS))
    hashes = line_hashes("".join(f"{line}\n" for line in text).encode())
    seals = [hashes[start : start + 32].hex() for start in range(0, len(hashes), 32)]
    with (
        forge.open_store(path) as store,
        Vault.create(vault_path(path), forge.LEDGER, b"s") as vault,
    ):
        store.read(lambda _: None)
        store.begin(forge.GENESIS)
        vault.write(0, text, [row[0] for row in ROWS], store.head)
        forge.append_scores(store, [0.1] * len(SALTS), seals=seals)
    return path


def run(path: Path) -> None:
    """What is interrupted."""
    erase(path, record=RECORD, reason="as the law demands")


if __name__ == "__main__":
    with steps(int(sys.argv[2]), die(sys.argv[3])):
        run(Path(sys.argv[1]))
