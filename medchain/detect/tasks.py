"""The two ways to train, with a label and without: what is learnt and what a score means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from . import threshold as thresholds
from .bins import bin_table
from .boosting import Forest, Rows, member_forests
from .linear import member_lines
from .material import Material
from .metrics import Report, baseline, report, report_unlabelled
from .outcome import Ranked, Stacked
from .panel import distance, isolation, joint
from .plan import Plan
from .schema import UNLABELLED
from .split import folds
from .statistics import Statistics, unseen_sums

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Start = Callable[[Matrix], tuple[Matrix, Matrix]]
_START = (0.7, 0.3)
_WEIGHTS = (1 / 6, 1 / 6, 2 / 3)
_DOUBTFUL = 0.1
_CROSSED = 10


class Task(Protocol):
    """What a training run asks of a task; `said` is the network's output, out of fold."""

    folds: int
    loss: str
    inputs: Matrix
    targets: Matrix
    strata: NDArray[Any]
    bins: tuple[int, Matrix, Matrix]

    @property
    def statistics(self) -> Statistics | None:
        """The fixed statistics that are views beside the network, if any."""
        ...

    @property
    def forest(self) -> Forest | None:
        """The boosted trees that are a view beside the network, if any."""
        ...

    def begin(self, masks: Matrix) -> None:
        """Learn what stands beside the network, from the rows in each member's mask."""
        ...

    def start(self, masks: Matrix) -> Start | None:
        """Where the linear path of each member begins, from what the network reads."""
        ...

    def outside_loss(self, said: Floats) -> float:
        """The loss of out-of-fold output, by which the best epoch is known."""
        ...

    def outcome(self, said: Floats) -> Stacked | Ranked:
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

    folds, loss = 4, "cross_entropy"
    statistics: Statistics | None = None

    def __init__(self, material: Material, inputs: Matrix, seed: int, plan: Plan) -> None:
        self.material, self.labels = material, material.train.labels
        self.strata = self.labels
        self.targets = self.labels[:, None].astype(np.float32)
        self.forest: Forest | None = None
        self.trees: Floats | None = None
        self.inputs, self._seed, self._plan = inputs, seed, plan
        self.bins = no_bins()
        if plan.bins:
            normal = material.encoder.numbers(material.shown).normal
            self.bins = (normal.shape[1], *bin_table(normal, self.labels, seed))

    def begin(self, masks: Matrix) -> None:
        """Boosted trees, one forest for each fold."""
        if self._plan.forest:
            encoder = self.material.encoder
            count = len(encoder.numeric)
            asked = np.r_[0:count, 2 * count : encoder.width]
            self.forest, self.trees = member_forests(
                Rows(
                    self.inputs,
                    encoder.encode(self.material.shown),
                    self.labels,
                    self.material.train.patients,
                ),
                masks[:, : self.folds],
                asked,
                self._seed,
            )

    def start(self, masks: Matrix) -> Start:
        """A logistic regression for each member."""
        return lambda rows: member_lines(rows, self.labels, masks)

    def outside_loss(self, said: Floats) -> float:
        """Mean log-loss."""
        return float(np.mean(np.logaddexp(0.0, said) - self.labels * said))

    def outcome(self, said: Floats) -> Stacked:
        """Weighted and calibrated on logits of members that never saw the row."""
        return Stacked.fit(self.views(said), self.labels, (1.0,) if self.trees is None else _START)

    def views(self, said: Floats) -> Floats:
        """The logits of the network, and of the trees."""
        return np.column_stack([said] if self.trees is None else [said, self.trees])

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

    folds, loss = 2, "squared_error"

    def __init__(self, material: Material, inputs: Matrix, seed: int, plan: Plan) -> None:
        del plan
        self.material = material
        self.strata = np.zeros(len(inputs), np.intp)
        table = material.train.table
        learn = _usual(material)
        whose = material.train.patients[learn]
        self.statistics = Statistics.fit(
            material.encoder, material.encoder.aggregated(table.take(learn), whose)
        )
        fold = folds(material.train.groups, self.strata, _CROSSED, np.random.default_rng([seed, 6]))
        self._fixed = unseen_sums(material.encoder, table, material.train.patients, learn, fold)
        self.inputs = self.statistics.beside(inputs, *self._fixed.T)
        opinions = [
            *self._fixed.T,
            isolation(inputs, learn, seed),
            distance(material.encoder, inputs, learn, np.random.default_rng([seed, 5])),
        ]
        self.targets = joint(opinions)[:, None].astype(np.float32)
        self.forest: Forest | None = None
        self.bins = no_bins()

    def begin(self, masks: Matrix) -> None:
        """Nothing: the statistics are there."""
        del masks

    def start(self, masks: Matrix) -> None:
        """At nothing."""
        del masks

    def outside_loss(self, said: Floats) -> float:
        """Mean squared error against the panel."""
        return float(np.mean(np.square(said - self.targets[:, 0])))

    def outcome(self, said: Floats) -> Ranked:
        """Ranked among the training rows."""
        return Ranked.fit(self.views(said), _WEIGHTS, self.material.train.patients)

    def views(self, said: Floats) -> Floats:
        """Both statistics and the network."""
        return np.column_stack([self._fixed, said])

    def threshold(
        self, rule: thresholds.Rule, scores: Floats, views: Floats
    ) -> thresholds.Threshold:
        """The alert rate asked for, else the share of rows whose sum of squares is far out."""
        if rule.target is not None:
            return thresholds.by_rate(rule, scores, rule.target)
        return thresholds.by_rate(rule, scores, thresholds.fence_rate(views[:, 0]))

    def measure(self, held: Floats, training: Floats, threshold: float) -> Report:
        """How many rows reach the threshold, and with labels how well the held-out ones rank."""
        rows, found = self.material.held, report_unlabelled(held, threshold)
        if self.material.schema.label is not None:
            # A rank is no probability: it has no Brier score.
            found |= report(held, rows.labels, threshold) | {"brier": None}
        return {"held_out": found, "training": report_unlabelled(training, threshold)}


def _usual(material: Material) -> NDArray[np.intp]:
    """The training rows to learn from: without labels, all but those that look least usual.

    Means, spreads and shares that anomalies take part in hide them.
    """
    table = material.train.table
    count = len(material.train)
    if material.mode != UNLABELLED:
        return np.arange(count)
    doubt = joint(Statistics.fit(material.encoder, material.shown)(table))
    return np.sort(np.argsort(doubt, kind="stable")[: count - int(_DOUBTFUL * count)])


def no_bins() -> tuple[int, Matrix, Matrix]:
    """Where a network has none."""
    empty = np.zeros((0, 0), np.float32)
    return 0, empty, empty
