"""One step ahead: the same items in the same order, the same exception, no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from medchain.pipeline.ahead import ahead


def test_items_come_in_order() -> None:
    assert list(ahead(range(1000), 3)) == list(range(1000))


def test_an_exception_comes_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("three")

    seen = []
    with pytest.raises(ValueError, match="three"):
        seen.extend(iter(ahead(items())))
    made = ahead(items())
    assert [next(made), next(made)] == [1, 2]
    with pytest.raises(ValueError, match="three"):
        next(made)


def test_it_never_runs_further_ahead_than_asked() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with closing(ahead(items(), 2)) as taken:
        assert next(taken) == 0
        assert len(made) <= 5


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()
    with closing(ahead(iter(int, 1), 1)) as endless:
        assert next(endless) == 0
    assert threading.active_count() == before
