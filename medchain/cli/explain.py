"""`medchain explain`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Delimiter, Json
from .output import note_core, result, result_json

if TYPE_CHECKING:
    from ..pipeline.explain import Explanation


def explain(
    patients: Annotated[
        str, typer.Argument(metavar="PATIENTS.csv", help="The table, or - for standard input.")
    ],
    model: Annotated[str, typer.Option(help="The model bundle's folder.")] = "model",
    top: Annotated[int, typer.Option(help="Name so many features at most.")] = 5,
    all: Annotated[bool, typer.Option("--all", help="Every row, not the anomalous alone.")] = False,
    delimiter: Delimiter = None,
    json: Json = False,
) -> None:
    """Say which features made rows anomalous; records nothing.

    Each number is by how much the score would fall, in log-odds with labels and in nats without,
    if that feature alone were as usual.
    """
    from ..pipeline.explain import explain as run

    note_core()
    # All of it before a word is printed: a bad row must not leave half a result.
    found = list(run(patients, model=model, top=top, all=all, delimiter=delimiter))
    if json:
        result_json([asdict(one) for one in found])
    else:
        result("\n".join(map(_words, found)) or "No row is anomalous")


def _words(one: Explanation) -> str:
    what = "anomalous" if one.anomaly else "normal"
    reasons = ", ".join(f"{name} {value:+.4g}" for name, value in one.reasons.items())
    return f"line {one.line}: {what}, score {one.score:.6f}: {reasons or 'no feature alone'}"
