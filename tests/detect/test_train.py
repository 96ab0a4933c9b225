"""Training: honest on what it holds out, the same twice, and clear about what cannot work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medchain.detect.bundle import CARD, KERAS, LITE, PREPROCESSING
from medchain.detect.scoring import Scorer
from medchain.detect.split import groups_of, hold_out
from medchain.detect.train import HELD_OUT, Trained, fit
from medchain.errors import UsageError

from .tables import COLUMNS, Rows, clinic, ring, together


def held_out_places(rows: Rows, seed: int = 0) -> list[int]:
    labels = np.array([int(row[-1]) for row in rows])
    groups = groups_of([row[0] for row in rows], len(rows))
    return hold_out(groups, labels, HELD_OUT, np.random.default_rng([seed, 1]))[1].tolist()


def test_what_is_reported(labelled: Trained) -> None:
    held, beside = labelled.metrics["held_out"], labelled.metrics["logistic_regression"]
    assert held["rows"] == beside["rows"] == 80
    assert held["anomalies"] == beside["anomalies"]
    assert sum(held["confusion"].values()) == 80
    assert held["roc_auc"] > 0.9
    assert held["average_precision"] > 2 * held["base_rate"]
    assert 0 < held["brier"] < held["base_rate"] * (1 - held["base_rate"])
    assert labelled.bundle.manifest["threshold"]["rule"] == "best F1"


def test_the_figures_are_those_of_the_scorer_on_the_held_out_rows(labelled: Trained) -> None:
    rows = clinic(400)
    held = [rows[place] for place in held_out_places(rows)]
    scorer = Scorer(labelled.bundle)
    scorer.bind(COLUMNS)
    found = scorer.score(held)[0] >= scorer.threshold
    truth = np.array([row[-1] == "1" for row in held])
    counts = labelled.metrics["held_out"]["confusion"]
    assert counts["true_positives"] == (found & truth).sum()
    assert counts["false_positives"] == (found & ~truth).sum()
    assert counts["false_negatives"] == (~found & truth).sum()


def test_held_out_rows_change_nothing_that_is_learnt(labelled: Trained) -> None:
    rows = clinic(400)
    for place in held_out_places(rows):
        rows[place] = [rows[place][0], "3", "999", "", "-7", "elsewhere", "south", rows[place][-1]]
    other = fit(COLUMNS, rows, label="anomaly", id="patient")
    assert [other.bundle.files[name] for name in (KERAS, LITE)] == [
        labelled.bundle.files[name] for name in (KERAS, LITE)
    ]
    ours, theirs = other.bundle.preprocessing, labelled.bundle.preprocessing
    # What blocks of new rows are compared with is counted on rows that no member has seen.
    assert [ours["drift"].pop(key) for key in ("cuts", "held")] != theirs["drift"]["held"]
    assert ours == {**theirs, "drift": {"counts": theirs["drift"]["counts"]}}
    assert other.threshold == labelled.threshold
    assert other.metrics["training"] == labelled.metrics["training"]
    assert other.metrics["held_out"] != labelled.metrics["held_out"]


def test_a_training_row_does_change_it(labelled: Trained) -> None:
    rows = clinic(400)
    place = next(place for place in range(400) if place not in held_out_places(rows))
    rows[place] = [rows[place][0], "3", "999", "", "-7", "elsewhere", "south", rows[place][-1]]
    other = fit(COLUMNS, rows, label="anomaly", id="patient")
    assert other.bundle.files[PREPROCESSING] != labelled.bundle.files[PREPROCESSING]
    assert other.bundle.files[LITE] != labelled.bundle.files[LITE]


ROOT = Path(__file__).parents[2]
FRESH = """
from medchain.detect.train import fit
from tests.detect.tables import COLUMNS, clinic
print(fit(COLUMNS, clinic(400), label="anomaly", id="patient").bundle.digest)
"""


def test_another_process_makes_the_same_bundle_without_a_word(labelled: Trained) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout == labelled.bundle.digest + "\n"
    assert run.stderr == ""


def test_another_seed_makes_another_model(unlabelled: Trained) -> None:
    columns, rows, _ = ring(300)
    assert fit(columns, rows, seed=1).bundle.digest != unlabelled.bundle.digest
    assert fit(columns, rows).bundle.digest == unlabelled.bundle.digest


def test_features_are_seen_together() -> None:
    columns, rows = together(900)
    found = fit(columns, rows, label="label").metrics
    assert found["logistic_regression"]["roc_auc"] < 0.65
    assert found["held_out"]["roc_auc"] > 0.95


def test_without_labels_what_is_far_out_comes_first(unlabelled: Trained) -> None:
    columns, rows, far = ring(1000, seed=7)
    scorer = Scorer(unlabelled.bundle)
    scorer.bind(columns)
    scores, truth = scorer.score(rows)[0], np.array(far, bool)
    assert np.median(scores[truth]) > np.quantile(scores[~truth], 0.98)
    flagged = scores >= scorer.threshold
    assert flagged[truth].mean() > 0.8
    assert flagged[~truth].mean() < 0.05
    assert unlabelled.bundle.manifest["threshold"]["rule"] == "upper fence"


def test_unlabelled_a_label_only_measures() -> None:
    columns, rows, far = ring(300)
    rows = [[*row, str(label)] for row, label in zip(rows, far, strict=True)]
    turned = [[*row[:2], str(1 - int(row[2]))] for row in rows]
    found = [
        fit([*columns, "far"], some, label="far", mode="unlabelled", held_out=0.0, positive="1")
        for some in (rows, turned)
    ]
    ours, theirs = (
        {name: data for name, data in one.bundle.files.items() if name != CARD} for one in found
    )
    assert ours == theirs
    assert found[0].bundle.manifest["mode"] == "unlabelled"


def test_normal_only_never_reads_an_anomaly() -> None:
    columns, rows, far = ring(400)
    rows = [[*row, "far" if label else "near"] for row, label in zip(rows, far, strict=True)]
    moved = [[*row[:2], row[2]] if row[2] == "near" else ["900", "-900", row[2]] for row in rows]
    options = {"label": "label", "positive": "far", "mode": "normal-only", "alert_rate": 0.05}
    one, other = (fit([*columns, "label"], some, **options) for some in (rows, moved))
    assert one.bundle.files == other.bundle.files
    assert one.metrics["held_out"]["roc_auc"] > 0.95
    assert one.metrics["held_out"]["brier"] is None
    assert one.bundle.manifest["rows"]["training"] == 304
    fresh, _, truth = ring(3000, seed=9)[1], None, np.array(ring(3000, seed=9)[2], bool)
    scorer = Scorer(one.bundle)
    scorer.bind(columns)
    flagged = scorer.score(fresh)[0] >= one.threshold
    assert flagged[truth].mean() > 0.9
    assert flagged[~truth].mean() == pytest.approx(0.05, abs=0.03)


def test_the_alert_rate_asked_for_is_about_the_rate_got() -> None:
    columns, rows, _ = ring(600)
    trained = fit(columns, rows, alert_rate=0.1)
    scorer = Scorer(trained.bundle)
    scorer.bind(columns)
    scores = scorer.score(ring(2000, seed=5)[1])[0]
    assert 0.06 < (scores >= scorer.threshold).mean() < 0.15
    assert trained.metrics["training"]["alert_rate"] <= 0.1


def test_rows_of_one_patient_stay_together() -> None:
    rows = clinic(240)
    for number, row in enumerate(rows):
        row[0] = f"P{number // 3}"
    trained = fit(COLUMNS, rows, label="anomaly", id="patient")
    about = trained.bundle.manifest["rows"]
    assert about["training"] + about["held_out"] == 240
    held = {rows[place][0] for place in held_out_places(rows)}
    assert about["held_out"] == 3 * len(held)


def test_rows_that_cannot_be_used_are_counted() -> None:
    rows = clinic(120)
    rows[5][7] = ""
    rows[6][1] = rows[7][1] = "Canary"
    trained = fit(COLUMNS, rows, label="anomaly", id="patient", kinds={"age": "numeric"})
    said = " / ".join(trained.warnings)
    assert "1 row(s) without a label" in said
    assert "with a cell that is no number" in said
    assert "Canary" not in said
    about = trained.bundle.manifest["rows"]
    assert about["training"] + about["held_out"] == 117


def test_every_figure_can_do_without_held_out_rows() -> None:
    trained = fit(COLUMNS, clinic(60), label="anomaly", id="patient", held_out=0.0)
    assert trained.metrics["held_out"]["roc_auc"] is None
    assert "logistic_regression" not in trained.metrics


def rows_with(**changed: str) -> Rows:
    rows = clinic(40)
    for row in rows:
        for name, cell in changed.items():
            row[COLUMNS.index(name)] = cell
    return rows


def halves(rows: Rows) -> Rows:
    """The same rows, half of them of another site."""
    return [[*row[:6], ["north", "south"][n % 2], row[7]] for n, row in enumerate(rows)]


BAD: list[tuple[str, Rows, dict[str, Any], str]] = [
    ("no such label", clinic(40), {"label": "anomoly"}, "no column 'anomoly'"),
    ("no such id", clinic(40), {"id": "patients"}, "no column 'patients'"),
    ("no such drop", clinic(40), {"drop": ["wards"]}, "no column 'wards'"),
    ("three values", clinic(40), {"label": "ward"}, "different values"),
    ("one class", rows_with(anomaly="0"), {"label": "anomaly"}, "one class only"),
    ("no label cell", rows_with(anomaly=""), {"label": "anomaly"}, "no value at all"),
    ("few rows", clinic(19), {"label": "anomaly"}, "19 rows"),
    ("no rows", [], {}, "0 rows"),
    (
        "few labels",
        [row if n < 15 else [*row[:7], ""] for n, row in enumerate(clinic(40))],
        {"label": "anomaly"},
        "15 rows with a label",
    ),
    ("two rules", clinic(40), {"label": "anomaly", "alert_rate": 0.1, "target_recall": 0.5}, "one"),
    ("recall unlabelled", clinic(40), {"target_recall": 0.5}, "needs a label"),
    (
        "nothing left",
        clinic(40),
        {"drop": ["age", "pulse", "crp", "weight", "ward", "anomaly"]},
        "no column is left",
    ),
    ("too much held out", clinic(40), {"held_out": 0.9}, "held-out"),
    ("negative seed", clinic(40), {"seed": -1}, "seed"),
    (
        "every row the same",
        [["same", "1", "2", "3", "4", "icu", "north", str(n % 2)] for n in range(40)],
        {"label": "anomaly"},
        "no column is left",
    ),
    (
        "one anomaly",
        [[*row[:7], str(int(n == 3))] for n, row in enumerate(clinic(40))],
        {"label": "anomaly"},
        "one row only",
    ),
    ("one group", clinic(40), {"label": "anomaly", "group": "site"}, "of one group"),
    ("one group unlabelled", clinic(40), {"group": "site"}, "of one group"),
    ("two groups", halves(clinic(40)), {"label": "anomaly", "group": "site"}, "of one group"),
    ("no such mode", clinic(40), {"mode": "oneclass"}, "no mode"),
    ("supervised by nothing", clinic(40), {"mode": "supervised"}, "needs a label"),
    (
        "recall without learning labels",
        clinic(40),
        {"label": "anomaly", "mode": "unlabelled", "target_recall": 0.5},
        "needs a label",
    ),
]


@pytest.mark.parametrize(("rows", "options", "said"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_what_cannot_work(rows: Rows, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        fit(COLUMNS, rows, **options)
    assert said in caught.value.message
    assert caught.value.hint


def odd_tables() -> list[tuple[str, list[str], Rows, dict[str, Any]]]:
    same = [["1", "a", str(int(n < 4))] for n in range(40)]
    for row in same[:2]:
        row[0] = "2"
    wide = [[f"{(n * 7919 + c * 104729) % 997 / 10}" for c in range(400)] for n in range(40)]
    text = [[f"{n % 13}", f"w{n % 4}", "sick" if n % 8 == 0 else "well"] for n in range(60)]
    huge = [[["1e300", "-1e300", "0", "5"][n % 4], f"{n % 7}", str(n % 2)] for n in range(40)]
    two = [[f"{n * 0.37 % 5:.2f}", str(int(n < 2))] for n in range(30)]
    levels = [[f"level {n // 20}", str(n % 3 // 2)] for n in range(300)]
    return [
        ("nearly every row the same", ["x", "w", "y"], same, {"label": "y"}),
        ("wide", [f"c{c}" for c in range(400)], wide, {"alert_rate": 0.1}),
        ("words alone", ["n", "w", "y"], text, {"label": "y", "drop": ["n"]}),
        ("huge numbers", ["x", "z", "y"], huge, {"label": "y"}),
        ("huge numbers unlabelled", ["x", "z", "y"], huge, {}),
        ("two anomalies", ["x", "y"], two, {"label": "y"}),
        ("many levels", ["w", "y"], levels, {"label": "y"}),
    ]


@pytest.mark.parametrize(
    ("columns", "rows", "options"), [t[1:] for t in odd_tables()], ids=[t[0] for t in odd_tables()]
)
def test_odd_tables_train_and_score(
    columns: list[str], rows: Rows, options: dict[str, Any]
) -> None:
    trained = fit(columns, rows, **options)
    scorer = Scorer(trained.bundle)
    scorer.bind(columns)
    scores, problems = scorer.score(rows)
    assert problems == []
    assert np.isfinite(scores).all()
    assert 0 <= trained.threshold <= 1


def test_anomalies_of_one_group_are_a_warning() -> None:
    rows = halves(clinic(400))
    for number, row in enumerate(rows):
        row[6] = f"{row[6]} {number % 20}"
        row[7] = str(int(row[6].endswith(" 1")))
    trained = fit(COLUMNS, rows, label="anomaly", group="site", max_epochs=2)
    assert any("anomalies of the training rows are of one group" in w for w in trained.warnings)


def test_twenty_rows_are_enough() -> None:
    rows = clinic(20)
    for number, row in enumerate(rows):
        row[7] = str(int(number < 4))
    trained = fit(COLUMNS, rows, label="anomaly", id="patient")
    assert any("every figure is very uncertain" in warning for warning in trained.warnings)


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    columns, rows, _ = ring(60)
    fit(columns, rows, progress=lambda *step: told.append(step))
    assert told[0][:2] == ("training", 1)
    assert [step[1] for step in told] == sorted(step[1] for step in told)
    assert all(done <= total for _, done, total in told)
