"""How far a block of rows lies from the training rows: one number that reveals no cell.

Each feature is cut into a few bins, and so are the scores. For each of them a chi-squared statistic
of homogeneity compares the block's counts with those of the rows that the model knows (K. Pearson
1911). The figure is the least of their p-values, corrected for how many there are (Bonferroni), as
-log10: 2 means that chance alone goes so far in one block of a hundred, whatever the block's size.

It reveals no cell: it says neither which feature it is of nor in which direction; it is cut to one
decimal; it has none for a block of fewer than `LEAST` rows; and bins are put together until the
block would have 5 rows in each, so that no single row decides it. The score of each row, which the
ledger holds anyway, says far more of that row.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .encode import Encoder, Numbers, Table
from .schema import MIN_PATIENTS

Floats = NDArray[np.float64]
Bins = NDArray[np.uint8]
Counts = list[list[int]]
LEAST = 10
"""Rows that a block must have: below, each row would weigh too much."""

MOST_FEATURES = 64
"""Of more features, so many are looked at, evenly spread over the table."""

HIGHEST = 99.0
_EXPECTED = 5  # rows in each bin (Cochran 1954)
_NUMERIC = 8  # bins half a standard deviation wide on the quantile-normal scale
_HELD = 50
_MOST = 1 << 53
_DECIMALS = 3


class _Plan(NamedTuple):
    """Bins put together for blocks of one size: group of each bin, feature of each group."""

    group: NDArray[np.intp]
    feature: NDArray[np.intp]
    known: Floats
    rows: Floats
    freedom: Floats


class Drift:
    """The training rows' share of each bin; `figure` compares a block with it."""

    def __init__(self, encoder: Encoder, counts: Counts, cuts: list[float], held: list[int]):
        """`counts`: rows in each bin of each watched feature; `held`: rows between the `cuts`."""
        self._counts, self._cuts, self._held = counts, np.array(cuts), held
        watched = _watched(len(encoder.columns))
        numeric = len(encoder.numeric)
        self._numbers = watched[watched < numeric]
        self._codes = watched[watched >= numeric] - numeric
        self._levels = np.array([len(encoder.categories[p].levels) for p in self._codes], np.intp)
        self.width = len(watched)
        all_counts = [*counts, *([held] if held else [])]
        self._sizes = [len(part) for part in all_counts]
        self._starts = np.cumsum([0, *self._sizes])[:-1]
        self._plan = lru_cache(maxsize=16)(lambda rows: _plan(all_counts, rows))

    @classmethod
    def fit(
        cls,
        encoder: Encoder,
        table: Table,
        scores: Floats,
        held: Floats,
        patients: NDArray[Any],
    ) -> Drift:
        """From the training rows, their `scores`, and the scores of rows that were `held` out.

        The rows are those of `Encoder.aggregated`; `patients` says whose each held-out row is.

        Members have seen the training rows: only held-out scores are like those to come, and
        without enough of them scores are not compared.
        """
        made = cls(encoder, [], [], [])
        bins = made.bins(table, encoder.numbers(table))
        sizes = [_NUMERIC + 1] * len(made._numbers) + [int(size) + 1 for size in made._levels]
        counts = [
            np.bincount(column, minlength=size).tolist()
            for column, size in zip(bins.T, sizes, strict=True)
        ]
        if len(held) < _HELD:
            return cls(encoder, counts, [], [])
        cuts = _cuts(scores, held, patients)
        found = np.bincount(np.searchsorted(cuts, held, side="right"), minlength=len(cuts) + 1)
        return cls(encoder, counts, cuts, found.tolist())

    def bins(self, table: Table, numbers: Numbers) -> Bins:
        """The bin of each watched feature of each row (rows x `width`).

        `numbers` is what `Encoder.numbers` says of the table. A missing number and an unknown level
        have a bin of their own.
        """
        normal = numbers.normal[:, self._numbers]
        out = np.empty((len(normal), self.width), np.uint8)
        split = len(self._numbers)
        half = _NUMERIC // 2
        out[:, :split] = np.clip(np.floor(2 * normal), -half, half - 1) + half
        out[:, :split][np.isnan(table.numbers[:, self._numbers])] = _NUMERIC
        codes = table.codes[:, self._codes]
        out[:, split:] = np.where(codes < 0, self._levels, codes)
        return out

    def figure(self, bins: Bins, scores: Floats) -> float | None:
        """-log10 of the corrected p-value of a block, 0 to 99; None for a block too small."""
        if len(bins) < LEAST or not self._sizes:
            return None
        plan = self._plan(len(bins))
        if not plan.freedom.any():
            return None
        seen = bins.astype(np.intp)
        if self._held:
            place = np.searchsorted(self._cuts, scores, side="right")
            seen = np.column_stack([seen, place])
        counts = np.bincount((seen + self._starts).ravel(), minlength=len(plan.group))
        found = np.bincount(plan.group, counts, len(plan.known)).astype(np.float64)
        return _corrected(_homogeneity(found, len(bins), plan), plan.freedom)

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` builds the same."""
        return {"counts": self._counts, "cuts": self._cuts.tolist(), "held": self._held}

    @classmethod
    def from_json(cls, encoder: Encoder, data: dict[str, Any]) -> Drift:
        """What `to_json` wrote, over the same encoder; ValueError where it is none."""
        made = cls(encoder, data["counts"], data["cuts"], data["held"])
        sizes = [_NUMERIC + 1] * len(made._numbers) + [int(size) + 1 for size in made._levels]
        if [len(part) for part in data["counts"]] != sizes or not all(map(_counts, data["counts"])):
            raise ValueError("other counts than there are features to watch")
        cuts, held = data["cuts"], data["held"]
        if held and not (len(held) == len(cuts) + 1 and _counts(held) and _rising(cuts)):
            raise ValueError("no counts of rows between scores")
        return made


def _counts(part: list[Any]) -> bool:
    """Whether these are numbers of rows, of one row at the least."""
    return all(type(count) is int and 0 <= count <= _MOST for count in part) and sum(part) > 0


def _rising(cuts: list[Any]) -> bool:
    if not all(type(cut) in (int, float) and abs(cut) <= 2 for cut in cuts):
        return False
    return all(low < high for low, high in pairwise(cuts))


def _cuts(scores: Floats, held: Floats, patients: NDArray[Any]) -> list[float]:
    """Eighths of the training scores, rounded, between which enough patients were held out."""
    cuts = list[float]()
    begun = -np.inf

    def enough(above: float, below: float) -> bool:
        between = (held >= above) & (held < below)
        return len(np.unique(patients[between])) >= MIN_PATIENTS

    for cut in np.unique(np.quantile(scores, np.linspace(0, 1, 9)[1:-1]).round(_DECIMALS)):
        if enough(begun, cut) and enough(cut, np.inf):
            cuts.append(float(cut))
            begun = cut
    return cuts


def _watched(features: int) -> NDArray[np.intp]:
    count = min(features, MOST_FEATURES)
    return np.array([place * features // count for place in range(count)], np.intp)


def _plan(counts: Counts, rows: int) -> _Plan:
    """Put neighbouring bins together until a block of `rows` would have enough in each."""
    group, feature, known = list[int](), list[int](), list[float]()
    for place, part in enumerate(counts):
        least = _EXPECTED * sum(part) / rows
        begun = False
        for count in part:
            if not begun or known[-1] >= least:
                known.append(0.0)
                feature.append(place)
                begun = True
            known[-1] += count
            group.append(len(known) - 1)
        if known[-1] < least and feature[-2:] == [place, place]:
            rest = known.pop()
            feature.pop()
            known[-1] += rest
            group = [min(number, len(known) - 1) for number in group]
    places = np.array(feature, np.intp)
    sums = np.bincount(places, known).astype(np.float64)
    freedom = np.bincount(places).astype(np.float64) - 1
    return _Plan(np.array(group, np.intp), places, np.array(known), sums[places], freedom)


def _homogeneity(found: Floats, rows: int, plan: _Plan) -> Floats:
    """Pearson's statistic of each feature: the block's counts against the known ones."""
    pooled = (found + plan.known) / (rows + plan.rows)
    spread = np.maximum(pooled, 1e-300) * (1 / rows + 1 / plan.rows)
    each = np.square(found / rows - plan.known / plan.rows) / spread
    return np.bincount(plan.feature, each, len(plan.freedom)).astype(np.float64)


def _corrected(statistics: Floats, freedom: Floats) -> float:
    """-log10 of the least p-value times how many there are, at one decimal.

    The cube root of chi-squared is nearly normal (Wilson and Hilferty 1931).
    """
    used = freedom > 0
    part = 2 / (9 * freedom[used])
    z = float(np.max((np.cbrt(statistics[used] / freedom[used]) - (1 - part)) / np.sqrt(part)))
    p = 0.5 * math.erfc(z / math.sqrt(2)) * int(used.sum())
    return min(HIGHEST, round(max(0.0, -math.log10(p)), 1)) if p > 0 else HIGHEST
