"""A recording session: the one way in which rows come into a ledger, vault before block.

`append` brings the sealed lines of some entries to the vault in one transaction, then appends a
block for each (docs/format.md, section 10). Ingest and recorder both go through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..ledger.block import Header
from ..ledger.lines import Event

if TYPE_CHECKING:
    from .book import Book


@dataclass(slots=True)
class Entry:
    """A block to come: its event, its record lines, and the sealed lines that they commit to.

    `calls` are the keyed digests under which records are asked for, with record and block.
    """

    kind: str
    fields: Event
    records: bytes
    count: int
    sealed: bytes = b""
    subjects: list[str] = field(default_factory=list)
    calls: list[tuple[bytes, int, int]] = field(default_factory=list)


def append(book: Book, entries: Sequence[Entry]) -> list[Header]:
    """Record `entries` durably, in order; returns the headers of their blocks.

    Their records are numbered from the ledger's next one on. Raises `NotDurable`, and then the
    ledger ends behind the last block that is whole.
    """
    store = book.store
    if book.sealed:
        sealed, subjects, calls = list[str](), list[str](), list[tuple[bytes, int, int]]()
        for entry in entries:
            sealed += entry.sealed.decode("ascii").split("\n")[:-1]
            subjects += entry.subjects
            calls += entry.calls
        book.vault.write(store.next_record, sealed, subjects or None, store.head, calls)
    return [
        store.append(entry.kind, entry.fields, entry.records, entry.count, book.bits)
        for entry in entries
    ]
