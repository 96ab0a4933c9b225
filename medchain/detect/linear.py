"""Where the linear path of each member starts: a regularised logistic regression on its own rows.

With a handful of anomalies, training stops before a linear path that starts at nothing has learnt
what a logistic regression knows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
_STRENGTH = 0.1
_ENOUGH = 20_000


def member_lines(features: Matrix, labels: NDArray[Any], masks: Matrix) -> tuple[Matrix, Matrix]:
    """Weights (features x members) and intercepts (members), each from the rows in its mask.

    A member that sees one class only starts at that class's share of the rows.
    """
    from sklearn.linear_model import LogisticRegression

    step = max(1, len(features) // _ENOUGH)
    features, labels, masks = features[::step], labels[::step], masks[::step]
    weights = np.zeros((features.shape[1], masks.shape[1]), np.float32)
    intercepts = np.zeros(masks.shape[1], np.float32)
    for member, seen in enumerate(masks.T > 0):
        if labels[seen].min() == labels[seen].max():
            odds = (labels[seen].sum() + 0.5) / (seen.sum() - labels[seen].sum() + 0.5)
            intercepts[member] = np.log(odds)
            continue
        line = LogisticRegression(C=_STRENGTH, max_iter=200)
        line.fit(features[seen].astype(np.float64), labels[seen])
        weights[:, member], intercepts[member] = line.coef_[0], line.intercept_[0]
    return weights, intercepts
