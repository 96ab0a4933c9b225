"""Run an iterator one step ahead in a thread, so that two stages of a road share two cores."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T], depth: int = 2) -> Generator[T, None, None]:
    """Yield `items`, at most `depth` of them made before they are asked for.

    An exception of `items` is raised here, in its turn. Closing the iterator ends the thread.
    """
    line: queue.Queue[object] = queue.Queue(depth)
    closed = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, line, closed), daemon=True)
    thread.start()
    try:
        while (item := line.get()) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            yield item  # type: ignore[misc]
    finally:
        closed.set()
        _drain(line)
        thread.join()


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _fill(items: Iterable[object], line: queue.Queue[object], closed: threading.Event) -> None:
    try:
        for item in items:
            line.put(item)
            if closed.is_set():
                return
        line.put(_END)
    except BaseException as error:
        line.put(_Raised(error))


def _drain(line: queue.Queue[object]) -> None:
    # A put that waits for room wakes up here, sees that the line is closed, and ends.
    while True:
        try:
            line.get_nowait()
        except queue.Empty:
            return
