"""Where clocks contradict each other: the writer's in the blocks, and those of everybody else.

No clock here is trusted. That two of them cannot both be right is all that is said.
"""

from __future__ import annotations

from datetime import timedelta

from .block import iso_time

TOLERANCE = 300
"""Seconds by which two clocks may differ: far more than NTP leaves, far less than would help."""

EARLIEST = 1_767_225_600_000_000
"""The first moment of 2026, the year of this format; microseconds since 1970, as all times here."""

SECOND = 1_000_000


def notices(first: int | None, last: int | None, now: int | None) -> list[str]:
    """What is odd about the times of the first and the last block that were read `now`."""
    said = []
    if first is not None and first < EARLIEST:
        said.append(f"a block says {iso_time(first)}, when no ledger of this format was")
    if last is not None and now is not None and last > now + TOLERANCE * SECOND:
        said.append(
            f"the last block says {iso_time(last)}, {ahead(last - now)} ahead of this clock: "
            "one of the two is wrong"
        )
    return said


def contradiction(what: str, stamped: int | None, block: int | None) -> str:
    """A sentence where `what` is of `stamped`, and a `block` that it covers is of later."""
    if stamped is None or block is None or stamped + TOLERANCE * SECOND >= block:
        return ""
    return (
        f"{what} is of {iso_time(stamped)}, {ahead(block - stamped)} older than a block that it "
        f"covers, of {iso_time(block)}: one of the two clocks is wrong"
    )


def ahead(microseconds: int) -> str:
    """A length of time: ``2 days, 3:04:05``."""
    return str(timedelta(seconds=max(1, microseconds // SECOND)))
