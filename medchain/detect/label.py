"""The label column: two values as text, one of which means an anomaly. Imports no numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import UsageError
from .cells import is_missing, number

# fmt: off
_ANOMALY = {
    "1", "true", "yes", "y", "t", "anomaly", "anomalous", "abnormal", "outlier", "malignant",
    "positive", "pos", "sick", "ill", "disease", "diseased", "case", "dead", "died", "deceased",
}
_NORMAL = {
    "0", "false", "no", "n", "f", "normal", "inlier", "benign", "negative", "neg", "healthy",
    "well", "control", "ok", "alive", "survived",
}
# fmt: on


@dataclass(frozen=True)
class Label:
    """How the cells of the label column are read; `rule` says how that was decided."""

    column: str
    positive: str = field(repr=False)
    negative: str = field(repr=False)
    rule: str

    def code(self, cell: str) -> int | None:
        """1 for an anomaly, 0 for a normal row, None for a cell that is neither."""
        value = canonical(cell)
        if value == self.positive:
            return 1
        return 0 if value == self.negative else None


def says_anomaly(one: str, other: str) -> bool:
    """Whether `one` is a word for anomalies where `other` is one for what is normal."""
    return canonical(one) in _ANOMALY and canonical(other) in _NORMAL


def canonical(cell: str) -> str:
    """One spelling for each label value: trimmed, lower case, 1.0 as 1."""
    value = number(cell)
    if value is not None:
        return repr(int(value)) if value == int(value) else repr(value)
    return cell.strip().lower()


def read_label(column: str, cells: Sequence[str], positive: str | None = None) -> Label:
    """Decide which of the two values of `cells` is the anomaly.

    Raises `UsageError` unless there are exactly two values, or when `positive` is neither.
    """
    counts = Counter(canonical(cell) for cell in cells if not is_missing(cell))
    if len(counts) > 2:
        raise UsageError(
            f"the label column {column!r} holds {len(counts)} different values, not two",
            hint="name a column that says normal or anomalous, or train without --label",
        )
    if len(counts) < 2:
        what = "one class only" if counts else "no value at all"
        raise UsageError(
            f"the label column {column!r} holds {what}",
            hint="train without --label: then rows are compared with each other",
        )
    if min(counts.values()) < 2:
        raise UsageError(
            f"the label column {column!r} has one row only of one of its two classes",
            hint="train without --label, or add labelled rows",
        )
    return _decide(column, counts, positive)


def _decide(column: str, counts: Counter[str], positive: str | None) -> Label:
    first, second = sorted(counts, key=lambda value: (counts[value], value))
    if positive is not None:
        wanted = canonical(positive)
        if wanted not in counts:
            raise UsageError(
                f"the value given as the anomaly does not occur in the label column {column!r}",
                hint="write it as the table does",
            )
        return Label(column, wanted, second if wanted == first else first, "the value you named")
    for one, other in ((first, second), (second, first)):
        if says_anomaly(one, other):
            return Label(column, one, other, "the value that says so, like 1 or yes")
    tie = counts[first] == counts[second]
    rule = "the first of two equally frequent values" if tie else "the rarer of its two values"
    return Label(column, first, second, rule)
