"""How far a row lies from the training rows, feature by feature: two sums that need no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encode import Encoder, Numbers, Table

Floats = NDArray[np.float64]
Lists = Sequence[Floats]
_CUT = 1e3


class Statistics:
    """The sum of squared z-scores, and the sum of negative log tail shares (after ECOD, Li 2022).

    A category counts with the negative logarithm of its level's share; a level never seen counts as
    one row among the training rows, and a missing number as an average one.
    """

    def __init__(self, encoder: Encoder, place: Floats, tails: Lists, surprise: Floats) -> None:
        """`place` and `surprise`: mean and spread of each feature's robust value or surprise.

        `tails`: at each knot of a numeric feature the negative logarithm of its smaller tail.
        """
        self._encoder, self._place, self._surprise = encoder, place, surprise
        self._mean, self._spread = place.reshape(-1, 2).T
        self._knots = [np.array(feature.knots) for feature in encoder.numeric]
        self._tails = [np.array(tail) for tail in tails]
        self._logs = [-np.log([*c.shares, 1 / (c.rows + 1)]) for c in encoder.categories]

    @classmethod
    def fit(cls, encoder: Encoder, table: Table) -> Statistics:
        """Learn means, spreads and tails from training rows."""
        robust = encoder.numbers(table).robust
        empty = np.zeros((0, 2))
        logs = cls(encoder, empty, [], empty)._logs
        columns = [column[~np.isnan(column)] for column in table.numbers.T]
        place = [
            _moments(column[~np.isnan(raw)])
            for column, raw in zip(robust.T, table.numbers.T, strict=True)
        ]
        tails = [
            _tail(np.sort(column), np.array(feature.knots))
            for column, feature in zip(columns, encoder.numeric, strict=True)
        ]
        surprise = [_moments(log[codes]) for log, codes in zip(logs, table.codes.T, strict=True)]
        return cls(encoder, np.array(place), tails, np.array(surprise))

    def __call__(self, table: Table, numbers: Numbers | None = None) -> tuple[Floats, Floats]:
        """Both sums for each row, with what `Encoder.numbers` said of it, if that is known.

        Added feature by feature, so that no batch changes a rounding.
        """
        robust = (numbers or self._encoder.numbers(table)).robust
        squares, tails = np.zeros(len(robust)), np.zeros(len(robust))
        missing = np.isnan(table.numbers)
        square = np.square(np.clip((robust - self._mean) / self._spread, -_CUT, _CUT))
        square[missing] = 1.0
        for place, column in enumerate(table.numbers.T):
            tail = np.interp(column, self._knots[place], self._tails[place])
            tail[missing[:, place]] = 1.0
            squares += square[:, place]
            tails += tail
        for place, (mean, spread) in enumerate(self._surprise):
            surprise = self._logs[place][table.codes[:, place]]
            z = np.clip((surprise - mean) / spread, -_CUT, _CUT)
            squares += z * z
            tails += surprise
        return squares, tails

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` builds the same."""
        return {
            "place": self._place.tolist(),
            "tails": [tail.tolist() for tail in self._tails],
            "surprise": self._surprise.tolist(),
        }

    @classmethod
    def from_json(cls, encoder: Encoder, data: dict[str, Any]) -> Statistics:
        """The statistics that `to_json` wrote, over the same encoder."""
        return cls(encoder, np.array(data["place"]), data["tails"], np.array(data["surprise"]))


def _moments(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation, 1 where there is no spread."""
    if not len(values):
        return 0.0, 1.0
    return float(values.mean()), float(values.std()) or 1.0


def _tail(ordered: Floats, knots: Floats) -> Floats:
    """At each knot the negative logarithm of twice the smaller of P(X <= knot), P(X >= knot)."""
    below = np.searchsorted(ordered, knots, side="right")
    above = len(ordered) - np.searchsorted(ordered, knots, side="left")
    shares = (np.minimum(below, above) + 0.5) / (len(ordered) + 1)
    tail: Floats = -np.log(np.minimum(1.0, 2 * shares))
    return tail
