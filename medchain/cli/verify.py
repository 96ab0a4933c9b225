"""`medchain verify`."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json, Ledger
from .output import bar, duration, erasure_text, note_core, plural, result, result_json, table

if TYPE_CHECKING:
    from ..ledger.verify import Report


def verify(
    ledger: Ledger,
    vault: Annotated[
        bool, typer.Option("--vault", help="Open every seal with the vault beside the ledger.")
    ] = False,
    vault_file: Annotated[
        str | None, typer.Option(help="Open every seal with this vault instead.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Score the rows again with this model bundle, and compare."),
    ] = None,
    json: Json = False,
) -> None:
    """Check every byte of a ledger.

    Exit code 0: everything holds; 10: tampered; 11: it ends in a torn append; 13: newer format.
    """
    from ..pipeline.audit import verify as run

    note_core()
    size = os.path.getsize(ledger) if os.path.isfile(ledger) else 0  # noqa: PTH113, PTH202
    with bar("verify") as shown:
        report = run(
            ledger,
            vault=vault_file or vault,
            model=model,
            progress=lambda offset: shown.update(offset, size, f"{offset:,} bytes"),
        )
    seconds = _mining_time(report)
    result_json(_document(report, seconds)) if json else result(_words(ledger, report, seconds))
    raise typer.Exit(report.exit_code)


_SHOWN_ERASURES = 10
_COMPLETE = (
    "repeat medchain erase, or run the next ingest: either completes an erasure that was "
    "interrupted, or that an older copy of the vault does not know of"
)


def _mining_time(report: Report) -> float:
    from ..ledger.pow import rate

    return report.work / rate(0.002) if report.work else 0.0


def _document(report: Report, seconds: float) -> dict[str, object]:
    return {
        "ok": report.ok,
        "exit_code": report.exit_code,
        **asdict(report),
        "seconds_to_mine_again": round(seconds, 6),
    }


def _words(ledger: str, report: Report, seconds: float) -> str:
    return "\n".join(
        [f"{ledger}: {_verdict(report)}", *_trouble(report), table(_facts(report, seconds))]
    )


def _verdict(report: Report) -> str:
    if report.too_new is not None:
        return f"not verified: format {report.too_new} is newer than this program"
    if report.finding:
        unfinished = report.finding.kind == "erase"
        return "holds, but an erasure is not complete" if unfinished else "TAMPERED or damaged"
    if report.tail:
        return "holds, but ends in a torn append" if report.blocks else "holds no block"
    return "verified, every byte"


def _trouble(report: Report) -> list[str]:
    from ..ledger.judge import ADVICE

    if report.too_new is not None:
        return ["  what to do: install a newer medchain"]
    if report.finding:
        advice = _COMPLETE if report.finding.kind == "erase" else ADVICE
        return [f"  finding: {report.finding}", f"  what to do: {advice}"]
    if report.tail:
        return [
            f"  torn tail: {plural(report.tail.size, 'byte')} from line {report.tail.line}, byte "
            f"{report.tail.offset}, that no block line commits"
            + (f" ({report.tail_note})" if report.tail_note else ""),
            "  what to do: the next ingest moves them aside and says so in the ledger; "
            "if this is an archived copy, fetch it again",
        ]
    return []


def _facts(report: Report, seconds: float) -> list[tuple[str, str]]:
    from ..pipeline.export import iso_time

    facts = [
        ("blocks", f"{report.blocks:,}" + (" before the finding" if report.finding else "")),
        ("records", f"{report.records:,}, of which {report.anomalies:,} anomalous"),
    ]
    if report.first_time is not None and report.last_time is not None:
        facts.append(("time", f"{iso_time(report.first_time)} to {iso_time(report.last_time)}"))
    facts += [
        ("models", ", ".join(report.models) or "none yet"),
        ("root over all blocks", report.root),
        ("work", f"{report.work:,} hashes; this machine mines it again in {duration(seconds)}"),
    ]
    if report.recoveries:
        facts.append(("recoveries", plural(report.recoveries, "torn append") + " moved aside"))
    if report.seals_opened is not None:
        facts.append(("seals opened", f"{report.seals_opened:,}"))
    erasures = report.erasures or ()
    facts += [("erased", erasure_text(erasure)) for erasure in erasures[:_SHOWN_ERASURES]]
    if len(erasures) > _SHOWN_ERASURES:
        facts.append(("erased", f"and {len(erasures) - _SHOWN_ERASURES:,} times more: see --json"))
    if report.scores_repeated is not None:
        other = report.scores_of_other_models or 0
        rest = f"; {other:,} are of other models" if other else ""
        if report.scores_of_erased:
            rest += f"; the rows of {report.scores_of_erased:,} are not there any more"
        facts.append(("scores repeated", f"{report.scores_repeated:,}{rest}"))
    unanchored = f"none of {plural(report.blocks, 'block')}: without a checkpoint kept elsewhere, "
    facts.append(("anchored", unanchored + "its owner can cut it or mine it again"))
    return facts
