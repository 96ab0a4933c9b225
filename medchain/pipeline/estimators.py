"""A scikit-learn estimator whose answers are recorded before its caller has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..ledger.verdicts import CLASS, TEXT

if TYPE_CHECKING:
    from .recorder import Recorder

PROBABILITY = "probability"
_ANSWERS = ("decision_function", "score_samples", "predict_log_proba", "fit_predict", "transform")


class Recorded:
    """What `recorded` returns; every attribute that is no answer is the estimator's own."""

    def __init__(self, estimator: Any, recorder: Recorder) -> None:
        self._estimator, self._recorder = estimator, recorder

    def predict_proba(self, X: Any) -> Any:
        """The estimator's probabilities, (rows, classes), durable in the ledger before."""
        found = self._asked(self._estimator.predict_proba, X)
        self._record(X, found)
        return found

    def predict(self, X: Any) -> Any:
        """The estimator's predictions, (rows,), durable in the ledger before.

        For a model that is declared to say a probability, that is what is recorded.
        """
        if self._recorder.model.says == PROBABILITY:
            self._record(X, self._asked(self._estimator.predict_proba, X))
            return self._estimator.predict(X)
        found = self._asked(self._estimator.predict, X)
        name = "labels" if self._recorder.model.says == CLASS else "scores"
        answers = [_plain(value) for value in found]
        answers = list(map(str, answers)) if name == "labels" else answers
        self._recorder.record_many(_rows(self._estimator, X), **{name: answers})
        return found

    def __getattr__(self, name: str) -> Any:
        if name in _ANSWERS:
            raise UsageError(
                f"{name} would answer without a record", hint="use predict or predict_proba"
            )
        return getattr(self._estimator, name)

    def _asked(self, ask: Callable[[Any], Any], rows: Any) -> Any:
        """What the estimator answers; where it raises, that it did so stands beside each row."""
        try:
            return ask(rows)
        except Exception as error:
            for row in _rows(self._estimator, rows):
                self._recorder.record(row, error=error)
            raise

    def _record(self, rows: Any, found: Any) -> None:
        classes = list(self._estimator.classes_)
        if self._recorder.model.says == CLASS:
            labels = [str(_plain(classes[place])) for place in found.argmax(axis=1)]
            self._recorder.record_many(_rows(self._estimator, rows), labels=labels)
            return
        if len(classes) != 2:
            raise UsageError(
                f"an estimator of {len(classes)} classes has no one probability",
                hint="declare a model that says a class",
            )
        scores = [_plain(value) for value in found[:, 1]]
        self._recorder.record_many(_rows(self._estimator, rows), scores=scores)


def recorded(estimator: Any, recorder: Recorder) -> Recorded:
    """Wrap a fitted scikit-learn `estimator` so that each row it answers for is recorded.

    `predict` and `predict_proba` return what the estimator's own do, after `recorder` has recorded
    a verdict for each row. A model declared as a probability records that of the second of two
    ``classes_``; one declared as a class, the likeliest; one declared as a number, the prediction.
    Rows are a data frame, whose columns keep their names, or an array, whose columns are named by
    ``feature_names_in_``, else ``x0``, ``x1`` and so on.

    Raises `UsageError` for a model that is declared to say text, and for an answer that would leave
    without a record, such as ``decision_function``; later whatever `Recorder.record_many` raises.
    """
    if recorder.model.says == TEXT:
        raise UsageError(
            "an estimator says no text", hint="declare a probability, a number or a class"
        )
    return Recorded(estimator, recorder)


def _rows(estimator: Any, rows: Any) -> Any:
    if hasattr(rows, "columns"):
        return rows
    listed = [list(map(_plain, row)) for row in rows]
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"x{place}" for place in range(len(listed[0]))] if listed else []
    return [dict(zip(map(str, names), row, strict=True)) for row in listed]


def _plain(value: Any) -> Any:
    """The Python number or text that a NumPy scalar stands for."""
    return value.item() if hasattr(value, "item") else value
