"""The panel of drift: it holds the recorded figures, and says where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medchain.plotting.figures import compose
from medchain.plotting.series import read

from .test_figures import axes_of, legend, only, texts


def test_the_marks_are_the_recorded_figures(classical: Path) -> None:
    values = np.linspace(0, 5, 20).round(1)
    values[3] = np.nan
    figure = compose([replace(read(classical), drift=values)], "drift")
    axes = axes_of(figure)
    marks = only(axes, "drift")
    assert list(marks.get_ydata()) == [value for value in values if value == value]
    assert list(marks.get_xdata()) == [height for height in range(1, 21) if height != 4]
    beyond = int((values > 2).sum())
    assert f"Drift: {beyond} of 19 blocks above 2, where chance allows 1" in texts(figure)
    assert legend(axes)[0] == "per block (19)"


def test_the_overview_shows_it_where_there_is_any(classical: Path) -> None:
    series = read(classical)
    assert len(compose([series], "overview").axes) == 4
    with_drift = compose([replace(series, drift=np.ones(20)), series], "overview")
    assert len(with_drift.axes) == 5
    last = with_drift.axes[-1].get_position()
    assert last.width > 0.8
    for one in with_drift.axes:
        for other in with_drift.axes:
            assert one is other or not one.get_position().overlaps(other.get_position())


def test_a_ledger_without_any_says_so(classical: Path) -> None:
    assert "no block tells of it" in texts(compose([read(classical)], "drift"))


@pytest.mark.parametrize("written", ['"high"', "true", "null", "[1]"])
def test_a_figure_that_is_no_number_is_none(written: str) -> None:
    """Unknown keys are legal in an event, so `drift` may hold anything."""
    import json

    from medchain.plotting.series import _number

    assert np.isnan(_number(json.loads(written)))


def test_many_blocks_have_a_median(classical: Path) -> None:
    series = read(classical)
    many = {
        name: np.tile(getattr(series, name), 20)
        for name in ("time", "rows", "anomalies", "nonce", "bits", "model", "threshold")
    }
    many |= {"height": np.arange(1, 401), "drift": np.arange(400.0) % 3}
    figure = compose([replace(series, **many)], "drift")
    assert np.isfinite(only(axes_of(figure), "median").get_ydata()).all()
    assert any("median of" in label for label in legend(axes_of(figure)))
