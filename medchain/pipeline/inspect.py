"""Show one thing of a ledger: its head, a block, or a record."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from ..ledger.block import iso_time
from ..ledger.judge import Block
from ..ledger.lines import Record
from ..ledger.reader import open_ledger
from ..ledger.remarks import Amendment, Erasure, Remarks
from ..ledger.verify import Walk


def show(
    ledger: str | Path, *, block: int | None = None, record: int | None = None
) -> dict[str, object]:
    """The head of `ledger`, or one `block` by its height, or one `record` by its number.

    The ledger is verified up to the block that is shown, else to its end: a later event may say
    that the record was erased or amended. Raises `LedgerTampered` where it does not hold,
    `UsageError` where there is no such block or record.
    """
    last: Block | None = None
    shown: dict[str, object] | None = None
    remarks = Remarks()
    with open_ledger(ledger) as stream:
        walk = Walk(stream)
        for last in walk:
            header = last.header
            remarks.visit(last.event, header)
            if block is not None and header.block == block:
                return _block(last)
            if record is not None and header.first <= record < header.first + header.count:
                shown = _record(last, record)
    if shown and record is not None:
        return {**shown, **remarks_on(record, remarks)}
    if last is None:
        raise UsageError(f"{ledger} holds no block yet")
    end = last.header.first + last.header.count
    if block is not None:
        raise UsageError(f"there is no block {block}: the last one is block {last.header.block}")
    if record is not None:
        raise UsageError(f"there is no record {record}: the ledger holds {end}, counted from 0")
    return {
        "ledger": walk.genesis["ledger"],
        "origin": walk.genesis["origin"],
        "rows": walk.genesis["rows"],
        "min_bits": walk.genesis["min_bits"],
        "blocks": last.header.block + 1,
        "records": end,
        "erased": len(remarks.erased),
        "amended": len(remarks.amended),
        "tree_root": walk.tree.root().hex(),
        "head": _block(last),
    }


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


def origin(ledger: str | Path) -> str:
    """The name of the log that `ledger` is, as its first block lays it down."""
    with open_ledger(ledger) as stream:
        for block in Walk(stream):
            return str(block.event["origin"])
    raise UsageError(f"{ledger} holds no block yet")


def _block(block: Block) -> dict[str, object]:
    header = block.header
    return {
        "block": header.block,
        "time": iso_time(header.time),
        "event": dict(block.event),
        "first": header.first,
        "count": header.count,
        "anomalies": block.anomalies,
        "bits": header.bits,
        "nonce": header.nonce,
        "prev": header.prev.hex(),
        "root": header.root.hex(),
        "hash": block.hash.hex(),
        "line": block.line,
        "offset": block.offset,
    }


def _record(block: Block, number: int) -> dict[str, object]:
    index = number - block.header.first
    record: Record = list(block.rows())[index]
    kept: dict[str, object] = (
        {"row": record.row} if record.row is not None else {"seal": record.seal}
    )
    return {
        "record": record.number,
        "score": record.score,
        "anomaly": record.anomaly,
        **kept,
        "threshold": block.event.get("threshold"),
        "model": block.event.get("model"),
        "batch": block.event.get("batch"),
        "block": block.header.block,
        "time": iso_time(block.header.time),
        "line": block.line + 1 + index,
        "offset": block.record_offset(index),
    }
