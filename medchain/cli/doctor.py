"""`medchain doctor`."""

from __future__ import annotations

from .options import Json
from .output import result, result_json, table


def doctor(json: Json = False) -> None:
    """Say what this installation is made of.

    Versions, kernels compiled, usable and chosen, CPU, formats."""
    from ..pipeline.doctor import doctor as run

    found = run()
    result_json(found) if json else result(_words(found))


def _words(found: dict[str, dict[str, object]]) -> str:
    parts = []
    for section, values in found.items():
        parts.append(f"{section}\n{table([(name, str(value)) for name, value in values.items()])}")
    return "\n".join(parts)
