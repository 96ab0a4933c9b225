"""What a network learns from without labels: the joint opinion of a few fixed detectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encode import Encoder, normal_quantile

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Matrix = NDArray[np.float32]
_TREES = 200
_NEIGHBOURS = 5
_MOST = 2048


def joint(opinions: Sequence[Floats]) -> Floats:
    """For each row the mean normal score of several opinions."""
    mean: Floats = np.mean([normal_scores(opinion) for opinion in opinions], axis=0)
    return mean


def isolation(inputs: Matrix, learn: Places, seed: int) -> Floats:
    """How soon random cuts leave each row alone, learnt from some rows (Liu 2008)."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=_TREES, random_state=seed).fit(inputs[learn])
    found: Floats = -forest.score_samples(inputs)
    return found


def distance(
    encoder: Encoder, inputs: Matrix, learn: Places, random: np.random.Generator
) -> Floats:
    """The mean distance of each row to its nearest neighbours among some rows, itself left out.

    Distances are Euclidean over softened numbers and levels, each of unit spread; of many rows
    some are drawn.
    """
    from sklearn.neighbors import NearestNeighbors

    count = len(encoder.numeric)
    points = inputs[:, np.r_[0:count, 2 * count : encoder.width]].astype(np.float64)
    if len(learn) > _MOST:
        learn = np.sort(random.choice(learn, _MOST, replace=False))
    spread = points[learn].std(axis=0)
    points /= np.where(spread > 0, spread, 1.0)
    near = min(_NEIGHBOURS, len(learn) - 1)
    found = NearestNeighbors(n_neighbors=near + 1).fit(points[learn]).kneighbors(points)[0]
    among = np.zeros(len(points), bool)
    among[learn] = True
    mean: Floats = np.where(among, found[:, 1:].mean(axis=1), found[:, :-1].mean(axis=1))
    return mean


def normal_scores(values: NDArray[Any]) -> Floats:
    """Each value's rank among `values` as a quantile of the standard normal; ties share theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2) / (len(values) + 1)
    return np.array([normal_quantile(float(rank)) for rank in ranks])[which]
