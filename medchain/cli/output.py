"""What the user sees: results on stdout, conversation on stderr, one sentence for each error."""

from __future__ import annotations

import functools
import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import typer

from ..errors import EXIT_CLOSED_PIPE, EXIT_INTERRUPTED, MedchainError, MedchainWarning, NotDurable
from ..fs import discard_output
from .words import duration as duration
from .words import numbers as numbers
from .words import plural as plural
from .words import table as table

if TYPE_CHECKING:
    from ..ledger.store import Recovered

P = ParamSpec("P")
R = TypeVar("R")

_DEBUG = "MEDCHAIN_DEBUG"


def say(text: str) -> None:
    """Conversation: to stderr."""
    print(text, file=sys.stderr, flush=True)


def result(text: str) -> None:
    """The result: to stdout."""
    print(text)


def result_json(value: object) -> None:
    """The result as one JSON document on stdout."""
    print(json.dumps(value, indent=2, default=str))


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """`command`, ending in an exit code and a sentence whatever happens in it."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            try:
                with _one_line_warnings():
                    return command(*args, **kwargs)
            finally:  # also behind an exit code, which is raised
                if sys.stdout:
                    sys.stdout.flush()
        except MedchainError as error:
            say(f"medchain: {error.message}")
            for line in error.details:
                say(f"  {line}")
            if error.hint:
                say(f"  hint: {error.hint}")
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            say("medchain: interrupted; what was reported as recorded is on disk")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            discard_output()
            raise typer.Exit(EXIT_CLOSED_PIPE) from None
        except (typer.Exit, typer.Abort):
            raise
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            say(f"medchain: the system refused: {(error.strerror or '').lower()}{where}")
            say("  hint: look at the space and the rights of the folder, and of the one for TMPDIR")
            discard_output()
            raise typer.Exit(NotDurable.exit_code) from None
        except Exception as error:
            raise typer.Exit(_bug(error)) from None

    return run


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Show our own warnings as conversation, without the line of code they come from."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Any, category: Any, *more: Any, **named: Any) -> None:
            if issubclass(category, MedchainWarning):
                say(f"medchain: {message}")
            else:
                others(message, category, *more, **named)

        warnings.simplefilter("always", MedchainWarning)
        warnings.showwarning = show
        yield


def _bug(error: BaseException) -> int:
    """Report a bug of ours without its message, which could quote a cell."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}, line {frame.lineno}"  # noqa: PTH119
    say(f"medchain: a bug in medchain: {type(error).__name__} at {place}")
    say(f"  hint: please report it; {_DEBUG}=1 shows the traceback, which may quote your data")
    if os.environ.get(_DEBUG):
        traceback.print_exception(error)
    return 1


class Bar:
    """A progress bar on stderr, and nothing at all where stderr is no terminal."""

    def __init__(self, label: str, *, steps: bool = False) -> None:
        self._label, self._steps = label, steps
        self._shown: Any = None
        self._stage = ""
        self._started = time.monotonic()
        self._drawn = 0.0

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._shown:
            self._shown.refresh()
            self._shown.stop()
            self._shown = None

    def update(self, position: int, size: int, note: str, stage: str = "") -> None:
        """Show `position` of `size`, bytes or steps; a new `stage` gets a bar of its own."""
        if not sys.stderr.isatty():
            return
        if self._shown is None or stage != self._stage:
            self.close()
            self._begin(stage)
        self._refresh(completed=position, total=size or None, note=note)

    def note(self, text: str) -> None:
        """Show `text` beside the bar as it stands."""
        if self._shown:
            self._refresh(note=text)

    def rate(self, count: int) -> float:
        """`count` a second since this bar began."""
        return count / max(time.monotonic() - self._started, 1e-6)

    def _refresh(self, **fields: object) -> None:
        # Ten times a second from this thread: rich's own would make a fork of this process unsafe.
        now = time.monotonic()
        due = now - self._drawn >= 0.1
        self._shown.update(0, refresh=due, **fields)
        if due:
            self._drawn = now

    def _begin(self, stage: str) -> None:
        from rich import progress
        from rich.console import Console

        self._stage, self._started = stage, time.monotonic()
        self._shown = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=24),
            progress.MofNCompleteColumn() if self._steps else progress.DownloadColumn(),
            progress.TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            auto_refresh=False,
        )
        self._shown.add_task(stage or self._label, note="")
        self._shown.start()


@contextmanager
def bar(label: str, *, steps: bool = False) -> Iterator[Bar]:
    """A `Bar` that is closed at the end, however that comes."""
    shown = Bar(label, steps=steps)
    try:
        yield shown
    finally:
        shown.close()


def say_recovered(recovered: Sequence[Recovered]) -> None:
    """Say that torn appends were moved aside."""
    for torn in recovered:
        say(
            f"medchain: the ledger ended in {torn.size:,} bytes of an append that never completed; "
            f"they lie in {torn.file} now, and the ledger says so"
        )


def say_shredded(records: Sequence[int]) -> None:
    """Say that an erasure which was interrupted is complete now."""
    if records:
        say(f"medchain: completed an erasure that was interrupted: {numbers(records)}")


def note_core() -> None:
    """Say so where the C core is missing: everything works, but slowly."""
    from ..ledger.pow import kernel_name

    if kernel_name() == "python" and os.environ.get("MEDCHAIN_KERNEL") != "python":
        say("medchain: the C core is not compiled, so hashing and mining run in slow pure Python")
        say("  hint: install a C compiler, then reinstall medchain")
