"""A ledger and its vault, opened together for writing: they only ever change side by side."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from .. import __version__
from ..errors import UsageError
from ..ledger import pow
from ..ledger.note import is_name
from ..ledger.remarks import Remarks
from ..ledger.store import MAX_BITS, Genesis, Store
from ..ledger.vault import Ingest, Vault, vault_path
from ..ledger.verdicts import declared_name
from ..ledger.verify import Stretch
from .bench import bits_for

DEFAULT_BITS = 16
MEASURED = 0.1
"""Seconds for which mining is measured where blocks have a time to take."""
MAX_BATCH_SIZE = 100_000
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller of an ingest asks of the ledger; ``None`` leaves it to the ledger.

    Raises `UsageError` for what no ledger could grant.
    """

    batch_size: int = 100
    bits: int | None = None
    rows: str | None = None
    batch_id: str | None = None
    origin: str | None = None
    allow_duplicate: bool = False
    target_time: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= MAX_BATCH_SIZE:
            raise UsageError(f"a batch has 1 to {MAX_BATCH_SIZE} rows, not {self.batch_size}")
        if self.bits is not None and not 0 <= self.bits <= MAX_BITS:
            raise UsageError(
                f"the work of a block is 0 to {MAX_BITS} bits, not {self.bits}",
                hint="16 takes milliseconds, 24 about a second, 32 minutes for each block",
            )
        if self.target_time is not None and self.bits is not None:
            raise UsageError(
                "the work of a block is given as bits or as a time, not both",
                hint="leave --bits or --target-time out",
            )
        if self.target_time is not None and not 0 < self.target_time < float("inf"):
            raise UsageError("the time that a block may take is above zero")
        if self.origin is not None and not is_name(self.origin):
            raise UsageError(
                "an origin names the log's keys: no space, no plus, no control character",
                hint="a name under a domain of yours, such as hospital.example/ledger",
            )
        if self.rows not in (None, "sealed", "open"):
            raise UsageError("rows are kept 'sealed' or 'open'")
        if self.batch_id is not None and not _UUID.fullmatch(self.batch_id):
            raise UsageError(
                "a batch id is 32 hex digits or a UUID, never a name that could identify someone",
                hint="leave --batch-id out and one is drawn at random",
            )

    def work(self, least: int) -> int:
        """The bits of blocks in a ledger that demands `least`; a time is measured out here."""
        if self.target_time is None:
            return least if self.bits is None else self.bits
        return max(least, bits_for(self.target_time, pow.rate(MEASURED)))

    @property
    def batch(self) -> str | None:
        """The batch id as the ledger writes it: 32 hex digits in lower case."""
        return self.batch_id.replace("-", "").lower() if self.batch_id else None


@dataclass(slots=True)
class _Seen:
    """What the scan to the head saw: records of each batch, and the block the vault saw last."""

    height: int | None = None
    hash: str | None = None
    records: dict[str, int] = field(default_factory=dict)
    remarks: Remarks = field(default_factory=Remarks)
    declared: dict[str, str] = field(default_factory=dict)

    def visit(self, part: Stretch) -> None:
        if part.event and part.header:
            self.remarks.visit(part.event, part.header)
            if name := declared_name(part.event):
                self.declared[name] = str(part.event["model"])
        if self.height is not None and (found := part.hash(self.height)):
            self.hash = found.hex()
        for run in part.runs:
            if run.batch:
                self.records[run.batch] = self.records.get(run.batch, 0) + run.records


