"""The recorder: what a model says is in the ledger before the answer leaves the process.

`record` returns when row and verdict are durable: the sealed line in the vault, then its block.
Calls that come while another one is being written wait and share the next block (group commit): the
thread whose call stands first writes for all that wait.
"""

from __future__ import annotations

import atexit
import hmac
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import NotDurable, UsageError
from ..ledger import writer
from ..ledger.lines import Event, parse_object
from ..ledger.merkle import line_hashes
from .book import Book, Wish
from .declaration import Declaration, load
from .reason import checked
from .session import Entry, append
from .speech import ABSENT, Speech, refuse_long, row_object, speech

if TYPE_CHECKING:
    from ..ledger.proof import Proof

F = TypeVar("F", bound=Callable[..., Any])

MOST_ROWS = 1000
"""Rows in a block."""
MOST_BYTES = 1 << 23
"""Bytes of sealed lines in a block: half of what a block may hold."""
MOST_WAITING = 10_000
"""Rows that wait without a caller who waits for them; the next caller does."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was recorded: the number of the record, its block, its verdict, and what is outside.

    `anomaly` is ``None`` where the model gave no verdict. `repeated` says that it stood there
    already under the same idempotency key.
    """

    ledger: str
    record: int
    block: int
    anomaly: bool | None
    outside: dict[str, str]
    repeated: bool = False

    def proof(self) -> Proof:
        """The proof of this record; raises `UsageError` before a checkpoint covers it."""
        from .prove import prove_record

        return prove_record(self.ledger, self.record)


@dataclass(slots=True)
class _Call:
    """A row and what was said of it, and whether it was recorded before under its key."""

    row: str
    speech: Speech
    subject: str | None
    key: bytes | None
    receipt: Receipt | None = None
    error: UsageError | None = None

    @property
    def size(self) -> int:
        return len(self.row) + len(self.speech.sealed) + writer.HASH * 6


@dataclass(slots=True, eq=False)
class _Ticket:
    """Calls that are recorded together; whoever made them waits until `wake` can be had."""

    calls: list[_Call]
    wake: threading.Lock = field(default_factory=threading.Lock)
    leads: bool = False
    error: BaseException | None = None


