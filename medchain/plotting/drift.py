"""The panel of drift: how far each block lies from the rows that its model was trained on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D

from .bands import pool
from .marks import mark_regimes
from .style import INK, Chart, Entries, Panel, block_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

USUAL = 2.0
"""What chance exceeds in one block of a hundred."""

MOST_DOTS = 250


def has_drift(charts: list[Chart]) -> bool:
    """Whether any block tells of drift."""
    return any(bool(np.isfinite(chart.series.drift).any()) for chart in charts)


def drift(axes: Axes, charts: list[Chart]) -> Panel:
    """Draw the drift figure of every block over its height, and the line of what is usual."""
    entries: Entries = []
    beyond = known = 0
    top = 1.5 * USUAL
    for chart in charts:
        series = chart.series
        if not np.isfinite(series.drift).any():
            continue
        there = np.isfinite(series.drift)
        x, y = series.height[there], series.drift[there]
        known, beyond = known + len(y), beyond + int((y > USUAL).sum())
        top = max(top, float(y.max(initial=0)))
        look: dict[str, Any] = {"color": chart.colour, "marker": chart.marker, "linestyle": ""}
        look["markersize"] = 4.5 if len(y) <= MOST_DOTS else 2.5
        axes.plot(x, y, gid="drift", clip_on=False, zorder=3, **look)
        label = "per block" if chart.alone else chart.label
        entries.append((Line2D([], [], **look), f"{label} ({len(y):,})"))
        entries += _middle(axes, chart)
    usual: dict[str, Any] = {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1}
    axes.axhline(USUAL, gid="usual", **usual)
    entries.append((Line2D([], [], **usual), "exceeded by chance in 1 % of blocks"))
    axes.set_ylim(-0.015 * top, 1.05 * top)
    axes.set_ylabel("drift (\u2212log₁₀ p)")
    block_axis(axes, charts)
    title = "Drift: no block tells of it"
    if known:
        chance = math.ceil(0.01 * known)
        title = f"Drift: {beyond:,} of {known:,} blocks above 2, where chance allows {chance:,}"
    letters = mark_regimes(axes, charts, lambda series, start: float(series.height[start]))
    note = (
        "Each block against the training rows: the least p-value over features and scores, "
        "corrected for their number. 2 means one chance in a hundred, 3 one in a thousand."
    )
    return Panel(title, entries, note, letters)


def _middle(axes: Axes, chart: Chart) -> Entries:
    """Draw the median of neighbouring blocks where single ones are too many to follow."""
    groups = pool(chart.series, MOST_DOTS // 5)
    if groups.size == 1:
        return []
    ends = np.append(groups.start[1:], len(chart.series.drift))
    parts = [chart.series.drift[a:b] for a, b in zip(groups.start, ends, strict=True)]
    middle = [
        float(np.median(p[np.isfinite(p)])) if np.isfinite(p).any() else np.nan for p in parts
    ]
    look: dict[str, Any] = {"color": INK if chart.alone else chart.colour, "linestyle": chart.dash}
    axes.plot(groups.x, middle, gid="median", zorder=3.5, **look)
    if not chart.alone:
        return []
    return [(Line2D([], [], **look), f"median of {groups.size:,} neighbouring blocks")]
