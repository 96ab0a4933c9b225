"""The model card: what a model is, for who has to answer for it (Mitchell et al. 2019).

Plain facts of the manifest in Markdown: counts, never a cell and never a file's name, so that the
same training gives the same card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_MODES = {
    "supervised": "A score is a calibrated probability that the row is anomalous.",
    "unlabelled": "A score is a rank among the training rows: 0.99 is more unusual than 99 % of "
    "them. It is no probability of anything.",
}
_RANKED = "A score says how unusual a row is among the training rows. It is no probability."
_FIGURES = {
    "ROC AUC": "roc_auc",
    "Average precision": "average_precision",
    "Brier score": "brier",
    "Precision": "precision",
    "Recall": "recall",
    "Alert rate": "alert_rate",
    "Base rate": "base_rate",
}
_TOLD = (
    "Of a numeric column: a centre, a spread, and the rounded means of neighbouring values; "
    "whether it is missing in some rows.",
    "Of a categorical column: the levels and the share of rows with each; the others together.",
    "For drift: rows in each bin of up to 64 columns, and held-out rows between scores.",
)
_TOLD_LABELLED = (
    "Of numeric columns: the edges of bins.",
    "Cuts of trees, between such means, and the values of their leaves.",
)
_TOLD_UNLABELLED = (
    "Of numeric columns: mean, spread and a histogram of ten bins of such means.",
    "Of the three views of a row that make its score: the rounded means of neighbouring ranks.",
)
_NOT_BOUNDED = (
    "Not bounded in this way: the weights of the network, which were fitted to all rows; the "
    "threshold, which lies between two training scores; and counts of rows, of anomalies and of "
    "verdicts, which say how many and not what a cell holds."
)
_LIMITS = """\
- The figures hold for rows like those held out: of the same places, time and way of measuring.
  Evaluate the model on your own labelled rows before you rely on it: `medchain evaluate`.
- The threshold was chosen on the training rows; the intervals take rows as independent.
- A level that training rows did not hold counts as rare, a number beyond them as the outermost.
- Reasons say what the model looks at, not what causes an anomaly.
- A verdict is advice to a person who decides; this is no medical device.
"""


def card(about: Mapping[str, Any]) -> str:
    """The card of a model, from the manifest that is to be."""
    parts = [
        "# Model card",
        _what(about),
        "## Training\n\n" + _rows(about),
        "## What it tells of the patients\n\n" + _disclosure(about),
        "## Columns\n\n" + _columns(about["schema"]),
        "## Threshold\n\n" + _threshold(about["threshold"]),
        "## Figures\n\n" + _figures(about["metrics"]),
        "## Limits\n\n" + _LIMITS.rstrip(),
        "## Versions\n\n"
        + _bullets(f"{name} {found}" for name, found in _pairs(about["versions"])),
    ]
    return "\n\n".join(parts) + "\n"


def _what(about: Mapping[str, Any]) -> str:
    mode = about["mode"]
    means = _MODES.get(mode, _RANKED)
    what = f"A detector of anomalous rows in tables, by convolutional networks; trained {mode}."
    return f"{what}\n{means}"


def _rows(about: Mapping[str, Any]) -> str:
    rows, held = about["rows"], about["metrics"]["held_out"]
    facts = [f"{rows['training']:,} rows learnt from, {rows['held_out']:,} held out"]
    if "anomalies" in held:
        learnt = about["metrics"]["training"].get("anomalies", 0)
        facts.append(f"{learnt:,} and {held['anomalies']:,} of them known to be anomalous")
    facts += [f"seed {about['seed']}", *map(_plain, about["schema"]["warnings"])]
    return _bullets(facts)


def _disclosure(about: Mapping[str, Any]) -> str:
    patients = about["patients"]
    told = _TOLD + (_TOLD_LABELLED if about["mode"] == "supervised" else _TOLD_UNLABELLED)
    return (
        f"No number in this list rests on fewer than {patients['least']} of the "
        f"{patients['training']:,} patients learnt from. Each {patients['counted_by']} counts as "
        f"one patient.\n\n{_bullets(told)}\n\n{_NOT_BOUNDED}"
    )


def _columns(schema: Mapping[str, Any]) -> str:
    rows = [(_plain(c["name"]), c["kind"], _plain(c["note"])) for c in schema["columns"]]
    return _table(("column", "kind", "what is known"), rows)


def _threshold(rule: Mapping[str, Any]) -> str:
    asked = "" if rule["target"] is None else f" {rule['target']:g}"
    lines = [f"{rule['value']:g}, by {rule['rule']}{asked}. {rule['note']}".rstrip()]
    if rule["expected"]:
        rows = [
            (name.replace("_", " "), *map(_number, found or (None, None, None)))
            for name, found in rule["expected"].items()
        ]
        lines += ["", _table(("on training rows, out of fold", "share", "from", "to (95 %)"), rows)]
    return "\n".join(lines)


def _figures(metrics: Mapping[str, Any]) -> str:
    held = metrics["held_out"]
    if "confusion" not in held:
        return f"{held['flagged']:,} of {held['rows']:,} held-out rows reach the threshold."
    beside = metrics.get("logistic_regression", {})
    rows = [
        (name, _number(held.get(key)), _number(beside.get(key))) for name, key in _FIGURES.items()
    ]
    return _table((f"on {held['rows']:,} held-out rows", "model", "logistic regression"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _bullets(facts: Any) -> str:
    return "\n".join(f"- {fact}" for fact in facts)


def _pairs(found: Mapping[str, str]) -> list[tuple[str, str]]:
    return list(found.items())


def _plain(text: str) -> str:
    """A column's name or note as one cell of a table: it may hold anything."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return "".join("\\" + c if c in "\\|*_`<>[]#" else c for c in shown)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
