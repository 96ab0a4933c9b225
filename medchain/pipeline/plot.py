"""Plot: ledgers in, one picture out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def plot(
    ledgers: str | Path | Sequence[str | Path], output: str | Path, *, kind: str = "anomaly-rate"
) -> None:
    """Draw `ledgers` as a picture of `kind` and write it to `output` (.png, .svg or .pdf).

    Kinds: ``anomaly-rate``, ``scores``, ``timeline``, ``mining``, ``drift`` and ``overview``. Needs
    neither model nor vault. Raises `UsageError`, `LedgerTampered` and `NotDurable`.
    """
    from .. import plotting

    plotting.picture_format(output)
    paths = [ledgers] if isinstance(ledgers, (str, Path)) else list(ledgers)
    plotting.save(plotting.draw(paths, kind), output)
