"""How good a model is on labelled rows: figures with intervals, curves, and groups of rows.

Intervals are of 95 %: of shares by Wilson's score, of all others by the bootstrap (percentiles over
resampled patients, or rows where no identifier is known; Efron 1979) with a fixed seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cells import floats, is_missing
from .metrics import Report, confusion, wilson

Floats = NDArray[np.float64]
Labels = NDArray[Any]
Places = NDArray[np.intp]

LEAST = 20
"""Rows of a group that is told of by itself: the rows of a smaller one could be told apart."""

_BINS = 10
_POINTS = 200
_MANY = 8
_WORK = 20_000_000
_RESAMPLES = 1000
_SEED = 0


def evaluate(
    scores: Floats, labels: Labels, threshold: float, patients: Places, *, probabilities: bool
) -> Report:
    """Figures, each ``[value, low, high]`` or None, and the curves.

    `labels` are 0 and 1, both present; `patients` numbers the rows that belong together;
    `probabilities` says whether scores are such, so that calibration means something.
    """
    found = scores >= threshold
    return {
        "rows": len(scores),
        "anomalies": int(labels.sum()),
        "threshold": threshold,
        "figures": figures(scores, labels, found, patients, probabilities),
        "confusion": confusion(found, labels),
        "curves": {
            **_curves(scores, labels),
            "calibration": _reliability(scores, labels) if probabilities else [],
        },
    }


def figures(
    scores: Floats, labels: Labels, found: Labels, patients: Places, probabilities: bool
) -> dict[str, list[float] | None]:
    """What is known of these rows; a figure that needs both classes is None where there is one."""
    hits = int((found & (labels == 1)).sum())
    return {
        **_resampled(scores, labels, patients, probabilities),
        "precision": wilson(hits, int(found.sum())),
        "recall": wilson(hits, int(labels.sum())),
        "alert_rate": wilson(int(found.sum()), len(scores)),
        "base_rate": wilson(int(labels.sum()), len(scores)),
    }


def groups(
    column: str,
    cells: Sequence[str],
    scores: Floats,
    labels: Labels,
    threshold: float,
    patients: Places,
    *,
    probabilities: bool,
) -> list[Report]:
    """Figures for each value of a column, or each quarter of a column of many numbers.

    Values of fewer than `LEAST` rows are put together; where even that is too few, nothing is told.
    """
    names, codes = _split(cells)
    counts = np.bincount(codes, minlength=len(names))
    small = np.flatnonzero((counts > 0) & (counts < LEAST))
    if len(small):
        rest = len(names)
        names = [*names, f"({len(small)} values of fewer than {LEAST} rows)"]
        codes = np.where(np.isin(codes, small), rest, codes)
    told = []
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        about: Report = {"column": column, "group": names[code]}
        if len(rows) < LEAST:
            told.append({**about, "rows": None, "anomalies": None, "figures": None})
            continue
        some, truth = scores[rows], labels[rows]
        found = figures(some, truth, some >= threshold, patients[rows], probabilities)
        counted = {"rows": len(rows), "anomalies": int(truth.sum())}
        told.append({**about, **counted, "figures": found})
    return told


def _split(cells: Sequence[str]) -> tuple[list[str], Places]:
    """Names of the groups, and the group of each row."""
    missing = np.array([is_missing(cell) for cell in cells])
    values = np.array(floats(list(cells)))
    numeric = bool(np.isfinite(values[~missing]).all()) and not missing.all()
    if numeric and len(np.unique(values[~missing])) > _MANY:
        cuts = np.unique(np.quantile(values[~missing], [0.25, 0.5, 0.75]))
        codes = np.searchsorted(cuts, values, side="left")
        edges = [f"{cut:g}" for cut in cuts]
        pairs = zip(["", *edges], [*edges, ""], strict=True)
        names = [f"{low} < value <= {high}".strip(" <=") for low, high in pairs]
        names[0], names[-1] = f"value <= {edges[0]}", f"value > {edges[-1]}"
    else:
        trimmed = ["" if lost else cell.strip() for cell, lost in zip(cells, missing, strict=True)]
        names, codes = map(list, np.unique(trimmed, return_inverse=True))  # type: ignore[assignment]
        names = [str(name) for name in names]
        codes = np.array(codes)
    codes = np.where(missing, len(names), codes)
    return [*names, "(missing)"], codes.astype(np.intp)


class _Ordered:
    """Rows from the highest score to the lowest, for curves under changing weights."""

    def __init__(self, scores: Floats, labels: Labels) -> None:
        self.order = np.argsort(-scores, kind="stable")
        ordered = scores[self.order]
        self.last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
        self.cuts, self.truth = ordered[self.last], labels[self.order].astype(np.float64)

    def counts(self, weights: Floats) -> tuple[Floats, Floats]:
        """True and false alarms at each different score."""
        ordered = weights[self.order]
        hits = np.cumsum(ordered * self.truth)[self.last]
        return hits, np.cumsum(ordered)[self.last] - hits


def _resampled(
    scores: Floats, labels: Labels, patients: Places, probabilities: bool
) -> dict[str, list[float] | None]:
    ordered, bins = _Ordered(scores, labels), _bins(scores)
    groups = np.unique(patients, return_inverse=True)[1]
    count = int(groups.max()) + 1

    def once(weights: NDArray[Any]) -> list[float]:
        return [
            *_areas(*ordered.counts(weights)),
            float(np.average(np.square(scores - labels), weights=weights)),
            _calibration_error(scores, labels, bins, weights),
        ]

    dice = np.random.default_rng(_SEED)
    times = int(np.clip(_WORK // len(scores), 50, _RESAMPLES))
    values = once(np.ones(len(scores)))
    again = np.array(
        [once(np.bincount(dice.integers(0, count, count), minlength=count)[groups] + 0.0)
         for _ in range(times)]
    )  # fmt: skip
    names = ["roc_auc", "average_precision", "brier", "calibration_error"]
    found: dict[str, list[float] | None] = {}
    for place, name in enumerate(names):
        kept = again[:, place][np.isfinite(again[:, place])]
        usable = np.isfinite(values[place]) and len(kept) and (probabilities or place < 2)
        bounds = [float(bound) for bound in np.quantile(kept, [0.025, 0.975])] if usable else []
        found[name] = [values[place], *bounds] if usable else None
    return found


def _areas(hits: Floats, alarms: Floats) -> tuple[float, float]:
    """ROC AUC and average precision, NaN where a class is missing."""
    if hits[-1] == 0 or alarms[-1] == 0:
        return np.nan, np.nan
    area = np.trapezoid(np.append(0, hits), np.append(0, alarms)) / (hits[-1] * alarms[-1])
    precision = hits / np.maximum(hits + alarms, 1e-300)
    average = np.sum(np.diff(hits, prepend=0) * precision) / hits[-1]
    return float(area), float(average)


def _bins(scores: Floats) -> Places:
    """The bin of each score: ten of about as many rows each, equal scores together."""
    cuts = np.unique(np.quantile(scores, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.searchsorted(cuts, scores, side="left")


def _calibration_error(scores: Floats, labels: Labels, bins: Places, weights: Floats) -> float:
    """Mean distance between score and share of anomalies over the bins (Naeini et al. 2015)."""
    gaps = np.bincount(bins, weights * (scores - labels))
    return float(np.abs(gaps).sum() / weights.sum())


def _reliability(scores: Floats, labels: Labels) -> list[dict[str, Any]]:
    bins = _bins(scores)
    return [
        {
            "score": float(scores[bins == place].mean()),
            "share": wilson(int(labels[bins == place].sum()), int((bins == place).sum())),
            "rows": int((bins == place).sum()),
        }
        for place in np.unique(bins)
    ]


def _curves(scores: Floats, labels: Labels) -> dict[str, Any]:
    """Some hundred points of each curve, from the highest threshold to the lowest."""
    ordered = _Ordered(scores, labels)
    hits, alarms = ordered.counts(np.ones(len(scores)))
    some = np.unique(np.linspace(0, len(hits) - 1, min(len(hits), _POINTS)).round().astype(int))
    hits, alarms, cuts = hits[some], alarms[some], ordered.cuts[some]
    anomalies = float(labels.sum())
    return {
        "threshold": cuts.tolist(),
        "recall": (hits / anomalies).tolist(),
        "false_positive_rate": (alarms / (len(labels) - anomalies)).tolist(),
        "precision": (hits / (hits + alarms)).tolist(),
        "alert_rate": ((hits + alarms) / len(labels)).tolist(),
    }
