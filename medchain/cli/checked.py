"""The words of a file that was checked; apart, so that a check starts at once."""

from __future__ import annotations

from ..ledger.check import Facts
from ..ledger.lines import printable
from .words import table


def checked(facts: Facts) -> str:
    """The words of a file that was checked."""
    headline = _HEADLINES[str(facts["kind"])].format(**facts)
    return f"{headline}\n{table(_pairs(facts))}"


_HEADLINES = {
    "record": "The proof holds: record {record} stands in the ledger",
    "checkpoint": "The checkpoint holds",
    "consistency": "The proof holds: the newer checkpoint extends the older",
    "fork": "The evidence holds: this log signed two histories that cannot both be true",
    "rotation": "The rotation holds: put this line into the policy, beside or for the old one\n"
    "log {new}",
}


def _pairs(facts: Facts, indent: str = "") -> list[tuple[str, str]]:
    pairs = []
    for name, value in facts.items():
        if name == "kind" or value is None or value == {}:
            continue
        if isinstance(value, dict):
            pairs += [(f"{indent}{printable(name)}", ""), *_pairs(value, indent + "  ")]
        elif isinstance(value, list):
            pairs += [(f"{indent}{name}", printable(str(item))) for item in value]
        else:
            text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
            pairs.append((f"{indent}{printable(name)}", printable(text)))
    return pairs
