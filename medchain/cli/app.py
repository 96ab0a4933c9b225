"""The `medchain` command: its commands in the order of the road, and its one way out."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import typer

from .. import __version__
from .output import guarded

COMMANDS: tuple[str, ...] = (
    "inspect",
    "train",
    "evaluate",
    "ingest",
    "declare",
    "record",
    "explain",
    "verify",
    "checkpoint",
    "prove",
    "check",
)
COMMANDS += ("verifier", "key", "timestamp", "find", "amend", "erase", "plot", "show", "export")
COMMANDS += ("demo", "doctor", "bench")
"""Each is a function, or an app of its own, in the module of its name."""


def command_line(words: Sequence[str] = ()) -> typer.Typer:
    """The app for `words`: with the one command that they call, or else with every command.

    Declaring a command takes a millisecond or two, and there are twenty.
    """
    called = words[0] if words else ""
    app = typer.Typer(
        name="medchain",
        help="Which model said what about which patient record, and when, provably.",
        epilog="Exit codes and the --json outputs are documented in docs/reference.md.",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    for name in (called,) if called in COMMANDS else COMMANDS:
        module = import_module(f".{name}", __package__)
        if name == "key":
            app.add_typer(module.app, name=name)
        else:
            app.command()(guarded(getattr(module, name)))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"medchain {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    del version
