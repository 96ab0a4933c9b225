"""The cells of one column counted: by rows, and by the patients who have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from ..cells import is_missing
from ..schema import MIN_PATIENTS


class Tally:
    """Different cells with how often each occurs; `patients` says whose each row is.

    Without, each row is another patient's.
    """

    def __init__(self, cells: Sequence[str], patients: Sequence[int] | None) -> None:
        self.counts = Counter(cells)
        self.rows = len(cells)
        self._cells, self._patients = cells, patients

    def patients(self, cells: Collection[str]) -> int:
        """How many patients have one of the `cells`."""
        if self._patients is None:
            return sum(self.counts[cell] for cell in cells)
        wanted = set(cells)
        pairs = zip(self._cells, self._patients, strict=True)
        return len({who for cell, who in pairs if cell in wanted})

    def many(self, cells: Collection[str]) -> bool:
        """Whether enough patients have one of the `cells` for it to be told."""
        return sum(self.counts[cell] for cell in cells) >= MIN_PATIENTS and (
            self._patients is None or self.patients(cells) >= MIN_PATIENTS
        )

    def grouped(self, key: Callable[[str], str | None]) -> dict[str, list[str]]:
        """Cells by what `key` says of them, the most frequent first; those without are left out."""
        found: dict[str, list[str]] = {}
        for cell, _ in self.counts.most_common():
            if (name := key(cell)) is not None:
                found.setdefault(name, []).append(cell)
        return found

    def count(self, cells: Collection[str]) -> int:
        """How many rows have one of the `cells`."""
        return sum(self.counts[cell] for cell in cells)


def some(count: int, noun: str = "cell") -> str:
    """A number of cells in words, which does not tell how few."""
    if count < MIN_PATIENTS:
        return f"fewer than {MIN_PATIENTS} {noun}s"
    return f"{count:,} {noun}s"


def numbered(cells: Sequence[str]) -> list[int]:
    """A number for each row: equal for equal cells, its own where the cell is missing."""
    seen: dict[str, int] = {}
    return [
        -row - 1 if is_missing(cell) else seen.setdefault(cell.strip(), len(seen))
        for row, cell in enumerate(cells)
    ]
