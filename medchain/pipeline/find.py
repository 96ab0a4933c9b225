"""Find: what a ledger and its vault hold of one person, which is what that person may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import LedgerTampered, UsageError
from ..fs import readable
from ..ledger.block import iso_time
from ..ledger.judge import Block
from ..ledger.lines import spoken
from ..ledger.reader import open_ledger
from ..ledger.remarks import Remarks, remarks_on
from ..ledger.seals import as_bytes, open_seal
from ..ledger.vault import Vault, vault_path
from ..ledger.verdicts import Classes
from ..ledger.verify import Walk


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a person: each record with its block, and rows that no block committed to.

    `subjects_known` is false where the vault knows the subject of no row at all.
    """

    records: tuple[dict[str, object], ...]
    unrecorded: int
    subjects_known: bool


def find(ledger: str | Path, *, subject: str, rows: bool = False) -> Found:
    """Everything that `ledger` and the vault beside it hold of `subject`.

    Each record has its number, block, time, score, verdict, threshold, model and batch, and says
    whether it was erased or amended since; with `rows` also the row itself, whose seal is opened.

    Raises `LedgerTampered` where the ledger or a seal does not hold, `UsageError` where the rows
    are open or a file is missing.
    """
    path = Path(ledger)
    readable(path, "a ledger file")
    with Vault(readable(vault_path(path), "the vault"), readonly=True) as vault:
        lines = vault.lines_of(subject)
        found, remarks, end = dict[int, dict[str, object]](), Remarks(), 0
        classes = Classes()
        with open_ledger(path) as stream:
            for block in Walk(stream):
                _check(block, vault)
                remarks.visit(block.event, block.header)
                classes.visit(block.event)
                found |= _records(block, lines, rows, vault.ledger, classes)
                end = block.header.first + block.header.count
        known = bool(lines) or vault.knows_subjects
    records = tuple({**about, **remarks_on(n, remarks)} for n, about in found.items())
    return Found(records, sum(number >= end for number in lines), known)


def _check(block: Block, vault: Vault) -> None:
    if block.header.block:
        return
    if block.event["ledger"] != vault.ledger:
        raise UsageError(
            f"{vault.path} belongs to another ledger",
            hint="put the two files that belong together into one folder",
        )
    if block.event["rows"] == "open":
        raise UsageError(
            "the rows of this ledger stand open in it, and it does not know who is who",
            hint="search the column 'row' of what medchain export writes",
        )


def _records(
    block: Block, lines: Mapping[int, str], rows: bool, ledger: str, classes: Classes
) -> dict[int, dict[str, object]]:
    """The records of `block` that `lines` are the sealed lines of."""
    first, event, found = block.header.first, block.event, dict[int, dict[str, object]]()
    for number in [n for n in lines if first <= n < first + block.header.count]:
        record = next(islice(block.rows(), number - first, None))
        try:
            sealed = open_seal(as_bytes(lines[number]), record.seal, number, ledger)
        except ValueError as error:
            raise LedgerTampered(
                f"the seal of record {number} does not open: {error}",
                hint="medchain verify --vault says what else does not hold",
            ) from error
        found[number] = {
            "record": number,
            "block": block.header.block,
            "time": iso_time(block.header.time),
            **spoken(record),
            **classes.of(event, record),
            "threshold": event.get("threshold"),
            "model": event.get("model"),
            "batch": event.get("batch"),
        }
        if rows:
            found[number] |= {"row": sealed.row, **sealed.verdict}
    return found
