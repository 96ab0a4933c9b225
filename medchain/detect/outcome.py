"""From what the network says to a score from 0 to 1: calibrated, or ranked among training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encode import soft
from .knots import Curves
from .microaggregation import microaggregate

Floats = NDArray[np.float64]
DECIMALS = 6
_KNOTS = 512
_TAIL = 0.9
_PULL = 12.0


@dataclass(frozen=True)
class Calibrated:
    """A probability: the logistic function of slope * logit + intercept (Platt 1999)."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, logits: Floats, labels: NDArray[Any]) -> Calibrated:
        """Fit to out-of-fold logits by Newton steps, with a weak pull towards changing nothing."""
        design = np.column_stack([logits, np.ones_like(logits)])
        weights = _newton(design, labels, np.array([1.0, 0.0]), 1.0)
        return cls(float(np.clip(weights[0], 0.1, 5.0)), float(weights[1]))

    def scores(self, views: Floats) -> Floats:
        """Probabilities at 6 decimals, from logits (rows x 1)."""
        return np.round(logistic(self.slope * views[:, 0] + self.intercept), DECIMALS)

    def units(self, views: Floats) -> Floats:
        """Calibrated log-odds."""
        odds: Floats = self.slope * views[:, 0] + self.intercept
        return odds

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `read` builds the same."""
        return {"kind": "calibrated", "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True)
class Stacked:
    """A probability from several views: the logistic function of their weighted sum."""

    weights: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(cls, views: Floats, labels: NDArray[Any], start: Sequence[float]) -> Stacked:
        """Fit to out-of-fold logits (rows x views); no weight is negative.

        The pull is towards `start`, at which a table with few anomalies stays.
        """
        count = views.shape[1]
        design, first = np.column_stack([views, np.ones(len(views))]), np.append(start, 0.0)
        free = np.ones(count + 1, bool)
        while True:
            weights = np.where(free, first, 0.0)
            weights[free] = _newton(design[:, free], labels, first[free], _PULL)
            wrong = np.flatnonzero(weights[:count] < 0)
            if not len(wrong):
                return cls(tuple(weights[:count].tolist()), float(weights[count]))
            free[wrong] = False

    def scores(self, views: Floats) -> Floats:
        """Probabilities at 6 decimals, from logits (rows x views)."""
        return np.round(logistic(self.units(views)), DECIMALS)

    def units(self, views: Floats) -> Floats:
        """Calibrated log-odds, added view by view."""
        return _weighed(views, self.weights, self.intercept)

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `read` builds the same."""
        return {"kind": "stacked", "weights": list(self.weights), "intercept": self.intercept}


@dataclass(frozen=True)
class Scale:
    """The share of training rows below a value, with an exponential tail beyond the greatest."""

    values: tuple[float, ...]
    shares: tuple[float, ...]
    tail: float

    @classmethod
    def fit(cls, values: Floats, patients: NDArray[Any]) -> Scale:
        """From the values of the training rows; `patients` says whose each is."""
        knots, counts = np.unique(microaggregate(values, patients), return_counts=True)
        below = np.cumsum(counts)
        shares = (below - (counts - 1) / 2) / (len(values) + 1)
        near = min(int(np.searchsorted(below, _TAIL * len(values))), max(len(knots) - 2, 0))
        beyond = float(knots[-1] - knots[near])
        places = np.linspace(0, len(knots) - 1, min(_KNOTS, len(knots))).round().astype(int)
        return cls(tuple(knots[places].tolist()), tuple(shares[places].tolist()), beyond or 1.0)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"values": list(self.values), "shares": list(self.shares), "tail": self.tail}


