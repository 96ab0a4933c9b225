"""`medchain demo`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from .output import note_core, result


def demo(
    output: Annotated[
        str, typer.Option("--output", "-o", help="A new or empty folder for all that is made.")
    ] = "medchain-demo",
    seed: Annotated[int, typer.Option(help="Seed of the patients and of the training.")] = 0,
) -> None:
    """Go the whole road on synthetic patients, in a minute.

    Makes patients, trains, ingests, verifies, tampers with a copy, and draws."""
    from ..pipeline.demo import demo as run

    note_core()
    started = time.monotonic()
    done = run(output, seed=seed, say=result)
    result(f"Done in {time.monotonic() - started:.0f} seconds. Look at {done.pictures[-1]}")
