"""The two ways to train, with a label and without: what is learnt and what a score means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from . import threshold as thresholds
from .bins import bin_table
from .linear import member_lines
from .material import Material
from .metrics import Report, baseline, report, report_unlabelled
from .outcome import Calibrated, Ranked
from .panel import panel_targets
from .statistics import Statistics

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Start = Callable[[Matrix], tuple[Matrix, Matrix]]


class Task(Protocol):
    """What a training run asks of a task; `said` is the network's output, out of fold."""

    mode: str
    folds: int
    loss: str
    targets: Matrix
    strata: NDArray[Any]
    bins: tuple[int, Matrix, Matrix]

    @property
    def statistics(self) -> Statistics | None:
        """The fixed statistics that are views beside the network, if any."""
        ...

    def start(self, masks: Matrix) -> Start | None:
        """Where the linear path of each member begins, from the features that it reads."""
        ...

    def outside_loss(self, said: Floats) -> float:
        """The loss of out-of-fold output, by which the best epoch is known."""
        ...

    def outcome(self, said: Floats) -> Calibrated | Ranked:
        """How output becomes a score."""
        ...

    def views(self, said: Floats) -> Floats:
        """Everything that the outcome of the training rows is made from (rows x views)."""
        ...

    def threshold(self, rule: thresholds.Rule, scores: Floats, views: Floats) -> Any:
        """The threshold from training scores."""
        ...

    def measure(self, held: Floats, training: Floats, threshold: float) -> Report:
        """The figures of the model, first of all on held-out rows."""
        ...


class Labelled:
    """A probability of the label, by cross-entropy without class weights."""

    mode, folds, loss = "supervised", 4, "cross_entropy"
    statistics: Statistics | None = None

    def __init__(self, material: Material, inputs: Matrix, seed: int) -> None:
        del inputs
        self.material, self.labels = material, material.train.labels
        self.strata = self.labels
        self.targets = self.labels[:, None].astype(np.float32)
        _, normal = material.encoder.numbers(material.train.table)
        starts, widths = bin_table(normal, self.labels, seed)
        self.bins = (normal.shape[1], starts, widths)

    def start(self, masks: Matrix) -> Start:
        """A logistic regression for each member."""
        return lambda features: member_lines(features, self.labels, masks)

    def outside_loss(self, said: Floats) -> float:
        """Mean log-loss."""
        return float(np.mean(np.logaddexp(0.0, said) - self.labels * said))

    def outcome(self, said: Floats) -> Calibrated:
        """Calibrated on logits of members that never saw the row."""
        return Calibrated.fit(said, self.labels)

    def views(self, said: Floats) -> Floats:
        """The logits alone."""
        return said[:, None]

    def threshold(
        self, rule: thresholds.Rule, scores: Floats, views: Floats
    ) -> thresholds.Threshold:
        """As the rule says; the default is the best F1."""
        del views
        return thresholds.choose(rule, scores, self.labels)

    def measure(self, held: Floats, training: Floats, threshold: float) -> Report:
        """Figures on held-out rows, out of fold on training rows, and of a logistic regression."""
        rows = self.material.held
        found = {
            "held_out": report(held, rows.labels, threshold),
            "training": report(training, self.labels, threshold),
        }
        if len(rows):
            said = baseline(
                self.material.encoder, self.material.train.table, self.labels, rows.table
            )
            found["logistic_regression"] = report(said, rows.labels, 0.5)
        return found


class Unlabelled:
    """A rank among training rows: fixed statistics, and a network that has learnt a panel of them.

    Each member sees half of the rows.
    """

    mode, folds, loss = "unlabelled", 2, "squared_error"

    def __init__(self, material: Material, inputs: Matrix, seed: int) -> None:
        table = material.train.table
        self.statistics = Statistics.fit(material.encoder, table)
        self._fixed = np.column_stack(self.statistics(table))
        self.targets = panel_targets(inputs, self._fixed, seed)[:, None].astype(np.float32)
        self.strata = np.zeros(len(inputs), np.intp)
        empty = np.zeros((0, 0), np.float32)
        self.bins = (0, empty, empty)

    def start(self, masks: Matrix) -> None:
        """At nothing."""
        del masks

    def outside_loss(self, said: Floats) -> float:
        """Mean squared error against the panel."""
        return float(np.mean(np.square(said - self.targets[:, 0])))

    def outcome(self, said: Floats) -> Ranked:
        """Ranked among the training rows."""
        return Ranked.fit(self.views(said))

    def views(self, said: Floats) -> Floats:
        """Both statistics and the network."""
        return np.column_stack([self._fixed, said])

    def threshold(
        self, rule: thresholds.Rule, scores: Floats, views: Floats
    ) -> thresholds.Threshold:
        """The alert rate asked for, else the share of rows that the statistics find far out."""
        if rule.target is not None:
            return thresholds.by_rate(rule, scores, rule.target)
        return thresholds.by_rate(rule, scores, thresholds.fence_rate(views[:, :2]))

    def measure(self, held: Floats, training: Floats, threshold: float) -> Report:
        """How many rows reach the threshold; nothing more is known without labels."""
        return {
            "held_out": report_unlabelled(held, threshold),
            "training": report_unlabelled(training, threshold),
        }
