"""Options and arguments that several commands share."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from ..errors import UsageError

Ledger = Annotated[
    str,
    typer.Argument(
        metavar="LEDGER", help="The ledger: .jsonl, .jsonl.gz, .jsonl.zst, or - for standard input."
    ),
]
LedgerFile = Annotated[str, typer.Argument(metavar="LEDGER", help="The ledger: a .jsonl file.")]
Reason = Annotated[
    str,
    typer.Option(help="Why, in words that the ledger will hold for ever; never who."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of words.")]
ModelKey = Annotated[
    list[str] | None,
    typer.Option(
        metavar="VKEY",
        help="Take only models that this verifier key signed, or another one named; repeatable.",
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(help="What separates the cells of the table (default: what cuts all rows alike)."),
]
Decimal = Annotated[
    str | None,
    typer.Option(
        metavar="MARK",
        help="Decimal mark (. or ,) where a column leaves it open.",
    ),
]
Where = Annotated[
    str | None,
    typer.Option(metavar="COLUMN=VALUE", help="Rows of one kind alone, of a table with several."),
]

_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|min)", re.ASCII)
_SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0}


def seconds(text: str) -> float:
    """The seconds of a time such as ``500ms``, ``2s`` or ``1.5min``; else `UsageError`."""
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{text!r} is no time", hint="write it like 500ms, 2s or 1.5min")
    return float(found[1]) * _SECONDS[found[2]]


def kind_of(text: str) -> tuple[str, str]:
    """The column and the kind of ``COLUMN=KIND``; else `UsageError`."""
    column, separator, kind = text.rpartition("=")
    if not separator or not column or not kind:
        raise UsageError("--type takes COLUMN=KIND", hint="for example: --type ward=categorical")
    return column, kind


def where_of(text: str | None) -> tuple[str, str] | None:
    """The column and the value of ``COLUMN=VALUE``; else `UsageError`."""
    if text is None:
        return None
    column, separator, value = text.partition("=")
    if not separator or not column:
        raise UsageError("--where takes COLUMN=VALUE", hint="for example: --where visit=baseline")
    return column, value
