"""`medchain show`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import UsageError
from .options import Json, Ledger
from .output import note_core, result, result_json


def show(
    ledger: Ledger,
    block: Annotated[int | None, typer.Option(help="Show the block of this height.")] = None,
    record: Annotated[int | None, typer.Option(help="Show the record of this number.")] = None,
    vault: Annotated[
        bool, typer.Option("--vault", help="With --record: its row too, from the vault beside.")
    ] = False,
    vault_file: Annotated[
        str | None, typer.Option(help="The vault, where it does not lie beside the ledger.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the head of a ledger, one block, or one record."""
    from ..pipeline.show import show as run

    if block is not None and record is not None:
        raise UsageError("show a block or a record, not both at once")
    note_core()
    shown = run(ledger, block=block, record=record, vault=vault_file or vault)
    result_json(shown) if json else result("\n".join(_lines(shown)))


def _lines(values: dict[str, object], indent: str = "") -> list[str]:
    from ..ledger.lines import printable

    width = max(len(name) for name in values)
    lines = []
    for name, value in values.items():
        inner = [item for item in _listed(value) if isinstance(item, dict)]
        if inner:
            for item in inner:
                lines += [f"{indent}{printable(name)}", *_lines(item, indent + "  ")]
        else:
            lines.append(f"{indent}{printable(name):<{width}}  {printable(_text(value))}")
    return lines


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None or value == [] else str(value)
