"""The estimator: scikit-learn's checks in full, and the same scores as the bundle it saves."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

import medchain
from medchain import AnomalyDetector
from medchain.detect.scoring import Scorer

from .tables import COLUMNS, clinic

FEATURES = COLUMNS[1:-1]


def clinic_arrays(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The clinic as objects: numbers, a text column, missing cells; and 0 or 1."""
    rows = clinic(count, seed)
    x = np.array([row[1:-1] for row in rows], dtype=object)
    for place in range(4):
        x[:, place] = [None if cell == "" else float(cell) for cell in x[:, place]]
    return x, np.array([int(row[-1]) for row in rows])


@pytest.fixture(scope="module")
def fitted() -> AnomalyDetector:
    x, y = clinic_arrays(400)
    return AnomalyDetector().fit(x, y)


def quick(**options: Any) -> AnomalyDetector:
    return AnomalyDetector(max_epochs=1, **options)


def test_scikit_learn_checks_it_in_full() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(quick())


@pytest.mark.slow
def test_scikit_learn_checks_it_in_full_as_users_have_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(AnomalyDetector())


def test_it_learns_from_objects_with_text_and_missing_cells(fitted: AnomalyDetector) -> None:
    x, y = clinic_arrays(600, seed=2)
    scores = fitted.score_samples(x)
    assert scores[y == 1].mean() > 0.6 > 0.15 > scores[y == 0].mean()
    kinds = {column.name: column.kind for column in fitted.bundle_.schema.columns}
    assert kinds == {
        "x0": "numeric", "x1": "numeric", "x2": "numeric", "x3": "numeric", "x4": "categorical",
        "x5": "constant", "label": "label",
    }  # fmt: skip


def test_every_name_points_upwards(fitted: AnomalyDetector) -> None:
    x, _ = clinic_arrays(500, seed=3)
    scores, decision = fitted.score_samples(x), fitted.decision_function(x)
    assert np.array_equal(decision, scores - fitted.offset_)
    assert np.array_equal(fitted.predict_proba(x), np.column_stack([1 - scores, scores]))
    found = scores >= fitted.bundle_.threshold
    assert np.array_equal(fitted.predict(x) == 1, found)
    assert np.array_equal(decision > fitted.threshold_, found)
    assert not (decision == 0).any()
    assert fitted.classes_.tolist() == [0, 1]


def test_a_row_on_the_threshold_is_anomalous_and_decided(fitted: AnomalyDetector) -> None:
    threshold = fitted.bundle_.threshold
    for score in (threshold, round(threshold - 1e-6, 6)):
        assert (score - fitted.offset_ > fitted.threshold_) == (score >= threshold)


def test_the_training_rows_are_scored_by_members_that_never_saw_them(
    fitted: AnomalyDetector,
) -> None:
    x, y = clinic_arrays(400)
    assert len(fitted.decision_scores_) == len(fitted.labels_) == 400
    assert np.array_equal(fitted.labels_ == 1, fitted.decision_scores_ > 0)
    assert fitted.decision_scores_[y == 1].mean() > fitted.decision_scores_[y == 0].mean()
    assert not np.array_equal(fitted.decision_scores_, fitted.decision_function(x))


def test_the_saved_bundle_is_the_estimator(fitted: AnomalyDetector, tmp_path: Path) -> None:
    digest = fitted.save(tmp_path / "model")
    x, _ = clinic_arrays(200, seed=4)
    table = tmp_path / "t.csv"
    rows = [row[1:-1] for row in clinic(200, seed=4)]
    table.write_text("\n".join(map(",".join, [[f"x{n}" for n in range(6)], *rows])) + "\n")
    summary = medchain.ingest(
        table, model=tmp_path / "model", ledger=tmp_path / "l.jsonl", bits=0, rows="open"
    )
    assert summary.model == digest
    assert summary.anomalies == int((fitted.predict(x) == 1).sum())
    scorer = Scorer(fitted.bundle_)
    scorer.bind([f"x{n}" for n in range(6)])
    assert np.array_equal(scorer.score(rows)[0], fitted.score_samples(x))
    again = AnomalyDetector.from_bundle(tmp_path / "model")
    assert np.array_equal(again.decision_function(x), fitted.decision_function(x))
    assert again.n_features_in_ == 6


def test_pickles_and_clones(fitted: AnomalyDetector) -> None:
    x, _ = clinic_arrays(50, seed=5)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.score_samples(x), fitted.score_samples(x))
    assert not hasattr(clone(fitted), "bundle_")


