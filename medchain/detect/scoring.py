"""Scoring rows of text with a trained model, without TensorFlow.

The network runs on blocks of a fixed number of rows, the last one padded, so that what a row gets
never depends on the rows beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from . import outcome
from .boosting import Forest
from .bundle import LITE, Bundle
from .cells import columns_of
from .columns.plan import TablePlan
from .columns.reader import Plain, Reader
from .drift import Bins, Drift
from .encode import Encoder, Numbers, Problem, Table
from .probe import probe
from .quiet import LITERT, quiet_stderr
from .statistics import Statistics

__all__ = ["Problem", "Scorer"]
Floats = NDArray[np.float64]
UNFIT = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What parts of a bundle raise that do not fit together: its files may be by anyone."""

# Rows that are read together: few enough for their numbers to stay in the cache.
_CHUNK = 512


class Lite:
    """A converted network; each thread gets an interpreter of its own."""

    def __init__(self, model: bytes) -> None:
        self._model, self._mine = model, threading.local()
        self._interpreter()

    def __call__(self, rows: NDArray[np.float32]) -> Floats:
        """What the network says of each row (rows x outputs)."""
        interpreter, source, target, block, width = self._interpreter()
        out = np.empty((len(rows), width))
        padded = np.zeros((block, rows.shape[1]), np.float32)
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            if len(part) < block:
                padded[: len(part)] = part
                part = padded
            interpreter.set_tensor(source, part)
            interpreter.invoke()
            stop = min(start + block, len(rows))
            out[start:stop] = interpreter.get_tensor(target)[: stop - start]
        return out

    def _interpreter(self) -> tuple[Any, int, int, int, int]:
        if not hasattr(self._mine, "ready"):
            with quiet_stderr(LITERT):
                from ai_edge_litert.interpreter import Interpreter

                made = Interpreter(model_content=self._model, num_threads=1)
                made.allocate_tensors()
            source, target = made.get_input_details()[0], made.get_output_details()[0]
            self._mine.ready = (
                made,
                source["index"],
                target["index"],
                int(source["shape"][0]),
                int(target["shape"][1]),
            )
        ready: tuple[Any, int, int, int, int] = self._mine.ready
        return ready


class Views:
    """Encoder, network and what stands beside it: a table to raw views of its rows.

    Fixed statistics come before what the network says, boosted trees after it.
    """

    def __init__(
        self,
        encoder: Encoder,
        network: Lite,
        statistics: Statistics | None,
        forest: Forest | None = None,
    ) -> None:
        self.encoder, self.network = encoder, network
        self.statistics, self.forest = statistics, forest

    def __call__(self, table: Table, numbers: Numbers | None = None) -> Floats:
        """Rows x views; `numbers` is what `Encoder.numbers` said of the table, if that is known."""
        numbers = numbers or self.encoder.numbers(table)
        inputs = self.encoder.encode(table, numbers)
        if self.statistics:
            sums = self.statistics(table, numbers)
            said = self.network(self.statistics.beside(inputs, *sums))
            return np.column_stack([*sums, said[:, 0]])
        views = [self.network(inputs)[:, 0]]
        if self.forest:
            views.append(self.forest(inputs))
        return np.column_stack(views)


