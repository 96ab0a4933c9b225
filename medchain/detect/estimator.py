"""The detector as a scikit-learn estimator: arrays and data frames in, the same scores out.

It is a classifier whose `y` may be missing (docs/decisions/0014). Every number points upwards: more
is more anomalous. The network, the scores and the verdicts are those of the bundle that `save`
writes and that ``medchain ingest`` reads.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from ..errors import UsageError
from .bundle import Bundle
from .frames import Cells, cells_of, infinite, kinds_of
from .label import says_anomaly
from .schema import CATEGORICAL, CONSTANT, NUMERIC
from .scoring import Scorer
from .train import fit

Floats = NDArray[np.float64]
NORMAL, ANOMALY = 0, 1
_HALF = 5e-7
"""Half of a score's last decimal: so far below the threshold lies 0 of the decision function."""

_ROWS = 4096


class AnomalyDetector(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An anomaly detector for tables, with labels or without.

    With `y` it learns a calibrated probability of the anomalous class, without it how unusual a row
    is among the training rows. Numbers, text and missing values are taken as they come: in an
    array or a data frame every column is a feature.

    Parameters
    ----------
    positive : label, default=None
        The class that is the anomaly; by default the one that says so (``"anomaly"``, ``"sick"``),
        else the greater one.
    target_precision, target_recall, alert_rate, cost_ratio : float, default=None
        At most one: what the threshold is to reach. By default it has the best F1 among training
        rows out of fold, and without labels it lies at Tukey's upper fence.
    kinds : dict, default=None
        Overrules what a column, by name, is: ``"numeric"``, ``"categorical"``, ``"dropped"``.
    max_epochs : int, default=None
        At most so many passes over the rows; by default the number of rows decides.
    random_state : int, RandomState instance or None, default=0
        The same number and rows give the same model.

    Attributes
    ----------
    classes_ : the normal class, then the anomalous one; ``[0, 1]`` without labels.
    decision_scores_ : `decision_function` of the training rows, each by members that never saw it.
    threshold_ : 0.0, beyond which `decision_function` says anomalous.
    offset_ : `decision_function` is `score_samples` less this: the bundle's threshold less 5e-7.
    labels_ : 1 for the training rows that are beyond the threshold, else 0.
    bundle_ : the model as `save` writes it, with its schema, metrics and digest.
    n_features_in_, feature_names_in_ : as everywhere in scikit-learn.
    """

    def __init__(
        self,
        *,
        positive: Any = None,
        target_precision: float | None = None,
        target_recall: float | None = None,
        alert_rate: float | None = None,
        cost_ratio: float | None = None,
        kinds: Mapping[str, str] | None = None,
        max_epochs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.positive = positive
        self.target_precision = target_precision
        self.target_recall = target_recall
        self.alert_rate = alert_rate
        self.cost_ratio = cost_ratio
        self.kinds = kinds
        self.max_epochs = max_epochs
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> AnomalyDetector:
        """Learn from the rows of `X`, and from their labels if there are any.

        Rows with the same value in `groups` are never on both sides of an inner split. Raises
        `ValueError` for what cannot be learnt from.
        """
        if y is None:
            X = validate_data(self, X, **_ANYTHING)
            self.classes_ = np.array([NORMAL, ANOMALY])
            labels = None
        else:
            X, y = validate_data(self, X, y, **_ANYTHING)
            labels = self._read_labels(y)
        rows = _finite(cells_of(X))
        names = _column_names(self)
        kinds = dict(zip(names, kinds_of(X, rows), strict=True)) | dict(self.kinds or {})
        options: dict[str, Any] = {"kinds": kinds}
        if labels is not None:
            rows, names, options["label"] = _beside(rows, names, "label", map(str, labels))
            options["positive"] = str(ANOMALY)
        if groups is not None:
            rows, names, options["group"] = _beside(rows, names, "group", _groups(groups, len(X)))
        with _as_value_error():
            trained = fit(names, rows, **options, **self._options())
        for warning in trained.warnings:
            warnings.warn(warning, UserWarning, stacklevel=2)
        self._take(trained.bundle)
        self.decision_scores_: Floats = trained.scores - self.offset_
        self.labels_ = (self.decision_scores_ > self.threshold_).astype(int)
        return self

    def score_samples(self, X: Any) -> Floats:
        """The score that ``medchain ingest`` records, 0 to 1; more is more anomalous.

        With labels it is a probability. Without them it is a rank: 1 less the score is the
        conformal p-value of the row, up to interpolation between training rows.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **_ANYTHING)
        parts = [
            self._scorer.score(_finite(cells_of(X[start : start + _ROWS])))[0]
            for start in range(0, len(X), _ROWS)
        ]
        return np.concatenate(parts)

    def decision_function(self, X: Any) -> Floats:
        """`score_samples` less `offset_`: above 0 for anomalies, as in PyOD; never 0."""
        scores = self.score_samples(X)
        difference: Floats = scores - self.offset_
        return difference

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each row: the verdict that ``medchain ingest`` records.

        It is decided by the threshold, which is not where both classes are equally probable.
        """
        found = self.decision_function(X) > self.threshold_
        classes: NDArray[Any] = self.classes_[found.astype(int)]
        return classes

    def predict_proba(self, X: Any) -> Floats:
        """1 less the score, and the score: rows x 2, in the order of `classes_`."""
        scores = self.score_samples(X)
        return np.column_stack([1 - scores, scores])

    def save(self, folder: Path | str) -> str:
        """Write the bundle for ``medchain ingest --model`` and return its digest.

        Its columns are those of `feature_names_in_`, or ``x0``, ``x1``, ... of an array.
        """
        check_is_fitted(self)
        digest: str = self.bundle_.save(folder)
        return digest

    @classmethod
    def from_bundle(cls, folder: Path | str) -> AnomalyDetector:
        """The estimator over a saved bundle; its classes are 0 and 1.

        Nothing is known of the training rows: it has neither `decision_scores_` nor `labels_`.
        """
        made = cls()
        bundle = Bundle.load(folder)
        kinds = (NUMERIC, CATEGORICAL, CONSTANT)
        names = [column.name for column in bundle.schema.columns if column.kind in kinds]
        made.n_features_in_ = len(names)
        if names != _numbered(len(names)):
            made.feature_names_in_ = np.array(names, dtype=object)
        made.classes_ = np.array([NORMAL, ANOMALY])
        made._take(bundle)
        return made

    def _take(self, bundle: Bundle) -> None:
        self.bundle_ = bundle
        self.threshold_, self.offset_ = 0.0, bundle.threshold - _HALF
        self._bind()

    def _bind(self) -> None:
        self._scorer = Scorer(self.bundle_)
        self._scorer.bind(_column_names(self))

    def _read_labels(self, y: Any) -> NDArray[np.intp]:
        """1 for the anomalous class; sets `classes_`."""
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) == 1:
            raise ValueError("y holds one class only; leave y out to learn without labels")
        if len(classes) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{type_of_target(y)}."
            )
        anomaly = self._anomaly(classes)
        self.classes_ = classes if anomaly == 1 else classes[::-1]
        return codes if anomaly == 1 else 1 - codes

    def _anomaly(self, classes: NDArray[Any]) -> int:
        """The place of the anomalous class."""
        if self.positive is not None:
            found = np.flatnonzero(classes == self.positive)
            if not len(found):
                raise ValueError("positive is not one of the two classes of y")
            return int(found[0])
        first, second = map(str, classes)
        return 0 if says_anomaly(first, second) else 1

    def _options(self) -> dict[str, Any]:
        names = ("target_precision", "target_recall", "alert_rate", "cost_ratio", "max_epochs")
        seed = self.random_state
        if not isinstance(seed, (int, np.integer)):
            seed = check_random_state(seed).randint(2**31)
        return {name: getattr(self, name) for name in names} | {"seed": int(seed), "held_out": 0.0}

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_scorer", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "bundle_" in state:
            self._bind()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


_ANYTHING: dict[str, Any] = {"dtype": None, "ensure_all_finite": "allow-nan"}


@contextmanager
def _as_value_error() -> Iterator[None]:
    """Turn what `fit` refuses into the error that scikit-learn's users expect."""
    try:
        yield
    except UsageError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise ValueError(f"{error.message}{hint}") from None


def _finite(rows: Cells) -> Cells:
    if infinite(rows):
        raise ValueError("Input X contains infinity.")
    return rows


def _numbered(count: int) -> list[str]:
    return [f"x{place}" for place in range(count)]


def _column_names(estimator: AnomalyDetector) -> list[str]:
    names = getattr(estimator, "feature_names_in_", None)
    return _numbered(estimator.n_features_in_) if names is None else list(map(str, names))


def _groups(groups: Any, count: int) -> list[str]:
    values = np.asarray(groups, dtype=object).ravel()
    if len(values) != count:
        raise ValueError(f"groups has {len(values)} values for {count} rows")
    return [row[0] for row in cells_of(values[:, None])]


def _beside(rows: Cells, names: list[str], wanted: str, cells: Any) -> tuple[Cells, list[str], str]:
    """The table with one more column, under `wanted` or the next free name."""
    while wanted in names:
        wanted += "_"
    joined = [[*row, cell] for row, cell in zip(rows, cells, strict=True)]
    return joined, [*names, wanted], wanted
