"""Erase: a person's rows destroyed in the vault, and the ledger says that they were, and why.

The `erase` event is on disk before the first row goes, so no row is ever missing without a word;
whatever opens the pair for writing next completes what was interrupted in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UsageError
from ..fs import readable
from ..ledger.lines import Event
from ..ledger.store import Recovered
from .book import Book, Wish
from .reason import checked, refuse_identifiers, words_of

MOST_RECORDS = 50_000
"""How many records one event names: an event line has a limit (docs/limits.md)."""


@dataclass(frozen=True, slots=True)
class ErasureSummary:
    """What an erasure did: `records` are erased by its event, in `block` at `time`.

    Of many records the event is divided into several, and `block` and `time` are the last one's.

    `unrecorded` rows were those of a subject that no block committed to: an ingest was interrupted.
    `already` were erased before. `shredded` were too, but only now are their rows gone: a run was
    interrupted, or the vault is an older copy. `time` is in microseconds since 1970, UTC.
    """

    ledger: str
    records: tuple[int, ...]
    unrecorded: int = 0
    already: tuple[int, ...] = ()
    shredded: tuple[int, ...] = ()
    reason: str = ""
    block: int | None = None
    time: int | None = None
    head: str = ""
    dry_run: bool = False
    recovered: tuple[Recovered, ...] = ()


def erase(
    ledger: str | Path,
    *,
    subject: str | Iterable[str] = (),
    record: int | Iterable[int] = (),
    reason: str,
    dry_run: bool = False,
    mining: Callable[[int], None] | None = None,
) -> ErasureSummary:
    """Destroy the rows of each `subject`, and of each `record`, and append an event that says so.

    The event names record numbers and the reason. Row, salt and subject go from the vault; score,
    verdict and seal stay in the ledger, which verifies as before. Repeating a run that was
    interrupted completes it.

    Raises `UsageError` for someone or something that is not there, a ledger whose rows are open,
    and a reason that names the person; `LedgerTampered`, `LedgerLocked` and `NotDurable`.
    """
    subjects = {subject} if isinstance(subject, str) else set(subject)
    numbers = {record} if isinstance(record, int) else set(record)
    if not subjects and not numbers:
        raise UsageError("erase whom? Name a subject or a record", hint="--subject ID, --record N")
    text = checked(reason)
    refuse_identifiers(text, subjects, ())
    with Book(readable(Path(ledger), "a ledger file"), Wish(), mining) as book:
        _refuse_open(book)
        chosen, unrecorded = _chosen(book, subjects, numbers)
        refuse_identifiers(text, book.vault.known(words_of(text)), _rows(book, chosen))
        already = chosen & book.remarks.erased.keys()
        erasure = _Erasure(book, text, sorted(chosen - already), sorted(already))
        return replace(erasure.run(dry_run), unrecorded=unrecorded)


class _Erasure:
    """The event, then the shred."""

    def __init__(self, book: Book, reason: str, fresh: list[int], already: list[int]) -> None:
        self.book, self.reason = book, reason
        self.fresh, self.already = fresh, already

    def run(self, dry_run: bool) -> ErasureSummary:
        store = self.book.store
        left = self.book.unshredded()
        header = None
        if not dry_run:
            for start in range(0, len(self.fresh), MOST_RECORDS):
                part = self.fresh[start : start + MOST_RECORDS]
                fields: Event = {"records": part, "reason": self.reason}
                header = store.append("erase", fields, b"", 0, self.book.bits)
            if self.fresh or left or self.book.vault.reaches(store.next_record):
                self.book.vault.shred([*self.fresh, *left], store.next_record, store.head)
        return ErasureSummary(
            ledger=str(self.book.path),
            records=tuple(self.fresh),
            already=tuple(self.already),
            shredded=() if dry_run else tuple(left),
            reason=self.reason,
            block=header.block if header else None,
            time=header.time if header else None,
            head=store.head[1],
            dry_run=dry_run,
            recovered=tuple(store.recovered),
        )


def _refuse_open(book: Book) -> None:
    if book.new:
        raise UsageError(f"{book.path} holds no block yet, so there is nothing to erase")
    if not book.sealed:
        raise UsageError(
            "the rows of this ledger stand open in the ledger itself, where nothing can be erased",
            hint="begin a sealed ledger without these rows (medchain ingest --ledger NEW), "
            "then destroy this one and every copy of it",
        )


def _chosen(book: Book, subjects: set[str], numbers: set[int]) -> tuple[set[int], int]:
    """The records that were asked for, and how many rows there are that no block committed to."""
    end = book.store.next_record
    for number in sorted(numbers):
        if not 0 <= number < end:
            raise UsageError(f"there is no record {number}: the ledger holds {end}, counted from 0")
    found = list(numbers)
    for subject in subjects:
        rows = book.vault.lines_of(subject)
        if not rows:
            raise _unknown(book)
        found += rows
    chosen = {number for number in found if number < end}
    return chosen, len(set(found) - chosen)


def _unknown(book: Book) -> UsageError:
    if not book.vault.knows_subjects:
        return UsageError(
            "this vault knows no subject of any row",
            hint="name the records with --record; train with --id COLUMN, and subjects are known",
        )
    return UsageError(
        "the vault holds no row of this subject",
        hint="write the id as it stood in the table; of rows that were erased it is gone as well",
    )


def _rows(book: Book, records: Iterable[int]) -> Iterable[dict[str, str]]:
    for record in sorted(records):
        yield from (row for _, row in book.vault.rows(record, 1))