class Scorer:
    """Gives rows of one table their scores; `bind` it to the table's columns first."""

    def __init__(self, bundle: Bundle) -> None:
        self.schema, self.threshold = bundle.schema, bundle.threshold
        self._places: list[int] | None = None
        probe(bundle.files[LITE])
        try:
            self._load(bundle)
            self._try()
        except UNFIT as error:
            raise ModelError(
                "the parts of this model do not fit together",
                hint="copy the folder again from where it was trained, or train anew",
            ) from error

    drift: Drift | None
    """What a block is compared with; None in a bundle of an older program."""

    def _load(self, bundle: Bundle) -> None:
        about = bundle.preprocessing
        plan = about.get("columns")
        self._reader = (
            None if plan is None else Reader(TablePlan.from_json(plan), self.schema.features)
        )
        self.encoder = Encoder.from_json(about["encoder"])
        statistics = about["statistics"] and Statistics.from_json(self.encoder, about["statistics"])
        forest = about.get("forest") and Forest.from_json(about["forest"])
        self._views = Views(self.encoder, Lite(bundle.files[LITE]), statistics, forest)
        self._outcome = outcome.read(about["outcome"])
        drift = about.get("drift")
        self.drift = drift and Drift.from_json(self.encoder, drift)

    def _try(self) -> None:
        """Score three rows that any model can read, so that parts that do not fit fail here."""
        columns = [*self.schema.numeric, *self.schema.categorical]
        if columns != self.encoder.columns:
            raise ValueError("other features than the encoder")
        width = len(self._reader.sources) if self._reader else len(columns)
        cells = [[cell] * width for cell in ("", "0", "1e300")]
        self._places = list(range(width))
        self._score(cells, np.zeros((len(cells), self.drift.width if self.drift else 0), np.uint8))
        self._places = None

    def bind(self, columns: Sequence[str]) -> list[str]:
        """Find the model's features among `columns`; returns the columns that are not scored.

        Raises `ModelError` with the name of every column that is lacking.
        """
        if self._reader:
            self._places, ignored = self.schema.bind(columns, self._reader.sources)
            return ignored
        places, ignored = self.schema.bind(columns)
        where = dict(zip(self.schema.features, places, strict=True))
        self._places = [where[name] for name in (*self.schema.numeric, *self.schema.categorical)]
        return ignored

    def score(self, rows: Sequence[Sequence[str]]) -> tuple[Floats, list[Problem]]:
        """Scores at 6 decimals, NaN for rows with a cell that cannot be read, and these cells.

        A row's score depends on nothing but the row and the model.
        """
        scores, problems, _ = self._score(rows, None)
        return scores, problems

    def watch(self, rows: Sequence[Sequence[str]]) -> tuple[Floats, list[Problem], Bins]:
        """What `score` says, and the bins of each row that `drift` counts, if it is known."""
        bins = np.zeros((len(rows), self.drift.width if self.drift else 0), np.uint8)
        return self._score(rows, bins)

    def read(self, rows: Sequence[Sequence[str]]) -> Table:
        """The cells of the model's features."""
        assert self._places is not None, "bind the scorer to the table's columns first"
        cells = columns_of(rows)
        wanted = [cells[place] for place in self._places]
        return self._read_by_plan(wanted) if self._reader else self.encoder.read(wanted)

    def _read_by_plan(self, cells: list[tuple[str, ...]]) -> Table:
        """Columns of plain numbers are read as they stand, unless a cell of them is no such."""
        assert self._reader
        named = dict(zip(self._reader.sources, cells, strict=True))
        plain = self._reader.read(named, quick=True)
        table = self._encoded(plain)
        if table.problems or plain.bad:
            plain = self._reader.read(named)
            table = self._encoded(plain)
            table.problems = [Problem(*bad) for bad in plain.bad]
        return table

    def _encoded(self, plain: Plain) -> Table:
        return self.encoder.read([plain.cells[name] for name in self.encoder.columns])

    def units(self, table: Table, numbers: Numbers | None = None) -> Floats:
        """The score of each row before it is squeezed between 0 and 1.

        `numbers` is what `Encoder.numbers` says of the table, if that is known.
        """
        numbers = numbers or self.encoder.numbers(table)
        found = np.empty(len(table.numbers))
        for start, stop in _parts(len(found)):
            rows = slice(start, stop)
            part = Table(table.numbers[rows], table.codes[rows], [])
            known = Numbers(*(each[rows] for each in numbers))
            found[rows] = self._outcome.units(self._views(part, known))
        return found

    def _score(
        self, rows: Sequence[Sequence[str]], bins: Bins | None
    ) -> tuple[Floats, list[Problem], Bins]:
        scores = np.empty(len(rows))
        problems: list[Problem] = []
        for start, stop in _parts(len(rows)):
            table = self.read(rows[start:stop])
            numbers = self.encoder.numbers(table)
            said = self._outcome.scores(self._views(table, numbers))
            if not np.isfinite(said).all():
                raise ModelError(
                    "the model gives a row a score that is no number",
                    hint="nothing was recorded; train anew, and do not use this model",
                )
            scores[start:stop] = said
            if bins is not None and self.drift:
                bins[start:stop] = self.drift.bins(table, numbers)
            problems += [replace(found, row=start + found.row) for found in table.problems]
        scores[[problem.row for problem in problems]] = np.nan
        return scores, problems, np.zeros((0, 0), np.uint8) if bins is None else bins


def _parts(count: int) -> list[tuple[int, int]]:
    return [(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
