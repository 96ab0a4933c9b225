"""The first pass of an ingest: every row read, checked and scored before anything is written.

The scores wait in a file without a name, 8 bytes a row and one for each feature that is watched for
drift: memory does not grow with the table.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .. import fs
from ..errors import TableError
from ..ledger.pow import cores
from .rejects import refuse_rows, write_rejects
from .share import shared, shares

if TYPE_CHECKING:
    from ..detect.bundle import Bundle
    from ..detect.scoring import Scorer
    from ..tabular import Batch, Reject, Row, Table

SCORED_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass is: bytes of the table, rows of it, and blocks appended so far."""

    stage: str
    position: int
    size: int
    rows: int
    blocks: int


@dataclass(slots=True)
class Part:
    """Some scored rows: their scores, the bins that drift counts, and what explains each, or ""."""

    rows: list[Row]
    scores: array[float]
    bins: NDArray[np.uint8]
    reasons: list[str]

    @classmethod
    def empty(cls) -> Part:
        """No rows."""
        return cls([], array("d"), np.zeros((0, 0), np.uint8), [])

    def __getitem__(self, rows: slice) -> Part:
        return Part(self.rows[rows], self.scores[rows], self.bins[rows], self.reasons[rows])

    def __add__(self, other: Part) -> Part:
        if not self.rows or not other.rows:
            return self if self.rows else other
        bins = np.concatenate([self.bins, other.bins])
        reasons = self.reasons + other.reasons
        return Part(self.rows + other.rows, self.scores + other.scores, bins, reasons)


def regrouped(parts: Iterable[Part], skip: int, size: int) -> Iterator[Part]:
    """Cut parts anew into parts of `size` rows, leaving out the first `skip`."""
    rest = Part.empty()
    for part in parts:
        passed = min(skip, len(part.rows))
        skip -= passed
        rest += part[passed:]
        whole = len(rest.rows) // size * size
        for start in range(0, whole, size):
            yield rest[start : start + size]
        rest = rest[whole:]
    if rest.rows:
        yield rest


class Scored:
    """A table and the scores of its rows; NaN stands for a row that was rejected."""

    def __init__(
        self,
        table: Table,
        bundle: Bundle,
        scorer: Scorer,
        scratch: BinaryIO,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.table, self.bundle, self.scorer = table, bundle, scorer
        self._scratch, self._progress = scratch, progress
        width = scorer.drift.width if scorer.drift else 0
        self._kept = np.dtype([("score", "f8"), ("bins", "u1", (width,))])
        self.rows = self.anomalies = 0
        self.rejects: list[Reject] = []
        self.rejects_file = ""
        self.processes = shares(table.size, cores())
        self.files = (table.fileno(), scratch.fileno())

    def run(self, skip_bad_rows: bool, rejects: str | Path | None = None) -> None:
        """Read and score the table.

        Raises `TableError`, which tells of every bad row, unless they are skipped; they are then
        listed in the file `rejects`, if there is to be one.
        """
        found = shared(self._share, self.processes, self.files)
        bad = [fault for share in found for fault in share.bad]
        self.rejects = sorted([*self.table.rejects, *bad], key=_line)
        if self.rejects and not skip_bad_rows:
            if rejects is not None:
                write_rejects(rejects, self.rejects)
            raise refuse_rows(self.table.name, self.rejects, rejects)
        self.rows = sum(share.rows for share in found)
        self.anomalies = sum(share.anomalies for share in found)

    def _share(self, number: int) -> _Share:
        """Score every n-th batch from `number` on; the scores go to their place in scratch."""
        share = _Share()
        try:
            for start, batch in self.table.every(SCORED_ROWS, number, self.processes):
                self._keep(start, self._score(batch, share))
                if number == 0:
                    self.report("scoring", start + len(batch.rows), 0)
        except TableError:
            # Share 0 meets the same fault.
            if number == 0:
                raise
        return share

    def _keep(self, start: int, rows: NDArray[Any]) -> None:
        fs.write_at(self._scratch, rows.tobytes(), self._kept.itemsize * start)

    def _score(self, batch: Batch, share: _Share) -> NDArray[Any]:
        from ..tabular import Reject

        scores, problems, bins = self.scorer.watch(batch.rows)
        share.bad += [Reject(batch.lines[p.row], p.column, p.reason) for p in problems]
        share.rows += len(scores) - len({problem.row for problem in problems})
        share.anomalies += int((scores >= self.scorer.threshold).sum())
        kept = np.empty(len(scores), self._kept)
        kept["score"], kept["bins"] = scores, bins
        return kept

    def good_rows(self) -> Iterator[Part]:
        """Every row that was not rejected, in parts."""
        self._scratch.seek(0)
        for rows in self.table.whole_rows(SCORED_ROWS):
            kept = np.frombuffer(self._scratch.read(self._kept.itemsize * len(rows)), self._kept)
            self.table.check_unchanged()
            assert len(kept) == len(rows)
            good = ~np.isnan(kept["score"])
            if not good.all():
                rows, kept = list(compress(rows, good)), kept[good]
            scores = array("d", kept["score"].tobytes())
            yield Part(rows, scores, kept["bins"], [""] * len(rows))

    def report(self, stage: str, rows: int, blocks: int) -> None:
        """Tell whoever watches how far this is."""
        if self._progress:
            self._progress(Progress(stage, self.table.position, self.table.size, rows, blocks))


@dataclass(slots=True)
class _Share:
    """What one process found in its share of the rows."""

    rows: int = 0
    anomalies: int = 0
    bad: list[Reject] = field(default_factory=list)


def _line(reject: Reject) -> int:
    return reject.line
