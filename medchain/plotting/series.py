"""A verified ledger as flat arrays: what the pictures are drawn from. Knows no matplotlib."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..ledger.reader import open_ledger
from ..ledger.verify import Walk

if TYPE_CHECKING:
    from ..ledger.judge import Block

LONGEST_NAME = 40
PER_BLOCK = ("height", "time", "rows", "anomalies", "nonce", "bits", "model")

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Series:
    """One ledger. What holds no score (a class, a text) is left out of the arrays.

    Per block, B long: `height`, `time` (microseconds since 1970), `rows`, `anomalies`, `nonce`,
    `bits`, `model` (index into `models`), `threshold` and `drift` (NaN where the event names none).
    Per record, R long: `number`, `score`, `anomaly`, `block` (index into the arrays per block).
    """

    name: str
    ledger: str
    root: str
    blocks: int
    models: tuple[str, ...]
    height: Integers
    time: Integers
    rows: Integers
    anomalies: Integers
    nonce: Integers
    bits: Integers
    model: Integers
    threshold: Floats
    drift: Floats
    number: Integers
    score: Floats
    anomaly: Flags
    block: Integers


def read(source: str | Path) -> Series:
    """Read and verify the ledger at `source` (``-`` is standard input) in about 25 bytes a record.

    A torn tail is left out. Raises `UsageError` where the ledger holds no record, `LedgerTampered`
    where it does not verify.
    """
    name = short_name(source)
    tally = _Tally()
    with open_ledger(source) as stream:
        blocks = Walk(stream)
        for block in blocks:
            tally.add(block)
    if not tally.score:
        raise UsageError(
            f"{name} holds no records yet, so there is nothing to draw",
            hint="record some rows first: medchain ingest TABLE.csv",
        )
    return Series(
        name=name,
        ledger=str(blocks.genesis.get("ledger", "")),
        root=blocks.tree.root().hex(),
        blocks=blocks.tree.size,
        models=tuple(tally.models),
        **tally.columns(),
    )


def short_name(source: str | Path) -> str:
    """Return what a legend calls `source`: its file name, printable and at most 40 characters."""
    if str(source) == "-":
        return "standard input"
    name = "".join(c if c.isprintable() else "\ufffd" for c in Path(source).name)
    if len(name) <= LONGEST_NAME:
        return name
    half = LONGEST_NAME // 2
    return f"{name[: half - 1]}…{name[-half:]}"


class _Tally:
    """Columns that grow block by block, without one Python object per record."""

    def __init__(self) -> None:
        self.heads = array("q")
        self.thresholds, self.drifts = array("d"), array("d")
        self.models: dict[str, int] = {}
        self.number, self.block = array("q"), array("q")
        self.score, self.anomaly = array("d"), array("b")

    def add(self, block: Block) -> None:
        """Add `block`, unless it holds no scores."""
        header, event, before = block.header, block.event, len(self.number)
        anomalies = self._add_records(block, len(self.thresholds))
        rows = len(self.number) - before
        if not rows:
            return
        model = self.models.setdefault(str(event.get("model", "")), len(self.models))
        sums = (rows, anomalies, header.nonce, header.bits, model)
        self.heads.extend((header.block, header.time, *sums))
        self.thresholds.append(_number(event.get("threshold")))
        self.drifts.append(_number(event.get("drift")))

    def _add_records(self, block: Block, index: int) -> int:
        anomalies = 0
        for record in block.rows():
            if record.score is None or record.anomaly is None:
                continue  # a class, a text or an error has no place on an axis of scores
            self.number.append(record.number)
            self.score.append(record.score)
            self.anomaly.append(record.anomaly)
            self.block.append(index)
            anomalies += record.anomaly
        return anomalies

    def columns(self) -> dict[str, Any]:
        """The arrays of a `Series`, by name."""
        heads = np.frombuffer(self.heads, np.int64).reshape(-1, len(PER_BLOCK)).T.copy()
        return {
            **dict(zip(PER_BLOCK, heads, strict=True)),
            "threshold": np.frombuffer(self.thresholds, np.float64),
            "drift": np.frombuffer(self.drifts, np.float64),
            "number": np.frombuffer(self.number, np.int64),
            "score": np.frombuffer(self.score, np.float64),
            "anomaly": np.frombuffer(self.anomaly, np.bool_),
            "block": np.frombuffer(self.block, np.int64),
        }


def _number(value: object) -> float:
    # Unknown keys and values are legal in an event (docs/format.md), so this may be anything.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value)
