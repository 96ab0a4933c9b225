"""Every exception that a user can meet, with its exit code and the way out.

The class is the exit code, the message is one clear sentence, the hint says what to do next.
``docs/exit-codes.md`` is generated from this file.
"""

from __future__ import annotations

from collections.abc import Sequence


class MedchainError(Exception):
    """A failure that is not a bug: shown as one sentence and a hint, never as a traceback.

    ``details`` are lines that stand between the two, where one sentence cannot say it all.
    """

    exit_code = 1
    details: tuple[str, ...] = ()

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MedchainError):
    """Wrong usage: an option, a path or a combination of them that cannot work."""

    exit_code = 2


class LedgerTampered(MedchainError):
    """A complete block, a link, a seal or a proof does not hold."""

    exit_code = 10


class TornTail(MedchainError):
    """The ledger ends in bytes that no block line commits."""

    exit_code = 11


class PolicyUnmet(MedchainError):
    """The ledger is consistent, but not what its reader demands."""

    exit_code = 12


class FormatTooNew(MedchainError):
    """A ledger or a model of a format that this program does not know yet."""

    exit_code = 13


class LedgerShort(MedchainError):
    """The ledger ends before a checkpoint that its reader, or a key, has seen of it."""

    exit_code = 14


class TableError(MedchainError):
    """Input that cannot be read under its schema.

    ``file`` is the name as the user gave it, ``line`` the physical line (from 1) and ``column`` the
    column's name. The message never holds a cell.
    """

    exit_code = 20

    def __init__(
        self,
        reason: str,
        *,
        file: str,
        line: int | None = None,
        column: str | None = None,
        hint: str = "",
        details: Sequence[str] = (),
    ) -> None:
        place = file
        if line is not None:
            place += f", line {line}"
        if column is not None:
            place += f", column {column!r}"
        super().__init__(f"{place}: {reason}", hint=hint)
        self.file, self.line, self.column, self.reason = file, line, column, reason
        self.details = tuple(details)


class RowsRejected(MedchainError):
    """Some rows could not be read and were left out, as asked with --skip-bad-rows."""

    exit_code = 21


class ModelError(MedchainError):
    """A model bundle that is missing, damaged, or made for another table."""

    exit_code = 22


class LedgerLocked(MedchainError):
    """Another process is writing to this ledger."""

    exit_code = 30


class NotDurable(MedchainError):
    """Data could not be brought safely to disk; nothing was reported as recorded."""

    exit_code = 31


class NoTimestamp(MedchainError):
    """The time-stamping authority could not be reached, or gave no token; nothing was stored."""

    exit_code = 32


class KernelUnavailable(MedchainError):
    """The kernel that MEDCHAIN_KERNEL names is unknown, not compiled, or not usable on this CPU."""

    exit_code = 40


class MedchainWarning(UserWarning):
    """What a caller should know and may go on with: shown as one line on stderr."""


EXIT_INTERRUPTED = 130
EXIT_CLOSED_PIPE = 141
