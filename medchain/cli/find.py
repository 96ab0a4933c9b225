"""`medchain find`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Json, LedgerFile
from .output import note_core, plural, result, result_json, say

if TYPE_CHECKING:
    from ..pipeline.find import Found


def find(
    ledger: LedgerFile,
    subject: Annotated[
        str, typer.Option(metavar="ID", help="Who: the id as it stood in the table.")
    ],
    rows: Annotated[
        bool, typer.Option("--rows", help="Show the rows as well, as the vault holds them.")
    ] = False,
    json: Json = False,
) -> None:
    """List what a ledger and its vault hold of one person, which that person may ask for."""
    from ..pipeline.find import find as run

    note_core()
    found = run(ledger, subject=subject, rows=rows)
    result_json(asdict(found)) if json else result("\n".join(_words(ledger, found)))
    if not found.subjects_known:
        say("medchain: this vault knows no subject of any row")
        say("  hint: train with --id COLUMN, and the subjects of later ingests are known")


def _words(ledger: str, found: Found) -> list[str]:
    if not found.records:
        lines = [f"{ledger} holds no record of this subject (of erased rows nobody can tell)"]
    else:
        lines = [f"{ledger} holds {plural(len(found.records), 'record')} of this subject"]
    for record in found.records:
        lines += _record(record)
    if found.unrecorded:
        lines.append(
            f"  and the vault {plural(found.unrecorded, 'row')} that no block commits to yet: "
            "an ingest was interrupted"
        )
    return lines


def _record(record: dict[str, Any]) -> list[str]:
    from ..ledger.lines import printable

    lines = [
        f"  record {record['record']:,}, block {record['block']:,}, {record['time']}: "
        f"{_said(record)}",
        f"    model {record['model']}, threshold {record['threshold']}, batch {record['batch']}",
    ]
    for name, remark in _remarks(record):
        lines.append(f"    {name} on {remark['time']}: {printable(remark['reason'])}")
    lines += [f"    {printable(k)}: {printable(v)}" for k, v in record.get("row", {}).items()]
    return lines


def _said(record: dict[str, Any]) -> str:
    if "said" in record:
        words = {"text": "a text", "error": "the model failed"}
        return words.get(str(record["said"]), str(record["said"]))
    verdict = "anomalous" if record["anomaly"] else "not anomalous"
    if "class" in record:
        return f"class {record.get('class_name', record['class'])}, {verdict}"
    return f"score {record['score']}, {verdict}"


def _remarks(record: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    verdicts = {True: "amended to anomalous", False: "amended to not anomalous", None: "amended"}
    remarks = [(verdicts[amendment["anomaly"]], amendment) for amendment in record["amended"]]
    if record["erased"]:
        remarks.append(("erased, and not yet gone", record["erased"]))
    return remarks