class Recorder:
    """Records what `model` says in `ledger`; a context manager, for any number of threads.

    `model` is a declaration or its folder. `id` is the column that tells patients apart, by which
    `find` and `erase` know them. A declaration that differs from the one that the ledger knows
    under its name needs a `reason`. `bits` and `origin` are as for `ingest`.

    The ledger stays locked until `close`. A process that was forked opens a recorder of its own, on
    a ledger of its own. Raises `LedgerLocked`, `LedgerTampered`, `NotDurable` and `UsageError`.
    """

    def __init__(
        self,
        ledger: str | Path,
        *,
        model: Declaration | str | Path,
        id: str | None = None,
        reason: str | None = None,
        bits: int | None = None,
        origin: str | None = None,
    ) -> None:
        self.model = model if isinstance(model, Declaration) else load(model)
        self.path, self._id = Path(ledger), id
        self._reason = None if reason is None else checked(reason)
        self._wish = Wish(bits=bits, origin=origin)
        self._lock = threading.Lock()
        self._queue: list[_Ticket] = []
        self._leading = self._closed = self._forked = False
        self._room = threading.Condition(self._lock)
        self._later: list[_Call] = []
        self._later_error: BaseException | None = None
        self._worker: threading.Thread | None = None
        self._book: Book | None = None
        self._open()
        _OPEN.add(self)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(
        self,
        row: Any,
        *,
        score: Any = ABSENT,
        label: Any = ABSENT,
        output: Any = ABSENT,
        error: BaseException | None = None,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Record `row` and what the model said of it; returns when both are durable.

        A model that says a probability or a number is given as `score`, a class as `label`, a text
        or JSON as `output`, which is sealed beside the row. `error` is what a model raised that did
        not answer. With the same `idempotency_key` the same record is given back, also after a
        crash.

        Raises `UsageError` where row or answer cannot be recorded, or where the key stands for
        another row, and `NotDurable`: the row may then be recorded or not, and a retry with the key
        is safe.
        """
        said = {"score": score, "label": label, "output": output}
        call = self._call(row, said, error, idempotency_key)
        self._settle([call])
        assert call.receipt
        return call.receipt

    async def arecord(self, row: Any, **said: Any) -> Receipt:
        """As `record`, from an event loop; one that is cancelled is recorded all the same."""
        import asyncio

        return await asyncio.to_thread(self.record, row, **said)

    def record_many(
        self,
        rows: Any,
        *,
        scores: Iterable[Any] | None = None,
        labels: Iterable[Any] | None = None,
        outputs: Iterable[Any] | None = None,
    ) -> list[Receipt]:
        """Record many rows, or a data frame, with one answer each; durable when it returns.

        Nothing is recorded where one of them cannot be.
        """
        listed = rows.to_dict("records") if hasattr(rows, "columns") else list(rows)
        given = {"score": scores, "label": labels, "output": outputs}
        answers = {key: list(values) for key, values in given.items() if values is not None}
        if any(len(values) != len(listed) for values in answers.values()):
            raise UsageError("there are not as many answers as rows", hint="pass one for each row")
        calls = [
            self._call(row, {name: values[n] for name, values in answers.items()})
            for n, row in enumerate(listed)
        ]
        for start in range(0, len(calls), MOST_ROWS):
            self._settle(calls[start : start + MOST_ROWS])
        return [call.receipt for call in calls if call.receipt]

    def record_later(self, row: Any, **said: Any) -> None:
        """Take a row to be recorded soon, without waiting for it; `flush` and `close` do.

        A crash loses what was taken and is not durable yet: at most `MOST_WAITING` rows.
        """
        call = self._call(row, said, said.pop("error", None), said.pop("idempotency_key", None))
        with self._room:
            self._room.wait_for(lambda: len(self._later) < MOST_WAITING or self._closed)
            self._refuse_unusable()
            self._later.append(call)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, daemon=True)
                self._worker.start()
            self._room.notify_all()

    def flush(self) -> None:
        """Wait until all that `record_later` took is durable; raises what went wrong since."""
        with self._room:
            self._refuse_unusable()
            self._room.wait_for(lambda: not self._later or self._later_error)
            error, self._later_error = self._later_error, None
        if error:
            raise error

    def watch(
        self,
        function: F | None = None,
        *,
        score: Callable[[Any], Any] | None = None,
        label: Callable[[Any], Any] | None = None,
        output: Callable[[Any], Any] | None = None,
        row: Callable[..., Any] | None = None,
    ) -> Any:
        """Decorate a model, so that each of its answers is recorded before it is returned.

        `score`, `label` or `output` take it out of the answer (default: the answer itself). The row
        is what `row` makes of the arguments, by default the first of them, behind ``self``. What
        the function raises is recorded as an error, and raised. Coroutines are awaited; generators
        are refused.
        """
        from .watching import watched

        takes = {"score": score, "label": label, "output": output}
        given = {key: take for key, take in takes.items() if take is not None}

        def decorate(model: F) -> Any:
            return watched(self, model, given, row)

        return decorate if function is None else decorate(function)

    def begin_table(self, digest: Callable[[bytes], bytes]) -> tuple[int, bool]:
        """Begin the table with this keyed digest, or go on with it.

        Returns how many of its rows stand in the ledger, and whether it is recorded to its end.
        """
        assert self._book
        found = self._book.find(digest, self.model.digest)
        self.batch = found.batch if found else self._book.begin(digest, self.model.digest)
        return self._book.recorded(self.batch), bool(found and found.complete)

    def end_table(self) -> None:
        """Note, durably, that the table is recorded to its end."""
        assert self._book
        self._book.vault.finish(self.batch, self._book.store.head)

    def close(self) -> None:
        """Record what waits, and give the ledger back."""
        with self._room:
            if self._closed or self._forked:
                return
        try:
            if self._worker:
                self.flush()
        finally:
            with self._room:
                self._closed = True
                self._room.notify_all()
                self._room.wait_for(lambda: not self._leading)
                self._drop()
            _OPEN.discard(self)

    # --- one row -----------------------------------------------------------------------------

    def _call(
        self,
        row: Any,
        answer: Mapping[str, Any],
        error: BaseException | None = None,
        key: str | None = None,
    ) -> _Call:
        self._refuse_unusable()
        if other := set(answer) - {"score", "label", "output"}:
            raise UsageError(f"a row is not recorded with {min(other)!r}")
        text, said = row_object(row), speech(self.model, **answer, error=error)
        refuse_long(len(text) + len(said.sealed))
        subject = None
        if self._id is not None:
            subject = str(parse_object(text.encode()).get(self._id, ""))
            if not subject:
                raise UsageError(
                    f"the row has no {self._id!r}, which tells patients apart",
                    hint="pass it with every row, or open the recorder without id",
                )
        return _Call(text, said, subject, self._key(key))

    def _key(self, key: str | None) -> bytes | None:
        if key is None:
            return None
        if not isinstance(key, str) or not key:
            raise UsageError("an idempotency key is a text", hint="draw one for each request")
        text = f"{self.model.digest}{key}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, text, sha256)

    def _refuse_unusable(self) -> None:
        if self._forked:
            raise UsageError(
                "this recorder was opened before the process forked",
                hint="open a recorder in each worker, on a ledger of its own",
            )
        if self._closed:
            raise UsageError("this recorder is closed", hint="open another one")

    # --- group commit ------------------------------------------------------------------------

    def _settle(self, calls: list[_Call]) -> None:
        """Record `calls`, with others that wait, and return when they are durable."""
        ticket = _Ticket(calls)
        ticket.wake.acquire()
        with self._lock:
            self._refuse_unusable()
            self._queue.append(ticket)
            ticket.leads = not self._leading
            self._leading = True
        try:
            if not ticket.leads:
                ticket.wake.acquire()
        except BaseException:
            self._withdraw(ticket)
            raise
        if ticket.leads:
            self._lead()
        if error := ticket.error or next((c.error for c in calls if c.error), None):
            raise error

    def _withdraw(self, ticket: _Ticket) -> None:
        """Leave the queue, of a caller who was interrupted; some other one has to lead."""
        with self._lock:
            if ticket in self._queue:
                self._queue.remove(ticket)
                if ticket.leads:
                    self._pass_on()

    def _lead(self) -> None:
        """Write for all that wait, then wake them, and let the next one lead."""
        tickets = self._taken()
        try:
            self._commit([call for ticket in tickets for call in ticket.calls])
        except BaseException as error:
            for ticket in tickets:
                ticket.error = error if isinstance(error, Exception) else _interrupted()
            if not isinstance(error, Exception):
                raise
        finally:
            for ticket in tickets:
                ticket.wake.release()
            with self._lock:
                self._pass_on()

    def _taken(self) -> list[_Ticket]:
        with self._lock:
            rows = size = place = 0
            for place, ticket in enumerate(self._queue, 1):  # noqa: B007
                rows += len(ticket.calls)
                size += sum(call.size for call in ticket.calls)
                if rows >= MOST_ROWS or size >= MOST_BYTES:
                    break
            taken, self._queue = self._queue[:place], self._queue[place:]
            return taken

    def _pass_on(self) -> None:
        self._leading = bool(self._queue)
        if self._queue:
            self._queue[0].leads = True
            self._queue[0].wake.release()
        else:
            self._room.notify_all()

    def _work(self) -> None:
        """Record what need not be waited for."""
        while True:
            with self._room:
                self._room.wait_for(lambda: self._later or self._closed)
                calls = self._later[:MOST_ROWS]
                if not calls:
                    return
            try:
                self._settle(calls)
            except Exception as error:
                with self._room:
                    self._later_error = error
            with self._room:
                del self._later[: len(calls)]
                self._room.notify_all()

    # --- the ledger --------------------------------------------------------------------------

    def _open(self) -> None:
        book = Book(self.path, self._wish)
        book.__enter__()
        try:
            if book.new:
                book.begin_ledger()
            if not book.sealed:
                raise UsageError(
                    "this ledger keeps its rows open, and what a model says is sealed",
                    hint="begin a new ledger for it",
                )
            book.finish_erasures()
            self._declare(book)
        except BaseException:
            book.__exit__()
            raise
        self._book, self.batch, self._secret = book, secrets.token_hex(16), book.vault.secret

    def _declare(self, book: Book) -> None:
        """Say in the ledger which model will speak, unless it is the one that spoke last."""
        before = book.declared.get(self.model.name)
        if before == self.model.digest:
            return
        if before and self._reason is None:
            raise UsageError(
                f"the ledger knows {self.model.name!r} by another declaration",
                hint='say what changed: reason="..."; or open it with the declaration of before',
            )
        fields: Event = {
            "model": self.model.digest,
            "declaration": self.model.document.decode("ascii"),
            "reason": self._reason or "first use",
        }
        if before:
            fields["replaces"] = before
        append(book, [Entry("declare", fields, b"", 0)])
        book.declared[self.model.name] = self.model.digest

    def _commit(self, calls: list[_Call]) -> None:
        """Record `calls` in one block, but those that are recorded already.

        After any failure the ledger is opened anew: what stands in it is read, and not assumed.
        """
        if self._book is None:
            self._open()
        assert self._book
        try:
            fresh = self._fresh(self._book, calls)
            if fresh:
                self._append(self._book, fresh)
        except UsageError:
            raise
        except BaseException:
            self._drop()
            raise
        self._repeat(calls)

    def _fresh(self, book: Book, calls: Sequence[_Call]) -> list[_Call]:
        """Those of `calls` that are not recorded yet; the others get their receipts."""
        fresh, seen = list[_Call](), set[bytes]()
        for call in calls:
            found = book.vault.called(call.key) if call.key else None
            if found and found[0] < book.store.next_record:
                call.receipt = self._receipt(call, *found, repeated=True)
                self._check_same(book, call, found[0])
            elif call.key is None or call.key not in seen:
                fresh.append(call)
                seen |= {call.key} if call.key else set()
        return fresh

    def _repeat(self, calls: Sequence[_Call]) -> None:
        """Receipts for calls whose key another call of the same block has."""
        first = {call.key: call for call in calls if call.receipt}
        for call in calls:
            if call.receipt is None:
                other = first[call.key]
                assert other.receipt
                if (call.row, call.speech.output) != (other.row, other.speech.output):
                    call.error = _another()
                call.receipt = self._receipt(
                    call, other.receipt.record, other.receipt.block, repeated=True
                )

    def _check_same(self, book: Book, call: _Call, record: int) -> None:
        for _, line in book.vault.lines(record, 1):  # none, if it was erased
            sealed = parse_object(line.encode())
            said = parse_object(f'{{"row":{call.row}{call.speech.sealed}}}'.encode())
            if (sealed.get("row"), sealed.get("output")) != (said["row"], said["output"]):
                call.error = _another()

    def _append(self, book: Book, calls: Sequence[_Call]) -> None:
        first, block = book.store.next_record, book.store.height
        objects = "".join(f"{call.row}{call.speech.sealed}\n" for call in calls).encode("ascii")
        salts = secrets.token_bytes(writer.SALT * len(calls))
        sealed = writer.sealed_lines(str(book.store.genesis["ledger"]), first, salts, objects)
        seals = line_hashes(sealed).hex()
        records = "".join(
            f'{{"record":{first + n},{call.speech.said},"seal":"{seals[64 * n : 64 * n + 64]}"}}\n'
            for n, call in enumerate(calls)
        )
        entry = Entry("verdict", self._fields(calls), records.encode("ascii"), len(calls), sealed)
        if self._id is not None:
            entry.subjects = [call.subject or "" for call in calls]
        entry.calls = [(call.key, first + n, block) for n, call in enumerate(calls) if call.key]
        append(book, [entry])
        for n, call in enumerate(calls):
            call.receipt = self._receipt(call, first + n, block)

    def _fields(self, calls: Sequence[_Call]) -> Event:
        said = [call.speech for call in calls]
        fields: Event = {
            "batch": self.batch,
            "model": self.model.digest,
            "says": self.model.says,
            "threshold": self.model.threshold,
            "rows": len(calls),
            "anomalies": sum(speech.anomaly is True for speech in said),
            "errors": sum(speech.error for speech in said),
        }
        if outside := sum(bool(speech.outside) for speech in said):
            fields["outside"] = outside
        return fields

    def _receipt(self, call: _Call, record: int, block: int, repeated: bool = False) -> Receipt:
        said = call.speech
        return Receipt(str(self.path), record, block, said.anomaly, said.outside, repeated)

    def _drop(self) -> None:
        if self._book:
            book, self._book = self._book, None
            book.__exit__()

    def _abandon(self) -> None:
        """In a forked process: use nothing of what belongs to the one that opened it."""
        self._forked = True
        if self._book:
            self._book.store.abandon()


def _another() -> UsageError:
    return UsageError(
        "this idempotency key stands for another row or answer",
        hint="draw a key for each request, and use it again for its retries alone",
    )


def _interrupted() -> NotDurable:
    return NotDurable(
        "the recording was interrupted, and whether the row is recorded is not known",
        hint="record it again with an idempotency key: it is then there once",
    )


_OPEN = set[Recorder]()


def _close_all() -> None:
    for recorder in list(_OPEN):
        recorder.close()


def _abandon_all() -> None:
    for recorder in list(_OPEN):
        recorder._abandon()
    _OPEN.clear()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_abandon_all)
