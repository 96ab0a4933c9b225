"""How far a row lies from the training rows, feature by feature: two sums that need no network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encode import Encoder, Numbers, Table
from .rarity import Rarity
from .tails import Tails

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
_CUT = 1e3
_FARTHEST = 6.0


class Statistics:
    """The sum of squared z-scores, and the sum of the surprise of each value.

    A category surprises by the negative logarithm of its level's share; a level never seen counts
    as one row among the training rows, and a missing number as an average one.
    """

    def __init__(
        self,
        encoder: Encoder,
        place: Floats,
        surprise: Floats,
        numbers: Rarity | Tails,
        sums: Floats | None = None,
    ) -> None:
        """`place` and `surprise`: mean and spread of each feature's robust value or surprise.

        `sums`: those of both sums, as the network reads them, if it does.
        """
        self._encoder, self._place, self._surprise = encoder, place, surprise
        self._sums = sums
        self._mean, self._spread = place.reshape(-1, 2).T
        self._numbers = numbers
        self._logs = _logs(encoder)

    @classmethod
    def fit(cls, encoder: Encoder, table: Table) -> Statistics:
        """Learn means, spreads and shares from training rows (`Encoder.aggregated` if kept)."""
        numbers, missing = encoder.numbers(table), np.isnan(table.numbers)
        place = [
            _moments(column[~gone])
            for column, gone in zip(numbers.robust.T, missing.T, strict=True)
        ]
        surprise = [
            _moments(log[codes]) for log, codes in zip(_logs(encoder), table.codes.T, strict=True)
        ]
        rarity = Rarity.fit(numbers.soft, missing)
        made = cls(encoder, np.array(place), np.array(surprise), rarity)
        made._sums = np.array([_moments(column) for column in _levelled(*made(table, numbers)).T])
        return made

    def __call__(self, table: Table, numbers: Numbers | None = None) -> tuple[Floats, Floats]:
        """Both sums for each row, with what `Encoder.numbers` said of it, if that is known.

        Added feature by feature, so that no batch changes a rounding.
        """
        numbers = numbers or self._encoder.numbers(table)
        missing = np.isnan(table.numbers)
        square = np.square(np.clip((numbers.robust - self._mean) / self._spread, -_CUT, _CUT))
        square[missing] = 1.0
        squares = _added(square)
        surprises = _added(
            self._numbers(table.numbers)
            if isinstance(self._numbers, Tails)
            else self._numbers(numbers.soft, missing)
        )
        for place, (mean, spread) in enumerate(self._surprise):
            surprise = self._logs[place][table.codes[:, place]]
            z = np.clip((surprise - mean) / spread, -_CUT, _CUT)
            squares += z * z
            surprises += surprise
        return squares, surprises

    def beside(self, inputs: Matrix, squares: Floats, surprises: Floats) -> Matrix:
        """What the network reads: the encoded rows, and behind them both sums with unit spread.

        A network that knows usual rows alone cannot guess how far from them is far; sums can. They
        are cut where one far row would drown all others in training.
        """
        if self._sums is None:
            return inputs
        mean, spread = self._sums.T
        read = np.clip((_levelled(squares, surprises) - mean) / spread, -_FARTHEST, _FARTHEST)
        return np.column_stack([inputs, read.astype(np.float32)])

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` builds the same."""
        assert isinstance(self._numbers, Rarity), "models of old formats are never written"
        assert self._sums is not None
        return {
            "place": self._place.tolist(),
            "rarity": self._numbers.to_json(),
            "surprise": self._surprise.tolist(),
            "sums": self._sums.tolist(),
        }

    @classmethod
    def from_json(cls, encoder: Encoder, data: dict[str, Any]) -> Statistics:
        """The statistics that `to_json` wrote, over the same encoder."""
        numbers: Rarity | Tails
        if "tails" in data:
            numbers = Tails([feature.knots for feature in encoder.numeric], data["tails"])
        else:
            numbers = Rarity.from_json(data["rarity"])
        sums = np.array(data["sums"]) if "sums" in data else None
        return cls(encoder, np.array(data["place"]), np.array(data["surprise"]), numbers, sums)


def unseen_sums(
    encoder: Encoder,
    table: Table,
    patients: NDArray[np.intp],
    learn: NDArray[np.intp],
    fold: NDArray[np.intp],
) -> Floats:
    """Both sums of each row (rows x 2), by statistics of the rows to `learn` outside its `fold`.

    `patients` says whose each row is.

    A row that means and shares have seen looks more usual than a new one like it; ranks among such
    rows would give more alerts than were asked for.
    """
    sums = np.empty((len(fold), 2))
    for each in np.unique(fold):
        mine = np.flatnonzero(fold == each)
        others = learn[fold[learn] != each]
        seen = Statistics.fit(encoder, encoder.aggregated(table.take(others), patients[others]))
        sums[mine] = np.column_stack(seen(table.take(mine)))
    return sums


def _logs(encoder: Encoder) -> list[Floats]:
    """The surprise of each level of each category, and last that of a level never seen."""
    return [-np.log([*c.shares, 1 / (c.rows + 1)]) for c in encoder.categories]


def _levelled(squares: Floats, surprises: Floats) -> Floats:
    """Both sums, rows x 2, the squares under a fourth root, which IEEE 754 rounds exactly."""
    return np.column_stack([np.sqrt(np.sqrt(squares)), surprises])


def _added(each: Floats) -> Floats:
    """The sum over the features of rows x features."""
    total = np.zeros(len(each))
    for column in each.T:
        total += column
    return total


def _moments(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation, 1 where there is no spread."""
    if not len(values):
        return 0.0, 1.0
    return float(values.mean()), float(values.std()) or 1.0
