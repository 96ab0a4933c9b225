"""What models of the formats 1 and 2 sum up where later ones take `rarity`: logarithms of tails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Tails:
    """For each numeric feature the negative logarithm of twice its smaller tail, 1 where missing.

    It is known at knots and linear between them (after ECOD, Li 2022).
    """

    def __init__(self, knots: Sequence[Sequence[float]], values: Sequence[Sequence[float]]) -> None:
        self._knots, self._values = knots, values

    def __call__(self, raw: Floats) -> Floats:
        """The value of each number (rows x features)."""
        found = np.ones(raw.shape[::-1])
        for place, column in enumerate(raw.T):
            known = ~np.isnan(column)
            found[place, known] = np.interp(column[known], self._knots[place], self._values[place])
        return found.T
