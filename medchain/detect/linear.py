"""Where the linear path of each member starts: a regularised logistic regression on its own rows.

With a handful of anomalies, training stops before a linear path that starts at nothing has learnt
what a logistic regression knows. The regression sees every input with unit spread: what is rarely
set varies little, and regularisation would forbid it to matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
_STRENGTH = 0.03
_ENOUGH = 20_000
_STILL = 1e-6


def member_lines(inputs: Matrix, labels: NDArray[Any], masks: Matrix) -> tuple[Matrix, Matrix]:
    """Weights (inputs x members) and intercepts (members), each from the rows in its mask.

    A member that sees one class only starts at that class's share of the rows.
    """
    from sklearn.linear_model import LogisticRegression

    step = max(1, len(inputs) // _ENOUGH)
    inputs, labels, masks = inputs[::step], labels[::step], masks[::step]
    weights = np.zeros((inputs.shape[1], masks.shape[1]), np.float32)
    intercepts = np.zeros(masks.shape[1], np.float32)
    for member, seen in enumerate(masks.T > 0):
        if labels[seen].min() == labels[seen].max():
            odds = (labels[seen].sum() + 0.5) / (seen.sum() - labels[seen].sum() + 0.5)
            intercepts[member] = np.log(odds)
            continue
        rows = inputs[seen].astype(np.float64)
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        spread[spread < _STILL] = np.inf
        line = LogisticRegression(C=_STRENGTH, max_iter=200)
        line.fit((rows - mean) / spread, labels[seen])
        weights[:, member] = line.coef_[0] / spread
        intercepts[member] = line.intercept_[0] - mean @ (line.coef_[0] / spread)
    return weights, intercepts
