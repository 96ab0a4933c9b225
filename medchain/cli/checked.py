"""The words of a file that was checked; apart, so that a check starts at once."""

from __future__ import annotations

from ..ledger.check import Facts
from ..ledger.lines import printable
from .words import table


def checked(facts: Facts) -> str:
    """The words of a file that was checked."""
    headline = _HEADLINES[str(facts["kind"])].format(**facts)
    if facts["kind"] == "record" and facts["event"] not in ("score", "verdict"):
        headline += ", but no model is said to have scored it"
    remarks = "".join(f"\n  since then: {sentence}" for sentence in remark_sentences(facts))
    rest = {name: value for name, value in facts.items() if name not in ("erased", "amended")}
    return f"{headline}{remarks}\n{table(_pairs(rest))}"


def remark_sentences(facts: Facts) -> list[str]:
    """What the ``erased`` and ``amended`` of a record say, a sentence for each."""
    said = []
    erased, amended = facts.get("erased"), facts.get("amended")
    if isinstance(erased, dict):
        said.append(f"its row was erased on {erased['time']}: {printable(str(erased['reason']))}")
    for one in amended if isinstance(amended, list) else []:
        verdict = {True: ", to anomalous", False: ", to not anomalous"}.get(one["anomaly"], "")
        said.append(f"it was amended on {one['time']}{verdict}: {printable(str(one['reason']))}")
    return said


_HEADLINES = {
    "record": "The proof holds: record {record} stands in the ledger",
    "event": "The proof holds: the event of block {block} stands in the ledger",
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
