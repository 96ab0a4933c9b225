"""Show one thing of a ledger: its head, a block, or a record."""

from __future__ import annotations

from pathlib import Path

from ..errors import LedgerTampered, UsageError
from ..fs import readable
from ..ledger.block import iso_time
from ..ledger.judge import Block
from ..ledger.lines import Record, spoken
from ..ledger.reader import open_ledger
from ..ledger.remarks import Remarks, remarks_on
from ..ledger.seals import as_bytes, open_seal
from ..ledger.vault import Vault, vault_path
from ..ledger.verdicts import Classes
from ..ledger.verify import Walk


def show(
    ledger: str | Path,
    *,
    block: int | None = None,
    record: int | None = None,
    vault: bool | str | Path = False,
) -> dict[str, object]:
    """The head of `ledger`, or one `block` by its height, or one `record` by its number.

    With `vault` (a path, or ``True`` for the one beside the ledger) the record's sealed row is
    shown as well, and the reasons that lie with it, unless it was erased. The ledger is verified
    up to the block that is shown, else to its end: a later event may say that the record was erased
    or amended. Raises `LedgerTampered` where it does not hold, `UsageError` where there is no such
    block or record.
    """
    if vault is not False and record is None:
        raise UsageError("a vault holds records", hint="name one with --record")
    last: Block | None = None
    found: Block | None = None
    remarks, classes = Remarks(), Classes()
    with open_ledger(ledger) as stream:
        walk = Walk(stream)
        for last in walk:
            header = last.header
            remarks.visit(last.event, header)
            classes.visit(last.event)
            if block is not None and header.block == block:
                return _block(last)
            if record is not None and header.first <= record < header.first + header.count:
                found = last
    if found and record is not None:
        opened = {} if record in remarks.erased else _opened(walk, ledger, vault, found, record)
        return {**_record(found, record, classes), **opened, **remarks_on(record, remarks)}
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


def _opened(
    walk: Walk, ledger: str | Path, vault: bool | str | Path, block: Block, number: int
) -> dict[str, object]:
    """What the vault holds of a record, checked against its seal."""
    if vault is False:
        return {}
    if vault is True and str(ledger) == "-":
        raise UsageError(
            "a ledger on standard input has no vault beside it", hint="name it with --vault-file"
        )
    path = vault_path(Path(ledger)) if vault is True else Path(vault)
    with Vault(readable(path, "the vault"), readonly=True) as opened:
        lines = opened.lines(number, 1)
    found = list(block.rows())[number - block.header.first]
    if not lines:
        raise UsageError(f"the vault has no row for record {number}")
    if found.seal is None:
        return {}
    try:
        sealed = open_seal(as_bytes(lines[0][1]), found.seal, number, str(walk.genesis["ledger"]))
    except ValueError as error:
        raise LedgerTampered(
            f"the seal of record {number} does not open: {error}",
            hint="verify the ledger with --vault",
        ) from error
    reasons = {} if sealed.reasons is None else {"reasons": sealed.reasons}
    return {"row": sealed.row, **reasons, **sealed.verdict}


def _record(block: Block, number: int, classes: Classes) -> dict[str, object]:
    index = number - block.header.first
    record: Record = list(block.rows())[index]
    kept: dict[str, object] = (
        {"row": record.row} if record.row is not None else {"seal": record.seal}
    )
    return {
        "record": record.number,
        **spoken(record),
        **classes.of(block.event, record),
        **kept,
        "threshold": block.event.get("threshold"),
        "model": block.event.get("model"),
        "batch": block.event.get("batch"),
        "block": block.header.block,
        "time": iso_time(block.header.time),
        "line": block.line + 1 + index,
        "offset": block.record_offset(index),
    }
