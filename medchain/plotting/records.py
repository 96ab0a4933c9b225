"""The panels over records: distribution of the scores, scores in the order of recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .bands import bin_edges, cut, density, histogram, score_range, steps, thresholds
from .marks import mark_regimes
from .series import Floats, Integers, Series
from .style import BLUE, INK, VERMILLION, Chart, Entries, Panel, log_axis, number_axis, percent_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_DOTS = 20_000
"""More normal records than this are drawn as a density, in which single ones still show."""

MOST_THRESHOLDS = 4


def scores(axes: Axes, charts: list[Chart]) -> Panel:
    """Draw how the scores are distributed, apart for both verdicts, with the thresholds."""
    bins = edges = bin_edges([chart.series.score for chart in charts])
    if charts[0].alone:
        edges = _cut_edges(charts[0].series, bins)
        entries = _two_verdicts(axes, charts[0].series, edges)
    else:
        entries = _outlines(axes, charts, edges)
    for chart in charts:
        entries += _threshold_lines(axes, chart)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel("anomaly score")
    anomalies, rows = _totals(charts)
    note = f"Counted in bins of {bins[1] - bins[0]:.3g}"
    note += "." if len(edges) == len(bins) else ", cut at thresholds."
    if not charts[0].alone:
        note += " Each ledger by the share of its own records; vertical lines: its thresholds."
    return Panel(f"Scores: {anomalies:,} of {rows:,} records called anomalous", entries, note)


def timeline(axes: Axes, charts: list[Chart]) -> Panel:
    """Draw every score over its record number, with the threshold that held at the time."""
    low, high = score_range(np.concatenate([chart.series.score for chart in charts]))
    margin = 0.02 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    last = max(int(chart.series.number[-1]) for chart in charts)
    edge = max(0.5, 0.01 * last)
    axes.set_xlim(-edge, last + edge)
    entries: Entries = []
    for chart in charts:
        entries += _normal(axes, chart) + _anomalous(axes, chart)
    for chart in charts:
        entries += _threshold_steps(axes, chart)
    number_axis(axes.xaxis)
    axes.set_xlabel("record number")
    axes.set_ylabel("anomaly score")
    anomalies, rows = _totals(charts)
    title = f"Scores as recorded: {anomalies:,} of {rows:,} anomalous"
    letters = mark_regimes(axes, charts, _first_record)
    return Panel(title, entries, _timeline_note(charts), letters)


def _first_record(series: Series, block: int) -> float:
    return float(series.number[np.searchsorted(series.block, block)])


def _totals(charts: list[Chart]) -> tuple[int, int]:
    anomalies = sum(int(chart.series.anomalies.sum()) for chart in charts)
    return anomalies, sum(len(chart.series.score) for chart in charts)


def _two_verdicts(axes: Axes, series: Series, edges: Floats) -> Entries:
    normal = histogram(series.score[~series.anomaly], edges)
    anomalous = histogram(series.score[series.anomaly], edges)
    entries: Entries = []
    for counts, colour, hatch, name in (
        (normal, BLUE, "", "normal"),
        (anomalous, VERMILLION, "/////", "anomalous"),
    ):
        look: dict[str, Any] = {"facecolor": to_rgba(colour, 0.35), "edgecolor": colour}
        look |= {"hatch": hatch, "linewidth": 1.1}
        axes.stairs(counts, edges, baseline=0, fill=True, gid=name, **look)
        entries.append((Patch(**look), f"{name} ({counts.sum():,})"))
    _count_axis(axes, np.concatenate((normal, anomalous)))
    return entries


def _count_axis(axes: Axes, counts: Integers) -> None:
    """Use a log scale where the fullest bin would hide the emptiest."""
    top, occupied = int(counts.max()), counts[counts > 0]
    if top > 50 * int(occupied.min()):
        log_axis(axes)
        axes.set_ylim(0.6, 1.6 * top)
        axes.set_ylabel("records (log scale)")
        return
    number_axis(axes.yaxis)
    axes.set_ylim(0, 1.06 * top)
    axes.set_ylabel("records")


def _outlines(axes: Axes, charts: list[Chart], edges: Floats) -> Entries:
    shares = [histogram(c.series.score, edges) / len(c.series.score) for c in charts]
    entries: Entries = []
    for chart, share in zip(charts, shares, strict=True):
        look: dict[str, Any] = {"color": chart.colour, "linestyle": chart.dash, "linewidth": 1.5}
        axes.stairs(share, edges, baseline=None, gid="share", **look)
        entries.append((Line2D([], [], **look), _outline_label(chart)))
    every = np.concatenate(shares)
    top, least = float(every.max()), float(every[every > 0].min())
    axes.set_ylabel("share of records")
    if top > 50 * least:
        log_axis(axes, percentages=True)
        axes.set_ylabel("share of records (log scale)")
        axes.set_ylim(0.6 * least, 1.6 * top)
    else:
        percent_axis(axes.yaxis)
        axes.set_ylim(0, 1.06 * top)
    return entries


def _outline_label(chart: Chart) -> str:
    known = thresholds(chart.series)
    records = f"{chart.label} ({len(chart.series.score):,})"
    return f"{records}, {_threshold_name(known)}" if known.size else records


def _cut_edges(series: Series, edges: Floats) -> Floats:
    known = thresholds(series)
    return cut(edges, known) if len(known) <= MOST_THRESHOLDS else edges


def _threshold_lines(axes: Axes, chart: Chart) -> Entries:
    known = thresholds(chart.series)
    look: dict[str, Any] = {"color": INK if chart.alone else chart.colour}
    look |= {"linestyle": (0, (4, 2)), "linewidth": 1.1}
    for value in known:
        axes.axvline(value, gid="threshold", **look)
    if not chart.alone or not known.size:
        return []
    return [(Line2D([], [], **look), _threshold_name(known))]


def _threshold_name(known: Floats) -> str:
    if len(known) == 1:
        return f"threshold {known[0]:g}"
    if len(known) <= MOST_THRESHOLDS:
        return "thresholds " + ", ".join(f"{value:g}" for value in known)
    return f"{len(known):,} thresholds, {known[0]:g} to {known[-1]:g}"


def _normal(axes: Axes, chart: Chart) -> Entries:
    series = chart.series
    x, y = series.number[~series.anomaly], series.score[~series.anomaly]
    colour = BLUE if chart.alone else chart.colour
    name = f"normal ({len(x):,})"
    if len(x) > MOST_DOTS:
        _density(axes, x, y, colour)
        patch = Patch(color=colour, alpha=0.5, linewidth=0)
        return [(patch, f"{name}, density")] if chart.alone else []
    look: dict[str, Any] = {"color": colour, "marker": "o", "linestyle": "", "markeredgewidth": 0}
    size = 1.3 * _size(len(series.score))
    axes.plot(x, y, markersize=size, alpha=0.6, gid="normal", rasterized=len(x) > 5000, **look)
    return [(Line2D([], [], markersize=4, **look), name)] if chart.alone else []


def _density(axes: Axes, x: Integers, y: Floats, colour: str) -> None:
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    counts = density(x.astype(float), y, (left, right, bottom, top))
    image = np.empty((*counts.shape, 4))
    image[..., :3] = to_rgb(colour)
    # A logarithm, so that a cell with one record still shows beside one with thousands.
    image[..., 3] = np.where(counts > 0, 0.12 + 0.75 * np.log1p(counts) / np.log1p(counts.max()), 0)
    axes.imshow(
        image, origin="lower", extent=(left, right, bottom, top), aspect="auto",
        interpolation="nearest", gid="normal", zorder=1,
    )  # fmt: skip


def _anomalous(axes: Axes, chart: Chart) -> Entries:
    series = chart.series
    x, y = series.number[series.anomaly], series.score[series.anomaly]
    look: dict[str, Any] = {"linestyle": "", "marker": "D", "markeredgewidth": 0}
    look["color"] = VERMILLION if chart.alone else chart.colour
    if not chart.alone:
        look |= {"marker": chart.marker, "markeredgecolor": INK}
    size = 1.3 * _size(max(len(x), len(series.score) // 20))
    edge = {} if chart.alone or size < 2 else {"markeredgewidth": 0.6}
    alpha = 0.9 if len(x) <= 5000 else 0.5
    axes.plot(
        x, y, markersize=size, alpha=alpha, clip_on=False, zorder=3, gid="anomalous",
        rasterized=len(x) > 5000, **look | edge,
    )  # fmt: skip
    name = "anomalous" if chart.alone else f"{chart.label}: anomalous"
    return [(Line2D([], [], markersize=4.5, **look | edge), f"{name} ({len(x):,})")]


def _size(records: int) -> float:
    """Return a marker size in points that keeps neighbours apart."""
    return float(np.clip(60 / np.sqrt(records + 100), 1.0, 4.0))


def _threshold_steps(axes: Axes, chart: Chart) -> Entries:
    known = thresholds(chart.series)
    x, y = steps(chart.series, chart.series.threshold)
    colour = INK if chart.alone else chart.colour
    look: dict[str, Any] = {"color": colour, "linestyle": (0, (4, 2)), "linewidth": 1.2}
    # White beneath, so that the line shows on a density of its own colour; anomalies stay on top.
    axes.plot(x, y, color="white", linewidth=2.6, alpha=0.7, zorder=2.5)
    axes.plot(x, y, gid="threshold", zorder=2.6, **look)
    if not chart.alone or not known.size:
        return []
    return [(Line2D([], [], **look), _threshold_name(known))]


def _timeline_note(charts: list[Chart]) -> str:
    note = "Every anomalous record is drawn."
    if any(len(c.series.score) - c.series.anomaly.sum() > MOST_DOTS for c in charts):
        note += " Normal records are too many for dots: darker means more, on a log scale."
    if charts[0].alone:
        return note
    return f"{note} Marks at or above a ledger's dashed threshold are anomalous."
