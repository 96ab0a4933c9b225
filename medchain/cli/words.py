"""Words and columns for what the user sees; needs the standard library alone."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN_NUMBERS = 12


def table(pairs: list[tuple[str, str]]) -> str:
    """Names and values in two columns, indented."""
    shown = [(printable(name), printable(value)) for name, value in pairs]
    width = max(len(name) for name, _ in shown)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in shown)


def printable(text: str) -> str:
    """A text on one line: a name in a table may hold anything."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def plural(count: int, noun: str) -> str:
    """``1 block``, ``1,000 blocks``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def duration(seconds: float) -> str:
    """A length of time in the unit that fits it."""
    for unit, size in (("years", 31_557_600), ("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    if seconds >= 0.1:
        return f"{seconds:.1f} seconds"
    return f"{seconds * 1000:.0f} milliseconds" if seconds >= 0.001 else "less than a millisecond"


def numbers(values: Sequence[int]) -> str:
    """``record 3``, ``records 3, 17``, and of many the first ones."""
    shown = ", ".join(f"{value:,}" for value in values[:_SHOWN_NUMBERS])
    more = len(values) - _SHOWN_NUMBERS
    rest = f" and {more:,} more" if more > 0 else ""
    return f"record{'' if len(values) == 1 else 's'} {shown}{rest}"
