"""Synthetic patients: the same for a seed, plausible, and with anomalies that can be learnt."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from medchain.tabular import open_table
from medchain.tabular.synthetic import CATEGORICAL, KINDS, MISSING, NUMERIC, Patients, patients


def numbers(cohort: Patients) -> dict[str, np.ndarray]:
    """The numeric columns, NaN where a cell is missing."""
    cells = dict(zip(cohort.columns, zip(*cohort.rows, strict=True), strict=True))
    return {name: np.array([float(c or "nan") for c in cells[name]]) for name in NUMERIC}


def features(cohort: Patients) -> np.ndarray:
    """A matrix for scikit-learn: medians for missing numbers, one column for each category."""
    columns = [
        np.where(np.isnan(column), np.nanmedian(column), column)
        for column in numbers(cohort).values()
    ]
    for name in CATEGORICAL:
        place = cohort.columns.index(name)
        words = np.array([row[place] for row in cohort.rows])
        columns += [words == word for word in sorted({*words})]
    return np.column_stack(columns).astype(float)


def test_the_same_seed_gives_the_same_patients_on_every_machine() -> None:
    data = patients(200, seed=1).csv(label=True)
    assert data == patients(200, seed=1).csv(label=True)
    assert data != patients(200, seed=2).csv(label=True)
    assert hashlib.sha256(data).hexdigest() == (
        "397e5f4babe9faea066eac4866b22bfa688c8ff810eae96f9b3a7c1e8380e624"
    )


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 1.0])
def test_the_share_of_anomalies_is_exact_and_even_over_kinds(rate: float) -> None:
    cohort = patients(400, seed=3, anomaly_rate=rate)
    assert sum(cohort.labels) == round(400 * rate)
    assert cohort.labels == [int(bool(kind)) for kind in cohort.kinds]
    counts = Counter(kind for kind in cohort.kinds if kind)
    assert set(counts) == (set(KINDS) if rate else set())
    assert len(set(counts.values())) <= 1


def test_reads_as_a_table(tmp_path: Path) -> None:
    cohort = patients(50, seed=4)
    for label in (True, False):
        (tmp_path / "t.csv").write_bytes(cohort.csv(label=label))
        with open_table(tmp_path / "t.csv") as table:
            (batch,) = table.batches(100)
        tail = [[str(anomaly)] if label else [] for anomaly in cohort.labels]
        assert table.columns == (*cohort.columns, *(["anomaly"] if label else []))
        assert batch.rows == [[*row, *end] for row, end in zip(cohort.rows, tail, strict=True)]
    assert len(cohort.columns) == 21
    assert len({row[0] for row in cohort.rows}) == 50


def test_cells_are_missing_as_often_as_they_should_be() -> None:
    cohort = patients(4000, seed=5)
    for place, name in enumerate(cohort.columns):
        share = sum(row[place] == "" for row in cohort.rows) / 4000
        assert share == pytest.approx(MISSING.get(name, 0), abs=0.03)


def test_usual_patients_are_plausible_and_correlated() -> None:
    column = numbers(patients(3000, seed=6, anomaly_rate=0))
    limits = {
        "age": (18, 97),
        "temperature": (35.5, 41),
        "heart_rate": (35, 150),
        "spo2": (85, 100),
        "potassium": (2.8, 6),
        "haemoglobin": (8, 20),
        "glucose": (2, 14),
    }
    for name, (low, high) in limits.items():
        assert low <= np.nanmin(column[name]) <= np.nanmax(column[name]) <= high, name
    assert all(np.nanmin(values) > 0 for values in column.values())
    assert np.mean(column["diastolic_bp"] >= column["systolic_bp"]) < 0.002
    pairs = [("systolic_bp", "diastolic_bp"), ("creatinine", "urea"), ("age", "systolic_bp")]
    for one, other in pairs:
        both = ~np.isnan(column[one] + column[other])
        assert np.corrcoef(column[one][both], column[other][both])[0, 1] > 0.4, (one, other)


def test_anomalies_of_every_kind_can_be_learnt() -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import average_precision_score, roc_auc_score

    cohort = patients(4000, seed=7)
    cells, labels, kinds = features(cohort), np.array(cohort.labels), np.array(cohort.kinds)
    half = len(labels) // 2
    model = RandomForestClassifier(100, random_state=0).fit(cells[:half], labels[:half])
    scores = model.predict_proba(cells[half:])[:, 1]
    labels, kinds = labels[half:], kinds[half:]
    assert labels.mean() < 0.07
    assert average_precision_score(labels, scores) > 0.75
    for kind in KINDS:
        part = (kinds == kind) | (kinds == "")
        assert roc_auc_score(labels[part], scores[part]) > 0.85, kind


def test_what_is_missing_does_not_tell_the_label() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    cohort = patients(8000, seed=8, anomaly_rate=0.2)
    missing = np.array([[cell == "" for cell in row] for row in cohort.rows], dtype=float)
    model = LogisticRegression().fit(missing[:4000], cohort.labels[:4000])
    scores = model.predict_proba(missing[4000:])[:, 1]
    assert roc_auc_score(cohort.labels[4000:], scores) < 0.65
