"""Events of declared models: `verdict` and `declare` (docs/format.md, section 3).

A `verdict` event is for a model that medchain did not train: its records hold a score, the number
of a class, or no more than that the model said a text, failed, or said what it never declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256

from .lines import Event, Record, parse_object

SCORES, CLASS, TEXT = ("probability", "number"), "class", "text"
SAYS = (*SCORES, CLASS, TEXT)
"""What a declared model says of a row."""

ERROR, UNFIT = "error", "unfit"
"""It failed; it said what its declaration does not know."""

_HEX = {size: re.compile(f"[0-9a-f]{{{size}}}") for size in (32, 64)}
Match = re.Match[bytes]


def hexed(value: object, size: int) -> bool:
    """Whether `value` is `size` hex digits in lower case."""
    return isinstance(value, str) and _HEX[size].fullmatch(value) is not None


def is_number(value: object) -> bool:
    """Whether `value` is a JSON number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_count(value: object, count: int) -> bool:
    """Whether `value` is the whole number `count`, as the format writes it."""
    return type(value) is int and value == count


def invalid_key(event: Event, matches: list[Match]) -> str | None:
    """The first key of the `score` or `verdict` event of these records that is not valid."""
    return next((key for key, valid in _keys(event, matches) if not valid), None)


def contradiction(event: Event, match: Match) -> str:
    """What a record of a `score` or `verdict` event says against the event; nothing, as a rule."""
    says = event["says"] if event["event"] == "verdict" else "probability"
    value = _value(str(says), match)
    if match["said"]:
        fits = event["event"] == "verdict" and (says == TEXT or match["said"] != b"text")
        return "" if fits else _OTHER
    if value is None:
        return _OTHER
    threshold = event.get("threshold")
    above = threshold is not None and value >= threshold  # type: ignore[operator]
    if above == (match["anomaly"] == b"true"):
        return ""
    return f"the verdict contradicts {'class' if says == CLASS else 'score'} and threshold"


def false_declaration(event: Event) -> str:
    """What is wrong with a `declare` event; nothing, as a rule."""
    text = event.get("declaration")
    if not isinstance(text, str) or not text.isascii():
        return "the declaration is no text in ASCII"
    if event.get("model") != sha256(text.encode()).hexdigest():
        return "the declaration has another digest than its event says"
    return "" if isinstance(event.get("reason"), str) else "the declaration has no reason"


def _keys(event: Event, matches: list[Match]) -> Iterator[tuple[str, bool]]:
    verdict, threshold = event["event"] == "verdict", event.get("threshold", "")
    yield "batch", hexed(event.get("batch"), 32)
    yield "model", hexed(event.get("model"), 64)
    if verdict:
        yield "says", event.get("says") in SAYS
    yield "threshold", is_number(threshold) or (verdict and threshold is None)
    yield "rows", is_count(event.get("rows"), len(matches))
    yield "anomalies", is_count(event.get("anomalies"), anomalies(matches))
    if verdict:
        errors = sum(match["said"] == b"error" for match in matches)
        yield "errors", is_count(event.get("errors"), errors)


def anomalies(matches: list[Match]) -> int:
    """How many of these records are anomalous."""
    return sum(match["anomaly"] == b"true" for match in matches)


def _value(says: str, match: Match) -> float | None:
    """The score or the class of a record, if it has the one that its model says."""
    if says == TEXT:
        return None
    text = match["class" if says == CLASS else "score"]
    return None if text is None else float(text)


_OTHER = "the record says another thing than its event's model does"


class Classes:
    """The names of the classes of the models that were declared in the blocks it was shown."""

    def __init__(self) -> None:
        self._names: dict[str, list[object]] = {}

    def visit(self, event: Event) -> None:
        """Note the classes of the model that `event` declares, if it does."""
        names = _declared(event).get("classes")
        if isinstance(names, list):
            self._names[str(event["model"])] = names

    def of(self, event: Event, record: Record) -> dict[str, str]:
        """The name of the class of `record`, which is of the block of `event`, if known."""
        names = self._names.get(str(event.get("model")), [])
        if record.category is None or record.category >= len(names):
            return {}
        return {"class_name": str(names[record.category])}


def declared_name(event: Event) -> str:
    """The name of the model that `event` declares, if it does."""
    return str(_declared(event).get("name", ""))


def _declared(event: Event) -> Event:
    """What stands in the declaration of `event`; nothing, where it is none or of another kind."""
    if event["event"] != "declare":
        return {}
    try:
        return parse_object(str(event["declaration"]).encode("ascii"))
    except ValueError:
        return {}
