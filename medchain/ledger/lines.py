"""Lines of the ledger: what a line may hold, and text to line and back.

A line is one JSON object in the bytes 0x20 to 0x7E, ended by one LF. It is written once, and what
is hashed is the bytes that were written (docs/format.md, "Lines").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring_ascii as quote
from typing import NamedTuple

EVENT = b'{"event":'
RECORD = b'{"record":'
BLOCK = b'{"block":'
GENESIS = EVENT + b'"genesis",'

Event = dict[str, object]

MAX_DEPTH = 64
"""How deep objects and arrays are nested at most, the line's own object included."""

MAX_NUMBER = 64
"""How many characters a number on an event line has at most."""

MAX_LINE = 1 << 20
"""How many bytes an event line or a record line has at most, without its LF."""

MAX_RECORDS = 1 << 17
"""How many record lines a block has at most."""

_NUMBER = rb"0|[1-9][0-9]{0,15}"
_DECIMAL = rb"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?"
_SAID = (
    rb'(?:"(?:score":(?P<score>' + _DECIMAL + rb')|class":(?P<class>0|[1-9][0-9]{0,2})),'
    rb'"anomaly":(?P<anomaly>true|false)|"said":"(?P<said>text|error|unfit)")'
)
RECORD_LINE = re.compile(
    rb'\{"record":(?P<number>' + _NUMBER + rb")," + _SAID + rb","
    rb'(?:"seal":"(?P<seal>[0-9a-f]{64})"|"row":(?P<row>\{.*\}))\}'
)
_FOREIGN = re.compile(rb"[^\x20-\x7e\n]")
_LEGAL = bytes(range(0x20, 0x7F)) + b"\n"


class Record(NamedTuple):
    """One row and what a model said of it: a score, the number of a class, or neither.

    `seal` is lower-case hex in a sealed ledger, `row` the cells in an open. Of a record without a
    verdict `said` is why: ``text``, ``error`` or ``unfit``.
    """

    number: int
    score: float | None
    anomaly: bool | None
    seal: str | None
    row: dict[str, str] | None
    category: int | None = None
    said: str | None = None


def spoken(record: Record) -> dict[str, object]:
    """What a model said of a record: ``score`` and ``anomaly``, and ``class`` or ``said``."""
    facts: dict[str, object] = {"score": record.score, "anomaly": record.anomaly}
    if record.category is not None:
        facts["class"] = record.category
    if record.said is not None:
        facts["said"] = record.said
    return facts


def decimal(value: float) -> str:
    """`value` to 6 decimals, in plain notation without needless zeros: ``0.412``, ``0.0``."""
    text = f"{value + 0.0:.6f}".rstrip("0")
    text = text + "0" if text.endswith(".") else text
    return "0.0" if text == "-0.0" else text


def event(kind: str, fields: Mapping[str, object]) -> bytes:
    """The line of an event. Values are JSON values; a float is written as `decimal` writes it."""
    pairs = [f'"event":{quote(kind)}']
    for key, value in fields.items():
        text = (
            decimal(value) if isinstance(value, float) else json.dumps(value, separators=(",", ":"))
        )
        pairs.append(f"{quote(key)}:{text}")
    return f"{{{','.join(pairs)}}}\n".encode("ascii")


def sealed_records(
    first: int, scores: Iterable[float], verdicts: Iterable[bool], seals: Iterable[str]
) -> bytes:
    """The record lines of a block whose rows are sealed; `seals` are lower-case hex."""
    lines = [
        f'{{"record":{number},"score":{decimal(score)},"anomaly":{_BOOL[anomaly]},"seal":"{seal}"}}\n'
        for number, (score, anomaly, seal) in enumerate(
            zip(scores, verdicts, seals, strict=True), first
        )
    ]
    return "".join(lines).encode("ascii")


def open_records(
    first: int, scores: Iterable[float], verdicts: Iterable[bool], rows: Iterable[str]
) -> bytes:
    """The record lines of a block in an open ledger; `rows` are JSON objects by `row_objects`."""
    lines = [
        f'{{"record":{number},"score":{decimal(score)},"anomaly":{_BOOL[anomaly]},"row":{row}}}\n'
        for number, (score, anomaly, row) in enumerate(
            zip(scores, verdicts, rows, strict=True), first
        )
    ]
    return "".join(lines).encode("ascii")


