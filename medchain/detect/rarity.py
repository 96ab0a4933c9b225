"""How rare each number is among training rows: the surprise of its bin (HBOS; Goldstein 2012).

Bins are equally wide on the softened scale of a feature, so that far values neither overflow nor
push all others into one bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .schema import MIN_PATIENTS

Floats = NDArray[np.float64]
BINS = 10
_WITHIN = 1 - 1e-9


class Rarity:
    """For each numeric feature the negative logarithm of the share of training rows in each bin.

    A value outside the bins is as rare as if half of `MIN_PATIENTS` were there, since the outermost
    bins end at means of so many; a missing one is an average value.
    """

    def __init__(self, low: Floats, per: Floats, surprise: Floats, missing: Floats) -> None:
        """Bin 1 + floor((value - `low`) * `per`) of each feature has its `surprise`.

        `surprise` is features x (`BINS` + 2), the first and the last for values outside.
        """
        self._low, self._per, self._surprise, self._missing = low, per, surprise, missing
        self._row = np.arange(len(low)) * (BINS + 2)

    @classmethod
    def fit(cls, soft: Floats, missing: NDArray[np.bool_]) -> Rarity:
        """From the softened values of training rows (rows x features)."""
        found = [_bins(column[~gone]) for column, gone in zip(soft.T, missing.T, strict=True)]
        low, per, surprise, usual = zip(*found, strict=True) if found else ((), (), (), ())
        return cls(
            np.array(low), np.array(per), np.array(surprise).reshape(-1, BINS + 2), np.array(usual)
        )

    def __call__(self, soft: Floats, missing: NDArray[np.bool_]) -> Floats:
        """The surprise of each value (rows x features)."""
        place = np.floor((soft - self._low) * self._per) + 1.0
        np.clip(place, 0, BINS + 1, out=place)
        found: Floats = self._surprise.take(place.astype(np.intp) + self._row)
        if missing.any():
            found = np.where(missing, self._missing, found)
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain lists, from which `from_json` builds the same."""
        return {
            "low": self._low.tolist(),
            "per": self._per.tolist(),
            "surprise": self._surprise.tolist(),
            "missing": self._missing.tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Sequence[Any]]) -> Rarity:
        """What `to_json` wrote."""
        surprise = np.array(data["surprise"], np.float64).reshape(-1, BINS + 2)
        low, per, missing = (np.array(data[key], np.float64) for key in ("low", "per", "missing"))
        return cls(low, per, surprise, missing)


def _bins(values: Floats) -> tuple[float, float, Floats, float]:
    """Where the bins begin, how many there are in a unit, their surprise, and its mean."""
    count = len(values)
    low, high = (float(values.min()), float(values.max())) if count else (0.0, 0.0)
    per = BINS * _WITHIN / (high - low) if high > low else float(BINS)
    rows = np.zeros(BINS + 2)
    np.add.at(rows, np.floor((values - low) * per).astype(np.intp) + 1, 1)
    rows[[0, -1]] = MIN_PATIENTS / 2
    surprise = -np.log((rows + 0.5) / (count + 1))
    inner = slice(1, -1)
    mean = float(rows[inner] @ surprise[inner] / count) if count else 0.0
    return low, per, surprise, mean
