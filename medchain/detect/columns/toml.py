"""The column plan as a file that people edit: TOML with a comment on each column."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...fs import readable
from ..schema import OVERRULABLE, check_columns
from .plan import DROPPED, IDENTIFIER, LABEL, ColumnPlan, TablePlan

MOST_BYTES = 1 << 24
_ROLES = ("label", "id", "group")
_HEAD = """\
# How each column of a table is read: edit it, keep it under version control, and give it to
# medchain train --plan. Every key is explained in docs/columns.md.
#
# kind = "numeric", "categorical", "boolean", "date", "pair" (120/80), "text", "identifier",
# "dropped" or "label". Text, identifiers and what is dropped are no features.
"""
_SPELLINGS = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "\x7f": "\\u007f"}


def write_plan(plan: TablePlan) -> str:
    """The text of a plan, with what was noticed as comments."""
    about = plan.to_json()
    lines = [_HEAD.rstrip(), *_comments(plan.remarks), ""]
    lines += [f"{role} = {_value(about[role])}" for role in _ROLES if about[role]]
    if plan.where:
        lines.append(f"where = {_value(about['where'])}")
    for column, entry in zip(plan.columns, about["columns"], strict=True):
        lines += ["", f"[columns.{_text(column.name)}]", *_comments([column.note])]
        lines += _comments(column.remarks)
        shown = {key: value for key, value in entry.items() if key not in ("name", "note", "sure")}
        if isinstance(column.dates.since, date):
            shown["since"] = column.dates.since
        lines += [f"{key} = {_value(value)}" for key, value in shown.items()]
    return "\n".join(lines) + "\n"


def read_plan(path: str | Path) -> TablePlan:
    """The plan in a file. Raises `UsageError`, which names the column that is wrong."""
    file = readable(Path(path), "a column plan")
    if file.stat().st_size > MOST_BYTES:
        raise UsageError(f"{path} is larger than any column plan")
    try:
        about = tomllib.loads(file.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        where = f": {error}" if isinstance(error, tomllib.TOMLDecodeError) else ""
        raise UsageError(f"{path} is no TOML{where}", hint="see docs/columns.md") from None
    columns = about.get("columns")
    if not isinstance(columns, dict) or not columns:
        raise UsageError(f"{path} names no columns", hint="medchain inspect TABLE -o FILE makes it")
    found = [_column(path, name, entry) for name, entry in columns.items()]
    try:
        rest = {key: value for key, value in about.items() if key != "columns"}
        roles = TablePlan.from_json({**rest, "columns": []}, alone=True)
        return replace(roles, columns=tuple(found)).checked()
    except ValueError as error:
        raise UsageError(f"{path}: {error}", hint="see docs/columns.md") from None


def _column(path: str | Path, name: str, entry: Any) -> ColumnPlan:
    try:
        if not isinstance(entry, dict) or {"name", "note", "sure"} & set(entry):
            raise ValueError("not the keys of a column")
        return ColumnPlan.from_json({**entry, "name": name, "sure": True})
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"{path}, column {name!r}: {error}", hint="the keys are explained in docs/columns.md"
        ) from None


def overruled(
    plan: TablePlan,
    columns: Sequence[str],
    *,
    label: str | None,
    id: str | None,
    group: str | None,
    drop: Collection[str],
    kinds: Mapping[str, str],
    where: tuple[str, str] | None = None,
) -> TablePlan:
    """The plan under options that say otherwise, for a table of `columns`.

    Columns that the plan does not name are left out. Raises `UsageError` for one that it names and
    that the table lacks.
    """
    check_columns(columns, label=label, id=id, group=group, drop=drop, kinds=kinds)
    lacking = [column.name for column in plan.columns if column.name not in columns]
    if lacking:
        raise UsageError(
            f"the table lacks {len(lacking)} columns of the plan: "
            + ", ".join(map(repr, lacking[:8])),
            hint="take the plan that was made for such a table",
        )
    said = {**dict.fromkeys(drop, DROPPED), **kinds}
    roles = {name: IDENTIFIER for name in (id, group) if name} | ({label: LABEL} if label else {})
    known = plan.by_name
    found = [
        _given(known.get(name) or ColumnPlan(name, DROPPED, "not in the plan", sure=True), kind)
        for name in columns
        for kind in [roles.get(name) or said.get(name)]
    ]
    for name, kind in kinds.items():
        assert kind in OVERRULABLE, name
    return replace(
        plan,
        columns=tuple(found),
        label=label or plan.label,
        id=id or plan.id,
        group=group or plan.group,
        where=where or plan.where,
    )


def _given(column: ColumnPlan, kind: str | None) -> ColumnPlan:
    return replace(column, kind=kind, note="as you said", sure=True) if kind else column


def _comments(lines: Sequence[str]) -> list[str]:
    return [f"# {' '.join(line.split())}" for line in lines if line]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, dict):
        inner = ", ".join(f"{_text(key)} = {_value(entry)}" for key, entry in value.items())
        return "{ " + inner + " }"
    return str(value) if isinstance(value, date) else json.dumps(value)


def _text(text: str) -> str:
    """A basic string of TOML."""
    out = []
    for character in text.replace("\\", "\\\\").replace('"', '\\"'):
        if character < " " or character == "\x7f":
            character = _SPELLINGS.get(character, f"\\u{ord(character):04x}")
        out.append(character)
    return '"' + "".join(out) + '"'
