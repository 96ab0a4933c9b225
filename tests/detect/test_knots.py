"""Many piecewise-linear functions at once say what `numpy.interp` says of each."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from medchain.detect.encode import soft
from medchain.detect.knots import CELLS, Curves

PLACES = st.floats(-1e6, 1e6).map(lambda place: round(place, 6))
KNOTS = st.lists(PLACES, min_size=1, max_size=70, unique=True).map(sorted)


def curves(knots: list[list[float]], values: list[list[float]]) -> Curves:
    """Curves over softened knots, filled up with NaN."""
    most = max(map(len, knots))
    return Curves(knots, values, soft(np.array([[*k, *[np.nan] * (most - len(k))] for k in knots])))


def said(curve: Curves, raw: np.ndarray) -> np.ndarray:
    return curve(raw, soft(np.nan_to_num(raw)))


@given(st.lists(KNOTS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_it_says_what_numpy_says(knots, random) -> None:
    values = [[random.uniform(-3, 3) for _ in row] for row in knots]
    steps = (-9e9, 0, 9e9)
    near = [np.nextafter(k, to) if to else k for row in knots for k in row for to in steps]
    asked = np.array([*near, -1e300, 1e300, 0.0, *(random.uniform(-2e6, 2e6) for _ in range(20))])
    raw = np.repeat(asked[:, None], len(knots), axis=1)
    found = said(curves(knots, values), raw)
    for place, (row, of) in enumerate(zip(knots, values, strict=True)):
        np.testing.assert_allclose(found[:, place], np.interp(asked, row, of), atol=1e-9)
        at = said(curves([row], [of]), np.array(row)[:, None])[:, 0]
        assert at.tolist() == of


def test_a_row_alone_gets_what_it_gets_among_others() -> None:
    random = np.random.default_rng(0)
    knots = [np.sort(random.normal(size=65)).tolist() for _ in range(5)]
    both = curves(knots, knots)
    raw = random.normal(size=(300, 5))
    together = said(both, raw)
    assert all((said(both, raw[i : i + 1]) == together[i]).all() for i in range(300))


def test_knots_that_share_a_cell_are_all_compared() -> None:
    close = [0.0, *(1e-9 * place for place in range(1, 40)), 1.0]
    values = [float(place) for place in range(len(close))]
    raw = np.array(close)[:, None]
    assert said(curves([close], [values]), raw)[:, 0].tolist() == values
    assert close[-2] * CELLS * len(close) < 1  # they do share one


@pytest.mark.parametrize("knots", [[-1e308, 1e308], [0.0, 5e-324], [7.0]])
def test_knots_too_far_apart_or_too_near(knots) -> None:
    values = [float(place) for place in range(len(knots))]
    raw = np.array([[-1.7e308], [knots[0]], [knots[-1]], [1.7e308]])
    found = said(curves([knots], [values]), raw)[:, 0]
    assert found.tolist() == [values[0], values[0], values[-1], values[-1]]


def test_a_value_that_is_missing_stays_missing() -> None:
    assert np.isnan(said(curves([[0.0, 1.0]], [[0.0, 1.0]]), np.array([[np.nan]]))).all()
