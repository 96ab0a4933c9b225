"""A decorator around a model: its answer is recorded before whoever asked gets it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..ledger.verdicts import CLASS, TEXT

if TYPE_CHECKING:
    from .recorder import Recorder

Take = Callable[[Any], Any]


def watched(
    recorder: Recorder,
    function: Callable[..., Any],
    takes: Mapping[str, Take],
    row: Callable[..., Any] | None,
) -> Any:
    """`function`, each of whose answers `recorder` records; `takes` take them out of it."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(
            "a generator has no one answer to record", hint="record each of its answers by itself"
        )
    if not callable(function):
        raise UsageError("a model that is watched is a function", hint="decorate a function")
    takes = takes or {_argument(recorder): lambda answer: answer}
    find = row or _first(function)

    def said(answer: Any) -> dict[str, Any]:
        return {name: take(answer) for name, take in takes.items()}

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        about = find(*args, **kwargs)
        try:
            answer = function(*args, **kwargs)
        except Exception as error:
            recorder.record(about, error=error)
            raise
        recorder.record(about, **said(answer))
        return answer

    @functools.wraps(function)
    async def acall(*args: Any, **kwargs: Any) -> Any:
        about = find(*args, **kwargs)
        try:
            answer = await function(*args, **kwargs)
        except Exception as error:
            await recorder.arecord(about, error=error)
            raise
        await recorder.arecord(about, **said(answer))
        return answer

    return acall if inspect.iscoroutinefunction(function) else call


def _argument(recorder: Recorder) -> str:
    return {CLASS: "label", TEXT: "output"}.get(recorder.model.says, "score")


def _first(function: Callable[..., Any]) -> Callable[..., Any]:
    """What finds the row among the arguments: the first one, behind ``self`` or ``cls``."""
    names = list(inspect.signature(function).parameters)
    skipped = 1 if names[:1] in (["self"], ["cls"]) else 0
    if len(names) <= skipped:
        raise UsageError(
            "a model that is watched takes a row", hint="say how to find it: row=lambda ...: ..."
        )

    def find(*args: Any, **kwargs: Any) -> Any:
        return args[skipped] if len(args) > skipped else kwargs[names[skipped]]

    return find