def test_a_model_from_the_command_line_is_an_estimator(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    detector = AnomalyDetector.from_bundle(folder)
    frame = pandas.DataFrame(clinic(60, seed=6), columns=COLUMNS)[detector.feature_names_in_]
    scorer = Scorer(detector.bundle_)
    scorer.bind(COLUMNS)
    assert np.array_equal(detector.score_samples(frame), scorer.score(clinic(60, seed=6))[0])


def test_data_frames_of_all_sorts_give_what_arrays_give() -> None:
    pandas = pytest.importorskip("pandas")
    x, y = clinic_arrays(80)
    plain = pandas.DataFrame(x, columns=FEATURES)
    typed = plain.convert_dtypes().astype({"ward": "category", "age": "Float64"})
    ours = quick().fit(plain, pandas.Series(y))
    theirs = quick().fit(typed, y)
    assert ours.feature_names_in_.tolist() == FEATURES
    assert ours.bundle_.digest == theirs.bundle_.digest
    assert np.array_equal(ours.score_samples(plain), theirs.score_samples(typed))
    with pytest.raises(ValueError, match="feature names"):
        ours.predict(plain[FEATURES[::-1]])


def test_in_a_pipeline_under_cross_validation() -> None:
    x, y = clinic_arrays(120)
    pipeline = make_pipeline(FunctionTransformer(), quick())
    found = cross_val_score(pipeline, x, y, cv=2, scoring="average_precision")
    assert (found > y.mean()).all()


def test_without_labels() -> None:
    dice = np.random.default_rng(0)
    x = dice.normal(size=(300, 3))
    x[:6] += 8
    detector = AnomalyDetector(max_epochs=5, alert_rate=0.05).fit(x)
    assert detector.labels_[:6].all()
    assert 0 < detector.labels_.mean() <= 0.05
    assert detector.predict(x + 20).all()
    assert detector.classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("labels", "positive", "classes"),
    [
        (["well", "sick"], None, ["well", "sick"]),
        (["anomaly", "normal"], None, ["normal", "anomaly"]),
        (["a", "b"], None, ["a", "b"]),
        (["a", "b"], "a", ["b", "a"]),
        ([-1, 1], None, [-1, 1]),
        ([-1, 1], -1, [1, -1]),
    ],
)
def test_which_class_is_the_anomaly(labels: list[Any], positive: Any, classes: list[Any]) -> None:
    dice = np.random.default_rng(0)
    x = dice.normal(size=(60, 2))
    y = np.array(classes)[(x[:, 0] > 0.5).astype(int)]
    detector = quick(positive=positive).fit(x, y)
    assert set(labels) == set(detector.classes_.tolist())
    assert detector.classes_.tolist() == classes
    assert detector.score_samples([[9, 0]]) > detector.score_samples([[-9, 0]])
    assert detector.predict([[9, 0]]).tolist() == classes[1:]


@pytest.mark.parametrize(
    ("x", "y", "options", "words"),
    [
        ([[1.0], [2.0]], [0, 1], {}, "at least 10"),
        ([[np.inf]] * 30, [0, 1] * 15, {}, "infinity"),
        ([[1.0]] * 30, [0, 1] * 15, {}, "no column is left"),
        ([[np.nan]] * 30, [0, 1] * 15, {}, "no column is left"),
        ([[1.0], [2.0]] * 15, [0] * 30, {}, "one class"),
        ([[1.0], [2.0]] * 15, list(range(3)) * 10, {}, "Only binary classification"),
        ([[1.0], [2.0]] * 15, [0, 1] * 15, {"positive": 7}, "positive is not one"),
        ([[1.0], [2.0]] * 15, [0, 1] * 15, {"cost_ratio": -1.0}, "cost ratio"),
        ([[1.0], [2.0]] * 15, [0, 1] * 15, {"kinds": {"z": "numeric"}}, "no column 'z'"),
        ([[1.0], [2.0]] * 15, None, {"target_recall": 0.9}, "needs a label"),
    ],
)
def test_what_it_refuses(x: Any, y: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        quick(**options).fit(np.array(x), y)


def test_groups_stay_together_and_are_counted() -> None:
    x, y = clinic_arrays(60)
    with pytest.raises(ValueError, match="59 values for 60 rows"):
        quick().fit(x, y, groups=range(59))
    detector = quick().fit(x, y, groups=[f"C{n // 6}" for n in range(60)])
    assert {c.name: c.note for c in detector.bundle_.schema.columns}["group"] == (
        "named as the group"
    )
    assert detector.score_samples(x).shape == (60,)
