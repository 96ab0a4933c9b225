"""What a network learns from without labels: the joint opinion of a few fixed detectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .encode import normal_quantile

Floats = NDArray[np.float64]


def panel_targets(inputs: NDArray[np.float32], statistics: Floats, seed: int) -> Floats:
    """For each training row the mean normal score of its `statistics` (rows x statistics)
    and of an isolation forest."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=200, random_state=seed).fit(inputs)
    opinions = [*statistics.T, -forest.score_samples(inputs)]
    mean: Floats = np.mean([normal_scores(opinion) for opinion in opinions], axis=0)
    return mean


def normal_scores(values: Floats) -> Floats:
    """Each value's rank among `values` as a quantile of the standard normal; ties share theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2) / (len(values) + 1)
    return np.array([normal_quantile(float(rank)) for rank in ranks])[which]
