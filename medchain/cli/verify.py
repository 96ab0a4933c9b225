"""`medchain verify`."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json, Ledger, ModelKey
from .output import bar, note_core, result, result_json

if TYPE_CHECKING:
    from ..ledger.verify import Report


def verify(
    ledger: Ledger,
    vault: Annotated[
        bool, typer.Option("--vault", help="Open every seal with the vault beside the ledger.")
    ] = False,
    vault_file: Annotated[
        str | None, typer.Option(help="Open every seal with this vault instead.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Score the rows again with this model bundle, and compare; repeatable."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Allow records without a --model of theirs: a kind of event, or a model's digest.",
        ),
    ] = None,
    model_key: ModelKey = None,
    policy: Annotated[
        str | None,
        typer.Option(help="Compare with a checkpoint, under this policy: whose signatures count."),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="The checkpoint that you kept (default: the one beside the ledger)."),
    ] = None,
    max_age: Annotated[
        str | None, typer.Option(metavar="AGE", help="How old it may be: 30d, 12h, 90m.")
    ] = None,
    least_bits: Annotated[
        int | None, typer.Option(help="The least work of every block that is read, in bits.")
    ] = None,
    from_checkpoint: Annotated[
        bool,
        typer.Option("--from-checkpoint", help="Read only what came after the checkpoint."),
    ] = False,
    certificates: Annotated[
        str | None,
        typer.Option(
            help="Check the checkpoint's time-stamp (.tsr) against these authorities (PEM)."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check every byte of a ledger.

    Exit code 0: everything holds; 10: tampered; 11: it ends in a torn append; 12: the policy is
    unmet; 13: newer format; 14: shorter than the checkpoint.
    """
    from ..pipeline.audit import verify as run
    from .report import words

    note_core()
    size = os.path.getsize(ledger) if os.path.isfile(ledger) else 0  # noqa: PTH113, PTH202
    with bar("verify") as shown:
        report = run(
            ledger,
            vault=vault_file or vault,
            model=model,
            allow=allow or (),
            model_key=model_key or (),
            checkpoint=checkpoint,
            policy=policy,
            max_age=max_age,
            least_bits=least_bits,
            from_checkpoint=from_checkpoint,
            certificates=certificates,
            progress=lambda offset: shown.update(offset, size, f"{offset:,} bytes"),
        )
    seconds = _mining_time(report)
    result_json(_document(report, seconds)) if json else result(words(ledger, report, seconds))
    raise typer.Exit(report.exit_code)


def _mining_time(report: Report) -> float:
    from ..ledger.pow import rate

    return report.work / rate(0.002) if report.work else 0.0


def _document(report: Report, seconds: float) -> dict[str, object]:
    return {
        "ok": report.ok,
        "exit_code": report.exit_code,
        **asdict(report),
        "seconds_to_mine_again": round(seconds, 6),
    }
