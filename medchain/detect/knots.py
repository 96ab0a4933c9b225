"""Piecewise-linear functions of many features at once, each between knots of its own.

`numpy.interp` searches the knots of one feature for one value after the other, and a wrong guess
at every step costs more than all the arithmetic. Here a value is first put into one of many equally
wide cells of a monotone scale. The knots of lower cells lie below it and those of higher cells
above it, so that only those of its own cell are left to compare.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CELLS = 8
"""Cells for each knot that a feature has at most."""

_QUARTER = 0.25
_NARROW = 1e-100


class Curves:
    """One function for each feature, constant before its first knot and beyond its last."""

    def __init__(
        self, knots: Sequence[Sequence[float]], values: Sequence[Sequence[float]], scale: Floats
    ) -> None:
        """`knots` of each feature ascend; `scale` (features x most knots) is where they lie on it.

        The scale must be a monotone function of the feature's value, computed for every value as it
        was for the knots.
        """
        features, most = scale.shape
        counts = [len(row) for row in knots]
        self._count = CELLS * most
        self._knots = np.full((features, most + 1), np.inf)
        # Slopes and values as before the first knot, at each knot, and beyond the last.
        self._starts = np.zeros((features, most + 1))
        self._slopes = np.zeros((features, most + 1))
        self._values = np.zeros((features, most + 1))
        for place, (row, said, count) in enumerate(zip(knots, values, counts, strict=True)):
            self._knots[place, :count] = row
            self._starts[place, 1 : count + 1] = np.multiply(row, _QUARTER)
            self._slopes[place, 1:count] = _slopes(np.array(row), np.array(said))
            self._values[place, : count + 1] = [said[0], *said]
        self._low = scale[:, :1]
        last = scale[np.arange(features), np.array(counts, np.intp) - 1]
        width = last[:, None] - self._low
        wide = width > _NARROW
        self._per = np.where(wide, self._count / np.where(wide, width, 1.0), 0.0)
        placed = self._cell(np.nan_to_num(scale))
        self._first = np.arange(features)[:, None] * self._count
        self._cells, self._steps = _cells(placed, counts, self._count)
        # Numbers of features and of knots together, as one index.
        self._cells += (np.arange(features) * (most + 1))[:, None]

    def __call__(self, raw: Floats, scale: Floats) -> Floats:
        """The functions of `raw` values (rows x features) that lie at `scale` on the scale.

        A value may be NaN, and so is what is said of it then; a place on the scale is finite.
        """
        # A feature's values lie side by side from here on, as they do in a `Table`.
        values, near = raw.T, self._cell(scale.T)
        near += self._first
        place = self._cells.take(near)
        for _ in range(self._steps):
            place += self._knots.take(place) <= values
        past = values * _QUARTER
        past -= self._starts.take(place)
        past *= self._slopes.take(place)
        past += self._values.take(place)
        said: Floats = past.T
        return said

    def _cell(self, scale: Floats) -> NDArray[np.intp]:
        """The cell of each place on the scale (features x rows)."""
        cell = scale - self._low
        cell *= self._per
        np.clip(cell, 0, self._count - 1, out=cell)
        return cell.astype(np.intp)


def _slopes(knots: Floats, values: Floats) -> Floats:
    """Slopes over a quarter of the way, which no two finite knots are too far apart for."""
    with np.errstate(over="ignore", divide="ignore"):
        slopes: Floats = np.diff(values) / np.diff(knots * _QUARTER)
    return np.where(np.isfinite(slopes), slopes, 0.0)


def _cells(
    of_knots: NDArray[np.intp], counts: Sequence[int], cells: int
) -> tuple[NDArray[np.intp], int]:
    """How many knots lie in lower cells (features x cells), and how many in one cell at most."""
    found = np.zeros((len(of_knots), cells), np.intp)
    steps = 0
    for place, count in enumerate(counts):
        each = np.bincount(of_knots[place, :count], minlength=cells)
        found[place] = np.cumsum(each) - each
        steps = max(steps, int(each.max()))
    return found, steps
