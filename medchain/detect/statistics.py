"""How far a row lies from the training rows, feature by feature: two sums that need no network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encode import Encoder, Table, normal_share

Floats = NDArray[np.float64]
_CUT = 1e3


class Statistics:
    """The sum of squared z-scores, and the sum of negative log tail shares (as ECOD's).

    A category counts with the negative logarithm of its level's share; a level never seen counts as
    one row among the training rows. ``surprise`` holds mean and spread of that for each category,
    ``place`` the mean and spread of each numeric feature's robust value.
    """

    def __init__(self, encoder: Encoder, place: Floats, surprise: Floats, rows: int) -> None:
        self._encoder, self._rows = encoder, rows
        self._place, self._surprise = place.reshape(-1, 2), surprise.reshape(-1, 2)
        self._tails = [_tail(feature.knots, feature.normal) for feature in encoder.numeric]
        self._logs = [-np.log([*c.shares, 1 / (rows + 1)]) for c in encoder.categories]

    @classmethod
    def fit(cls, encoder: Encoder, table: Table) -> Statistics:
        """Learn means and spreads from training rows."""
        robust, _ = encoder.numbers(table)
        blank = cls(encoder, np.zeros((0, 2)), np.zeros((0, 2)), len(robust))
        place = [
            _moments(column[~np.isnan(raw)])
            for column, raw in zip(robust.T, table.numbers.T, strict=True)
        ]
        surprise = [
            _moments(log[codes]) for log, codes in zip(blank._logs, table.codes.T, strict=True)
        ]
        return cls(encoder, np.array(place), np.array(surprise), len(robust))

    def __call__(self, table: Table) -> tuple[Floats, Floats]:
        """Both sums for each row; added feature by feature, so that no batch changes a rounding."""
        robust, _ = self._encoder.numbers(table)
        squares, tails = np.zeros(len(robust)), np.zeros(len(robust))
        for place, (mean, spread) in enumerate(self._place):
            raw = np.ascontiguousarray(table.numbers[:, place])
            z = np.clip((robust[:, place] - mean) / spread, -_CUT, _CUT)
            squares += np.where(np.isnan(raw), 1.0, z * z)
            tails += np.where(np.isnan(raw), 1.0, np.interp(raw, *self._tails[place]))
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
            "surprise": self._surprise.tolist(),
            "rows": self._rows,
        }

    @classmethod
    def from_json(cls, encoder: Encoder, data: dict[str, Any]) -> Statistics:
        """The statistics that `to_json` wrote, over the same encoder."""
        return cls(encoder, np.array(data["place"]), np.array(data["surprise"]), data["rows"])


def _moments(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation, 1 where there is no spread."""
    if not len(values):
        return 0.0, 1.0
    return float(values.mean()), float(values.std()) or 1.0


def _tail(knots: tuple[float, ...], normal: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Knots and, at each, the negative logarithm of twice the smaller tail."""
    shares = [normal_share(value) for value in normal]
    return np.array(knots), -np.log([min(1.0, 2 * min(s, 1 - s)) for s in shares])
