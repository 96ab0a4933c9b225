"""Why a row is anomalous: the few features without which its score would be lower.

Each of the most suspicious features is put back, alone, to what is usual (the training median, the
most frequent level), and the row is scored again by the very same network: the reason is by how
much that lowers the score before it is squeezed between 0 and 1 (`units` of the outcome: log-odds
with labels, else nats of surprise). What a feature does in company is so counted for each of the
company; the numbers order features and do not add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .encode import Encoder, Numbers, Table
from .scoring import Scorer

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
TOP = 5
ASKED = 6
"""Features that are put back one by one: more cost time, and rarely find another reason."""

FAINT = 0.2
"""Features that alone would change a usual row by less than this share of what the first does are
not asked."""

DECIMALS = 4
_POINTS = 17
_ROWS = 2048


class Explainer:
    """Gives reasons for rows of the table that `scorer` is bound to."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer, self._encoder = scorer, scorer.encoder
        self._names = self._encoder.columns
        self._usual = _usual(self._encoder)
        self._effects = [
            self._effect(place, values) for place, values in enumerate(_grids(self._encoder))
        ]

    def __call__(self, rows: Sequence[Sequence[str]], top: int = TOP) -> list[dict[str, float]]:
        """For each row at most `top` features and their differences, the greatest first.

        A row's reasons depend on nothing but the row and the model; rows must be readable.
        """
        found: list[dict[str, float]] = []
        for start in range(0, len(rows), _ROWS):
            found += self._reasons(self._scorer.read(rows[start : start + _ROWS]), top)
        return found

    def _reasons(self, table: Table, top: int) -> list[dict[str, float]]:
        places, asked = self._suspects(table, max(top, ASKED))
        rows, at = np.nonzero(asked)
        count = len(table.numbers)
        said = self._put_back(table, np.append(rows, np.arange(count)), places[rows, at])
        less = np.zeros(places.shape)
        less[rows, at] = said[len(rows) + rows] - said[: len(rows)]
        less = np.round(less, DECIMALS)
        order = np.argsort(-less, axis=1, kind="stable")[:, :top]
        names = np.take_along_axis(places, order, 1).tolist()
        values = np.take_along_axis(less, order, 1).tolist()
        return [
            {self._names[name]: value for name, value in zip(*row, strict=True) if value > 0}
            for row in zip(names, values, strict=True)
        ]

    def _suspects(self, table: Table, most: int) -> tuple[Places, NDArray[np.bool_]]:
        """The features (rows x `most`) that alone would change a usual row's score most.

        With whether it is worth the time to ask each of them.
        """
        split, count = len(self._encoder.numeric), len(table.numbers)
        weights = np.empty((len(self._names), count))
        for place, (points, effects) in enumerate(self._effects):
            if place < split:
                column = table.numbers[:, place]
                weights[place] = np.interp(column, points, effects[:-1])
                weights[place, np.isnan(column)] = effects[-1]
            else:
                weights[place] = effects[table.codes[:, place - split]]
        suspicion = np.abs(weights)
        places = np.argsort(-suspicion, axis=0, kind="stable")[:most]
        strength = np.take_along_axis(suspicion, places, 0)
        faint = len(self._names) > most and strength < FAINT * strength[0]
        return places.T, np.broadcast_to(~np.asarray(faint), places.shape).T

    def _effect(self, place: int, values: Floats) -> tuple[Floats, Floats]:
        """What each of `values`, and a missing or unknown one, changes in a usual row."""
        rows = np.zeros(len(values) + 1, np.intp)
        table = self._usual.take(rows)
        split = len(self._encoder.numeric)
        if place < split:
            table.numbers[:, place] = [*values, np.nan]
        else:
            table.codes[:, place - split] = [*values.astype(np.intp), -1]
        said = self._scorer.units(table)
        return values, said - float(self._scorer.units(self._usual)[0])

    def _put_back(self, table: Table, rows: Places, places: Places) -> Floats:
        """The units of copies of `rows`, in each of the first of which one of `places` is usual."""
        copies = table.take(rows)
        numbers = Numbers(*(known[rows] for known in self._encoder.numbers(table)))
        split = len(self._encoder.numeric)
        numeric = np.flatnonzero(places < split)
        column = places[numeric]
        copies.numbers[numeric, column] = self._usual.numbers[0, column]
        for known, usual in zip(numbers, self._encoder.numbers(self._usual), strict=True):
            known[numeric, column] = usual[0, column]
        other = np.flatnonzero(places >= split)
        copies.codes[other, places[other] - split] = self._usual.codes[0, places[other] - split]
        return self._scorer.units(copies, numbers)


def _usual(encoder: Encoder) -> Table:
    """One row: the median of each number, the most frequent level of each category."""
    numbers = np.array([[feature.centre for feature in encoder.numeric]])
    codes = [int(np.argmax(category.shares)) for category in encoder.categories]
    return Table(numbers, np.array([codes], np.intp).reshape(1, -1), [])


def _grids(encoder: Encoder) -> list[Floats]:
    """Values to try of each feature: some of a number's quantiles, every level of a category."""
    grids = []
    for feature in encoder.numeric:
        knots = np.array(feature.knots)
        some = np.linspace(0, len(knots) - 1, min(_POINTS, len(knots))).round().astype(int)
        grids.append(knots[some])
    return grids + [np.arange(len(c.levels), dtype=np.float64) for c in encoder.categories]
