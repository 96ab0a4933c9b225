"""Each rule keeps its promise on the scores that it was given."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medchain.detect import threshold as t
from medchain.detect.metrics import wilson
from medchain.detect.scoring import Scorer
from medchain.detect.train import fit
from medchain.errors import UsageError

from .tables import ring

ROWS = st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=5, max_size=80).filter(
    lambda rows: 0 < sum(label for _, label in rows) < len(rows)
)
SHARES = st.floats(0.02, 0.98)


def arrays(rows: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([s for s, _ in rows]) / 40, np.array([int(y) for _, y in rows])


def figures(scores: np.ndarray, labels: np.ndarray, value: float) -> tuple[float, float]:
    found = scores >= value
    hits = (found & (labels == 1)).sum()
    return (hits / found.sum() if found.any() else 1.0), hits / labels.sum()


@given(ROWS, SHARES)
def test_target_recall_is_reached_with_the_highest_threshold(
    rows: list[tuple[int, bool]], target: float
) -> None:
    scores, labels = arrays(rows)
    value = t.choose(t.Rule(t.RECALL, target), scores, labels).value
    assert figures(scores, labels, value)[1] >= target
    above = [
        score for score in scores if score > value and figures(scores, labels, score)[1] >= target
    ]
    assert len({*above}) <= 1


@given(ROWS, SHARES)
def test_target_precision_is_reached_or_said_not_to_be(
    rows: list[tuple[int, bool]], target: float
) -> None:
    scores, labels = arrays(rows)
    chosen = t.choose(t.Rule(t.PRECISION, target), scores, labels)
    reached = figures(scores, labels, chosen.value)[0] >= target
    assert reached != ("not reached" in chosen.note)
    if not reached:
        best = max(figures(scores, labels, score)[0] for score in scores)
        assert best < target
        assert figures(scores, labels, chosen.value)[0] == best


@given(ROWS, SHARES)
def test_the_alert_rate_is_never_exceeded(rows: list[tuple[int, bool]], rate: float) -> None:
    scores, _ = arrays(rows)
    value = t.by_rate(t.Rule(t.ALERT_RATE, rate), scores, rate).value
    assert (scores >= value).sum() + 1 <= rate * (len(scores) + 1) + 1e-9 or value in (
        1.0,
        round(scores.max() + 1e-6, 6),
    )
    lower = [score for score in scores if score < value]
    if lower and value < 1:
        assert (scores >= max(lower)).sum() + 1 > rate * (len(scores) + 1)


@given(ROWS)
def test_no_threshold_has_a_better_f1(rows: list[tuple[int, bool]]) -> None:
    scores, labels = arrays(rows)

    def f1(value: float) -> float:
        precision, recall = figures(scores, labels, value)
        return 2 * precision * recall / max(precision + recall, 1e-12)

    value = t.choose(t.Rule(t.BEST_F1), scores, labels).value
    assert f1(value) >= max(f1(score) for score in scores) - 1e-12


@given(ROWS, SHARES)
def test_thresholds_have_six_decimals(rows: list[tuple[int, bool]], share: float) -> None:
    scores, labels = arrays(rows)
    for rule in (t.Rule(t.BEST_F1), t.Rule(t.RECALL, share), t.Rule(t.ALERT_RATE, share)):
        value = t.choose(rule, scores, labels).value
        assert value == round(value, 6)
        assert 0 <= value <= 1


def test_the_fence_is_rarely_left_by_normal_rows_and_by_all_outliers() -> None:
    random = np.random.default_rng(0)
    for features in (2, 20, 200):
        squares = np.square(random.normal(size=(5000, features))).sum(axis=1)
        assert t.fence_rate(squares) < 0.012
        far = np.append(squares, [squares.max() * 4] * 250)
        assert 250 / 5250 <= t.fence_rate(far) < 250 / 5250 + 0.012


def test_which_rule_is_asked_for() -> None:
    assert t.asked(labelled=True).name == t.BEST_F1
    assert t.asked(labelled=False).name == t.FENCE
    assert t.asked(labelled=True, target_recall=0.9) == t.Rule(t.RECALL, 0.9)
    assert t.asked(labelled=False, alert_rate=0.05) == t.Rule(t.ALERT_RATE, 0.05)


@pytest.mark.parametrize(
    "options",
    [
        {"labelled": True, "target_recall": 0.5, "alert_rate": 0.1},
        {"labelled": True, "target_recall": 0.0},
        {"labelled": True, "target_precision": 1.5},
        {"labelled": True, "alert_rate": float("nan")},
        {"labelled": False, "target_precision": 0.9},
        {"labelled": False, "target_recall": 0.9},
        {"labelled": False, "cost_ratio": 5.0},
        {"labelled": True, "cost_ratio": 0.0},
        {"labelled": True, "cost_ratio": math.inf},
        {"labelled": True, "cost_ratio": 5.0, "alert_rate": 0.1},
    ],
)
def test_what_cannot_be_asked_for(options: dict[str, float]) -> None:
    with pytest.raises(UsageError) as caught:
        t.asked(**options)  # type: ignore[arg-type]
    assert caught.value.hint


@given(
    st.lists(st.floats(0, 1).map(lambda p: round(p, 6)), min_size=2, max_size=60),
    st.floats(0.01, 1000),
)
def test_no_threshold_costs_less_by_calibrated_probabilities(
    scores: list[float], ratio: float
) -> None:
    p = np.array(scores)

    def cost(threshold: float) -> float:
        return float(np.where(p >= threshold, 1 - p, ratio * p).sum())

    labels = np.arange(len(p)) % 2
    value = t.choose(t.Rule(t.COST, ratio), p, labels).value
    best = min(cost(threshold) for threshold in (*scores, 0.0, 1.1))
    assert cost(value) <= best + len(p) * (1 + ratio) * 1e-6


@given(st.integers(1, 400), st.data())
def test_intervals_hold_the_share_and_solve_the_score_equation(whole: int, data: object) -> None:
    part = data.draw(st.integers(0, whole))  # type: ignore[attr-defined]
    found = wilson(part, whole)
    assert found
    share, low, high = found
    assert share == part / whole
    assert 0 <= low <= share <= high <= 1
    for bound in {low, high} - {0.0, 1.0}:
        # Wilson's bounds are where the share lies 1.96 standard errors of the bound away.
        away = abs(share - bound) / math.sqrt(bound * (1 - bound) / whole)
        assert away == pytest.approx(1.959964, rel=1e-4)


def test_what_is_expected_is_counted_on_the_rows() -> None:
    scores, labels = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 1, 0, 1])
    chosen = t.choose(t.Rule(t.COST, 1.0), scores, labels)
    assert chosen.value == 0.5
    assert [found and found[0] for found in chosen.expected.values()] == [0.5, 0.5, 0.5]
    nothing = t.choose(t.Rule(t.COST, 0.01), scores, labels)
    assert nothing.expected["precision"] is None


def test_the_alert_rate_asked_for_is_the_alert_rate_got() -> None:
    columns, rows, _ = ring(3500, seed=3)
    trained = fit(columns, rows[:500], alert_rate=0.1, held_out=0.0)
    scorer = Scorer(trained.bundle)
    scorer.bind(columns)
    scores, threshold = scorer.score(rows[500:])[0], trained.threshold
    alerts, rows, asked = int((scores >= threshold).sum()), len(scores), 0.1
    # Two spreads of the binomial, of the new rows and of the 500 that the threshold came from.
    spread = math.sqrt(asked * (1 - asked) * (1 / rows + 1 / 500))
    assert abs(alerts / rows - asked) < 3 * spread
