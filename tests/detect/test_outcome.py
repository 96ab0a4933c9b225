"""From views to scores: between 0 and 1, in order, and the same after JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medchain.detect import outcome
from medchain.detect.outcome import Calibrated, Ranked, Scale, Scales, Stacked
from medchain.detect.schema import MIN_PATIENTS


def shares_of(train: list[float], values: list[float]) -> np.ndarray:
    """The shares of values among the values of training rows."""
    return Scales([Scale.fit(np.array(train), np.arange(len(train)))]).shares(
        np.array(values)[:, None]
    )[:, 0]


VALUES = st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=60)


@given(VALUES, st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=30))
def test_shares_rise_with_values_and_stay_within(train: list[float], new: list[float]) -> None:
    shares = shares_of(train, sorted(new))
    assert (np.diff(shares) >= -1e-12).all()
    assert (shares > 0).all()
    assert (shares <= 1).all()


def test_the_share_of_a_training_row_is_its_rank() -> None:
    values = np.random.default_rng(0).permutation(200).astype(float)
    shares, ranks = shares_of(values, values), (values + 1) / 201
    inner = (values >= 5) & (values < 195)
    assert shares[inner] == pytest.approx(ranks[inner], abs=1 / 201)
    assert shares == pytest.approx(ranks, abs=MIN_PATIENTS / 2 / 201)


def test_what_is_beyond_every_training_row_is_still_told_apart() -> None:
    shares = shares_of(np.arange(100.0), [99.0, 105.0, 120.0])
    assert 0.94 < shares[0] < shares[1] < shares[2] < 1


def test_calibration_finds_the_true_slope() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, 4000)
    labels = (random.random(4000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))).astype(int)
    found = Calibrated.fit(logits, labels)
    assert found.slope == pytest.approx(0.5, abs=0.06)
    assert found.intercept == pytest.approx(-1, abs=0.12)


@pytest.mark.parametrize("logits", [[-40.0, 40.0] * 10, [0.0] * 20, [-1e6, 1e6] * 10])
def test_calibration_of_what_is_separated_or_flat_stays_sane(logits: list[float]) -> None:
    found = Calibrated.fit(np.array(logits), np.array([0, 1] * 10))
    scores = found.scores(np.array(logits)[:, None])
    assert np.isfinite(scores).all()
    assert found.slope > 0


def drawn(count: int, weights: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Views of rows, and labels drawn by the weighted sum of the views."""
    random = np.random.default_rng(2)
    views = random.normal(0, 2, (count, len(weights)))
    labels = random.random(count) < 1 / (1 + np.exp(-(views @ weights - 1)))
    return views, labels.astype(int)


def test_stacking_finds_the_true_weights() -> None:
    views, labels = drawn(6000, [0.8, 0.3])
    found = Stacked.fit(views, labels, (0.5, 0.5))
    assert found.weights == pytest.approx((0.8, 0.3), abs=0.08)
    assert found.intercept == pytest.approx(-1, abs=0.12)


def test_a_view_that_misleads_gets_no_weight_and_is_not_turned_round() -> None:
    views, labels = drawn(6000, [0.8, -0.6])
    found = Stacked.fit(views, labels, (0.5, 0.5))
    assert found.weights[1] == 0
    assert found.weights[0] > 0.5


def test_few_rows_leave_the_weights_where_they_start() -> None:
    views, labels = drawn(20, [0.8, 0.3])
    found = Stacked.fit(views, labels, (0.7, 0.3))
    assert found.weights == pytest.approx((0.7, 0.3), abs=0.25)


def test_json_gives_the_same_scores() -> None:
    views = np.random.default_rng(0).normal(size=(300, 3))
    ranked, calibrated = (
        Ranked.fit(views, (0.5, 0.25, 0.25), np.arange(len(views))),
        Calibrated(1.25, -0.5),
    )
    stacked = Stacked((0.5, 0.25, 0.0), -1.0)
    for one, seen in ((ranked, views), (calibrated, views[:, :1]), (stacked, views)):
        again = outcome.read(json.loads(json.dumps(one.to_json())))
        assert np.array_equal(again.scores(seen), one.scores(seen))
        assert np.array_equal(one.scores(seen), np.round(one.scores(seen), 6))


def test_weights_say_how_much_each_view_counts() -> None:
    views = np.random.default_rng(0).normal(size=(500, 2))
    ranked = Ranked.fit(views, (0.0, 1.0), np.arange(len(views)))
    assert ranked.scores(views) == pytest.approx(shares_of(views[:, 1], views[:, 1]), abs=0.01)


def test_views_of_old_models_have_equal_weights() -> None:
    ranked = Ranked.fit(np.random.default_rng(0).normal(size=(50, 4)), (0.25,) * 4, np.arange(50))
    old = {key: value for key, value in ranked.to_json().items() if key != "weights"}
    assert outcome.read(old) == ranked


def test_one_less_the_share_is_the_conformal_p_value_up_to_the_patients_of_a_group() -> None:
    dice = np.random.default_rng(3)
    for count in (100, 300):
        training = dice.normal(size=count)
        new = np.clip(dice.normal(size=500), training.min(), training.max())
        p = (1 + (training[None, :] >= new[:, None]).sum(axis=1)) / (count + 1)
        gap = p - (1 - shares_of(training, new))
        assert np.abs(gap).max() <= MIN_PATIENTS / (count + 1)


def test_units_rise_with_the_score_and_never_saturate() -> None:
    dice = np.random.default_rng(4)
    views = dice.normal(size=(200, 3))
    ranked = Ranked.fit(views, (0.25, 0.25, 0.5), np.arange(len(views)))
    far = np.outer([1, 10, 100, 1000.0], np.ones(3))
    units = ranked.units(far)
    assert (np.diff(units) > 0).all()
    assert np.isfinite(units).all()
    calibrated = Calibrated(0.5, -1.0)
    logits = np.array([[-40.0], [0.0], [40.0], [80.0]])
    assert calibrated.units(logits).tolist() == [-21.0, -1.0, 19.0, 39.0]
