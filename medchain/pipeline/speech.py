"""What a caller hands to a recorder, as the ledger and its vault hold it: rows and answers as text.

No message quotes a cell or an answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from json.encoder import encode_basestring_ascii as quote
from math import isfinite
from typing import Any

from ..errors import UsageError
from ..ledger.lines import MAX_LINE, decimal, parse_object
from ..ledger.verdicts import CLASS, ERROR, SCORES, TEXT, UNFIT
from .declaration import Declaration

ABSENT: Any = object()
"""Stands for an argument that was not given."""
MOST = 1e9
"""No score of this size or beyond can stand in a record."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What a model said of a row: the middle of its record line, and what is sealed beside it."""

    said: str
    anomaly: bool | None
    output: str
    outside: dict[str, str] = field(default_factory=dict)
    error: bool = False

    @property
    def sealed(self) -> str:
        """The further keys of the sealed line."""
        behind = f',"output":{self.output}'
        return behind + (f',"outside":{json.dumps(self.outside)}' if self.outside else "")


def row_object(row: Any) -> str:
    """`row`, a mapping of columns to cells or a row of a data frame, as a JSON object of texts.

    Raises `UsageError` for a cell that is no text, number, truth value, date or missing.
    """
    if not isinstance(row, Mapping) and hasattr(row, "to_dict"):
        row = row.to_dict()
    if not isinstance(row, Mapping) or not row:
        raise UsageError(
            f"a row is a mapping of columns to cells, not {_article(row)}",
            hint='for example {"patient_id": "P7", "age": 71}',
        )
    return "{" + ",".join(f"{_column(name)}:{quote(cell(name, row[name]))}" for name in row) + "}"


def cell(name: object, value: Any) -> str:
    """A cell as text; whatever says "not known" becomes an empty one. Raises `UsageError`."""
    if isinstance(value, str):
        return value
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return ""
    if isinstance(value, (bool, int, float, Decimal)):
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    raise UsageError(
        f"a cell of column {name!r} is {_article(value)}",
        hint="a cell is a text, a number, a truth value, a date, or None; take nested values apart",
    )


def speech(
    model: Declaration,
    score: Any = ABSENT,
    label: Any = ABSENT,
    output: Any = ABSENT,
    error: BaseException | None = None,
) -> Speech:
    """What `model` said: a `score`, a class (`label`), an `output` of text or JSON, or its `error`.

    `output` may stand beside a class as well. Raises `UsageError` for what is none of these.
    """
    if error is not None:
        return _silent(ERROR, json.dumps({"error": type(error).__name__}))
    if model.says in SCORES:
        _need(model, label is ABSENT and output is ABSENT and score is not ABSENT, "score=")
        return _scored(model, score)
    if model.says == CLASS:
        _need(model, score is ABSENT and label is not ABSENT, "label=")
        return _classed(model, label, output)
    _need(model, score is ABSENT and label is ABSENT and output is not ABSENT, "output=")
    return _silent(TEXT, _json(output))


def _scored(model: Declaration, score: Any) -> Speech:
    value = _number(score)
    if not isfinite(value) or abs(value) >= MOST:
        return _silent(UNFIT, quote(repr(value)), "no number that a ledger can hold")
    text = decimal(value)
    anomaly = model.threshold is not None and float(text) >= model.threshold
    outside = {}
    if model.range and not model.range[0] <= value <= model.range[1]:
        outside = {"output": "outside the declared range"}
    said = f'"score":{text},"anomaly":{"true" if anomaly else "false"}'
    return Speech(said, anomaly, repr(value), outside)


def _classed(model: Declaration, label: Any, output: Any) -> Speech:
    if hasattr(label, "item") and getattr(label, "ndim", 0) == 0:
        label = label.item()
    name = str(label) if isinstance(label, (str, bool, int)) else None
    if name is None:
        raise UsageError(f"a class is a text, not {_article(label)}", hint="pass its name")
    about = {"class": name} if output is ABSENT else {"class": name, "output": output}
    if name not in model.classes:
        return _silent(UNFIT, _json(about), "a class that is not declared")
    place = model.classes.index(name)
    anomaly = model.threshold is not None and place >= model.threshold
    return Speech(
        f'"class":{place},"anomaly":{"true" if anomaly else "false"}', anomaly, _json(about)
    )


def _silent(said: str, output: str, outside: str = "") -> Speech:
    flags = {"output": outside} if outside else {}
    return Speech(f'"said":"{said}"', None, output, flags, said == ERROR)


def _number(score: Any) -> float:
    if hasattr(score, "item") and getattr(score, "ndim", 0) == 0:
        score = score.item()
    if isinstance(score, (int, float, Decimal)) and not isinstance(score, bool):
        try:
            return float(score)
        except OverflowError:
            return float("inf") if score > 0 else float("-inf")
    raise UsageError(
        f"a score is one number, not {_article(score)}", hint="take the number out of the answer"
    )


def _json(value: Any) -> str:
    """`value` as JSON that a seal can hold. Raises `UsageError`."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
        parse_object(f'{{"row":{{}},"output":{text}}}'.encode())
    except (TypeError, ValueError, RecursionError):
        raise UsageError(
            "the output is no text or JSON that a seal can hold",
            hint="pass a text, or lists and dicts of texts and finite numbers, not too deep",
        ) from None
    return text


def refuse_long(sealed: int) -> None:
    """Raise `UsageError` for a row that takes `sealed` bytes, if they are too many."""
    if sealed > MAX_LINE:
        raise UsageError(
            f"a row with what was said of it takes {sealed} bytes, over the limit of {MAX_LINE}",
            hint="leave columns out, or record a digest in the place of a long cell",
        )


def _need(model: Declaration, given: bool, argument: str) -> None:
    if not given:
        raise UsageError(
            f"this model is declared to say a {model.says}", hint=f"pass {argument} and no other"
        )


def _column(name: object) -> str:
    if not isinstance(name, str):
        raise UsageError(f"the name of a column is a text, not {_article(name)}")
    return quote(name)


def _article(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