class Book:
    """The pair, locked; a context manager. Nothing is written but a recovery until `begin`.

    Raises `LedgerLocked`, `LedgerTampered`, `NotDurable`, and `UsageError` where ledger and vault
    do not belong together or do not grant the wish.
    """

    def __init__(self, path: Path, wish: Wish, mining: Callable[[int], None] | None = None) -> None:
        self.path, self.wish = path, wish
        self.store = Store(_writable(path), clock=_now, mining=mining)
        self._vault: Vault | None = None
        self._seen = _Seen()
        self._bits: int | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Book:
        with ExitStack() as stack:
            stack.enter_context(self.store)
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def vault(self) -> Vault:
        """The vault; there is one after `begin`, and before it wherever the ledger has blocks."""
        assert self._vault
        return self._vault

    @property
    def new(self) -> bool:
        """Whether the ledger has no block yet."""
        return self.store.height == 0

    @property
    def sealed(self) -> bool:
        """Whether rows go to the vault, and only their seals to the ledger."""
        return self.store.genesis["rows"] == "sealed"

    @property
    def bits(self) -> int:
        """The work of the blocks to come."""
        if self._bits is None:
            self._bits = self.wish.work(self.store.min_bits)
        return self._bits

    @property
    def remarks(self) -> Remarks:
        """What the events that stood in the ledger when it was opened say about its records."""
        return self._seen.remarks

    @property
    def declared(self) -> dict[str, str]:
        """By its name the digest of each model that stood declared when the ledger was opened."""
        return self._seen.declared

    def unshredded(self) -> list[int]:
        """The records that the ledger has as erased, but whose rows are still in the vault."""
        return self._vault.kept(self.remarks.erased) if self._vault else []

    def finish_erasures(self) -> list[int]:
        """Destroy what an erasure that was interrupted left behind; returns the records."""
        left = self.unshredded()
        if left:
            self.vault.shred(left, self.store.next_record, self.store.head)
        return left

    def find(self, table: Callable[[bytes], bytes], model: str) -> Ingest | None:
        """The ingest of this table under `model`, if any; `table` gives its keyed digest."""
        if self.new:
            return None
        return self.vault.find(table(self.vault.secret), model)

    def recorded(self, batch: str) -> int:
        """How many records of `batch` stand in the ledger."""
        return self._seen.records.get(batch, 0)

    def begin(self, table: Callable[[bytes], bytes], model: str) -> str:
        """Begin a new batch, and the ledger where it is new; returns the batch id."""
        if self.new:
            self.begin_ledger()
        batch = self.wish.batch or secrets.token_hex(16)
        if batch in self._seen.records or batch in self.vault.batches():
            raise UsageError(
                f"batch {batch} is in this ledger already, for another table",
                hint="leave --batch-id out and one is drawn at random",
            )
        self.vault.start(batch, table(self.vault.secret), model)
        return batch

    def begin_ledger(self) -> None:
        """Write block 0, and make the vault."""
        path = vault_path(self.path)
        created = Vault.create(path, secrets.token_hex(16), secrets.token_bytes(32))
        self._vault = self._stack.enter_context(created)
        self.store.begin(
            Genesis(
                ledger=created.ledger,
                origin=self.wish.origin or f"medchain/{created.ledger}",
                min_bits=DEFAULT_BITS if self.wish.bits is None else self.wish.bits,
                rows=self.wish.rows or "sealed",
                program=f"medchain {__version__}",
            )
        )

    def _open(self, stack: ExitStack) -> None:
        path = vault_path(self.path)
        if path.exists():
            self._vault = stack.enter_context(Vault(path))
            self._seen.height = self._vault.head[0] if self._vault.head else None
        self.store.read(self._seen.visit)
        if self._vault:
            self._vault.check_head(self.store.height, self._seen.hash)
        if not self.new:
            self._check_pair(path)
            self._check_wish()

    def _check_pair(self, path: Path) -> None:
        if not self._vault:
            raise UsageError(
                f"{path} is missing, and without it nobody can tell what is recorded already",
                hint="put the vault back from your backup, or begin a new ledger with --ledger",
            )
        if self._vault.ledger != self.store.genesis["ledger"]:
            raise UsageError(
                f"{path} belongs to another ledger than {self.path}",
                hint="put the two files that belong together into one folder",
            )
        self._vault.sweep()

    def _check_wish(self) -> None:
        genesis, wish = self.store.genesis, self.wish
        if wish.rows and wish.rows != genesis["rows"]:
            raise UsageError(
                f"this ledger keeps its rows {genesis['rows']}: its first block lays that down",
                hint="leave --rows out, or begin a new ledger with --ledger",
            )
        if wish.origin and wish.origin != genesis["origin"]:
            raise UsageError(
                "this ledger has another origin: its first block lays that down",
                hint="leave --origin out, or begin a new ledger with --ledger",
            )
        if wish.bits is not None and wish.bits < self.store.min_bits:
            raise UsageError(
                f"this ledger demands {self.store.min_bits} bits of work, not {wish.bits}",
                hint="leave --bits out, or give a higher number",
            )


def _writable(path: Path) -> Path:
    if path.suffix in (".gz", ".zst", ".vault"):
        raise UsageError(
            f"{path} cannot be written to: a ledger grows as a plain .jsonl file",
            hint="name a .jsonl file; compress a copy of it for the archive",
        )
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a ledger file", hint="name a file in it")
    return path


def _now() -> int:
    return time.time_ns() // 1000
