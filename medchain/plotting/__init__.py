"""Pictures of ledgers: read one or more, draw, save. Needs neither a model nor a vault.

Importing this package loads nothing heavy; `draw` and `save` load numpy and matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("anomaly-rate", "scores", "timeline", "mining", "drift", "overview")
FORMATS = ("png", "svg", "pdf")


def draw(paths: Sequence[str | Path], kind: str = "anomaly-rate") -> Figure:
    """Draw the ledgers at `paths` (``-`` is standard input) as one picture of `kind`.

    Raises `UsageError` for a kind that is not in `KINDS`, for a ledger without records and for more
    ledgers than there are colours, and `LedgerTampered` for one that does not verify.
    """
    from . import figures

    return figures.draw(paths, kind)


def save(figure: Figure, path: str | Path) -> None:
    """Write `figure` to `path` in one step, in the format that its extension names.

    The same figure gives the same bytes each time. Raises `UsageError` for an extension that is not
    in `FORMATS`, and `NotDurable` where the file cannot be written.
    """
    from . import figures

    figures.save(figure, path)


def picture_format(path: str | Path) -> str:
    """Return the one of `FORMATS` that the extension of `path` names, or raise `UsageError`."""
    extension = Path(path).suffix.lower().removeprefix(".")
    if extension not in FORMATS:
        raise UsageError(
            f"{path} does not end in the name of a picture format",
            hint="end the file name in .png, .svg or .pdf",
        )
    return extension


__all__ = ["FORMATS", "KINDS", "draw", "picture_format", "save"]
