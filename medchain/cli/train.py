"""`medchain train`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import UsageError
from .options import Delimiter, Json
from .output import result, result_json, say


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
    delimiter: Delimiter = None,
    json: Json = False,
) -> None:
    """Learn an anomaly detector from a table and save it as a bundle.

    The threshold comes from the training rows; the figures come from rows that were held out.
    """
    from ..pipeline.train import train as run

    trained = run(
        patients,
        label=label,
        id=id,
        drop=drop or (),
        kinds=dict(_kind(text) for text in type or ()),
        positive=positive,
        output=output,
        seed=seed,
        target_precision=target_precision,
        target_recall=target_recall,
        alert_rate=alert_rate,
        delimiter=delimiter,
        progress=say,
    )
    result_json(trained.report()) if json else result(trained.words(output))


def _kind(text: str) -> tuple[str, str]:
    column, separator, kind = text.rpartition("=")
    if not separator or not column or not kind:
        raise UsageError("--type takes COLUMN=KIND", hint="for example: --type ward=categorical")
    return column, kind
