"""From which score on a row is anomalous: chosen from training scores, never a blind share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError

Floats = NDArray[np.float64]
BEST_F1, PRECISION, RECALL, ALERT_RATE, FENCE = (
    "best F1",
    "target precision",
    "target recall",
    "alert rate",
    "upper fence",
)


@dataclass(frozen=True)
class Rule:
    """What the user asked for: one of the rules, and its target share where it has one."""

    name: str
    target: float | None = None


@dataclass(frozen=True)
class Threshold:
    """The rounded threshold, its rule, and what the training scores promise at it."""

    value: float
    rule: Rule
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {
            "value": self.value,
            "rule": self.rule.name,
            "target": self.rule.target,
            "note": self.note,
        }


def asked(
    *,
    labelled: bool,
    target_precision: float | None = None,
    target_recall: float | None = None,
    alert_rate: float | None = None,
) -> Rule:
    """The rule that the options ask for; raises `UsageError` when they contradict each other."""
    given = [
        (name, target)
        for name, target in (
            (PRECISION, target_precision),
            (RECALL, target_recall),
            (ALERT_RATE, alert_rate),
        )
        if target is not None
    ]
    if len(given) > 1:
        raise UsageError(
            "only one of target precision, target recall and alert rate can set the threshold",
            hint="leave out " + " or ".join(name for name, _ in given[1:]),
        )
    if not given:
        return Rule(BEST_F1 if labelled else FENCE)
    name, target = given[0]
    if not 0 < target < 1:
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
    elif rule.name == RECALL:
        best = int(np.flatnonzero(recall >= _target(rule) - 1e-12)[0])
    else:
        return by_rate(rule, scores, _target(rule))
    promise = f"precision {precision[best]:.3f} and recall {recall[best]:.3f} on training rows"
    return Threshold(_between(cuts, best), rule, "; ".join(filter(None, (promise, note))))


def by_rate(rule: Rule, scores: Floats, rate: float) -> Threshold:
    """The lowest threshold that calls at most a share `rate` of the training rows anomalous."""
    cuts, _, flagged = _steps(scores, np.zeros(len(scores)))
    allowed = np.flatnonzero(flagged <= rate * len(scores) + 1e-9)
    if not len(allowed):
        value = round_up(min(1.0, float(cuts[0]) + 1e-6))
        return Threshold(value, rule, "above every training row")
    best = int(allowed[-1])
    share = flagged[best] / len(scores)
    return Threshold(_between(cuts, best), rule, f"{100 * share:.2f} % of the training rows")


def fence_rate(statistics: Floats) -> float:
    """The share of rows beyond Tukey's upper fence of any statistic, seen through its cube root.

    Sums of squares and of exponentials are nearly normal under the cube root (Wilson and Hilferty
    1931), so that rows of one normal population hardly ever lie beyond it, whatever their number of
    features. `statistics` is rows x statistics.
    """
    root = np.cbrt(statistics)
    low, high = np.quantile(root, [0.25, 0.75], axis=0)
    return float(np.mean((root > high + 1.5 * (high - low)).any(axis=1)))


def round_up(value: float) -> float:
    """`value` at 6 decimals, never lower than it is."""
    return min(1.0, math.ceil(round(value * 1e6, 3)) / 1e6)


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
    """A rounded threshold between one training score and the next lower one, equal to neither."""
    lower = float(cuts[place + 1]) if place + 1 < len(cuts) else 0.0
    middle = round_up((float(cuts[place]) + lower) / 2)
    return min(middle, round(float(cuts[place]), 6))
