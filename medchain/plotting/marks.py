"""Vertical lines and letters where a ledger goes over to another model or threshold."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_uppercase
from typing import TYPE_CHECKING

from .bands import MOST_REGIMES, regimes
from .series import Series
from .style import QUIET, Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def mark_regimes(axes: Axes, charts: list[Chart], place: Callable[[Series, int], float]) -> str:
    """Mark each change of model or threshold, and return the sentence that explains the marks.

    `place` gives the x of the first block of a regime. Changes beyond `MOST_REGIMES` in a ledger
    are not marked, and the sentence says so.
    """
    starts = [regimes(chart.series) for chart in charts]
    for chart, some in zip(charts, starts, strict=True):
        if 1 < len(some) <= MOST_REGIMES:
            for letter, start in zip(ascii_uppercase, some.tolist()[1:], strict=False):
                _mark(axes, chart, place(chart.series, start) - 0.5, letter)
    if any(len(some) > MOST_REGIMES for some in starts):
        return " Model or threshold change too often to be marked."
    if max(map(len, starts)) == 1:
        return ""
    if not charts[0].alone:
        return " A vertical line marks another model or threshold."
    # A strip for the letters, so that they cover no mark.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.07 * (high - low))
    return f" {_legend(charts[0].series, starts[0].tolist())}"


def _mark(axes: Axes, chart: Chart, x: float, letter: str) -> None:
    colour = QUIET if chart.alone else chart.colour
    axes.axvline(x, color=colour, linewidth=0.9, zorder=1, gid="regime")
    if chart.alone:
        axes.annotate(
            letter, (x, 1), xycoords=("data", "axes fraction"), xytext=(3, -1),
            textcoords="offset points", va="top", fontsize=8, fontweight="bold", color=QUIET,
        )  # fmt: skip


def _legend(series: Series, starts: list[int]) -> str:
    """Say which model and threshold hold at first, and from each letter on."""
    names = ["At first", *(f"from {letter}" for letter in ascii_uppercase[: len(starts) - 1])]
    parts = []
    for name, start in zip(names, starts, strict=True):
        model = series.models[series.model[start]][:8] or "without a name"
        parts.append(f"{name}: model {model}, threshold {series.threshold[start]:g}")
    return "; ".join(parts) + "."
