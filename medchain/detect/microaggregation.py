"""Numbers that rest on no fewer than `MIN_PATIENTS` patients: univariate microaggregation.

Sorted values are put into groups of neighbours that so many patients have, and each is replaced by
the rounded mean of its group (Domingo-Ferrer and Mateo-Sanz 2002). What is computed of the means
alone (quantiles, moments, histograms, cuts) rests on as many patients as they do.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .schema import MIN_PATIENTS

Floats = NDArray[np.float64]
_FAR = 4.0
"""Robust standard deviations that the outermost groups are clipped at, at the least."""

_FARTHER = 2.0
"""How many times as far as the median of its group a value may lie, beyond that."""

_STEPS = 64.0
"""Steps that a mean is rounded to in a robust standard deviation."""


def microaggregate(values: Floats, patients: NDArray[Any]) -> Floats:
    """Each value replaced by the mean of its group; NaN stays.

    `patients` says whose each value is. A value that enough patients have stays as it is, and so do
    they with it. Equal values are never told apart. The outermost groups are clipped, so that their
    mean does not tell of one far value.
    """
    known = np.flatnonzero(~np.isnan(values))
    known = known[np.argsort(values[known], kind="stable")]
    ordered = values[known]
    bounds = _bounds(ordered, patients[known])
    groups = list(pairwise(bounds))
    step, (low, high) = _step(ordered), _clips(ordered, patients[known], groups)
    shown = np.full(len(values), np.nan)
    for start, end in groups:
        group = ordered[start:end]
        kept = _shared(group, patients[known[start:end]])
        if kept is None:
            mean = float(np.sum(np.clip(group, low, high) / len(group)))
            kept = round(mean / step) * step if np.isfinite(mean / step) else mean
        shown[known[start:end]] = kept
    return shown


def _bounds(ordered: Floats, patients: NDArray[Any]) -> list[int]:
    """Where groups of sorted values begin, and where the last one ends."""
    count = len(ordered)
    ends = np.searchsorted(ordered, ordered, side="right").tolist()
    whose, bounds, start = patients.tolist(), [0], 0
    while start < count:
        end, having = start, set[Any]()
        while end < count and len(having) < MIN_PATIENTS:
            further = ends[min(end + MIN_PATIENTS - len(having), count) - 1]
            having.update(whose[end:further])
            end = further
        if len(having) < MIN_PATIENTS and len(bounds) > 1:
            bounds.pop()
        bounds.append(end)
        start = end
    return bounds


def _shared(group: Floats, patients: NDArray[Any]) -> float | None:
    """The value of a sorted group that enough patients have, the most frequent, if there is one."""
    values, starts, counts = np.unique(group, return_index=True, return_counts=True)
    place = int(np.argmax(counts))
    having = patients[starts[place] : starts[place] + counts[place]]
    enough = counts[place] >= MIN_PATIENTS and len(np.unique(having)) >= MIN_PATIENTS
    return float(values[place]) if enough else None


def _step(ordered: Floats) -> float:
    """What means are rounded to: a power of two, so that to round is exact."""
    spread = _spread(ordered)
    if not spread:
        spread = float(np.max(np.abs(ordered), initial=0.0))
    with np.errstate(divide="ignore"):
        power = np.floor(np.log2(spread / _STEPS))
    return float(np.exp2(np.clip(power, -1000, 1000)))


def _spread(ordered: Floats) -> float:
    """The distance of the quartiles in standard deviations of a normal variable."""
    if not len(ordered):
        return 0.0
    low, high = ordered[[len(ordered) // 4, 3 * (len(ordered) - 1) // 4]] / 1.349
    return max(0.0, float(high - low))


def _clips(
    ordered: Floats, patients: NDArray[Any], groups: list[tuple[int, int]]
) -> tuple[float, float]:
    """From where on the outermost groups are clipped.

    Twice as far from the middle as their neighbours, `_FAR`, or as far as `_others` of the group,
    whichever is farthest.
    """
    if len(groups) < 3 or not (spread := _spread(ordered)):
        return -np.inf, np.inf
    middle = float(ordered[len(ordered) // 2])
    below, above = (float(np.sum(ordered[a:b] / (b - a))) for a, b in (groups[1], groups[-2]))
    first, last = (slice(*groups[end]) for end in (0, -1))
    with np.errstate(over="ignore"):
        least = _others(middle - ordered[first], patients[first])
        most = _others(ordered[last] - middle, patients[last])
        low = middle - max(_FAR * spread, 2 * (middle - below), least)
        high = middle + max(_FAR * spread, 2 * (above - middle), most)
    return low, high


def _others(distances: Floats, patients: NDArray[Any]) -> float:
    """How far all of a group lie but the farthest patient, at most `_FARTHER` times its median."""
    others = distances[patients != patients[int(np.argmax(distances))]]
    return min(float(np.max(others, initial=0.0)), _FARTHER * float(np.median(distances)))
