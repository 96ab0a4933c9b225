"""The panels over block height: share of anomalies, mining effort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .bands import effort_band, inside, means, pool, wilson
from .marks import mark_regimes
from .series import Floats, Integers, Series
from .style import INK, QUIET, Chart, Entries, Panel, block_axis, log_axis, percent, percent_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 250
"""More blocks than this are pooled, so that single points can be told apart in print."""

MOST_MARKED = 60
MOST_MEANS = 50


def anomaly_rate(axes: Axes, charts: list[Chart]) -> Panel:
    """Draw the share of anomalies per block with its Wilson band, and the overall share."""
    entries = [entry for chart in charts for entry in _rate(axes, chart)]
    top, cut = _rate_top(charts)
    axes.set_ylim(-0.015 * top, 1.03 * top)
    percent_axis(axes.yaxis)
    axes.set_ylabel("share of anomalies")
    block_axis(axes, charts)
    note = (
        "The band is the 95 % Wilson score interval of each point, "
        "the dashed line the share over the whole ledger."
    )
    if cut:
        note += " Bands of blocks with few rows run off the scale."
    letters = mark_regimes(axes, charts, lambda series, start: float(series.height[start]))
    return Panel(_rate_title(charts), entries, note + _pooling_note(charts), letters)


def mining(axes: Axes, charts: list[Chart]) -> Panel:
    """Draw the hashes tried per block against the expectation 2**bits and its geometric band."""
    entries: Entries = []
    for position, chart in enumerate(charts):
        if not _same_bits(charts[:position], chart.series):
            entries += _expectation(axes, chart, charts)
    for chart in charts:
        entries += _tries(axes, chart)
    log_axis(axes)
    axes.set_ylabel("hashes tried (log scale)")
    block_axis(axes, charts)
    within, blocks = (sum(pair) for pair in zip(*map(_within, charts), strict=True))
    title = f"Mining effort: {within:,} of {blocks:,} blocks within the expected band"
    note = (
        "Hashes tried are nonce + 1, expected are 2 to the power of bits; "
        "the band holds 95 % of blocks by the geometric distribution."
    )
    return Panel(title, entries, note)


def _rate(axes: Axes, chart: Chart) -> Entries:
    groups = pool(chart.series, MOST_POINTS)
    low, high = wilson(groups.anomalies, groups.rows)
    colour = chart.colour
    strength = 0.22 if chart.alone else 0.14
    if len(groups.x) == 1:
        axes.vlines(groups.x, low, high, color=colour, alpha=0.35, linewidth=8)
    else:
        axes.fill_between(groups.x, low, high, color=colour, alpha=strength, linewidth=0)
    many = len(groups.x) > MOST_MARKED
    marker = "" if many and chart.alone else chart.marker
    look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 4.5}
    every = len(groups.x) // 12 if many else 1
    axes.plot(groups.x, groups.rate, gid="rate", clip_on=False, zorder=3, markevery=every, **look)
    overall = _overall(axes, chart)
    if not chart.alone:
        return [(Line2D([], [], **look), _rate_label(chart))]
    what = "per block" if groups.size == 1 else f"per {groups.size:,} neighbouring blocks"
    band = (Patch(color=colour, alpha=strength, linewidth=0), "95 % interval (Wilson)")
    return [(Line2D([], [], **look), what), band, (overall, _rate_label(chart))]


def _overall(axes: Axes, chart: Chart) -> Line2D:
    series = chart.series
    ends = (series.height[0] - 0.5, series.height[-1] + 0.5)
    rate = series.anomalies.sum() / series.rows.sum()
    colour = INK if chart.alone else chart.colour
    (line,) = axes.plot(
        ends, (rate, rate), color=colour, linestyle=(0, (4, 2)), linewidth=1, gid="overall"
    )
    return line


def _rate_label(chart: Chart) -> str:
    anomalies, rows = chart.series.anomalies.sum(), chart.series.rows.sum()
    name = "overall" if chart.alone else f"{chart.label}:"
    return f"{name} {percent(anomalies / rows)} ({anomalies:,} of {rows:,})"


def _rate_top(charts: list[Chart]) -> tuple[float, bool]:
    """Return the end of the scale, and whether it cuts a band off.

    Every point has room, and so has the band of every group that is not much the shortest.
    """
    top = widest = 0.0
    for chart in charts:
        groups = pool(chart.series, MOST_POINTS)
        usual = groups.rows >= np.median(groups.rows) / 2
        upper = wilson(groups.anomalies, groups.rows)[1]
        widest = max(widest, float(upper.max()))
        top = max(top, float(upper[usual].max()), 1.1 * float(groups.rate.max()))
    return min(1.0, top), widest > min(1.0, top)


def _rate_title(charts: list[Chart]) -> str:
    if len(charts) > 1:
        return f"Share of anomalies per block in {len(charts)} ledgers"
    series = charts[0].series
    return f"Anomalies per block: {percent(series.anomalies.sum() / series.rows.sum())} overall"


def _pooling_note(charts: list[Chart]) -> str:
    sizes = [(pool(chart.series, MOST_POINTS).size, chart.label) for chart in charts]
    pooled = [f"{size:,} in {label}" for size, label in sizes if size > 1]
    if not pooled:
        return ""
    if charts[0].alone:
        return f" Each point pools {sizes[0][0]:,} neighbouring blocks."
    return f" Points pool neighbouring blocks: {', '.join(pooled)}."


def _expectation(axes: Axes, chart: Chart, charts: list[Chart]) -> Entries:
    """Draw mean and band once for all `charts` that mine with the bits of `chart`."""
    others = [other.series for other in charts if other is not chart]
    peers = [chart.series, *(series for series in others if _same_bits([chart], series))]
    x, bits = _bit_steps(chart.series, min(s.height[0] for s in peers), _last(peers))
    low, high = effort_band(bits)
    shared = chart.alone or len(peers) > 1
    colour, tint = (INK, QUIET) if shared else (chart.colour, chart.colour)
    band = axes.fill_between(x, low, high, color=tint, alpha=0.14, linewidth=0)
    (mean,) = axes.plot(
        x, np.exp2(bits), color=colour, linestyle=(0, (4, 2)), linewidth=1, gid="expectation"
    )
    span = sorted({int(value) for value in bits})
    text = f"{span[0]} bits" if len(span) == 1 else f"{span[0]} to {span[-1]} bits"
    if len(span) == 1:
        text = f"{2.0 ** span[0]:,.0f} ({text})"
    entries: Entries = [(mean, f"expected: {text}")]
    if chart.alone:
        entries.append((band, "95 % band"))
    return entries


def _last(peers: list[Series]) -> int:
    return max(int(series.height[-1]) for series in peers)


def _bit_steps(series: Series, first: int, last: int) -> tuple[Floats, Integers]:
    """Return the corners of bits over height from half a block before `first` to behind `last`."""
    new = np.flatnonzero(np.diff(series.bits)) + 1
    left = np.concatenate(([first], series.height[new])) - 0.5
    right = np.append(left[1:], last + 0.5)
    bits = series.bits[np.concatenate(([0], new))]
    return np.column_stack((left, right)).ravel(), np.repeat(bits, 2)


def _same_bits(charts: list[Chart], series: Series) -> bool:
    constant = set(series.bits.tolist())
    return len(constant) == 1 and any(set(c.series.bits.tolist()) == constant for c in charts)


def _tries(axes: Axes, chart: Chart) -> Entries:
    series = chart.series
    tries = (series.nonce + 1).astype(float)
    many = len(tries) > MOST_POINTS
    size = 4.5 if len(tries) <= MOST_MARKED else 2.5 if not many else 1.5
    look: dict[str, Any] = {"color": chart.colour, "marker": chart.marker, "linestyle": ""}
    axes.plot(
        series.height, tries, markersize=size, markeredgewidth=0, alpha=0.45 if many else 0.9,
        gid="tries", rasterized=len(tries) > 5000, **look,
    )  # fmt: skip
    label = "one block" if chart.alone else chart.label
    entries: Entries = [(Line2D([], [], markersize=4.5, **look), label)]
    if many:
        groups = pool(series, MOST_MEANS)
        (line,) = axes.plot(groups.x, means(tries, groups), color=chart.colour, linewidth=1.6)
        if chart.alone:
            entries.append((line, f"mean of {groups.size:,} neighbouring blocks"))
    return entries


def _within(chart: Chart) -> tuple[int, int]:
    series = chart.series
    low, high = effort_band(series.bits)
    return int(inside(series.nonce.astype(np.float64) + 1, low, high).sum()), len(series.nonce)
