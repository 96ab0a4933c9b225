"""The vault: sealed rows beside the ledger, and what is known of each ingest (SQLite, mode 0600).

The ledger holds a commitment to every row, the vault the row itself, so the ledger may be handed to
anyone. Rows are written durably *before* the block that commits to them; what a killed run left
behind without a block is replaced by the next one (docs/format.md, "The vault").
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from .. import fs
from ..errors import FormatTooNew, LedgerTampered, UsageError
from .judge import Block, Finding
from .lines import MAX_LINE, parse_object
from .seals import TOO_LONG, Opener, Sealed
from .vault_file import (
    CALLS,
    FORMAT,
    LONGEST,
    SCHEMAS,
    OversizedLine,
    address,
    check_schema,
    refuse_foreign,
    sentence,
)

INSERTED = 256
ASKED = 500
PAGE = 8192
OTHER_TABLES = "select name from old.sqlite_schema where type = 'table' and name != 'sealed'"
NEW, OLD = "new", "old"
LEFTOVERS = (OLD, NEW, f"{NEW}-journal")
NO_ROW = "the vault has no row for this record"


@dataclass(frozen=True, slots=True)
class Ingest:
    """One table through one model: its batch id, and whether it is recorded to its end."""

    batch: str
    complete: bool


def vault_path(ledger: Path) -> Path:
    """Where the vault of `ledger` lies: ``ledger.jsonl`` has ``ledger.vault``."""
    return ledger.with_suffix(".vault")


class Vault:
    """An open vault; a context manager.

    Raises `NotDurable` where a write fails, `UsageError` where the file is no vault or one of
    another ledger, `FormatTooNew` for a vault of a later program.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        self._connect(readonly)

    @classmethod
    def create(cls, path: Path, ledger: str, secret: bytes) -> Vault:
        """Make the vault of a new ledger; `secret` keys the digests of the tables it has seen.

        A vault that a killed run left behind before its ledger began is taken over with its id.
        """
        fs.create(path, mode=0o600)
        vault = cls(path)
        if not vault.ledger:
            with sentence(path), vault._transaction():
                vault._set("ledger", ledger)
                vault._set("secret", secret)
        return vault

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _connect(self, readonly: bool) -> None:
        refuse_foreign(self.path)
        with sentence(self.path):
            # By one thread at a time: whoever shares it sees to that.
            self._db = sqlite3.connect(
                address(self.path, readonly),
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
                self._prepare(readonly)
            except BaseException:
                self._db.close()
                raise

    @property
    def ledger(self) -> str:
        """The id of the ledger that this vault belongs to."""
        return str(self._get("ledger") or "")

    @property
    def secret(self) -> bytes:
        """The key under which tables are recognised."""
        value = self._get("secret")
        assert isinstance(value, bytes)
        return value

    @property
    def head(self) -> tuple[int, str] | None:
        """Height and hash of the last block that was durable when the vault was last written."""
        height = self._get("height")
        return None if height is None else (int(str(height)), str(self._get("hash")))

    @functools.cached_property
    def _opener(self) -> Opener:
        return Opener(self.ledger)

    def check_head(self, height: int, found: str | None) -> None:
        """Refuse a ledger of `height` blocks that lacks the block seen last, or has `found` there.

        Raises `LedgerTampered`: rows that such a ledger once committed to would be overwritten.
        """
        if self.head is None:
            return
        seen, digest = self.head
        if seen >= height:
            raise LedgerTampered(
                f"the ledger has {height} blocks, but its vault has seen block {seen}",
                hint="the ledger was cut or is an old copy: put the newest copy back in its place",
            )
        if found != digest:
            raise LedgerTampered(
                f"block {seen} of the ledger is not the one that its vault has seen",
                hint="the ledger was rewritten: put the copy back that this vault belongs to",
            )

    def write(
        self,
        first: int,
        lines: Sequence[str],
        subjects: Sequence[str] | None,
        head: tuple[int, str],
        calls: Sequence[tuple[bytes, int, int]] = (),
    ) -> None:
        """Seal rows from record `first` on, durably, and note the block `head` as seen.

        Rows from `first` on that stand there already were never committed to, and are replaced.
        `calls` are keyed digests under which records are asked for, with record and block. Raises
        `UsageError` for a line that is longer than a reader takes.
        """
        if max(map(len, lines), default=0) > MAX_LINE:
            raise UsageError(
                f"a row takes more than the {MAX_LINE} bytes that a sealed line may have",
                hint="leave columns out",
            )
        with sentence(self.path), self._transaction():
            self._db.execute("delete from sealed where record >= ?", (first,))
            self._insert(first, lines, subjects)
            self._db.execute("delete from call where record >= ?", (first,))
            if calls:
                self._db.executemany("insert into call values (?, ?, ?)", calls)
            self._see(head)

    def called(self, key: bytes) -> tuple[int, int] | None:
        """Record and block that were asked for under `key`; some may never have been appended."""
        with sentence(self.path):
            query = "select record, block from call where key = ?"
            row = self._db.execute(query, (key,)).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def find(self, source: bytes, model: str) -> Ingest | None:
        """What is known of the table with keyed digest `source` under `model`; open runs first."""
        query = (
            "select batch, complete from ingest where source = ? and model = ? order by complete"
        )
        with sentence(self.path):
            row = self._db.execute(query, (source, model)).fetchone()
        return Ingest(row[0], bool(row[1])) if row else None

    def batches(self) -> set[str]:
        """The batch ids of every ingest."""
        with sentence(self.path):
            return {row[0] for row in self._db.execute("select batch from ingest")}

    def start(self, batch: str, source: bytes, model: str) -> None:
        """Note, durably, that a table is being ingested."""
        with sentence(self.path), self._transaction():
            self._db.execute("insert into ingest values (?, ?, ?, 0)", (batch, source, model))

    def finish(self, batch: str, head: tuple[int, str]) -> None:
        """Note, durably, that a table is recorded to its end."""
        with sentence(self.path), self._transaction():
            self._db.execute("update ingest set complete = 1 where batch = ?", (batch,))
            self._see(head)

    def note(self, head: tuple[int, str]) -> None:
        """Note, durably, that the block `head` was seen."""
        with sentence(self.path), self._transaction():
            self._see(head)

    def lines_of(self, subject: str) -> dict[int, str]:
        """The sealed lines of `subject` by record, in order; some may be without a block."""
        with sentence(self.path):
            query = "select record, line from sealed where subject = ? order by record"
            return dict(self._db.execute(query, (subject,)))

    def known(self, subjects: Collection[str]) -> list[str]:
        """Those of `subjects` of whom there are rows here."""
        query = "select 1 from sealed where subject = ? limit 1"
        with sentence(self.path):
            return [one for one in subjects if self._db.execute(query, (one,)).fetchone()]

    def subject_of(self, record: int) -> str | None:
        """Whom the row of `record` is of, where it is here and that is known."""
        with sentence(self.path):
            query = "select subject from sealed where record = ?"
            row = self._db.execute(query, (record,)).fetchone()
            return row[0] if row else None

    @property
    def knows_subjects(self) -> bool:
        """Whether there is any row here whose subject is known."""
        with sentence(self.path):
            query = "select 1 from sealed where subject is not null limit 1"
            return self._db.execute(query).fetchone() is not None

    def kept(self, records: Collection[int]) -> list[int]:
        """Those of `records` whose rows are here, in order."""
        wanted, found = sorted(records), list[int]()
        with sentence(self.path):
            for start in range(0, len(wanted), ASKED):
                part = wanted[start : start + ASKED]
                marks = ",".join("?" * len(part))
                query = f"select record from sealed where record in ({marks}) order by record"
                found += [row[0] for row in self._db.execute(query, part)]
        return found

    def reaches(self, end: int) -> bool:
        """Whether there are rows from `end` on, which no block committed to."""
        with sentence(self.path):
            query = "select 1 from sealed where record >= ? limit 1"
            return self._db.execute(query, (end,)).fetchone() is not None

    @property
    def leftover(self) -> Path | None:
        """What an erasure that was interrupted left: a file that may still hold what it erased."""
        paths = (_beside(self.path, name) for name in LEFTOVERS)
        return next((path for path in paths if path.exists()), None)

    def shred(self, records: Collection[int], end: int, head: tuple[int, str]) -> None:
        """Destroy the rows of `records`, and those from `end` on, which no block committed to.

        The vault is written anew without them, takes the old one's place in one step, and the old
        one is overwritten: no page, freelist or journal of the new file ever held such a row.
        `head` is noted as the block seen last. After a crash, calling this again completes it.
        """
        self.sweep()
        old, new = _beside(self.path, OLD), _beside(self.path, NEW)
        fs.create(new, mode=0o600)
        try:
            with Vault(new) as fresh:
                fresh._take_over(self.path, records, end, head)
                fs.supersede(self.path, new, old)
        except Exception:
            self.sweep()
            raise
        self._db.close()
        self._connect(readonly=False)

    def sweep(self) -> None:
        """Destroy what an interrupted `shred` left beside the vault."""
        for name in LEFTOVERS:
            fs.shred(_beside(self.path, name))

    def _take_over(
        self, path: Path, records: Collection[int], end: int, head: tuple[int, str]
    ) -> None:
        """Fill this new vault with all of that at `path` but some rows, and keep that one locked.

        A reader with a query under way is waited for: it must not see the file overwritten.
        """
        with sentence(path):
            self._db.execute("pragma journal_mode = off")  # it is nobody's file until it is whole
            self._db.execute("attach ? as old", (str(path),))
            self._db.execute("pragma old.locking_mode = exclusive")
            self._db.execute("create temp table gone (record integer primary key)")
            self._db.execute("begin exclusive")
            self._db.executemany("insert into gone values (?)", ((n,) for n in set(records)))
            self._db.execute(
                "insert into sealed select * from old.sealed"
                " where record < ? and record not in gone order by record",
                (end,),
            )
            for (table,) in self._db.execute(OTHER_TABLES).fetchall():
                self._db.execute(f"insert into {table} select * from old.{table}")
            self._see(head)
            self._db.execute("commit")

    def lines(self, first: int, total: int) -> list[tuple[int, str]]:
        """Record number and sealed line of the records from `first`, as far as they are here."""
        return list(self._stored(first, total))

    def _stored(self, first: int, total: int) -> Iterator[tuple[int, str]]:
        """The same, one behind the other: all at once are too much, where a vault is hostile."""
        with sentence(self.path):
            yield from self._db.execute(
                "select record, line from sealed where record >= ? and record < ? order by record",
                (first, first + total),
            )

    def rows(self, first: int, total: int) -> Iterator[tuple[int, dict[str, str]]]:
        """Record number and cells of the records from `first`, as far as they are here."""
        for record, line in self.lines(first, total):
            yield record, parse_object(line.encode())["row"]  # type: ignore[misc]

    def open_seals(
        self,
        block: Block,
        missing: Callable[[int], object] | None = None,
        opened: dict[int, Sealed] | None = None,
    ) -> Finding | None:
        """The first record of `block` whose seal this vault contradicts or cannot open.

        With `missing`, it is told the index of each record whose row is not here instead; `opened`
        takes up by its number what each sealed line holds.
        """
        first = block.header.first
        stored = self._stored(first, block.header.count)
        kept: tuple[int, str] | None = None
        for index, record in enumerate(block.rows()):
            if record.seal is None:
                continue
            try:
                kept = kept or next(stored, None)
            except OversizedLine:
                index = self._oversized(record.number) - first
                return _seal_finding(block, index, f"its seal does not open: {TOO_LONG}")
            if kept is None or kept[0] != record.number:
                if not missing:
                    return _seal_finding(block, index, NO_ROW)
                missing(index)
                continue
            line, kept = kept[1], None
            try:
                if opened is None:
                    self._opener.check(line, record.seal, record.number)
                else:
                    opened[record.number] = self._opener.open(line, record.seal, record.number)
            except ValueError as error:
                return _seal_finding(block, index, f"its seal does not open: {error}")
        return None

    def _oversized(self, record: int) -> int:
        """The first record from `record` on whose line is too long; the cursor reads one ahead."""
        while True:
            try:
                self.lines(record, 1)
            except OversizedLine:
                return record
            record += 1

    def _insert(self, first: int, lines: Sequence[str], subjects: Sequence[str] | None) -> None:
        # Many rows a statement: each one gives the interpreter lock away, and must get it back.
        for start in range(0, len(lines), INSERTED):
            part: Sequence[str] = lines[start : start + INSERTED]
            statement = _insertion(len(part), subjects is not None)
            if subjects is not None:
                part = list(chain.from_iterable(zip(part, subjects[start:], strict=False)))
            self._db.execute(statement, [first + start, *part])

    def _prepare(self, readonly: bool) -> None:
        version = self._db.execute("pragma user_version").fetchone()[0]
        if version > FORMAT:
            raise FormatTooNew(
                f"{self.path} is a vault of format {version}; this program knows format {FORMAT}",
                hint="install a newer medchain",
            )
        self._db.execute("pragma trusted_schema = off")
        if version or readonly:
            check_schema(self._db, self.path, version)
        if readonly:
            return
        self._db.execute(f"pragma page_size = {PAGE}")  # of a new file; an old one keeps its own
        self._db.execute("pragma journal_mode = delete")
        self._db.execute("pragma synchronous = extra")
        self._db.execute("pragma fullfsync = on")  # for macOS, as fs does
        self._db.execute("pragma secure_delete = on")
        if version < FORMAT:
            with self._transaction():
                for statement in SCHEMAS[FORMAT].split(";") if version == 0 else CALLS.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"pragma user_version = {FORMAT}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def _see(self, head: tuple[int, str]) -> None:
        self._set("height", head[0])
        self._set("hash", head[1])

    def _set(self, key: str, value: object) -> None:
        self._db.execute("insert or replace into meta values (?, ?)", (key, value))

    def _get(self, key: str) -> object:
        with sentence(self.path):
            row = self._db.execute("select value from meta where key = ?", (key,)).fetchone()
        return row[0] if row else None


@functools.cache
def _insertion(count: int, subjects: bool) -> str:
    """Insert `count` rows: their numbers are the first parameter and what follows it."""
    values = ",".join(f"({place},?{',?' * subjects})" for place in range(count))
    columns, found = ("line, subject", "column2, column3") if subjects else ("line", "column2")
    return (
        f"insert into sealed (record, {columns}) select ? + column1, {found} from (values {values})"
    )


def _seal_finding(block: Block, index: int, message: str) -> Finding:
    offset = block.record_offset(index)
    number = block.header.first + index
    return Finding(
        "seal", block.header.block, block.line + 1 + index, offset, message, record=number
    )


def _beside(path: Path, name: str) -> Path:
    return path.with_name(f"{path.name}.{name}")
