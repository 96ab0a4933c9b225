"""`medchain evaluate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .options import Delimiter, Json
from .output import note_core, plural, result, result_json, say, table

_NAMES = {
    "ROC AUC": "roc_auc",
    "average precision": "average_precision",
    "Brier score": "brier",
    "calibration error": "calibration_error",
    "precision": "precision",
    "recall": "recall",
    "alert rate": "alert_rate",
    "base rate": "base_rate",
}


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model bundle's folder.")],
    patients: Annotated[
        str, typer.Argument(metavar="TABLE.csv", help="A labelled table, or - for standard input.")
    ],
    label: Annotated[str, typer.Option(help="Column that says which rows are anomalous.")],
    positive: Annotated[
        str | None,
        typer.Option(help="The label's value that means anomalous (default: the model's)."),
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Column to tell groups apart by; may be repeated.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A folder for the curves and the report.")
    ] = None,
    delimiter: Delimiter = None,
    json: Json = False,
) -> None:
    """Compare a model's scores with a labelled table that it was not trained on.

    Every figure has a 95 % interval; groups of fewer than 20 rows are put together.
    """
    from ..pipeline.evaluate import evaluate as run

    note_core()
    report = run(
        model,
        patients,
        label=label,
        positive=positive,
        by=by or (),
        output=output,
        delimiter=delimiter,
    )
    result_json(report) if json else result(_words(report))
    if output is not None:
        say(f"Wrote the curves and the report to {output}")


def _words(report: dict[str, Any]) -> str:
    counts = report["confusion"]
    left_out = f", {plural(report['left_out'], 'row')} without a label left out"
    lines = [
        f"Figures on {plural(report['rows'], 'row')}, {report['anomalies']:,} of them anomalous"
        + (left_out if report["left_out"] else ""),
        table([(name, _figure(report["figures"][key])) for name, key in _NAMES.items()]),
        table(
            [
                ("threshold", f"{report['threshold']:g}"),
                (
                    "confusion",
                    f"{counts['true_positives']} found, {counts['false_negatives']} missed, "
                    f"{counts['false_positives']} false alarms, "
                    f"{counts['true_negatives']} left in peace",
                ),
                ("intervals", f"95 %: Wilson for shares, else resampled {report['resampled']}"),
                ("model", report["model"]),
            ]
        ),
    ]
    for group in report["groups"]:
        lines.append(_group(group))
    return "\n".join(lines)


def _group(group: dict[str, Any]) -> str:
    head = f"{group['column']}: {group['group']}"
    if group["figures"] is None:
        return f"{head}, too few rows to tell of"
    names = ("average precision", "precision", "recall", "alert rate")
    figures = [(name, _figure(group["figures"][_NAMES[name]])) for name in names]
    return f"{head}, {plural(group['rows'], 'row')}, {group['anomalies']:,} anomalous\n" + table(
        figures
    )


def _figure(found: list[float] | None) -> str:
    if found is None:
        return "-"
    value, low, high = found
    return f"{value:.4f} ({low:.4f} to {high:.4f})"
