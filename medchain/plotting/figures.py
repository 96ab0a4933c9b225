"""Arrays to pictures: `draw` composes a Figure (never pyplot), `save` renders and writes it."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from .. import fs
from ..errors import UsageError
from . import KINDS, picture_format, style
from .blocks import anomaly_rate, mining
from .drift import drift, has_drift
from .records import scores, timeline
from .series import Series, read
from .style import COLOURS, DASHES, MARKERS, QUIET, Chart, Panel, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Draw = Callable[["Axes", list[Chart]], Panel]

PANELS: dict[str, Draw] = {
    "anomaly-rate": anomaly_rate,
    "scores": scores,
    "timeline": timeline,
    "mining": mining,
    "drift": drift,
}
SINGLE = (8.0, 4.8)
SHEET = (11.69, 8.27)
"""Inches; the sheet is A4, landscape. Many ledgers make it higher, not its axes flatter."""

FLATTEST = 1.8

# Inches: beside text, left, right and below of axes (for their labels), and for a panel's title.
MARGIN, LEFT, RIGHT, BELOW, TITLE = 0.2, 0.9, 0.35, 0.5, 0.28
GAP = "  ·  "

# The date and the version of matplotlib would make the same ledger give other bytes.
METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": "medchain"},
    "svg": {"Creator": "medchain", "Date": None},
    "pdf": {"Creator": "medchain", "Producer": "medchain", "CreationDate": None},
}


def draw(paths: Sequence[str | Path], kind: str) -> Figure:
    """Read the ledgers at `paths` and draw them as `kind`; see `medchain.plotting.draw`."""
    if kind not in KINDS:
        raise UsageError(f"there is no picture {kind!r}", hint="use " + ", ".join(KINDS))
    if not 1 <= len(paths) <= len(COLOURS):
        raise UsageError(
            f"one picture shows 1 to {len(COLOURS)} ledgers, not {len(paths)}",
            hint="draw them in several pictures",
        )
    if [str(path) for path in paths].count("-") > 1:
        raise UsageError("standard input can be read only once", hint="give - a single time")
    return compose([read(path) for path in paths], kind)


def compose(ledgers: Sequence[Series], kind: str) -> Figure:
    """Draw `ledgers` as one picture of `kind`."""
    charts = _charts(ledgers)
    with style.styled():
        if kind != "overview":
            return single(
                lambda axes: PANELS[kind](axes, charts), [_names(charts), *_summary(charts)]
            )
        lines = pack(_summary(charts), SHEET[0])
        for chart in charts:
            lines += pack(_identity(chart), SHEET[0])
        known = [name for name in PANELS if name != "drift" or has_drift(charts)]
        panels = [partial(_drawn, PANELS[name], charts) for name in known]
        return sheet(panels, f"Overview of {_names(charts)}", lines)


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` to `path`; see `medchain.plotting.save`."""
    form = picture_format(path)
    fs.replace(Path(path), render(figure, form))


def render(figure: Figure, form: str) -> bytes:
    """Return the bytes of `figure` as png, svg or pdf."""
    buffer = io.BytesIO()
    with style.styled(), warnings.catch_warnings():
        # A file name may hold letters that the font lacks: a box in the legend is enough said.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format=form, metadata=METADATA[form])
    return buffer.getvalue()


def _charts(ledgers: Sequence[Series]) -> list[Chart]:
    alone = len(ledgers) == 1
    looks = zip(_labels(ledgers), COLOURS, MARKERS, DASHES, strict=False)
    return [Chart(series, *look, alone) for series, look in zip(ledgers, looks, strict=False)]


def _labels(ledgers: Sequence[Series]) -> list[str]:
    """Tell ledgers of the same name apart by their place in the list."""
    names = [series.name for series in ledgers]
    return [
        f"{name} ({position})" if names.count(name) > 1 else name
        for position, name in enumerate(names, 1)
    ]


def _drawn(draw_panel: Draw, charts: list[Chart], axes: Axes) -> Panel:
    return draw_panel(axes, charts)


def single(draw_panel: Callable[[Axes], Panel], parts: list[str]) -> Figure:
    """One panel as a figure, with `parts` below its title."""
    figure = Figure(figsize=SINGLE)
    axes = figure.add_subplot()
    panel = draw_panel(axes)
    lines = pack(parts, SINGLE[0])
    head = _head(style.legend(axes, panel.entries, SINGLE[0] - LEFT - RIGHT))
    notes = [f"{panel.note}{panel.letters}"]
    bottom, top = _frame(figure, panel.title, lines, notes, head + FLATTEST + BELOW)
    _place(axes, LEFT, bottom + BELOW, SINGLE[0] - RIGHT, top - head)
    return figure


