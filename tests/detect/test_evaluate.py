"""Evaluation: figures as scikit-learn has them, intervals that hold, groups that hide the few."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from medchain.detect.evaluate import LEAST, evaluate, groups


def drawn(count: int, seed: int, coarse: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    scores = np.round(dice.beta(1, 4, count) * coarse) / coarse
    return scores, (dice.random(count) < scores).astype(int)


@pytest.mark.parametrize("coarse", [3, 1000])
@pytest.mark.parametrize("count", [30, 500])
def test_figures_are_those_of_scikit_learn(count: int, coarse: int) -> None:
    scores, labels = drawn(count, 1, coarse)
    found = evaluate(scores, labels, 0.3, np.arange(count), probabilities=True)["figures"]
    assert found["roc_auc"][0] == pytest.approx(roc_auc_score(labels, scores))
    assert found["average_precision"][0] == pytest.approx(average_precision_score(labels, scores))
    assert found["brier"][0] == pytest.approx(brier_score_loss(labels, scores))
    for value, low, high in found.values():
        assert low <= value + 0.05
        assert value <= high + 1e-12


def test_the_same_rows_give_the_same_intervals() -> None:
    scores, labels = drawn(200, 2)
    one, two = (evaluate(scores, labels, 0.3, np.arange(200), probabilities=True) for _ in range(2))
    assert one == two


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    whole = roc_auc_score(*drawn(200_000, 3)[::-1])
    held = 0
    for seed in range(60):
        scores, labels = drawn(150, 100 + seed)
        found = evaluate(scores, labels, 0.3, np.arange(150), probabilities=True)
        _, low, high = found["figures"]["roc_auc"]
        held += low <= whole <= high
    assert held >= 50


def test_rows_of_one_patient_are_drawn_together() -> None:
    scores, labels = drawn(100, 4)
    thrice = np.repeat(np.arange(100), 3)
    rows = np.repeat(scores, 3), np.repeat(labels, 3)
    apart = evaluate(*rows, 0.3, np.arange(300), probabilities=True)["figures"]["roc_auc"]
    joined = evaluate(*rows, 0.3, thrice, probabilities=True)["figures"]["roc_auc"]
    assert joined[2] - joined[1] > 1.4 * (apart[2] - apart[1])


def test_curves_end_where_every_row_is_called() -> None:
    scores, labels = drawn(5000, 5, 10**6)
    curves = evaluate(scores, labels, 0.3, np.arange(5000), probabilities=True)["curves"]
    assert len(curves["threshold"]) <= 200
    assert (
        curves["recall"][-1] == curves["alert_rate"][-1] == curves["false_positive_rate"][-1] == 1
    )
    assert curves["precision"][-1] == pytest.approx(labels.mean())
    at = len(curves["threshold"]) // 2
    assert curves["alert_rate"][at] == (scores >= curves["threshold"][at]).mean()
    assert sum(point["rows"] for point in curves["calibration"]) == 5000


def test_ranks_are_not_judged_as_probabilities() -> None:
    scores, labels = drawn(100, 6)
    found = evaluate(scores, labels, 0.3, np.arange(100), probabilities=False)
    assert found["figures"]["brier"] is found["figures"]["calibration_error"] is None
    assert found["curves"]["calibration"] == []
    assert found["figures"]["roc_auc"]


def told(cells: list[str]) -> list[dict[str, object]]:
    scores, labels = drawn(len(cells), 7)
    every = np.arange(len(cells))
    return groups("ward", cells, scores, labels, 0.3, every, probabilities=True)


def test_small_groups_are_put_together_or_not_told_of() -> None:
    cells = ["icu"] * 100 + ["a", "b", "c"] * 8 + [""] * 30
    found = {group["group"]: group["rows"] for group in told(cells)}
    assert found == {"icu": 100, "(missing)": 30, f"(3 values of fewer than {LEAST} rows)": 24}
    few = told(["icu"] * 100 + ["a"] * (LEAST - 1))[-1]
    assert few["rows"] is few["anomalies"] is few["figures"] is None


def test_many_numbers_are_cut_into_quarters_and_few_are_names() -> None:
    quarters = told([str(number % 80) for number in range(800)])
    assert [group["rows"] for group in quarters] == [200] * 4
    assert quarters[0]["group"].startswith("value <= ")  # type: ignore[attr-defined]
    assert {group["group"] for group in told(["0", "1"] * 50)} == {"0", "1"}


def test_a_group_of_one_class_has_the_figures_that_need_no_other() -> None:
    scores = np.linspace(0, 1, 60)
    labels = np.array([0] * 30 + [1] * 30)
    first, second = groups(
        "g", ["a"] * 30 + ["b"] * 30, scores, labels, 0.9, np.arange(60), probabilities=True
    )
    assert first["figures"]["roc_auc"] is second["figures"]["roc_auc"] is None
    assert first["figures"]["recall"] is first["figures"]["precision"] is None
    assert first["figures"]["alert_rate"][0] == 0
