"""`medchain declare`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import UsageError
from .options import Json
from .output import result, result_json, table


def declare(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the model.")],
    version: Annotated[str, typer.Option(help="Its version, as its maker counts.")],
    says: Annotated[
        str, typer.Option(help="What it says of a row: probability, number, class or text.")
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", help="The folder for the declaration.")
    ] = "model",
    vendor: Annotated[str, typer.Option(help="Who makes it.")] = "",
    use: Annotated[str, typer.Option(help="What it is meant for.")] = "",
    threshold: Annotated[
        float | None, typer.Option(help="From which probability or number on a row is anomalous.")
    ] = None,
    above: Annotated[str, typer.Option(help="What lies above the threshold, in words.")] = "",
    range: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="The range of a number.")
    ] = None,
    classes: Annotated[
        list[str] | None, typer.Option("--class", help="A class that it names; repeatable.")
    ] = None,
    anomalous: Annotated[
        list[str] | None, typer.Option(help="A class that is anomalous; repeatable.")
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option(help="A file or a folder that makes it, kept as a digest; repeatable."),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME@sha256:...", help="A container image; repeatable."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=UNIT]", help="A column that it reads; repeatable."),
    ] = None,
    json: Json = False,
) -> None:
    """Declare a model that medchain did not train, so that a ledger can name it.

    All of it will stand in ledgers that strangers read: never name a patient in it.
    """
    from ..pipeline.declaration import declare as run

    declared = run(
        name,
        version=version,
        says=says,
        vendor=vendor,
        use=use,
        threshold=threshold,
        above=above,
        range=_interval(range),
        classes=classes or (),
        anomalous=anomalous or (),
        columns=[_column(text) for text in column or ()],
        files=file or (),
        images=image or (),
    )
    declared.save(output)
    if json:
        result_json({"folder": output, "digest": declared.digest, "name": name, "says": says})
        return
    facts = [("says", says), ("digest", declared.digest)]
    result(f"Declared {name} {version} in {output}\n{table(facts)}")
    result(
        "  Its scores cannot be repeated here: a ledger proves what it said, not that it is right"
    )


def _interval(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise UsageError(
            f"{text!r} is no range", hint="write it as two numbers: --range 0,100"
        ) from None
    return [low, high]


def _column(text: str) -> dict[str, str]:
    name, equals, unit = text.partition("=")
    return {"name": name, "unit": unit} if equals else {"name": name}