class Scales:
    """Several scales at once: the shares of rows x values, a column for each scale."""

    def __init__(self, scales: Sequence[Scale]) -> None:
        most = max(len(scale.values) for scale in scales)
        padded = [[*s.values, *[s.values[-1]] * (most - len(s.values))] for s in scales]
        self._curves = Curves(
            [scale.values for scale in scales],
            [scale.shares for scale in scales],
            soft(np.array(padded)),
        )
        self._last = np.array([scale.values[-1] for scale in scales])
        self._tail = np.array([scale.tail for scale in scales])

    def shares(self, values: Floats) -> Floats:
        """The share of each value, strictly between 0 and 1."""
        found, beyond = self._found(values)
        shares: Floats = 1.0 - (1.0 - found) * np.exp(-beyond)
        return shares

    def surprise(self, values: Floats) -> Floats:
        """The negative logarithm of the share above, which grows beyond the greatest value too."""
        found, beyond = self._found(values)
        surprise: Floats = beyond - np.log1p(-found)
        return surprise

    def _found(self, values: Floats) -> tuple[Floats, Floats]:
        """The share of each value within the scale, and how many tails it lies beyond."""
        beyond = np.maximum(values - self._last, 0.0) / self._tail
        return self._curves(values, soft(values)), beyond


@dataclass(frozen=True)
class Ranked:
    """The weighted mean of several views, each as its share of training rows, ranked once more."""

    views: tuple[Scale, ...]
    weights: tuple[float, ...]
    mean: Scale

    @classmethod
    def fit(cls, views: Floats, weights: Sequence[float], patients: NDArray[Any]) -> Ranked:
        """From the views of the training rows (rows x views), out of fold where there are folds.

        `patients` says whose each row is. The weights add up to 1.
        """
        scales = tuple(Scale.fit(column, patients) for column in views.T)
        mean = _weighed(Scales(scales).shares(views), weights)
        return cls(scales, tuple(weights), Scale.fit(mean, patients))

    @cached_property
    def _scales(self) -> tuple[Scales, Scales]:
        return Scales(self.views), Scales([self.mean])

    def scores(self, views: Floats) -> Floats:
        """Scores at 6 decimals (rows x views to rows)."""
        each, both = self._scales
        mean = _weighed(each.shares(views), self.weights)
        return np.round(both.shares(mean[:, None])[:, 0], DECIMALS)

    def units(self, views: Floats) -> Floats:
        """Mean surprise of the views, in nats."""
        return _weighed(self._scales[0].surprise(views), self.weights)

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `read` builds the same."""
        views = [scale.to_json() for scale in self.views]
        weights = list(self.weights)
        return {"kind": "ranked", "views": views, "weights": weights, "mean": self.mean.to_json()}


def read(data: dict[str, Any]) -> Calibrated | Stacked | Ranked:
    """The outcome that `to_json` wrote."""
    if data["kind"] == "calibrated":
        return Calibrated(data["slope"], data["intercept"])
    if data["kind"] == "stacked":
        return Stacked(tuple(data["weights"]), data["intercept"])
    views = tuple(map(_scale, data["views"]))
    # Until format 3 every view had the same weight.
    weights = data.get("weights") or [1 / len(views)] * len(views)
    return Ranked(views, tuple(weights), _scale(data["mean"]))


def _scale(data: dict[str, Any]) -> Scale:
    return Scale(tuple(data["values"]), tuple(data["shares"]), data["tail"])


def _weighed(views: Floats, weights: Sequence[float], start: float = 0.0) -> Floats:
    """The weighted sum of rows x views, added view by view, so that no batch changes a rounding."""
    total = np.full(len(views), start)
    for weight, column in zip(weights, views.T, strict=True):
        total += weight * column
    return total


def _newton(design: Floats, labels: NDArray[Any], start: Floats, pull: float) -> Floats:
    """Weights of a logistic regression, pulled weakly towards `start`."""
    weights = start.copy()
    for _ in range(50):
        share = logistic(design @ weights)
        slope = design.T @ (share - labels) + pull * (weights - start)
        curve = (design * (share * (1 - share))[:, None]).T @ design + pull * np.eye(len(start))
        step = np.linalg.solve(curve, slope)
        weights -= np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    return weights


def logistic(values: NDArray[Any]) -> Floats:
    """The logistic function, out of the way of overflow."""
    result: Floats = 1.0 / (1.0 + np.exp(-np.clip(values.astype(np.float64), -60.0, 60.0)))
    return result
