"""The `medchain` command: its commands in the order of the road, and its one way out."""

from __future__ import annotations

import typer

from .. import __version__
from . import (
    amend,
    bench,
    check,
    checkpoint,
    demo,
    doctor,
    erase,
    evaluate,
    explain,
    export,
    find,
    ingest,
    key,
    plot,
    prove,
    show,
    timestamp,
    train,
    verifier,
    verify,
)
from .output import guarded

app = typer.Typer(
    name="medchain",
    help="Which model said what about which patient record, and when, provably.",
    epilog="Exit codes and the --json outputs are documented in docs/reference.md.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"medchain {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    del version


for _command in (
    train.train,
    evaluate.evaluate,
    ingest.ingest,
    explain.explain,
    verify.verify,
    checkpoint.checkpoint,
    prove.prove,
    check.check,
    verifier.verifier,
    plot.plot,
    show.show,
    export.export,
    find.find,
    amend.amend,
    erase.erase,
    timestamp.timestamp,
    demo.demo,
    doctor.doctor,
    bench.bench,
):
    app.command()(guarded(_command))
app.add_typer(key.app, name="key")
