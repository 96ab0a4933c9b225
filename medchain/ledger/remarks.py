"""What later events say about earlier records: erasures and amendments (docs/format.md, 3).

Such an event points back; it hides nothing and changes nothing of the record it points at. A number
that is no record before the event points at nothing: none can be erased before it is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from .block import Header, iso_time, parse_line
from .lines import MAX_LINE, Event, parse_object
from .reader import OversizedBlock, Reader


@dataclass(frozen=True, slots=True)
class Erasure:
    """An `erase` event: which rows were destroyed in the vault, and why.

    `time` is its block's, microseconds since 1970, UTC.
    """

    block: int
    time: int
    records: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Amendment:
    """An `amend` event; `anomaly` is the corrected verdict, ``None`` where only words were added.

    `time` is its block's, microseconds since 1970, UTC.
    """

    block: int
    time: int
    record: int
    anomaly: bool | None
    reason: str


class Remarks:
    """The remarks of the blocks that it was shown, by the number of the record."""

    def __init__(self) -> None:
        self.erasures: list[Erasure] = []
        self.erased: dict[int, Erasure] = {}
        self.amended: dict[int, list[Amendment]] = {}

    def visit(self, event: Event, header: Header) -> Erasure | None:
        """Note what the event of the block with `header` says; returns it if it is an erasure."""
        kind, reason = event["event"], str(event.get("reason", ""))
        if kind == "amend":
            self._amend(event, header, reason)
        if kind != "erase":
            return None
        named = event.get("records")
        records = [n for n in named if _before(n, header)] if isinstance(named, list) else []
        erasure = Erasure(header.block, header.time, tuple(records), reason)
        self.erasures.append(erasure)
        for record in records:
            self.erased.setdefault(record, erasure)
        return erasure

    def read(self, stream: IO[bytes]) -> None:
        """Note what the blocks of `stream` say, unverified, as far as they are blocks."""
        try:
            for raw in Reader(stream):
                line = raw.body[: MAX_LINE + 1].partition(b"\n")[0]
                self.visit(parse_object(line), parse_line(raw.block_line)[0])
        except (ValueError, KeyError, OversizedBlock):
            pass  # the ledger does not hold from here on, and its reader will say so

    def _amend(self, event: Event, header: Header, reason: str) -> None:
        record, anomaly = event.get("record"), event.get("anomaly")
        if not _before(record, header):
            return
        assert isinstance(record, int)
        verdict = anomaly if isinstance(anomaly, bool) else None
        amendment = Amendment(header.block, header.time, record, verdict, reason)
        self.amended.setdefault(record, []).append(amendment)


def remarks_on(record: int, remarks: Remarks) -> dict[str, object]:
    """What later events say about `record`: erased or ``None``, and its amendments."""
    erasure = remarks.erased.get(record)
    return {
        "erased": _said(erasure) if erasure else None,
        "amended": [
            {**_said(amendment), "anomaly": amendment.anomaly}
            for amendment in remarks.amended.get(record, [])
        ],
    }


def _said(remark: Erasure | Amendment) -> dict[str, object]:
    return {"block": remark.block, "time": iso_time(remark.time), "reason": remark.reason}


def read_ahead(stream: IO[bytes]) -> Remarks:
    """The remarks of the ledger in `stream`, which is at its start again afterwards.

    Nothing is verified: whoever reads the ledger for good does that.
    """
    remarks = Remarks()
    remarks.read(stream)
    stream.seek(0)
    return remarks


def _before(number: object, header: Header) -> bool:
    return type(number) is int and 0 <= number < header.first
