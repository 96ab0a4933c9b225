"""Intervals, groups and bins against known answers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import nan
from pathlib import Path

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from medchain.plotting import bands
from medchain.plotting.series import Series, read


@pytest.mark.parametrize(
    ("anomalies", "rows", "lower", "upper"),
    [
        # z = 1.959964 put into Wilson's formula by hand, four decimals.
        (0, 10, 0.0, 0.2775),
        (1, 10, 0.0179, 0.4042),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (0, 1, 0.0, 0.7935),
        (50, 1000, 0.0381, 0.0653),
    ],
)
def test_wilson_by_hand(anomalies: int, rows: int, lower: float, upper: float) -> None:
    low, high = bands.wilson(np.array([anomalies]), np.array([rows]))
    assert (low[0], high[0]) == pytest.approx((lower, upper), abs=5e-5)


def test_wilson_against_scipy() -> None:
    pairs = [(k, n) for n in (1, 2, 7, 100, 4096) for k in {0, 1, n // 3, n - 1, n}]
    low, high = bands.wilson(*np.array(pairs).T)
    for index, (k, n) in enumerate(pairs):
        peer = stats.binomtest(k, n).proportion_ci(method="wilson")
        assert (low[index], high[index]) == pytest.approx((peer.low, peer.high), abs=1e-12)


def test_wilson_ends_are_exact() -> None:
    rows = np.arange(1, 500)
    assert set(bands.wilson(0 * rows, rows)[0].tolist()) == {0.0}
    assert set(bands.wilson(rows, rows)[1].tolist()) == {1.0}


@pytest.mark.parametrize("bits", range(7))
def test_effort_band_by_definition(bits: int) -> None:
    low, high = (int(bound[0]) for bound in bands.effort_band(np.array([bits])))
    fail = 1 - Fraction(1, 2**bits)

    def least(share: Fraction) -> int:
        return next(k for k in range(1, 10_000) if 1 - fail**k >= share)

    assert (low, high) == (least(Fraction(25, 1000)), least(Fraction(975, 1000)))


def test_effort_band_against_scipy() -> None:
    bits = np.arange(1, 31)
    for bound, share in zip(bands.effort_band(bits), (0.025, 0.975), strict=True):
        assert bound == pytest.approx(stats.geom.ppf(share, 0.5**bits), rel=1e-9, abs=1)


def test_the_band_holds_both_ends() -> None:
    value, ones = np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4)
    assert bands.inside(value, 2 * ones, 3 * ones).tolist() == [False, True, True, False]


def long_series(series: Series, blocks: int) -> Series:
    """`series` with other blocks: heights from 1, rows 3, 4, 3, 4, ..., one threshold."""
    index = np.arange(blocks)
    return replace(
        series,
        height=index + 1,
        rows=3 + index % 2,
        anomalies=index % 3,
        model=np.zeros(blocks, int),
        threshold=np.full(blocks, 0.5),
    )


@pytest.mark.parametrize("blocks", [1, 9, 10, 11, 20, 21, 1003])
def test_pooling_loses_nothing(classical: Path, blocks: int) -> None:
    series = long_series(read(classical), blocks)
    groups = bands.pool(series, 10)
    assert groups.rows.sum() == series.rows.sum()
    assert groups.anomalies.sum() == series.anomalies.sum()
    assert groups.size == max(1, -(-blocks // 10))
    assert len(groups.x) <= 10
    assert np.diff(groups.start).max(initial=0) <= groups.size


def test_pooled_values(classical: Path) -> None:
    groups = bands.pool(long_series(read(classical), 5), 2)
    assert groups.size == 3
    assert groups.x.tolist() == [2.0, 4.5]
    assert groups.rows.tolist() == [3 + 4 + 3, 4 + 3]
    assert groups.anomalies.tolist() == [0 + 1 + 2, 0 + 1]
    assert groups.rate.tolist() == [3 / 10, 1 / 7]


def test_few_blocks_stay_apart(classical: Path) -> None:
    series = read(classical)
    groups = bands.pool(series, 20)
    assert groups.size == 1
    assert groups.x.tolist() == series.height.tolist()
    assert groups.anomalies.tolist() == series.anomalies.tolist()


def test_no_group_spans_two_models(classical: Path) -> None:
    series = long_series(read(classical), 100)
    series.model[37:] = 1
    groups = bands.pool(series, 10)
    assert 37 in groups.start
    assert groups.rows.sum() == series.rows.sum()


def test_many_changes_do_not_undo_the_pooling(classical: Path) -> None:
    series = long_series(read(classical), 100)
    series.model[::2] = 1
    assert len(bands.pool(series, 10).x) == 10


def test_means(classical: Path) -> None:
    groups = bands.pool(long_series(read(classical), 5), 2)
    assert bands.means(np.array([1.0, 2, 6, 10, 20]), groups).tolist() == [3.0, 15.0]


def test_regimes(two_models: Path) -> None:
    series = read(two_models)
    assert bands.regimes(series).tolist() == [0, 1, 3]
    unknown = replace(series, threshold=np.array([nan, nan, 0.5, nan]))
    assert bands.regimes(unknown).tolist() == [0, 2, 3]


def test_threshold_steps(two_models: Path) -> None:
    series = read(two_models)
    x, y = bands.steps(series, series.threshold)
    assert x.tolist() == [-0.5, 3.5, 3.5, 9.5]
    assert y.tolist() == [0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize("records", [20, 1000])
def test_a_score_on_an_edge_counts_above_it(records: int) -> None:
    edges = bands.bin_edges([np.zeros(records)])
    scores = np.round(edges, 6)
    expected = [1] * (len(edges) - 2) + [2]
    assert bands.histogram(scores, edges).tolist() == expected


def test_cut_edges() -> None:
    edges = np.linspace(0, 1, 21)
    assert bands.cut(edges, np.array([0.15, 0.41])).tolist() == sorted([*edges, 0.41])


def test_density_counts_every_point() -> None:
    random = np.random.default_rng(3)
    x, y = random.random(5000) * 100, random.random(5000)
    counts = bands.density(x, y, (0.0, 100.0, 0.0, 1.0))
    assert counts.shape == (200, 600)
    assert counts.sum() == 5000
    assert counts[:100].sum() == (y < 0.5).sum()
    assert counts[:, :300].sum() == (x < 50).sum()


def test_scores_beyond_one_widen_the_axis() -> None:
    assert bands.score_range(np.array([0.2, 0.4])) == (0.0, 1.0)
    assert bands.score_range(np.array([-2.0, 7.0])) == (-2.0, 7.0)
