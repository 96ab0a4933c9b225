"""The surprise of a value is that of its bin among training rows."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from medchain.detect.rarity import BINS, Rarity
from medchain.detect.schema import MIN_PATIENTS

COLUMN = st.lists(st.floats(-126, 126), min_size=1, max_size=60)


def fitted(values: list[float]) -> Rarity:
    column = np.array(values)[:, None]
    return Rarity.fit(column, np.isnan(column))


def surprise(rarity: Rarity, values: list[float]) -> list[float]:
    column = np.array(values)[:, None]
    found = rarity(np.nan_to_num(column), np.isnan(column))
    return found[:, 0].tolist()


@given(COLUMN)
def test_it_counts_what_numpy_counts(values: list[float]) -> None:
    low, high = min(values), max(values)
    if high - low < 1e-6:
        return
    counts, edges = np.histogram(values, BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    expected = -np.log((counts + 0.5) / (len(values) + 1))
    near = np.abs(np.array(values)[:, None] - edges[1:-1]).min(axis=0) < 1e-6 * (high - low)
    # A value on an edge may be counted on either side of it.
    sure = ~(np.append(near, False) | np.append(False, near))
    np.testing.assert_allclose(
        np.array(surprise(fitted(values), middles.tolist()))[sure], expected[sure]
    )


def test_values_outside_are_rarer_than_any_that_was_seen() -> None:
    # As `microaggregate` leaves them: each is of ten patients.
    rarity = fitted([float(value) for value in range(50)] * MIN_PATIENTS)
    seen = surprise(rarity, [float(value) for value in range(50)])
    outside = surprise(rarity, [-0.1, 49.1, -1e6, 1e6])
    assert min(outside) > max(seen)
    assert outside == pytest.approx([-np.log((MIN_PATIENTS / 2 + 0.5) / 501)] * 4)


def test_a_missing_value_surprises_like_an_average_one() -> None:
    values = [0.0] * 90 + [10.0] * 10
    rarity = fitted([*values, np.nan, np.nan])
    assert np.isclose(surprise(rarity, [np.nan])[0], np.mean(surprise(rarity, values)))


def test_a_column_of_one_value_or_of_none() -> None:
    assert surprise(fitted([3.0] * 20), [3.0])[0] < 0.05
    assert surprise(fitted([3.0] * 200), [4.0])[0] > 3
    assert np.isfinite(surprise(fitted([np.nan] * 5), [1.0, np.nan])).all()


def test_json_gives_the_same() -> None:
    rarity = fitted([1.0, 2.0, 2.5, 9.0, np.nan])
    again = Rarity.from_json(json.loads(json.dumps(rarity.to_json())))
    asked = [0.0, 1.0, 2.2, 9.0, 99.0, np.nan]
    assert surprise(again, asked) == surprise(rarity, asked)


def test_without_numbers_there_is_nothing() -> None:
    none = np.zeros((4, 0))
    rarity = Rarity.from_json(Rarity.fit(none, none.astype(bool)).to_json())
    assert rarity(none, none.astype(bool)).shape == (4, 0)
