"""Wrapped estimators: the same answers as without, and a record of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import medchain
from medchain.errors import UsageError
from medchain.ledger.lines import Record
from medchain.ledger.reader import open_ledger
from medchain.ledger.verify import Walk
from medchain.pipeline.audit import verify

RNG = np.random.default_rng(3)
X = RNG.normal(size=(120, 3)).round(3)
Y = (X[:, 0] + RNG.normal(size=120) > 0).astype(int)


def spoken(ledger: Path) -> list[Record]:
    with open_ledger(ledger) as stream:
        return [row for block in Walk(stream) for row in block.rows()]


def test_probabilities_are_those_of_the_estimator_and_in_the_ledger(tmp_path: Path) -> None:
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    model = medchain.declare("risk", version="1", says="probability", threshold=0.5)
    ledger = tmp_path / "ledger.jsonl"
    with medchain.Recorder(ledger, model=model, bits=0) as recorder:
        wrapped = medchain.recorded(fitted, recorder)
        assert (wrapped.predict_proba(X) == fitted.predict_proba(X)).all()
        assert (wrapped.predict(X[:7]) == fitted.predict(X[:7])).all()
        assert wrapped.n_features_in_ == 3
    rows = spoken(ledger)
    expected = [*fitted.predict_proba(X)[:, 1], *fitted.predict_proba(X[:7])[:, 1]]
    assert [row.score for row in rows] == pytest.approx(expected, abs=5e-7)
    report = verify(ledger, vault=True)
    assert report.ok
    assert report.seals_opened == 127
    shown = medchain.show(ledger, record=5, vault=True)
    assert shown["row"] == {f"x{n}": str(value) for n, value in enumerate(X[5])}


def test_classes_and_numbers(tmp_path: Path) -> None:
    named = np.where(Y, "ill", "well")
    classes = LogisticRegression().fit(X, named)
    model = medchain.declare("kind", version="1", says="class", classes=["well", "ill"])
    with medchain.Recorder(tmp_path / "a.jsonl", model=model, bits=0) as recorder:
        wrapped = medchain.recorded(classes, recorder)
        assert (wrapped.predict(X[:20]) == classes.predict(X[:20])).all()
        wrapped.predict_proba(X[:20])
    rows = spoken(tmp_path / "a.jsonl")
    assert len(rows) == 40
    assert [row.category for row in rows] == [
        int(name == "ill") for name in classes.predict(X[:20])
    ] * 2
    number = LinearRegression().fit(X, X[:, 1] * 3)
    model = medchain.declare("dose", version="1", says="number")
    with medchain.Recorder(tmp_path / "b.jsonl", model=model, bits=0) as recorder:
        found = medchain.recorded(number, recorder).predict(X[:9])
    assert [r.score for r in spoken(tmp_path / "b.jsonl")] == pytest.approx(found, abs=5e-7)


def test_an_estimator_that_raises_is_recorded_as_failed(tmp_path: Path) -> None:
    fitted = LogisticRegression().fit(X, Y)
    model = medchain.declare("risk", version="1", says="probability", threshold=0.5)
    ledger = tmp_path / "ledger.jsonl"
    with (
        medchain.Recorder(ledger, model=model, bits=0) as recorder,
        pytest.raises(ValueError, match="features"),
    ):
        medchain.recorded(fitted, recorder).predict_proba(X[:2, :2])
    assert [medchain.show(ledger, record=n)["said"] for n in range(2)] == ["error", "error"]


@pytest.mark.parametrize("name", ["decision_function", "predict_log_proba"])
def test_no_answer_leaves_without_a_record(tmp_path: Path, name: str) -> None:
    fitted = LogisticRegression().fit(X, Y)
    model = medchain.declare("risk", version="1", says="probability", threshold=0.5)
    with (
        medchain.Recorder(tmp_path / "ledger.jsonl", model=model, bits=0) as recorder,
        pytest.raises(UsageError, match="without a record"),
    ):
        getattr(medchain.recorded(fitted, recorder), name)
