"""Training: rows of text to a model that has been measured on rows it never saw."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..errors import ModelError, UsageError
from . import threshold as thresholds
from .bundle import CARD, KERAS, LITE, PREPROCESSING, Bundle, encode_json
from .card import card
from .columns.plan import TablePlan
from .drift import Drift
from .material import Material, Rows, mode_of, prepare
from .metrics import Report
from .outcome import logistic
from .plan import Plan
from .quiet import quiet_stderr
from .schema import MIN_PATIENTS, SUPERVISED, Schema
from .scoring import Lite, Views
from .split import member_masks
from .tasks import Labelled, Task, Unlabelled

if TYPE_CHECKING:
    from .network import Progress

BLOCK = 256
HELD_OUT = 0.2
TOLERANCE = 2e-6
_STEPS = 8000
_WAITED = 80_000
_COMPARED = 4096
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trained:
    """A finished model: its bundle, what the user should know of it, and the training `scores`.

    These are one for each row that was trained on, by members that never saw it.
    """

    bundle: Bundle
    warnings: tuple[str, ...]
    scores: Floats = field(repr=False)

    @property
    def schema(self) -> Schema:
        """What each column was taken for."""
        return self.bundle.schema

    @property
    def metrics(self) -> Report:
        """The figures: ``held_out``, ``training`` (out of fold) and ``logistic_regression``."""
        return self.bundle.metrics

    @property
    def threshold(self) -> float:
        """The score from which on a row is called anomalous."""
        return self.bundle.threshold

    def save(self, folder: Path | str) -> str:
        """Write the bundle and return its digest."""
        return self.bundle.save(folder)


def fit(
    columns: Sequence[str],
    rows: Rows,
    *,
    label: str | None = None,
    id: str | None = None,
    group: str | None = None,
    drop: Iterable[str] = (),
    kinds: Mapping[str, str] | None = None,
    positive: str | None = None,
    seed: int = 0,
    target_precision: float | None = None,
    target_recall: float | None = None,
    alert_rate: float | None = None,
    cost_ratio: float | None = None,
    max_epochs: int | None = None,
    held_out: float = HELD_OUT,
    mode: str = "auto",
    progress: Progress | None = None,
    plan: Plan | None = None,
    read_by: TablePlan | None = None,
) -> Trained:
    """Train on most of the rows of text, and measure on the others.

    With a `label` column the score is a calibrated probability and the threshold, unless one is
    asked for, has the best F1 among training rows scored by members that never saw them. Without
    one the score is a rank among training rows, and the threshold calls as many of them anomalous
    as lie beyond Tukey's upper fence of a fixed statistic.

    The `mode` ``auto`` is ``supervised`` with a label and ``unlabelled`` without; ``unlabelled``
    uses a label for measuring alone, and so does ``normal-only``, which learns from the rows that
    are labelled normal, or from all where there is no label. Rows with the same `id` or `group`
    stay together. `max_epochs` bounds how often the network passes over the rows; `progress` is
    called with a stage, steps done and steps at most; `plan` changes what is built. `read_by` is
    the column plan that made the rows from a table; it becomes part of the model.

    Raises `UsageError` for a table or options that cannot work.
    """
    mode = mode_of(mode, label)
    rule = thresholds.asked(
        labelled=mode == SUPERVISED,
        target_precision=target_precision,
        target_recall=target_recall,
        alert_rate=alert_rate,
        cost_ratio=cost_ratio,
    )
    if not 0 <= held_out <= 0.5:
        raise UsageError(
            "the share of held-out rows must lie between 0 and 0.5", hint="0.2 stands for 20 %"
        )
    if seed < 0:
        raise UsageError("the seed must not be negative", hint="take 0 or any whole number above")
    if max_epochs is not None and max_epochs < 1:
        raise UsageError(
            "training takes at least one epoch", hint="take 1 or more, or leave it out"
        )
    material = prepare(
        columns,
        rows,
        label=label,
        id=id,
        group=group,
        drop=drop,
        kinds=kinds,
        positive=positive,
        held_out=held_out,
        random=np.random.default_rng([seed, 1]),
        mode=mode,
        read_by=read_by,
    )
    columns_plan = None if read_by is None else read_by.to_json()
    bundle, scores = _learn(
        mode, material, rule, seed, max_epochs, progress, plan or Plan(), columns_plan
    )
    return Trained(bundle, material.warnings, scores)


def _learn(
    mode: str,
    material: Material,
    rule: thresholds.Rule,
    seed: int,
    max_epochs: int | None,
    progress: Progress | None,
    plan: Plan,
    columns: dict[str, Any] | None,
) -> tuple[Bundle, Floats]:
    inputs = material.encoder.encode(material.train.table)
    task: Task = (Labelled if mode == SUPERVISED else Unlabelled)(material, inputs, seed, plan)
    model, said = _train(material, task, seed, max_epochs, progress, plan)
    lite = _convert(model, task.inputs)
    outcome, views = task.outcome(said), task.views(said)
    scores = outcome.scores(views)
    chosen = task.threshold(rule, scores, views)
    score = Views(material.encoder, Lite(lite), task.statistics, task.forest)
    held = outcome.scores(score(material.held.table))
    preprocessing = {
        "columns": columns,
        "encoder": material.encoder.to_json(),
        "statistics": task.statistics and task.statistics.to_json(),
        "forest": task.forest and task.forest.to_json(),
        "outcome": outcome.to_json(),
        "drift": Drift.fit(
            material.encoder, material.shown, scores, held, material.held.patients
        ).to_json(),
    }
    about = {
        "mode": mode,
        "schema": replace(material.schema, warnings=material.warnings).to_json(),
        "threshold": chosen.to_json(),
        "metrics": task.measure(held, scores, chosen.value),
        "rows": {"training": len(material.train), "held_out": len(material.held)},
        "patients": {
            "training": len(np.unique(material.train.patients)),
            "least": MIN_PATIENTS,
            "counted_by": material.counted,
        },
        "seed": seed,
        "versions": _versions(),
    }
    from .network import keras_bytes

    files = {
        KERAS: keras_bytes(model),
        LITE: lite,
        PREPROCESSING: encode_json(preprocessing),
        CARD: card(about).encode("utf-8"),
    }
    return Bundle.pack(files, about), scores


def _train(
    material: Material,
    task: Task,
    seed: int,
    max_epochs: int | None,
    progress: Progress | None,
    plan: Plan,
) -> tuple[Any, Floats]:
    """The trained network, and its output for training rows by members that never saw them."""
    try:
        with quiet_stderr():
            from . import network
    except ImportError as error:
        raise UsageError(
            "TensorFlow cannot be loaded, and training needs it", hint="pip install tensorflow"
        ) from error
    plan = _plan(plan, len(task.inputs), task.folds)
    plan = replace(plan, epochs=min(plan.epochs, max_epochs or plan.epochs))
    masks = member_masks(
        material.train.groups,
        task.strata,
        plan.members,
        plan.folds,
        np.random.default_rng([seed, 2]),
    )
    task.begin(masks)
    build = partial(network.classifier, task.inputs.shape[1], network.Bins(*task.bins), plan, seed)
    weights, found = network.train(
        build,
        plan,
        task.inputs,
        task.targets,
        masks,
        getattr(network, task.loss),
        lambda said: task.outside_loss(_out_of_fold(said, masks)),
        seed,
        progress,
        task.start(masks),
    )
    return network.averaged(build, weights, plan), _out_of_fold(found, masks)


def _convert(model: Any, inputs: NDArray[np.float32]) -> bytes:
    """Convert to LiteRT, and insist that it says what Keras says, as far as scores can tell."""
    from .network import lite_bytes, predictions

    lite = lite_bytes(model, BLOCK)
    some = inputs[:_COMPARED]
    gap = np.abs(logistic(Lite(lite)(some)) - logistic(predictions(model, some)))
    if not float(gap.max()) <= TOLERANCE:
        raise ModelError(
            "the converted network does not agree with the trained one",
            hint="install other versions of tensorflow and ai-edge-litert",
        )
    return lite


def _plan(plan: Plan, rows: int, folds: int) -> Plan:
    """Small steps for small tables; for large ones larger steps and fewer rounds."""
    small, large = 2 ** round(np.log2(rows / 10)), 2 ** round(np.log2(rows / 128))
    batch = max(16, min(plan.batch, small), min(4 * plan.batch, large))
    epochs = max(8, min(plan.epochs, _STEPS * batch // rows))
    patience = max(3, min(plan.patience, epochs // 6, _WAITED // rows))
    return replace(plan, folds=folds, batch=batch, epochs=epochs, patience=patience)


def _out_of_fold(found: NDArray[Any], masks: NDArray[Any]) -> Floats:
    """For each row the mean over the members that never saw it."""
    unseen = 1.0 - masks.astype(np.float64)
    mean: Floats = (found * unseen).sum(axis=1) / unseen.sum(axis=1)
    return mean


def _versions() -> dict[str, str]:
    found = {"medchain": __version__, "python": platform.python_version()}
    for package in ("tensorflow", "keras", "ai-edge-litert", "numpy", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
