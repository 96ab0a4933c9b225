"""How every picture looks: fonts, colours, axes and legends, in one place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)

from .series import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.parse_math": False,
    "text.color": "#1a1a1a",
    "axes.labelsize": 9,
    "axes.labelcolor": "#1a1a1a",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#4d4d4d",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#dcdcdc",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "hatch.linewidth": 0.6,
    "hatch.color": "#ffffff",
    "figure.facecolor": "white",
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "medchain",
    "pdf.fonttype": 42,
}

LEGEND_ROW = 0.175
"""Inches that a row of a legend takes."""

BLUE, VERMILLION = "#0072B2", "#D55E00"
INK, QUIET = "#1a1a1a", "#5a5a5a"

# M. Okabe and K. Ito, "Color Universal Design" (2008), without yellow, which is too pale on white.
# Markers and dashes differ as well, so that the lines stay apart in grey.
COLOURS = (BLUE, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", VERMILLION, "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = (
    "-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)), (0, (3, 1)), "-",
)  # fmt: skip
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Chart(NamedTuple):
    """A ledger and its look in a picture; `alone` where it has the picture to itself."""

    series: Series
    label: str
    colour: str
    marker: str
    dash: Any
    alone: bool


Entries = list[tuple[Any, str]]
"""A legend: what was drawn, and what it is."""


class Panel(NamedTuple):
    """What a drawn panel says: title, legend, the sentence on its marks, the one on its letters."""

    title: str
    entries: Entries
    note: str
    letters: str = ""


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of this file, whatever the reader's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)  # type: ignore[arg-type]
        yield


def percent(share: float) -> str:
    """Write `share` (0 to 1) as a percentage with two significant digits and no false zero."""
    if share in (0, 1):
        return f"{share:.0%}".replace("%", "\u00a0%")
    digits = 1 if 0.0095 <= share <= 0.9905 else 2
    if share < 0.00005:
        return "<\u00a00.01\u00a0%"
    if share > 0.99995:
        return ">\u00a099.99\u00a0%"
    return f"{100 * share:.{digits}f}\u00a0%"


def number_axis(axis: Axis) -> None:
    """Label whole numbers only, with separators for thousands."""
    axis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def percent_axis(axis: Axis) -> None:
    """Label shares (0 to 1) as percentages."""
    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}\u00a0%"))


def log_axis(axes: Axes, *, percentages: bool = False) -> None:
    """Make y logarithmic, labelled in plain numbers below a million, then in powers of ten."""
    name = (lambda value: f"{100 * value:.4g}\u00a0%") if percentages else _power
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: name(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def block_axis(axes: Axes, charts: Sequence[Chart]) -> None:
    """Make x the block height over all `charts`, also for a single block."""
    low = min(int(chart.series.height[0]) for chart in charts)
    high = max(int(chart.series.height[-1]) for chart in charts)
    edge = max(0.6, 0.015 * (high - low))
    axes.set_xlim(low - edge, high + edge)
    axes.set_xlabel("block height")
    number_axis(axes.xaxis)


def legend(axes: Axes, entries: Entries, inches: float) -> int:
    """Put the legend above the axes, at most `inches` wide, and return how many rows it takes."""
    columns = _columns([len(label) for _, label in entries], 72 * inches)
    axes.legend(
        [handle for handle, _ in entries],
        # A label that starts with an underscore would be left out.
        [f"\u200b{label}" if label.startswith("_") else label for _, label in entries],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.5,
        borderpad=0,
        ncols=columns,
        columnspacing=1.6,
        handletextpad=0.6,
        labelspacing=0.35,
    )
    return -(-len(entries) // columns)


def _columns(lengths: list[int], points: float) -> int:
    """Return the most legend columns for labels of `lengths` characters in a width of `points`."""
    for columns in range(len(lengths), 1, -1):
        rows = -(-len(lengths) // columns)
        # The legend fills column by column; 42 points go to a handle and the gaps beside it.
        widths = [max(lengths[i : i + rows]) * 4.9 + 42 for i in range(0, len(lengths), rows)]
        if sum(widths) <= points:
            return columns
    return 1


def _power(value: float) -> str:
    if value < 1_000_000:
        return f"{value:,.0f}"
    exponent = len(f"{value:.0f}") - 1
    return "10" + str(exponent).translate(SUPERSCRIPTS)
