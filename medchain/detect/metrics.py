"""How good scores are on rows that were held out, beside a logistic regression on the same rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encode import Encoder, Table

Floats = NDArray[np.float64]
Report = dict[str, Any]
Z95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


def report(scores: Floats, labels: NDArray[Any], threshold: float) -> Report:
    """ROC AUC, average precision, Brier score and the confusion matrix at `threshold`.

    A figure that needs both classes is None where there is one.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    both = 0 < labels.sum() < len(labels)
    found = scores >= threshold
    counts = confusion(found, labels)
    return {
        "rows": len(labels),
        "anomalies": int(labels.sum()),
        "base_rate": _share(labels.sum(), len(labels)),
        "roc_auc": float(roc_auc_score(labels, scores)) if both else None,
        "average_precision": float(average_precision_score(labels, scores)) if both else None,
        "brier": float(np.mean(np.square(scores - labels))) if len(labels) else None,
        "confusion": counts,
        "precision": _share(counts["true_positives"], found.sum()),
        "recall": _share(counts["true_positives"], labels.sum()),
        "alert_rate": _share(found.sum(), len(labels)),
    }


def report_unlabelled(scores: Floats, threshold: float) -> Report:
    """What can be said without labels: how many held-out rows reach the threshold."""
    flagged = int((scores >= threshold).sum())
    return {"rows": len(scores), "flagged": flagged, "alert_rate": _share(flagged, len(scores))}


def baseline(encoder: Encoder, train: Table, labels: NDArray[Any], held: Table) -> Floats:
    """Probabilities of a logistic regression fitted on the same training rows.

    Numbers are imputed with the median and standardised, categories are one-hot.
    """
    from sklearn.linear_model import LogisticRegression

    centre, spread = _scaling(encoder, train.numbers)
    model = LogisticRegression(max_iter=2000)
    model.fit(_design(encoder, train, centre, spread), labels)
    found: Floats = model.predict_proba(_design(encoder, held, centre, spread))[:, 1]
    return found


def _scaling(encoder: Encoder, numbers: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of imputed columns, out of the way of overflow."""
    filled = _filled(encoder, numbers)
    spread = filled.std(axis=0)
    return filled.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _filled(encoder: Encoder, numbers: Floats) -> Floats:
    medians = np.array([feature.centre for feature in encoder.numeric])
    return np.clip(np.where(np.isnan(numbers), medians, numbers), -1e100, 1e100)


def _design(encoder: Encoder, table: Table, centre: Floats, spread: Floats) -> Floats:
    parts: list[Floats] = [(_filled(encoder, table.numbers) - centre) / spread]
    for place, category in enumerate(encoder.categories):
        codes = table.codes[:, place]
        parts.append((codes[:, None] == np.arange(len(category.levels))).astype(np.float64))
    return np.hstack(parts)


def wilson(part: int, whole: int) -> list[float] | None:
    """A share and the bounds of its 95 % score interval (Wilson 1927), None of nothing."""
    if not whole:
        return None
    share, shrink = part / whole, 1 + Z95**2 / whole
    centre = (share + Z95**2 / (2 * whole)) / shrink
    half = Z95 / shrink * math.sqrt(share * (1 - share) / whole + (Z95 / (2 * whole)) ** 2)
    low = 0.0 if part == 0 else centre - half
    return [share, low, 1.0 if part == whole else centre + half]


def confusion(found: NDArray[Any], labels: NDArray[Any]) -> dict[str, int]:
    """Counts of the four ways in which verdict and truth meet."""
    truth = labels.astype(bool)
    return {
        "true_positives": int((found & truth).sum()),
        "false_positives": int((found & ~truth).sum()),
        "false_negatives": int((~found & truth).sum()),
        "true_negatives": int((~found & ~truth).sum()),
    }


def _share(part: Any, whole: Any) -> float | None:
    return float(part) / float(whole) if whole else None