def sheet(draws: Sequence[Callable[[Axes], Panel]], title: str, lines: list[str]) -> Figure:
    """Panels two in a row, an odd last one alone; the axes of a row are at the same height."""
    figure = Figure(figsize=SHEET)
    grid = [figure.add_subplot(len(draws), 1, index + 1) for index in range(len(draws))]
    panels = [draw_panel(axes) for axes, draw_panel in zip(grid, draws, strict=True)]
    count = -(-len(panels) // 2)
    widths = [SHEET[0] / len(panels[index // 2 * 2 :][:2]) for index in range(len(panels))]
    rows = [
        style.legend(axes, panel.entries, width - LEFT - RIGHT)
        for axes, panel, width in zip(grid, panels, widths, strict=True)
    ]
    heads = [_head(max(rows[2 * row : 2 * row + 2])) + TITLE for row in range(count)]
    around = sum(heads) + count * BELOW
    bottom, top = _frame(figure, title, lines, _notes(panels), around + count * FLATTEST)
    height = (top - bottom - around) / count
    for index, (axes, panel, width) in enumerate(zip(grid, panels, widths, strict=True)):
        row = index // 2
        axes.set_title(panel.title, pad=72 * (heads[row] - TITLE))
        y = top - sum(heads[: row + 1]) - (row + 1) * height - row * BELOW
        x = width * (index % 2)
        _place(axes, x + LEFT, y, x + width - RIGHT, y + height)
    return figure


def _notes(panels: list[Panel]) -> list[str]:
    """Return the panels' notes, and what their letters mean only once."""
    notes = [f"{panel.title.split(':')[0]}. {panel.note}" for panel in panels]
    return notes + sorted({panel.letters.strip() for panel in panels} - {""})


def _head(legend_rows: int) -> float:
    return 0.14 + style.LEGEND_ROW * legend_rows


def _place(axes: Axes, left: float, bottom: float, right: float, top: float) -> None:
    """Put the axes between these edges, in inches from the lower left corner."""
    width, height = axes.figure.get_size_inches()  # type: ignore[union-attr]
    place = (left / width, bottom / height, (right - left) / width, (top - bottom) / height)
    axes.set_position(place)


def _frame(
    figure: Figure, title: str, lines: list[str], notes: list[str], least: float
) -> tuple[float, float]:
    """Write title and lines at the top, notes at the bottom; return the free height between.

    The figure grows until `least` inches are free.
    """
    width, height = figure.get_size_inches()
    wrapped = [line for note in notes for line in textwrap.wrap(note, int(width * 17))]
    above, below = 0.44 + 0.19 * len(lines), 0.14 + 0.15 * len(wrapped)
    height = max(height, above + least + below)
    figure.set_size_inches(width, height)
    x = MARGIN / width
    figure.text(x, 1 - 0.15 / height, title, fontsize=13, fontweight="bold", va="top")
    for index, line in enumerate(lines):
        y = 1 - (0.44 + 0.19 * index) / height
        figure.text(x, y, line, color=QUIET, fontsize=9, va="top")
    for index, line in enumerate(wrapped, 1):
        y = (0.1 + 0.15 * (len(wrapped) - index)) / height
        figure.text(x, y, line, color=QUIET, fontsize=7.5, va="bottom")
    return below, height - above


def pack(parts: list[str], inches: float) -> list[str]:
    """Join `parts` into as few lines as fit the width at 9 points."""
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1] + GAP + part) <= inches * 15:
            lines[-1] += GAP + part
        else:
            lines.append(part)
    return lines


def _summary(charts: list[Chart]) -> list[str]:
    """Say what the ledgers hold and when it was recorded."""
    series = [chart.series for chart in charts]
    anomalies = sum(int(s.anomalies.sum()) for s in series)
    rows = sum(len(s.score) for s in series)
    blocks, filled = sum(s.blocks for s in series), sum(len(s.height) for s in series)
    first, last = min(int(s.time[0]) for s in series), max(int(s.time[-1]) for s in series)
    parts = [f"{_count(blocks, 'block')} ({filled:,} with records)", _count(rows, "record")]
    parts += [f"{anomalies:,} anomalous ({percent(anomalies / rows)})", _span(first, last)]
    return parts


def _names(charts: list[Chart]) -> str:
    return charts[0].label if len(charts) == 1 else f"{len(charts)} ledgers"


def _identity(chart: Chart) -> list[str]:
    series = chart.series
    models = _count(len(series.models), "model")
    if len(series.models) == 1:
        models = f"model {series.models[0][:8]}…"
    parts = [] if chart.alone else [chart.label]
    parts.append(f"ledger {series.ledger[:8]}…")
    parts.append(f"root {series.root[:16]}… over {_count(series.blocks, 'block')}")
    return [*parts, models]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _span(first: int, last: int) -> str:
    """Write two times (microseconds since 1970) in UTC, the day only once where it is the same."""
    start, end = (datetime.fromtimestamp(t // 1_000_000, UTC) for t in (first, last))
    if start == end:
        return f"{start:%Y-%m-%d %H:%M:%S} UTC"
    day = "" if start.date() == end.date() else f"{end:%Y-%m-%d} "
    return f"{start:%Y-%m-%d %H:%M:%S} to {day}{end:%H:%M:%S} UTC"
