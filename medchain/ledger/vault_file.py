"""Which file is a vault: its tables, who may read it, and what SQLite's errors over it mean."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..errors import LedgerLocked, LedgerTampered, NotDurable, UsageError
from .lines import MAX_LINE
from .seals import TOO_LONG

FORMAT = 2
LONGEST = 2 * MAX_LINE + (1 << 12)
"""Bytes of a row of a table: a sealed line, and an id that is one of its cells."""

SCHEMA = """
create table meta (key text primary key, value) without rowid;
create table sealed (record integer primary key, line text not null, subject text);
create index sealed_subject on sealed (subject) where subject is not null;
create table ingest (
    batch text primary key, source blob not null, model text not null, complete integer not null
);
"""
CALLS = """
create table call (key blob primary key, record integer not null, block integer not null);
create index call_record on call (record)
"""
SCHEMAS = {1: SCHEMA, 2: SCHEMA + CALLS}
"""Of each format. From 2 on it is known under which keys records were asked for."""

OBJECTS = "select type, name, sql from sqlite_schema order by name"
METADATA = "select key, value from meta order by key"
META: dict[object, Callable[[object], bool]] = {
    "ledger": lambda value: isinstance(value, str) and len(value) <= 64,
    "secret": lambda value: isinstance(value, bytes),
    "height": lambda value: type(value) is int and 0 <= value < 2**53,
    "hash": lambda value: isinstance(value, str) and len(value) <= 64,
}


class OversizedLine(LedgerTampered):
    """A vault holds a longer line than any that may be sealed."""


def _fits(key: object, value: object) -> bool:
    return key in META and META[key](value)


@functools.cache
def _expected(version: int) -> list[tuple[str, str, str | None]]:
    """The objects of a vault, as SQLite names them."""
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(SCHEMAS.get(version, ""))
        return fresh.execute(OBJECTS).fetchall()


def check_schema(db: sqlite3.Connection, path: Path, version: int) -> None:
    """Refuse a file with other tables than a vault's: a view may hide a query without end."""
    expected = _expected(version)
    found = db.execute(OBJECTS).fetchmany(len(expected) + 1)
    meta = [] if found != expected else db.execute(METADATA).fetchmany(len(META) + 1)
    if not expected or found != expected or not all(_fits(key, value) for key, value in meta):
        raise UsageError(
            f"{path} is no vault, or a damaged one",
            hint="check its path, or put it back from your backup",
        )


def refuse_foreign(path: Path) -> None:
    """Refuse a link in the place of a vault or its journals, and a vault that others may read."""
    for name in ("", "-journal", "-wal", "-shm"):
        file = path.with_name(path.name + name)
        if file.is_symlink():
            raise UsageError(
                f"{file} is a link, and a vault is followed through none",
                hint="name the file itself, or put it where the link is",
            )
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # what cannot be opened says so there
    if mode & 0o077:
        raise UsageError(
            f"{path} may be read by others than its owner", hint=f"run: chmod 600 {path}"
        )


def address(path: Path, readonly: bool) -> str:
    """The URI under which SQLite opens a vault."""
    # A journal that a killed run left must be rolled back before anything can be read.
    journal = path.with_name(f"{path.name}-journal")
    only = "" if journal.exists() or not readonly else "?mode=ro"
    return f"{path.absolute().as_uri()}{only}"


@contextmanager
def sentence(path: Path) -> Iterator[None]:
    """Whatever SQLite raises over the vault at `path` is one sentence."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise LedgerLocked(
                f"{path} is in use by another process",
                hint="wait until that run has ended, then repeat the command",
            ) from error
        raise NotDurable(
            f"cannot write {path}: {error}",
            hint="look at the space and the rights of its folder, then repeat the command",
        ) from error
    except sqlite3.DataError as error:
        raise OversizedLine(
            f"{path} is damaged or hostile: {TOO_LONG}", hint="put it back from your backup"
        ) from error
    except sqlite3.DatabaseError as error:
        raise UsageError(
            f"{path} is no vault: {error}",
            hint="check its path; where an erasure ran at the same time, repeat the command",
        ) from error
