"""The first pass of an ingest: every row read, checked and scored before anything is written.

The scores wait in a file without a name, 8 bytes a row: memory does not grow with the table.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, BinaryIO

from .. import fs
from ..errors import TableError
from ..ledger.pow import cores
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
        self.rows = self.anomalies = 0
        self.rejects: list[Reject] = []
        self.rejects_file = ""
        self.processes = shares(table.size, cores())
        self.files = (table.fileno(), scratch.fileno())

    def run(self, skip_bad_rows: bool) -> None:
        """Read and score the table. Raises `TableError` at the first bad row, unless skipped."""
        found = shared(
            lambda number: self._share(number, skip_bad_rows), self.processes, self.files
        )
        bad = sorted((fault for share in found for fault in share.bad), key=_line)
        if bad and not skip_bad_rows:
            raise self._fault(bad[0])
        self.rows = sum(share.rows for share in found)
        self.anomalies = sum(share.anomalies for share in found)
        self.rejects = sorted([*self.table.rejects, *bad], key=_line)

    def _share(self, number: int, skip_bad_rows: bool) -> _Share:
        """Score every n-th batch from `number` on; the scores go to their place in scratch."""
        share = _Share()
        try:
            for start, batch in self.table.every(SCORED_ROWS, number, self.processes):
                fs.write_at(self._scratch, self._score(batch, share), 8 * start)
                if number == 0:
                    self.report("scoring", start + len(batch.rows), 0)
                if share.bad and not skip_bad_rows:
                    break
        except TableError:
            # Share 0 meets the same fault, unless it stopped at a row before it.
            if number == 0:
                raise
        return share

    def _score(self, batch: Batch, share: _Share) -> bytes:
        from ..tabular import Reject

        scores, problems = self.scorer.score(batch.rows)
        share.bad += [Reject(batch.lines[p.row], p.column, p.reason) for p in problems]
        share.rows += len(scores) - len({problem.row for problem in problems})
        share.anomalies += int((scores >= self.scorer.threshold).sum())
        return scores.tobytes()

    def good_rows(self) -> Iterator[tuple[array[float], list[Row]]]:
        """Every row that was not rejected, with its score, in batches."""
        self._scratch.seek(0)
        for rows in self.table.whole_rows(SCORED_ROWS):
            scores = array("d", self._scratch.read(8 * len(rows)))
            self.table.check_unchanged()
            assert len(scores) == len(rows)
            good = [score == score for score in scores]  # NaN is not
            yield (
                (scores, rows)
                if all(good)
                else (array("d", compress(scores, good)), list(compress(rows, good)))
            )

    def report(self, stage: str, rows: int, blocks: int) -> None:
        """Tell whoever watches how far this is."""
        if self._progress:
            self._progress(Progress(stage, self.table.position, self.table.size, rows, blocks))

    def _fault(self, reject: Reject) -> TableError:
        return TableError(
            reject.reason,
            file=self.table.name,
            line=reject.line,
            column=reject.column,
            hint="correct the row, or leave such rows out with --skip-bad-rows",
        )


@dataclass(slots=True)
class _Share:
    """What one process found in its share of the rows."""

    rows: int = 0
    anomalies: int = 0
    bad: list[Reject] = field(default_factory=list)


def _line(reject: Reject) -> int:
    return reject.line