def row_objects(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Each row as a JSON object of its cells' texts, in the order of `columns`."""
    names = [quote(name).replace("%", "%%") for name in columns]
    if _plain(rows):
        template = "{" + ",".join(f'{name}:"%s"' for name in names) + "}"
        return [template % tuple(row) for row in rows]
    template = "{" + ",".join(f"{name}:%s" for name in names) + "}"
    return [template % tuple(map(quote, row)) for row in rows]


def _plain(rows: Iterable[Sequence[str]]) -> bool:
    """Whether JSON writes every cell as it stands, which is so for nearly all tables."""
    text = " ".join(map(" ".join, rows))
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text


def sealed_lines(ledger: str, first: int, salts: Sequence[str], rows: Iterable[str]) -> list[str]:
    """The lines that seals commit to, without LF: salt, ledger, record number and the row."""
    middle = f'","ledger":"{ledger}","record":'
    return [
        f'{{"salt":"{salt}{middle}{number},"row":{row}}}'
        for number, (salt, row) in enumerate(zip(salts, rows, strict=True), first)
    ]


def parse_object(line: bytes) -> dict[str, object]:
    """The JSON object on `line`.

    Raises `ValueError`, whose text quotes nothing of the line, on anything else: no JSON, a key
    twice, NaN, nesting or a number beyond the bounds of the format.
    """
    try:
        value = _DECODER.decode(line.decode("ascii"))
    except RecursionError:
        raise _Unfit(_TOO_DEEP) from None
    except ValueError as error:
        raise error if isinstance(error, _Unfit) else _Unfit("no JSON") from None
    if not isinstance(value, dict):
        raise _Unfit("no JSON object")
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _Unfit(_TOO_DEEP)
    return value


def parse_records(records: bytes) -> list[re.Match[bytes] | None]:
    """Match every record line; ``None`` stands where a line is not one.

    The groups are number, score, class, anomaly, said, seal and row, as far as they are there.
    """
    return list(map(RECORD_LINE.fullmatch, records.split(b"\n")[:-1]))


def to_record(match: re.Match[bytes]) -> Record:
    """The record that a match of `parse_records` stands for."""
    score, category, anomaly, said, seal = match.group("score", "class", "anomaly", "said", "seal")
    return Record(
        int(match["number"]),
        float(score) if score else None,
        anomaly == b"true" if anomaly else None,
        seal.decode() if seal else None,
        json.loads(match["row"]) if match["row"] else None,
        int(category) if category else None,
        said.decode() if said else None,
    )


def printable(text: str) -> str:
    """`text` with everything escaped that could move a cursor or break a line of output."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def foreign_byte(data: bytes) -> int | None:
    """Where in `data` the first byte stands that no line may hold; ``None`` if there is none."""
    if not data.translate(None, _LEGAL):
        return None
    found = _FOREIGN.search(data)
    assert found
    return found.start()


_BOOL = {True: "true", False: "false"}


class _Unfit(ValueError):
    """JSON that the format does not allow."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise _Unfit("an object with a key that stands twice")
    return keys


def _no_constant(_name: str) -> object:
    raise _Unfit("no JSON: NaN or an infinity")


def _integer(text: str) -> int | float:
    # "-0" is a number, but no whole number as the format writes them.
    return -0.0 if _short(text) == "-0" else int(text)


def _real(text: str) -> float:
    return float(_short(text))


def _short(text: str) -> str:
    if len(text) > MAX_NUMBER:
        raise _Unfit(f"an object with a number of more than {MAX_NUMBER} characters")
    return text


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level := [inner for inner in level if isinstance(inner, (dict, list))]:
        depth += 1
        level = [x for inner in level for x in _inside(inner)]
    return depth


def _inside(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value  # type: ignore[return-value]


_TOO_DEEP = f"an object nested more than {MAX_DEPTH} deep"
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_no_constant,
    parse_int=_integer,
    parse_float=_real,
)
