"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

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
Delimiter = Annotated[
    str | None, typer.Option(help="What separates the cells of the table (default: a comma).")
]
