"""`medchain verifier`."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import result


def verifier(
    output: Annotated[
        str, typer.Option("--output", "-o", help="The file to make.")
    ] = "medchain-verify.pyz",
) -> None:
    """Make a verifier to hand over: one file that needs nothing but Python.

    It verifies ledgers, checks proofs and opens seals. The same program makes the same bytes.
    """
    from ..pipeline.handover import build

    digest = build(output)
    result(f"Made {output}, which runs with Python 3.11 or newer: python {output} --help")
    result(f"  SHA-256  {digest}")
