"""Amend: a later word about a record, which stays as it was recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..fs import readable
from ..ledger.lines import Event
from ..ledger.store import Recovered
from .book import Book, Wish
from .reason import checked, refuse_identifiers, words_of
from .show import show


@dataclass(frozen=True, slots=True)
class AmendmentSummary:
    """An amendment as it was recorded; `anomaly` is the corrected verdict, or ``None``."""

    ledger: str
    record: int
    anomaly: bool | None
    reason: str
    block: int
    time: int
    head: str
    shredded: tuple[int, ...] = ()
    recovered: tuple[Recovered, ...] = ()


def amend(
    ledger: str | Path,
    *,
    record: int,
    reason: str,
    anomaly: bool | None = None,
    mining: Callable[[int], None] | None = None,
) -> AmendmentSummary:
    """Append an event that corrects the verdict on `record` to `anomaly`, or says only `reason`.

    The record itself stays. Raises `UsageError` where there is no such record, or where the reason
    quotes its row; `LedgerTampered`, `LedgerLocked` and `NotDurable`.
    """
    text = checked(reason)
    path = readable(Path(ledger), "a ledger file")
    with Book(path, Wish(), mining) as book:
        end = book.store.next_record
        if not 0 <= record < end:
            raise UsageError(f"there is no record {record}: the ledger holds {end}, counted from 0")
        shredded = tuple(book.finish_erasures())
        _refuse_row(book, record, text)
        fields: Event = {"record": record, "reason": text}
        if anomaly is not None:
            fields["anomaly"] = anomaly
        header = book.store.append("amend", fields, b"", 0, book.bits)
        book.vault.note(book.store.head)
        return AmendmentSummary(
            ledger=str(book.path),
            record=record,
            anomaly=anomaly,
            reason=text,
            block=header.block,
            time=header.time,
            head=book.store.head[1],
            shredded=shredded,
            recovered=tuple(book.store.recovered),
        )


def _refuse_row(book: Book, record: int, reason: str) -> None:
    if not book.sealed:
        row = show(book.path, record=record)["row"]
        assert isinstance(row, dict)
        refuse_identifiers(reason, (), [row])
        return
    named = book.vault.known(words_of(reason))
    if subject := book.vault.subject_of(record):
        named.append(subject)
    refuse_identifiers(reason, named, [row for _, row in book.vault.rows(record, 1)])
