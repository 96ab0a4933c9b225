"""Target-aware bin edges of a numeric feature, from a small decision tree on training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COUNT = 8
_BUDGET = 2048
_ENOUGH = 50_000
_NARROW = 1e-3


def tree_edges(
    values: NDArray[np.float64], labels: NDArray[Any], count: int, seed: int
) -> list[float]:
    """At most `count` + 1 edges, from the least value to the greatest, between which bins lie."""
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_leaf_nodes=count, min_samples_leaf=max(5, len(values) // 100), random_state=seed
    ).fit(values[:, None], labels)
    inner = np.sort(tree.tree_.threshold[tree.tree_.feature >= 0])
    least, greatest = float(values.min()), float(values.max())
    edges = [least]
    for edge in map(float, inner):
        if edge > edges[-1] + _NARROW and edge < greatest - _NARROW:
            edges.append(edge)
    return [*edges, greatest] if greatest > least else edges


def bin_table(
    normal: NDArray[np.float64], labels: NDArray[Any], seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Starts and widths (bins x features) for quantile-normal values (rows x features).

    The values are those of `Encoder.aggregated`, so that every bin holds enough patients.
    Fewer bins for each feature when there are many features; a width of 0 marks an unused bin.
    """
    features = normal.shape[1]
    count = min(COUNT, _BUDGET // max(features, 1))
    if count < 2:
        return np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32)
    step = max(1, len(normal) // _ENOUGH)
    normal, labels = normal[::step], labels[::step]
    starts = np.zeros((count, features), np.float32)
    widths = np.zeros((count, features), np.float32)
    for place in range(features):
        edges = tree_edges(normal[:, place], labels, count, seed)
        starts[: len(edges) - 1, place] = edges[:-1]
        widths[: len(edges) - 1, place] = np.diff(edges)
    return starts, widths
