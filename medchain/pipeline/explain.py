"""Explain: for rows of a table, the few features that made them anomalous."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quote
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import TableError, UsageError
from ..ledger.lines import decimal
from .scored import Part

if TYPE_CHECKING:
    from ..detect.explain import Explainer
    from ..detect.scoring import Scorer
    from ..tabular import Row

TOGETHER = 1024
"""Anomalies that are explained together: enough to fill the network's blocks."""

MOST_PARTS = 32


@dataclass(frozen=True, slots=True)
class Explanation:
    """A row by the `line` on which it starts, its score, its verdict, and what raised its score.

    `reasons` are differences in log-odds with labels and in nats of surprise without, the greatest
    first.
    """

    line: int
    score: float
    anomaly: bool
    reasons: dict[str, float]


def explain(
    table: str | Path,
    *,
    model: str | Path = "model",
    top: int = 5,
    all: bool = False,
    delimiter: str | None = None,
) -> Iterator[Explanation]:
    """Yield an `Explanation` for each anomalous row of `table`, with `all` for every row.

    `top` is how many features are named at most. Nothing is recorded. Raises `TableError`,
    `ModelError` and `UsageError`.
    """
    from ..detect.bundle import Bundle
    from ..detect.explain import Explainer
    from ..detect.scoring import Scorer
    from ..tabular import open_table

    if not 1 <= top <= 100:
        raise UsageError("1 to 100 features can be named", hint="leave --top out and 5 are")
    scorer = Scorer(Bundle.load(model))
    with open_table(table, delimiter=delimiter) as source:
        scorer.bind(source.columns)
        explainer = Explainer(scorer)
        for batch in source.batches(1024):
            scores, problems = scorer.score(batch.rows)
            if problems:
                raise TableError(
                    problems[0].reason,
                    file=source.name,
                    line=batch.lines[problems[0].row],
                    column=problems[0].column,
                    hint="correct the row",
                )
            chosen = [row for row in range(len(scores)) if all or scores[row] >= scorer.threshold]
            found = explainer([batch.rows[row] for row in chosen], top) if chosen else []
            for row, reasons in zip(chosen, found, strict=True):
                score = float(scores[row])
                yield Explanation(batch.lines[row], score, score >= scorer.threshold, reasons)


def explained(parts: Iterable[Part], scorer: Scorer, delimiter: str) -> Iterator[Part]:
    """The parts, each anomaly with the text that explains it in its sealed line."""
    from ..detect.explain import Explainer

    explainer: Explainer | None = None
    waiting, found = list[Part](), list[tuple[Part, int]]()

    def explain_all() -> None:
        nonlocal explainer
        if found:
            explainer = explainer or Explainer(scorer)
            rows = [_cells(part.rows[place], delimiter) for part, place in found]
            for (part, place), reasons in zip(found, explainer(rows), strict=True):
                part.reasons[place] = sealed_text(reasons)

    for part in parts:
        waiting.append(part)
        found += [
            (part, place) for place, score in enumerate(part.scores) if score >= scorer.threshold
        ]
        if len(found) >= TOGETHER or len(waiting) >= MOST_PARTS:
            explain_all()
            yield from waiting
            waiting, found = [], []
    explain_all()
    yield from waiting


def sealed_text(reasons: dict[str, float]) -> str:
    """What stands behind the row in a sealed line; nothing where there is no reason to give."""
    if not reasons:
        return ""
    pairs = (f"{quote(name)}:{decimal(value)}" for name, value in reasons.items())
    return f',"reasons":{{{",".join(pairs)}}}'


def _cells(row: Row, delimiter: str) -> list[str]:
    return row if isinstance(row, list) else row.split(delimiter)
