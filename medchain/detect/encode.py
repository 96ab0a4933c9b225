"""Rows of text to the numbers that the network reads; fitted on training rows alone.

A numeric feature becomes a softened robust value and a quantile-normal value (and a flag where
training rows had it missing), a category one place for each frequent level. Everything is computed
in float64 with operations that IEEE 754 rounds exactly, so a row is encoded the same everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .cells import floats, is_missing, reason
from .knots import Curves
from .microaggregation import microaggregate
from .schema import MIN_PATIENTS, Schema, few, kept_levels, levels

Floats = NDArray[np.float64]
FAR = 1e6
"""Robust values are cut here before they are squared, far beyond any measurement."""
_KNOTS = 65
_MISSING, _OTHER = "", "*"


@dataclass(frozen=True)
class Problem:
    """A cell that cannot be read: its row in the batch (from 0), its column, and why."""

    row: int
    column: str
    reason: str


@dataclass(frozen=True)
class Numeric:
    """What is known of a numeric feature: scale, and quantiles with their normal values."""

    column: str
    centre: float
    scale: float
    knots: tuple[float, ...] = field(repr=False)
    normal: tuple[float, ...]
    flag: bool


@dataclass(frozen=True)
class Category:
    """The levels of a categorical feature, each with its share of the training `rows`.

    ``""`` stands for a missing cell and ``"*"`` for all levels that are rare; a level of either
    name in the table is looked up after trimming and can only be rare itself.
    """

    column: str
    levels: tuple[str, ...] = field(repr=False)
    shares: tuple[float, ...]
    rows: int


class Table:
    """Cells as read: numbers (rows x numeric), level numbers (rows x categorical; -1 unknown)."""

    def __init__(self, numbers: Floats, codes: NDArray[np.intp], problems: list[Problem]) -> None:
        self.numbers, self.codes, self.problems = numbers, codes, problems

    def take(self, rows: NDArray[Any]) -> Table:
        """Some of the rows, without their problems."""
        return Table(self.numbers[rows], self.codes[rows], [])


class Numbers(NamedTuple):
    """What is computed of the numbers of a table once, rows x numeric features each.

    All are 0 where a number is missing.
    """

    robust: Floats
    """How many spreads from the middle, cut at `FAR`."""
    soft: Floats
    """The same, softened."""
    normal: Floats
    """The value as a quantile of the standard normal."""


class Encoder:
    """The fitted preprocessing: `read` turns text into a `Table`, `encode` that into float32."""

    def __init__(self, numeric: Sequence[Numeric], categories: Sequence[Category]) -> None:
        self.numeric, self.categories = tuple(numeric), tuple(categories)
        self._centre = np.array([f.centre for f in self.numeric])
        self._scale = np.array([f.scale for f in self.numeric])
        self._flags = np.flatnonzero([f.flag for f in self.numeric])
        self._normal = self._curves()
        self._known = [_lookup(category) for category in self.categories]
        self.columns = [f.column for f in self.numeric] + [c.column for c in self.categories]
        self.width = (
            2 * len(self.numeric) + len(self._flags) + sum(len(c.levels) for c in self.categories)
        )

    @classmethod
    def fit(
        cls,
        schema: Schema,
        cells: Mapping[str, Sequence[str]],
        patients: Sequence[int] | None = None,
    ) -> Encoder:
        """Learn scales, quantiles and levels from the cells of every feature of `schema`.

        `patients` says whose each row is; without, each is another's.
        """
        return cls(
            [_fit_numeric(name, floats(cells[name]), patients) for name in schema.numeric],
            [_fit_category(name, cells[name], patients) for name in schema.categorical],
        )

    def read(self, features: Sequence[Sequence[str]]) -> Table:
        """Read columns of text, the numeric ones first, then the categorical ones.

        A cell that is no finite number leaves NaN and a `Problem`; a level never seen is unknown.
        """
        count = len(features[0]) if features else 0
        split = len(self.numeric)
        numbers = np.empty((split, count))
        made = partial(np.fromiter, dtype=np.float64, count=count)
        for position in range(split):
            numbers[position] = floats(features[position], made)
        problems: list[Problem] = []
        if np.isinf(numbers).any():
            problems = self._problems(numbers, features)
            numbers[np.isinf(numbers)] = np.nan
        codes = np.empty((len(self.categories), count), np.intp)
        for position, known in enumerate(self._known):
            codes[position] = _codes(known, features[split + position])
        return Table(numbers.T, codes.T, problems)

    def encode(self, table: Table, numbers: Numbers | None = None) -> NDArray[np.float32]:
        """What the network reads, rows x `width`, always finite.

        `numbers` is what the method of that name says of the table, if that is known already.
        """
        numbers = numbers or self.numbers(table)
        out = np.zeros((len(table.numbers), self.width), np.float32)
        split = len(self.numeric)
        out[:, :split] = numbers.soft
        out[:, split : 2 * split] = numbers.normal
        start = 2 * split + len(self._flags)
        out[:, 2 * split : start] = np.isnan(table.numbers[:, self._flags])
        for position, category in enumerate(self.categories):
            codes = table.codes[:, position]
            rows = np.flatnonzero(codes >= 0)
            out[rows, start + codes[rows]] = 1.0
            start += len(category.levels)
        return out

    def aggregated(self, table: Table, patients: NDArray[np.intp]) -> Table:
        """Training rows with each number as the mean of the values of enough `patients`.

        What fewer of them lack, or have beside the levels, is as it is in most rows.
        """
        numbers, codes = table.numbers.copy(), table.codes.copy()
        for place, feature in enumerate(self.numeric):
            numbers[:, place] = microaggregate(numbers[:, place], patients)
            if not feature.flag:
                numbers[np.isnan(numbers[:, place]), place] = feature.centre
        for place, category in enumerate(self.categories):
            codes[codes[:, place] < 0, place] = int(np.argmax(category.shares))
        return Table(numbers, codes, [])

    def numbers(self, table: Table) -> Numbers:
        """What the numbers of a table say, feature by feature."""
        raw = table.numbers
        robust = self._robust(raw)
        missing = np.isnan(raw)
        gaps = missing.any()
        if gaps:
            robust[missing] = 0.0
        bent = soft(robust)
        normal = self._normal(raw, bent)
        if gaps:
            normal[missing] = 0.0
        return Numbers(robust, bent, normal)

    def _robust(self, raw: Floats) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            cut: Floats = np.clip((raw - self._centre) / self._scale, -FAR, FAR)
        return cut

    def _curves(self) -> Curves:
        """Quantile-normal values between the knots, which are found by their softened values."""
        most = max((len(f.knots) for f in self.numeric), default=1)
        padded = np.array([[*f.knots, *[np.nan] * (most - len(f.knots))] for f in self.numeric])
        bent = soft(self._robust(padded.reshape(-1, most).T)).T
        return Curves([f.knots for f in self.numeric], [f.normal for f in self.numeric], bent)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dicts, from which `from_json` builds the same encoder."""
        return {
            "numeric": [
                {
                    "column": f.column,
                    "centre": f.centre,
                    "scale": f.scale,
                    "knots": list(f.knots),
                    "normal": list(f.normal),
                    "flag": f.flag,
                }
                for f in self.numeric
            ],
            "categorical": [
                {
                    "column": c.column,
                    "levels": list(c.levels),
                    "shares": list(c.shares),
                    "rows": c.rows,
                }
                for c in self.categories
            ],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Encoder:
        """The encoder that `to_json` wrote; ValueError where a category lacks a share."""
        for c in data["categorical"]:
            fits = 0 < len(c["levels"]) == len(c["shares"])
            if not fits or not all(type(share) is float and share > 0 for share in c["shares"]):
                raise ValueError("a category without the shares of its levels")
        return cls(
            [
                Numeric(
                    f["column"],
                    f["centre"],
                    f["scale"],
                    tuple(f["knots"]),
                    tuple(f["normal"]),
                    f["flag"],
                )
                for f in data["numeric"]
            ],
            [
                Category(c["column"], tuple(c["levels"]), tuple(c["shares"]), c["rows"])
                for c in data["categorical"]
            ],
        )

    def _problems(self, numbers: Floats, features: Sequence[Sequence[str]]) -> list[Problem]:
        places = sorted((int(row), int(col)) for col, row in np.argwhere(np.isinf(numbers)))
        return [
            Problem(row, self.numeric[col].column, reason(features[col][row]))
            for row, col in places
        ]


def soft(robust: Floats) -> Floats:
    """Robust values, with slope 1 at 0 and growing like their fourth root far away.

    A bound would hide how far away a value is, and with it the unit errors and organ failures that
    lie ten or a hundred spreads from the middle. Roots, unlike logarithms, IEEE 754 rounds exactly.
    """
    bent: Floats = np.abs(robust)
    bent += 1.0
    np.sqrt(bent, out=bent)
    np.sqrt(bent, out=bent)
    bent -= 1.0
    bent *= 4.0
    return np.copysign(bent, robust, out=bent)


def _fit_numeric(column: str, cells: Sequence[float], patients: Sequence[int] | None) -> Numeric:
    values = np.where(np.isfinite(cells), cells, np.nan)
    flag = not few(np.isnan(cells).tolist(), patients)
    whose = np.arange(len(values)) if patients is None else np.array(patients)
    shown = microaggregate(values, whose)
    present = np.sort(shown[~np.isnan(shown)])
    centre = float(np.median(present))
    scale = _scale(present, centre)
    knots, normal = _quantiles(present, scale)
    return Numeric(column, centre, scale, knots, normal, flag)


def _scale(present: Floats, centre: float) -> float:
    """A robust standard deviation: the narrowest pair of quantiles that differ.

    Where all that may be told of is one value, whatever else there is counts as if just enough
    patients were one centre, or 1, away from it.
    """
    with np.errstate(over="ignore"):
        for low, wide in ((0.25, 1.349), (0.1, 2.563), (0.05, 3.290), (0.01, 4.653)):
            span = float(np.quantile(present, 1 - low) - np.quantile(present, low)) / wide
            if np.isfinite(span) and span > 0:
                return span
        spread = float(np.mean(np.abs(present - centre)))
    if np.isfinite(spread) and spread > 0:
        return spread
    return max(abs(centre), 1.0) * math.sqrt(MIN_PATIENTS / max(len(present), MIN_PATIENTS))


def _quantiles(present: Floats, scale: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Quantiles, equally far apart as seen on the normal scale, so that the tails are fine.

    Beyond the outermost means a value goes on by its distance in `scale`, to where the outermost
    training row would be.
    """
    edge = normal_quantile(1 - 0.5 / max(len(present), 2))
    normal = np.linspace(-edge, edge, min(_KNOTS, len(present) + 1))
    shares = np.array([normal_share(value) for value in normal])
    found = _quantile(present, shares)
    knots, place = np.unique(found, return_inverse=True)
    values = np.bincount(place, normal) / np.bincount(place)
    with np.errstate(over="ignore"):
        low, high = knots[0] - scale * (edge + values[0]), knots[-1] + scale * (edge - values[-1])
    if -np.inf < low < knots[0] and knots[-1] < high < np.inf:
        knots, values = np.r_[low, knots, high], np.r_[-edge, values, edge]
    return tuple(knots.tolist()), tuple(values.tolist())


def _quantile(present: Floats, shares: Floats) -> Floats:
    """Quantiles between sorted values; halves are added, so that 1e308 does not overflow."""
    place = shares * (len(present) - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, len(present) - 1)
    part = place - low
    found: Floats = present[low] * (1 - part) + present[high] * part
    return found


def normal_quantile(share: float) -> float:
    """The value that a standard normal variable stays below with probability `share`."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def normal_share(value: float) -> float:
    """The probability that a standard normal variable stays below `value`."""
    from statistics import NormalDist

    return NormalDist().cdf(value)


def _fit_category(column: str, cells: Sequence[str], patients: Sequence[int] | None) -> Category:
    """Frequent levels by frequency, then rare ones together, then missing, where there are any."""
    counts = levels(cells)
    kept = kept_levels(cells, patients)
    found = {level: counts[level] for level in kept}
    gaps = [is_missing(cell) for cell in cells]
    places = set(found)
    rare = [not gap and cell.strip() not in places for cell, gap in zip(cells, gaps, strict=True)]
    if not few(rare, patients) or (_OTHER in found and any(rare)):
        found[_OTHER] = found.get(_OTHER, 0) + sum(rare)
    if not few(gaps, patients):
        found[_MISSING] = sum(gaps)
    first = max(found, key=found.__getitem__)
    found[first] += len(cells) - sum(found.values())
    return Category(
        column, tuple(found), tuple(count / len(cells) for count in found.values()), len(cells)
    )


def _lookup(category: Category) -> dict[str, int]:
    return {level: place for place, level in enumerate(category.levels)}


def _codes(known: dict[str, int], cells: Sequence[str]) -> list[int]:
    """The place of each cell's level; -1 where the encoding has none for it."""
    try:
        return [known[cell] for cell in cells]
    except KeyError:
        other, missing = known.get(_OTHER, -1), known.get(_MISSING, -1)
    found = []
    for cell in cells:
        level = cell.strip()
        place = known.get(level)
        found.append(place if place is not None else missing if is_missing(cell) else other)
    return found
