"""The numbers behind the pictures: intervals, groups, densities. Pure functions on arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .series import Flags, Floats, Integers, Series

Z95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""

MOST_REGIMES = 8
"""More changes of model or threshold than this are neither marked nor kept apart."""


class Groups(NamedTuple):
    """Neighbouring blocks pooled, at most `size` in each; one entry per group in the arrays."""

    size: int
    start: Integers
    x: Floats
    rows: Integers
    anomalies: Integers

    @property
    def rate(self) -> Floats:
        """The share of anomalies, 0 to 1."""
        share: Floats = self.anomalies / self.rows
        return share


def wilson(anomalies: Integers, rows: Integers) -> tuple[Floats, Floats]:
    """Return the bounds of the 95 % score interval of a binomial share.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212. `rows` is at least 1.
    """
    n = np.asarray(rows, dtype=float)
    share = np.asarray(anomalies) / n
    shrink = 1 + Z95**2 / n
    centre = (share + Z95**2 / (2 * n)) / shrink
    half = Z95 / shrink * np.sqrt(share * (1 - share) / n + (Z95 / (2 * n)) ** 2)
    # At the ends the bound is exactly 0 or 1, which rounding would miss by an ulp.
    lower = np.where(share == 0, 0.0, centre - half)
    upper = np.where(share == 1, 1.0, centre + half)
    return lower, upper


def effort_band(bits: Integers) -> tuple[Floats, Floats]:
    """Return the 2.5 % and 97.5 % quantiles of the hashes tried until one starts with `bits` zeros.

    The number of tries is geometric with p = 2**-bits; its quantile at q is the least k >= 1 with
    1 - (1 - p)**k >= q.
    """
    with np.errstate(divide="ignore"):
        fail = np.log1p(-np.exp2(-np.asarray(bits, dtype=float)))
    low, high = (np.maximum(1.0, np.ceil(np.log1p(-q) / fail)) for q in (0.025, 0.975))
    return low, high


def regimes(series: Series) -> Integers:
    """Return the block indices at which the model or the threshold is new, 0 included."""
    threshold = np.nan_to_num(series.threshold, nan=-1.0)
    new = (np.diff(series.model) != 0) | (np.diff(threshold) != 0)
    return np.concatenate(([0], np.flatnonzero(new) + 1)).astype(np.int64)


def pool(series: Series, limit: int) -> Groups:
    """Pool neighbouring blocks so that about `limit` groups remain; a regime's end ends its group.

    No row is lost: the sums over the groups are the sums over the blocks.
    """
    blocks = len(series.height)
    size = -(-blocks // limit)
    breaks = regimes(series)
    if len(breaks) > MOST_REGIMES:
        breaks = breaks[:1]
    index = np.arange(blocks)
    since = index - breaks[np.searchsorted(breaks, index, side="right") - 1]
    start = np.flatnonzero(since % size == 0)
    last = np.append(start[1:], blocks) - 1
    return Groups(
        size=size,
        start=start,
        x=(series.height[start] + series.height[last]) / 2,
        rows=np.add.reduceat(series.rows, start),
        anomalies=np.add.reduceat(series.anomalies, start),
    )


def means(values: Floats, groups: Groups) -> Floats:
    """Return the mean of the per-block `values` in each group."""
    counts = np.diff(np.append(groups.start, len(values)))
    mean: Floats = np.add.reduceat(values, groups.start) / counts
    return mean


def score_range(scores: Floats) -> tuple[float, float]:
    """Return the axis for `scores`: 0 to 1, and further where they go further."""
    return min(0.0, float(scores.min())), max(1.0, float(scores.max()))


def bin_edges(ledgers: list[Floats]) -> Floats:
    """Return 50 bins of equal width over the axis, 20 where a ledger has fewer than 1000 scores."""
    low, high = score_range(np.concatenate(ledgers))
    return np.linspace(low, high, 21 if min(map(len, ledgers)) < 1000 else 51)


def cut(edges: Floats, thresholds: Floats) -> Floats:
    """Add the `thresholds` to the bin `edges`, so that no bin holds both verdicts."""
    new = [value for value in thresholds if not np.isclose(edges, value, atol=1e-7).any()]
    return np.unique(np.concatenate((edges, new)))


def thresholds(series: Series) -> Floats:
    """Return the different thresholds of `series`, lowest first."""
    return np.unique(series.threshold[~np.isnan(series.threshold)])


def histogram(scores: Floats, edges: Floats) -> Integers:
    """Count `scores` per bin; one that is printed as an edge counts in the bin above it.

    Scores have 6 decimals, edges have rounding errors: without the shift, 0.06 falls below 0.06.
    """
    return np.histogram(np.minimum(scores + 1e-9, edges[-1]), edges)[0].astype(np.int64)


def density(x: Floats, y: Floats, extent: tuple[float, float, float, float]) -> Floats:
    """Count points in 200 rows and 600 columns over `extent` (left, right, bottom, top)."""
    left, right, bottom, top = extent
    counts: Floats = np.histogram2d(y, x, (200, 600), ((bottom, top), (left, right)))[0]
    return counts


def steps(series: Series, value: Floats) -> tuple[Floats, Floats]:
    """Return x, y of a step line over record numbers for a `value` per block, corners only."""
    new = np.flatnonzero(np.diff(np.nan_to_num(value, nan=-1.0))) + 1
    first = np.concatenate(([0], new))
    ends = np.cumsum(series.rows)
    left = np.concatenate(([0], ends[new - 1]))
    right = np.append(left[1:], ends[-1])
    x = np.column_stack((left, right)).ravel() - 0.5
    return x, np.repeat(value[first], 2)


def inside(value: Floats, low: Floats, high: Floats) -> Flags:
    """Tell which values lie within their bounds, ends included."""
    within: Flags = (low <= value) & (value <= high)
    return within
