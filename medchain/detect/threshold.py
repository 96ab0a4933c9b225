"""From which score on a row is anomalous: chosen from training scores, never a blind share.

What the training rows promise at a threshold is told with 95 % score intervals (`metrics.wilson`).
These take rows as independent of each other and of the choice of the threshold, which was made on
the same rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .metrics import wilson

Floats = NDArray[np.float64]
BEST_F1, PRECISION, RECALL, ALERT_RATE, COST, FENCE = (
    "best F1",
    "target precision",
    "target recall",
    "alert rate",
    "cost ratio",
    "upper fence",
)


@dataclass(frozen=True)
class Rule:
    """What the user asked for: one of the rules, and its target (a share, or a ratio of costs)."""

    name: str
    target: float | None = None


@dataclass(frozen=True)
class Threshold:
    """The rounded threshold, its rule, and what the training scores promise at it.

    `expected` holds ``alert_rate`` and, with labels, ``precision`` and ``recall``: each the share
    among training rows out of fold, and the bounds of its 95 % interval; None where it is of
    nothing.
    """

    value: float
    rule: Rule
    note: str = ""
    expected: dict[str, list[float] | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {
            "value": self.value,
            "rule": self.rule.name,
            "target": self.rule.target,
            "note": self.note,
            "expected": self.expected,
        }


def asked(
    *,
    labelled: bool,
    target_precision: float | None = None,
    target_recall: float | None = None,
    alert_rate: float | None = None,
    cost_ratio: float | None = None,
) -> Rule:
    """The rule that the options ask for; raises `UsageError` when they contradict each other."""
    given = [
        (name, target)
        for name, target in (
            (PRECISION, target_precision),
            (RECALL, target_recall),
            (ALERT_RATE, alert_rate),
            (COST, cost_ratio),
        )
        if target is not None
    ]
    if len(given) > 1:
        raise UsageError(
            "only one of target precision, target recall, alert rate and cost ratio can set "
            "the threshold",
            hint="leave out " + " or ".join(name for name, _ in given[1:]),
        )
    if not given:
        return Rule(BEST_F1 if labelled else FENCE)
    name, target = given[0]
    if name == COST:
        if not 0 < target < math.inf:
            raise UsageError(
                "the cost ratio must be above 0",
                hint="20 says that a missed anomaly costs as much as 20 false alarms",
            )
    elif not 0 < target < 1:
        raise UsageError(
            f"the {name} must lie between 0 and 1, both excluded", hint="0.9 stands for 90 %"
        )
    if not labelled and name != ALERT_RATE:
        raise UsageError(
            f"a {name} needs a label column", hint="give a label, or an alert rate instead"
        )
    return Rule(name, target)


def choose(rule: Rule, scores: Floats, labels: NDArray[Any]) -> Threshold:
    """Apply `rule` to scores of labelled training rows that the scoring members never saw."""
    if rule.name == COST:
        # The expected cost of an alarm is 1 - p, that of none p * ratio (Elkan 2001).
        return _promised(round_up(1 / (1 + _target(rule))), rule, scores, labels)
    if rule.name == ALERT_RATE:
        value = by_rate(rule, scores, _target(rule)).value
        return _promised(value, rule, scores, labels)
    cuts, hits, flagged = _steps(scores, labels)
    precision, recall = hits / flagged, hits / labels.sum()
    note = ""
    if rule.name == BEST_F1:
        best = _last_best(2 * precision * recall / np.maximum(precision + recall, 1e-12))
    elif rule.name == PRECISION:
        enough = np.flatnonzero(precision >= _target(rule))
        best = int(enough[-1]) if len(enough) else _last_best(precision)
        if not len(enough):
            note = "the target precision is not reached on the training rows; the nearest is taken"
    else:
        best = int(np.flatnonzero(recall >= _target(rule) - 1e-12)[0])
    return _promised(_between(cuts, best), rule, scores, labels, note)


def by_rate(rule: Rule, scores: Floats, rate: float) -> Threshold:
    """The lowest threshold that a new row reaches with a probability of at most `rate`.

    By conformal p-values: a row that is exchangeable with the n training rows has at most k of them
    at or above its own score with a probability of at most (k + 1) / (n + 1) (Vovk, Gammerman and
    Shafer 2005, Algorithmic Learning in a Random World, prop. 2.4).
    """
    cuts, _, flagged = _steps(scores, np.zeros(len(scores)))
    allowed = np.flatnonzero(flagged + 1 <= rate * (len(scores) + 1) + 1e-9)
    if len(allowed):
        value = _between(cuts, int(allowed[-1]))
    else:
        value = round_up(min(1.0, float(cuts[0]) + 1e-6))
    alerts = int((scores >= value).sum())
    note = "" if alerts else "above every training row"
    return Threshold(value, rule, note, {"alert_rate": wilson(alerts, len(scores))})


def fence_rate(squares: Floats) -> float:
    """The share of rows whose sum of squares lies beyond Tukey's upper fence, seen as a cube root.

    Sums of squares are nearly normal under the cube root (Wilson and Hilferty 1931), so that rows
    of one normal population hardly ever lie beyond it, whatever their number of features.
    """
    root = np.cbrt(squares)
    low, high = np.quantile(root, [0.25, 0.75])
    return float(np.mean(root > high + 1.5 * (high - low)))


def round_up(value: float) -> float:
    """`value` at 6 decimals, never lower than it is."""
    return min(1.0, math.ceil(round(value * 1e6, 3)) / 1e6)


def _promised(
    value: float, rule: Rule, scores: Floats, labels: NDArray[Any], note: str = ""
) -> Threshold:
    """The threshold with what it promises on these rows."""
    found = scores >= value
    hits, alerts = int((found & (labels == 1)).sum()), int(found.sum())
    expected = {
        "precision": wilson(hits, alerts),
        "recall": wilson(hits, int(labels.sum())),
        "alert_rate": wilson(alerts, len(scores)),
    }
    return Threshold(value, rule, note, expected)


def _target(rule: Rule) -> float:
    assert rule.target is not None
    return rule.target


def _steps(scores: Floats, labels: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Different scores from high to low, with the anomalies and the rows at or above each."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    return ordered[last], np.cumsum(labels[order])[last].astype(float), (last + 1.0)


def _last_best(values: Floats) -> int:
    return int(len(values) - 1 - np.argmax(values[::-1]))


def _between(cuts: Floats, place: int) -> float:
    """A threshold between one training score and the next lower one, equal to neither.

    The shortest decimal in the middle half of the way: it shall not tell of two rows what it need
    not.
    """
    lower, upper = float(cuts[place + 1]) if place + 1 < len(cuts) else 0.0, float(cuts[place])
    quarter = (upper - lower) / 4
    for decimals in range(1, 7):
        value = math.ceil(round((lower + quarter) * 10**decimals, 6)) / 10**decimals
        if lower < value <= upper - quarter:
            return float(value)
    return float(min(round_up((upper + lower) / 2), round(upper, 6)))
