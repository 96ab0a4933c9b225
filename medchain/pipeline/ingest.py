"""Ingest: score a table with a model and record every row in a ledger, exactly once.

Two passes over the table. The first (`scored`) reads, checks and scores every row, so that a table
with a fault, or of another model, is refused before anything is written. The second seals the rows
and appends them in blocks.
"""

from __future__ import annotations

import gc
import secrets
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import fs
from ..errors import UsageError
from ..ledger import writer
from ..ledger.lines import Event
from ..ledger.merkle import line_hashes
from ..ledger.store import Recovered
from ..ledger.vault import Ingest
from .book import DEFAULT_BITS, Book, Wish
from .explain import explained
from .rejects import write_rejects
from .scored import Part, Progress, Scored, regrouped
from .session import Entry, append
from .share import streamed
from .signed_model import model_keys, signers

if TYPE_CHECKING:
    from ..detect.bundle import Bundle
    from ..tabular import Reject, Row, Table

Write = Callable[[int, "array[float]", float, bytes], bytes]

GROUP_ROWS = 1 << 14
"""Rows that go to the vault in one transaction."""


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What an ingest did. `already` rows stood in the ledger before; `head` is its last hash.

    `shredded` records were erased before by a run that was interrupted; this one completed it.
    `signed_by` names the owners of those of the keys asked for that signed the model.
    """

    ledger: str
    batch: str
    model: str
    threshold: float
    records: int
    anomalies: int
    blocks: int
    already: int = 0
    bits: int = DEFAULT_BITS
    head: str = ""
    first_record: int | None = None
    duplicate: bool = False
    dry_run: bool = False
    ignored: tuple[str, ...] = ()
    rejects: tuple[Reject, ...] = ()
    rejects_file: str = ""
    recovered: tuple[Recovered, ...] = ()
    shredded: tuple[int, ...] = ()
    signed_by: tuple[str, ...] = ()


def ingest(
    table: str | Path,
    *,
    model: str | Path = "model",
    ledger: str | Path = "ledger.jsonl",
    batch_size: int = 100,
    bits: int | None = None,
    target_time: float | None = None,
    rows: str | None = None,
    batch_id: str | None = None,
    origin: str | None = None,
    delimiter: str | None = None,
    dry_run: bool = False,
    skip_bad_rows: bool = False,
    rejects: str | Path | None = None,
    allow_duplicate: bool = False,
    reasons: bool = True,
    model_key: str | Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
    mining: Callable[[int], None] | None = None,
) -> IngestSummary:
    """Score the rows of `table` and append them to `ledger` in blocks of `batch_size`.

    A run that was killed is completed by repeating it; a table that is recorded already appends
    nothing unless `allow_duplicate`. `bits` (default: what the ledger demands, 16 for a new one),
    `rows` (``sealed`` or ``open``) and `origin` are laid down when the ledger begins. Instead of
    `bits`, `target_time` says how many seconds a block may take on average on this machine; that
    never makes less work than the ledger demands. With `reasons`, the sealed row of each anomaly
    says which features made it one; an open ledger never does. With `model_key`, one or more
    verifier keys, the model must be signed by one of them.

    Raises `TableError`, `ModelError`, `UsageError`, `LedgerTampered` and `LedgerLocked` before
    anything is recorded, and `NotDurable` where the disk refuses.
    """
    from ..detect.bundle import Bundle
    from ..detect.scoring import Scorer
    from ..tabular import open_table

    wish = Wish(batch_size, bits, rows, batch_id, origin, allow_duplicate, target_time)
    keys = model_keys(model_key)
    bundle = Bundle.load(Path(model))
    signed_by = signers(bundle, keys)
    scorer = Scorer(bundle)
    with (
        _collector_at_rest(),
        open_table(table, delimiter=delimiter, skip_bad_rows=True) as source,
        fs.scratch() as scratch,
    ):
        ignored = tuple(scorer.bind(source.columns))
        scored = Scored(source, bundle, scorer, scratch, progress)
        if dry_run:
            scored.run(skip_bad_rows)
            return replace(_foreseen(str(ledger), scored, wish, ignored), signed_by=signed_by)
        with Book(Path(ledger), wish, mining) as book:
            shredded = tuple(book.finish_erasures())
            found = _found(book, source, bundle.digest)
            if found and found.complete:
                run = _duplicate(book, bundle, found.batch, ignored)
                return replace(run, shredded=shredded, signed_by=signed_by)
            scored.run(skip_bad_rows, rejects)
            if scored.rejects:
                scored.rejects_file = str(rejects or Path(ledger).with_suffix(".rejects.csv"))
                write_rejects(scored.rejects_file, scored.rejects)
            batch = found.batch if found else book.begin(source.digest, bundle.digest)
            run = _Recording(book, scored, batch, ignored, reasons).run()
            return replace(run, shredded=shredded, signed_by=signed_by)


def _found(book: Book, table: Table, model: str) -> Ingest | None:
    """The earlier ingest of this table that is to be completed, or that makes this one needless."""
    found = book.find(table.digest, model)
    if not found or (found.complete and book.wish.allow_duplicate):
        return None
    if book.wish.batch and book.wish.batch != found.batch and not found.complete:
        raise UsageError(
            f"this table is recorded in part already, as batch {found.batch}",
            hint="repeat the command without --batch-id and it goes on where it stopped",
        )
    return found


@dataclass(slots=True)
class _Block:
    """The record lines of a block to come, and the sealed lines that go to the vault before it."""

    records: bytes
    count: int
    anomalies: int
    drift: float | None = None
    sealed: bytes = b""
    subjects: list[str] = field(default_factory=list)


class _Recording:
    """The second pass: rows sealed, the vault written, blocks appended."""

    def __init__(
        self, book: Book, scored: Scored, batch: str, ignored: tuple[str, ...], reasons: bool
    ) -> None:
        self.book, self.scored, self.batch, self.ignored = book, scored, batch, ignored
        self._reasons = reasons and book.sealed
        self.blocks = self.anomalies = 0
        self._threshold = scored.bundle.threshold

    def run(self) -> IngestSummary:
        """Record every scored row that is not in the ledger yet."""
        store, first = self.book.store, self.book.store.next_record
        already = self.book.recorded(self.batch)
        made = _grouped(self._made(already, first))
        with closing(streamed(made, self.scored.processes, self.scored.files)) as groups:
            try:
                for group in groups:
                    self._write(group)
            except RuntimeError:
                self.scored.table.check_unchanged()
                raise
        self.book.vault.finish(self.batch, store.head)
        records = store.next_record - first
        return IngestSummary(
            ledger=str(self.book.path),
            batch=self.batch,
            model=self.scored.bundle.digest,
            threshold=self._threshold,
            records=records,
            anomalies=self.anomalies,
            blocks=self.blocks,
            already=already,
            bits=self.book.bits,
            head=store.head[1],
            first_record=first if records else None,
            ignored=self.ignored,
            rejects=tuple(self.scored.rejects),
            rejects_file=self.scored.rejects_file,
            recovered=tuple(store.recovered),
        )

    def _write(self, group: list[_Block]) -> None:
        append(self.book, [self._entry(block) for block in group])
        self.blocks += len(group)
        self.anomalies += sum(block.anomalies for block in group)
        self.scored.report("recording", self.book.store.next_record, self.blocks)

    def _entry(self, block: _Block) -> Entry:
        fields: Event = {
            "batch": self.batch,
            "model": self.scored.bundle.digest,
            "threshold": self._threshold,
            "rows": block.count,
            "anomalies": block.anomalies,
        }
        if block.drift is not None:
            fields["drift"] = block.drift
        return Entry("score", fields, block.records, block.count, block.sealed, block.subjects)

    def _made(self, already: int, first: int) -> Iterator[_Block]:
        """The rows behind the first `already`, in blocks whose records begin with `first`."""
        table, name = self.scored.table, self.scored.bundle.schema.id
        subject = table.columns.index(name) if name in table.columns else None
        size = self.book.wish.batch_size
        parts = self.scored.good_rows()
        if self._reasons:
            parts = explained(parts, self.scored.scorer, table.delimiter)
        for part in regrouped(parts, already, size):
            objects = writer.row_objects(table.columns, part.rows, table.delimiter)
            if not self.book.sealed:
                block = self._block(writer.open_records, first, part, objects)
            else:
                sealed = self._sealed(first, len(part.rows), _behind(objects, part.reasons))
                block = self._block(writer.sealed_records, first, part, line_hashes(sealed))
                block.sealed = sealed
                if subject is not None:
                    block.subjects = [_cell(row, subject, table.delimiter) for row in part.rows]
            yield block
            first += len(part.rows)

    def _sealed(self, first: int, total: int, objects: bytes) -> bytes:
        """Rows as sealed lines, each with a fresh salt."""
        ledger = str(self.book.store.genesis["ledger"])
        salts = secrets.token_bytes(writer.SALT * total)
        return writer.sealed_lines(ledger, first, salts, objects)

    def _block(self, write: Write, first: int, part: Part, rows: bytes) -> _Block:
        scores, drift = part.scores, self.scored.scorer.drift
        records = write(first, scores, self._threshold, rows)
        anomalies = sum(score >= self._threshold for score in scores)
        far = drift.figure(part.bins, np.frombuffer(scores)) if drift else None
        return _Block(records, len(scores), anomalies, far)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    # Rows are short-lived lists without a cycle: a collector that looks at them costs a third more.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _cell(row: Row, place: int, delimiter: str) -> str:
    return row[place] if isinstance(row, list) else row.split(delimiter, place + 1)[place]


def _behind(objects: bytes, reasons: Sequence[str]) -> bytes:
    """The row objects, those of anomalies with what explains them behind."""
    if not any(reasons):
        return objects
    lines = objects.split(b"\n")
    for place, reason in enumerate(reasons):
        if reason:
            lines[place] += reason.encode("ascii")
    return b"\n".join(lines)


def _grouped(blocks: Iterable[_Block]) -> Iterator[list[_Block]]:
    """Put blocks together: the vault is brought to disk once a group."""
    group, rows = list[_Block](), 0
    for block in blocks:
        group.append(block)
        rows += block.count
        if rows >= GROUP_ROWS:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _foreseen(ledger: str, scored: Scored, wish: Wish, ignored: tuple[str, ...]) -> IngestSummary:
    return IngestSummary(
        ledger=ledger,
        batch="",
        model=scored.bundle.digest,
        threshold=scored.bundle.threshold,
        records=scored.rows,
        anomalies=scored.anomalies,
        blocks=-(-scored.rows // wish.batch_size),
        bits=wish.work(DEFAULT_BITS),
        dry_run=True,
        ignored=ignored,
        rejects=tuple(scored.rejects),
    )


def _duplicate(book: Book, bundle: Bundle, batch: str, ignored: tuple[str, ...]) -> IngestSummary:
    return IngestSummary(
        ledger=str(book.path),
        batch=batch,
        model=bundle.digest,
        threshold=bundle.threshold,
        records=0,
        anomalies=0,
        blocks=0,
        already=book.recorded(batch),
        bits=book.bits,
        head=book.store.head[1],
        duplicate=True,
        ignored=ignored,
        recovered=tuple(book.store.recovered),
    )
