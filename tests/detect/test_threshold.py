"""Each rule keeps its promise on the scores that it was given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medchain.detect import threshold as t
from medchain.errors import UsageError

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
    assert (scores >= value).mean() <= rate or value == 1.0
    lower = [score for score in scores if score < value]
    if lower:
        assert (scores >= max(lower)).mean() > rate


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
        assert t.fence_rate(squares[:, None]) < 0.012
        far = np.append(squares, [squares.max() * 4] * 250)
        assert 250 / 5250 <= t.fence_rate(far[:, None]) < 250 / 5250 + 0.012


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
    ],
)
def test_what_cannot_be_asked_for(options: dict[str, float]) -> None:
    with pytest.raises(UsageError) as caught:
        t.asked(**options)  # type: ignore[arg-type]
    assert caught.value.hint
