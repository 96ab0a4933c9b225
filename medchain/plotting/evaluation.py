"""The pictures of an evaluation: ROC, precision and recall, calibration, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from . import style
from .figures import SHEET, pack, sheet, single
from .style import BLUE, COLOURS, INK, QUIET, VERMILLION, Panel, percent, percent_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Report = Mapping[str, Any]
GREEN = COLOURS[2]
DASHED = (0, (4, 2))
OVERVIEW = "evaluation"


def kinds(report: Report) -> list[str]:
    """The pictures that can be drawn of `report`, as `medchain.evaluate` returns it."""
    return [*_panels(report), OVERVIEW]


def draw(report: Report, kind: str) -> Figure:
    """Draw one of the `kinds`."""
    panels = [partial(panel, report=report) for panel in _panels(report).values()]
    with style.styled():
        if kind != OVERVIEW:
            return single(partial(_panels(report)[kind], report=report), _summary(report))
        title = f"Evaluation of model {report['model'][:8]}…"
        return sheet(panels, title, pack(_summary(report), SHEET[0]))


def _panels(report: Report) -> dict[str, Callable[..., Panel]]:
    found = {"roc": roc, "precision-recall": precision_recall, "thresholds": thresholds}
    if report["curves"]["calibration"]:
        found["calibration"] = calibration
    return found


def roc(axes: Axes, report: Report) -> Panel:
    """Draw the share of anomalies found over the share of false alarms."""
    curves = report["curves"]
    x, y = [0.0, *curves["false_positive_rate"]], [0.0, *curves["recall"]]
    axes.plot(x, y, color=BLUE, gid="curve", clip_on=False, zorder=3)
    axes.plot((0, 1), (0, 1), color=QUIET, linestyle=DASHED, linewidth=1, gid="chance")
    counts = report["confusion"]
    at = (
        counts["false_positives"] / (counts["false_positives"] + counts["true_negatives"]),
        report["figures"]["recall"][0],
    )
    _shares(axes, "share of normal rows called anomalous", "share of anomalies found")
    entries = [
        (Line2D([], [], color=BLUE), "model"),
        _mark(axes, at, report),
        (Line2D([], [], color=QUIET, linestyle=DASHED, linewidth=1), "chance"),
    ]
    return Panel(
        f"ROC: area {_interval(report, 'roc_auc')}",
        entries,
        "Each point of the curve is one threshold.",
    )


def precision_recall(axes: Axes, report: Report) -> Panel:
    """Draw precision over recall, and the share of anomalies that chance would give."""
    curves, figures = report["curves"], report["figures"]
    axes.step(
        curves["recall"], curves["precision"], where="pre", color=BLUE, gid="curve",
        clip_on=False, zorder=3,
    )  # fmt: skip
    base = figures["base_rate"][0]
    axes.axhline(base, color=QUIET, linestyle=DASHED, linewidth=1, gid="chance")
    _shares(axes, "recall: share of anomalies found", "precision: alarms that are right")
    entries = [(Line2D([], [], color=BLUE), "model")]
    if figures["precision"]:
        entries.append(_mark(axes, (figures["recall"][0], figures["precision"][0]), report))
    look = Line2D([], [], color=QUIET, linestyle=DASHED, linewidth=1)
    entries.append((look, f"chance: {percent(base)}"))
    title = f"Average precision {_interval(report, 'average_precision')}"
    return Panel(title, entries, "Average precision is the area below the steps.")


def calibration(axes: Axes, report: Report) -> Panel:
    """Draw the share of anomalies over the mean score, in ten bins of as many rows each."""
    points = report["curves"]["calibration"]
    x = [point["score"] for point in points]
    share, low, high = zip(*(point["share"] for point in points), strict=True)
    axes.plot((0, 1), (0, 1), color=QUIET, linestyle=DASHED, linewidth=1, gid="ideal")
    axes.vlines(x, low, high, color=BLUE, alpha=0.35, linewidth=4, gid="interval")
    look: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 4.5}
    axes.plot(x, share, gid="curve", clip_on=False, zorder=3, **look)
    _shares(axes, "mean score", "share of anomalies")
    entries = [
        (Line2D([], [], **look), "bins of as many rows each"),
        (Patch(color=BLUE, alpha=0.35, linewidth=0), "95 % interval (Wilson)"),
        (Line2D([], [], color=QUIET, linestyle=DASHED, linewidth=1), "as promised"),
    ]
    title = f"Calibration: mean error {_interval(report, 'calibration_error')}"
    return Panel(title, entries, "Of rows with a score of 0.3, 30 % should be anomalous.")


def thresholds(axes: Axes, report: Report) -> Panel:
    """Draw precision, recall and alert rate over the threshold."""
    curves = report["curves"]
    entries = []
    looks: tuple[tuple[str, str, Any], ...] = (
        ("precision", BLUE, "-"),
        ("recall", VERMILLION, (0, (5, 1.5))),
        ("alert_rate", GREEN, (0, (1, 1))),
    )
    for key, colour, dash in looks:
        axes.step(
            curves["threshold"], curves[key], where="post", color=colour, linestyle=dash, gid=key,
            clip_on=False, zorder=3,
        )  # fmt: skip
        entries.append((Line2D([], [], color=colour, linestyle=dash), key.replace("_", " ")))
    axes.axvline(report["threshold"], color=INK, linestyle=DASHED, linewidth=1.1, gid="threshold")
    label = f"threshold {report['threshold']:g}"
    entries.append((Line2D([], [], color=INK, linestyle=DASHED, linewidth=1.1), label))
    _shares(axes, "threshold", "share")
    found = report["figures"]
    precision = percent(found["precision"][0]) if found["precision"] else "-"
    title = f"Thresholds: precision {precision}, recall {percent(found['recall'][0])} at the line"
    return Panel(title, entries, "Rows whose score reaches the threshold are called anomalous.")


def _mark(axes: Axes, at: tuple[float, float], report: Report) -> tuple[Line2D, str]:
    look: dict[str, Any] = {"color": VERMILLION, "marker": "D", "linestyle": "", "markersize": 6}
    axes.plot(*at, gid="threshold", clip_on=False, zorder=4, **look)
    return Line2D([], [], **look), f"at the threshold {report['threshold']:g}"


def _shares(axes: Axes, x: str, y: str) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    percent_axis(axes.yaxis)
    if x not in ("threshold", "mean score"):
        percent_axis(axes.xaxis)


def _interval(report: Report, key: str) -> str:
    found = report["figures"][key]
    if found is None:
        return "-"
    value, low, high = found
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _summary(report: Report) -> list[str]:
    share = percent(report["anomalies"] / report["rows"])
    return [
        f"model {report['model'][:8]}…, {report['mode']}",
        f"{report['rows']:,} rows, {report['anomalies']:,} anomalous ({share})",
        "95 % intervals in brackets",
    ]
