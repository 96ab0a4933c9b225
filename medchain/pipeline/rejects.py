"""Rows that cannot be read: told of by reason, and listed in a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import fs
from ..errors import TableError

if TYPE_CHECKING:
    from ..tabular import Reject

SHOWN_LINES = 3
SHOWN_REASONS = 12
_SKIP = "correct the row, or leave such rows out with --skip-bad-rows"
_SKIP_ALL = "correct the rows, or leave them out with --skip-bad-rows"


def refuse_rows(name: str, rejects: Sequence[Reject], listed: str | Path | None) -> TableError:
    """The error for a table with bad rows: the first one, and how many there are by reason."""
    first, count = rejects[0], len({reject.line for reject in rejects})
    reason = first.reason if len(rejects) == 1 else f"{first.reason}; {count:,} rows are bad"
    where = f"; all are listed in {listed}" if listed is not None and len(rejects) > 1 else ""
    return TableError(
        reason + where,
        file=name,
        line=first.line,
        column=first.column,
        hint=_SKIP if len(rejects) == 1 else _SKIP_ALL,
        details=by_reason(rejects) if len(rejects) > 1 else (),
    )


def by_reason(rejects: Sequence[Reject]) -> list[str]:
    """One line for each column and reason, the most frequent first, with the first lines."""
    groups: dict[tuple[str | None, str], list[int]] = {}
    for reject in rejects:
        groups.setdefault((reject.column, reject.reason), []).append(reject.line)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[1][0]))
    lines = [_told(*key, where) for key, where in ordered[:SHOWN_REASONS]]
    more = sum(len(where) for _, where in ordered[SHOWN_REASONS:])
    return lines + ([f"and {more:,} for other reasons"] if more else [])


def _told(column: str | None, reason: str, lines: Sequence[int]) -> str:
    place = f"column {column!r}: " if column else ""
    shown = ", ".join(map(str, lines[:SHOWN_LINES]))
    if len(lines) == 1:
        return f"line {shown}: {place}{reason}"
    more = f" and {len(lines) - SHOWN_LINES:,} more" if len(lines) > SHOWN_LINES else ""
    return f"{len(lines):,} rows: {place}{reason} (lines {shown}{more})"


def write_rejects(path: str | Path, rejects: Sequence[Reject]) -> None:
    """Line, column and reason of each rejected row; its cells stay in the table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("line", "column", "reason"))
    writer.writerows((reject.line, reject.column or "", reject.reason) for reject in rejects)
    fs.replace(Path(path), text.getvalue().encode(), mode=0o600)
