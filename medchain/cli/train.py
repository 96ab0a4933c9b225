"""`medchain train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .key import PassphraseFile, ask
from .options import Decimal, Delimiter, Json, Where, kind_of, where_of
from .output import bar, plural, result, result_json, say, table

if TYPE_CHECKING:
    from ..detect.train import Trained


def train(
    patients: Annotated[
        str, typer.Argument(metavar="TABLE.csv", help="The table, or - for standard input.")
    ],
    label: Annotated[
        str | None,
        typer.Option(help="Column that says which rows are anomalous (default: learn without)."),
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="The label's value that means anomalous.")
    ] = None,
    id: Annotated[
        str | None, typer.Option(help="Column that tells patients apart; never a feature.")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="Column whose rows belong together (a centre, a visit); no feature."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Column to leave out; may be repeated.")
    ] = None,
    type: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=KIND",
            help="Overrule what a column is: numeric, categorical, identifier; may be repeated.",
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="The folder for the model bundle.")
    ] = "model",
    mode: Annotated[
        str,
        typer.Option(
            help="auto, supervised, unlabelled (a label then only measures) or normal-only "
            "(learns from the rows labelled normal, or from all)."
        ),
    ] = "auto",
    seed: Annotated[int, typer.Option(help="The same seed and table give the same model.")] = 0,
    target_precision: Annotated[
        float | None, typer.Option(help="Lowest threshold with this precision, 0 to 1.")
    ] = None,
    target_recall: Annotated[
        float | None, typer.Option(help="Highest threshold with this recall, 0 to 1.")
    ] = None,
    alert_rate: Annotated[
        float | None, typer.Option(help="Threshold that calls this share of rows anomalous.")
    ] = None,
    cost_ratio: Annotated[
        float | None,
        typer.Option(help="Cheapest threshold if a missed anomaly costs this many false alarms."),
    ] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    where: Where = None,
    plan: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Read columns as this plan says (medchain inspect -o writes one)."
        ),
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Leave unreadable rows out.")
    ] = False,
    rejects: Annotated[
        str | None, typer.Option(help="Where to list bad rows: line, column, reason.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="FILE", help="Sign the bundle with this private key.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    json: Json = False,
) -> None:
    """Learn an anomaly detector from a table and save it as a bundle.

    The threshold comes from the training rows; the figures come from rows that were held out.
    """
    from pathlib import Path

    from ..pipeline.keys import load
    from ..pipeline.train import train as run

    signer = load(Path(key), ask(passphrase_file)) if key else None
    with bar("training", steps=True) as shown:
        trained = run(
            patients,
            label=label,
            id=id,
            group=group,
            drop=drop or (),
            kinds=dict(kind_of(text) for text in type or ()),
            positive=positive,
            output=output,
            mode=mode,
            seed=seed,
            target_precision=target_precision,
            target_recall=target_recall,
            alert_rate=alert_rate,
            cost_ratio=cost_ratio,
            delimiter=delimiter,
            decimal=decimal,
            where=where_of(where),
            plan=plan,
            skip_bad_rows=skip_bad_rows,
            rejects=rejects,
            key=signer,
            progress=lambda stage, step, most: shown.update(step, most, "steps at most", stage),
        )
    for warning in trained.warnings:
        say(f"medchain: {warning}")
    result_json(_document(trained, output)) if json else result(_words(trained, output))


def _document(trained: Trained, output: str) -> dict[str, object]:
    about = trained.bundle.manifest
    return {
        "model": trained.bundle.digest,
        "folder": output,
        "columns": [
            {"column": column, "kind": kind, "note": note}
            for column, kind, note in trained.schema.describe()
        ],
        **{key: about[key] for key in ("mode", "rows", "threshold", "metrics", "seed")},
        "warnings": list(trained.warnings),
    }


def _words(trained: Trained, output: str) -> str:
    about, metrics = trained.bundle.manifest, trained.metrics
    columns = [(column, f"{kind:<12} {note}") for column, kind, note in trained.schema.describe()]
    rule = about["threshold"]
    asked = "" if rule["target"] is None else f" {rule['target']:g}"
    parts = [
        f"Columns\n{table(columns)}",
        f"Figures on {plural(about['rows']['held_out'], 'row')} that were held out"
        f" ({about['rows']['training']:,} were trained on)\n{_figures(metrics)}",
        f"Saved the model in {output}",
        table(
            [
                ("mode", about["mode"]),
                ("threshold", f"{rule['value']:g} by {rule['rule']}{asked}"),
                *_promises(rule),
                ("digest", trained.bundle.digest),
            ]
        ),
    ]
    return "\n".join(parts)


def _promises(rule: dict[str, Any]) -> list[tuple[str, str]]:
    """What the training rows promise at the threshold, with intervals."""
    lines = [
        (name, f"{share:.4f} ({low:.4f} to {high:.4f})")
        for key, found in rule["expected"].items()
        if found
        for name, (share, low, high) in [(f"  {key.replace('_', ' ')}", found)]
    ]
    how = "95 % Wilson intervals, training rows out of fold"
    return ([("  expected", how), *lines] if lines else []) + (
        [("  note", rule["note"])] if rule["note"] else []
    )


def _figures(metrics: dict[str, Any]) -> str:
    held = metrics["held_out"]
    if "confusion" not in held:
        return table([("called anomalous", f"{held['flagged']:,} of {held['rows']:,}")])
    beside = metrics.get("logistic_regression")
    names = {
        "ROC AUC": "roc_auc",
        "average precision": "average_precision",
        "Brier score": "brier",
        "precision": "precision",
        "recall": "recall",
    }
    rows = [("", f"{'detector':>10}" + (f"{'logistic regression':>22}" if beside else ""))]
    rows += [
        (name, f"{_text(held[key]):>10}" + (f"{_text(beside[key]):>22}" if beside else ""))
        for name, key in names.items()
    ]
    counts = held["confusion"]
    rows += [
        ("base rate", f"{_text(held['base_rate']):>10}"),
        (
            "confusion",
            f"{counts['true_positives']} found, {counts['false_negatives']} missed, "
            f"{counts['false_positives']} false alarms, {counts['true_negatives']} left in peace",
        ),
    ]
    return table(rows)


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
