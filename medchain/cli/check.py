"""`medchain check`."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Json
from .output import result, result_json


def check(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A proof, a checkpoint, evidence of a fork, or a key's rotation."
        ),
    ],
    policy: Annotated[str, typer.Option(help="Whose signatures count, a file of your own.")],
    old: Annotated[
        str | None,
        typer.Option("--from", help="The older checkpoint that a consistency proof starts from."),
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            help="Say of a record's proof whether this ledger erased or amended it since."
        ),
    ] = None,
    later: Annotated[
        list[str] | None,
        typer.Option(help="A proof of a later event (prove --block); repeatable."),
    ] = None,
    json: Json = False,
) -> None:
    """Check a proof without the ledger.

    Exit code 0: it holds; 10: it does not; 12: the policy does not accept its signatures.
    """
    from ..pipeline.check import check as run
    from .checked import checked

    facts = run(file, policy=policy, old=old, ledger=ledger, later=later or ())
    result_json(facts) if json else result(checked(facts))
