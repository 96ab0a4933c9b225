"""`medchain timestamp`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json
from .output import result, result_json, say, table

if TYPE_CHECKING:
    from ..pipeline.timestamp import Time


def timestamp(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="The checkpoint file.")],
    authority: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The time-stamping authority that is asked (RFC 3161)."),
    ] = None,
    certificates: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The authority's certificates, PEM: whom you trust."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The token's file (default: CHECKPOINT.tsr)."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the token that there is; asks nobody.")
    ] = False,
    json: Json = False,
) -> None:
    """Let an authority sign that a checkpoint exists now, or check such a token offline.

    openssl ts -verify -data CHECKPOINT -in CHECKPOINT.tsr -CAfile FILE checks the same.
    """
    from ..pipeline.timestamp import timestamp as run

    time = run(checkpoint, authority=authority, certificates=certificates, token=token, check=check)
    result_json(asdict(time)) if json else result(_words(checkpoint, time))
    if not time.verified:
        say("medchain: the token is stored, but nobody has checked who signed it")
        say(f"  hint: medchain timestamp --check {checkpoint} --certificates FILE")


def _words(checkpoint: str, time: Time) -> str:
    from ..ledger.block import iso_time

    accuracy = f", within {time.accuracy / 1e6:g} s" if time.accuracy else ""
    about = [
        ("authority", time.authority),
        ("checked", "against the certificates given" if time.verified else "not yet"),
        ("token", f"{time.file}, serial {time.serial}, policy {time.policy}"),
    ]
    return f"{checkpoint} existed at {iso_time(time.time)}{accuracy}\n{table(about)}"
