"""The words of a verification's report; needs the ledger package alone."""

from __future__ import annotations

from ..ledger.block import iso_seconds, iso_time
from ..ledger.judge import ADVICE
from ..ledger.lines import printable
from ..ledger.remarks import Erasure
from ..ledger.verify import Report
from .words import duration, numbers, plural, table

_SHOWN_ERASURES = 10
_COMPLETE = (
    "repeat medchain erase, or run the next ingest: either completes an erasure that was "
    "interrupted, or that an older copy of the vault does not know of"
)
_ACCOUNT = (
    "name every model of this ledger with --model, or what you know of with --allow: "
    "a kind of event, or a model's digest"
)
_ADVICE = {"erase": _COMPLETE, "unaccounted": _ACCOUNT}
_SOFTER = {
    "erase": "holds, but an erasure is not complete",
    "unaccounted": "holds, but has records that no given model accounts for",
}


def words(ledger: str, report: Report, seconds: float | None = None) -> str:
    """The words of `report`; `seconds` is how long this machine would mine its blocks again."""
    return "\n".join(
        [
            f"{ledger}: {_verdict(report)}",
            *_trouble(report),
            *(f"  note: {notice}" for notice in report.notices),
            table(_facts(report, seconds)),
        ]
    )


def _verdict(report: Report) -> str:
    if report.too_new is not None:
        return f"not verified: format {report.too_new} is newer than this program"
    if report.finding:
        return _SOFTER.get(report.finding.kind, "TAMPERED or damaged")
    if report.anchor and report.anchor.short:
        return "SHORTER than the checkpoint"
    if report.tail:
        return "holds, but ends in a torn append" if report.blocks else "holds no block"
    if report.anchor and report.anchor.unmet:
        return "holds, but does not meet the policy"
    return "verified, every byte" + (" that was read" if report.unread_blocks else "")


def _stopped(report: Report) -> bool:
    return report.finding is not None and report.finding.kind not in _SOFTER


def _trouble(report: Report) -> list[str]:
    if report.too_new is not None:
        return ["  what to do: install a newer medchain"]
    if report.finding:
        advice = _ADVICE.get(report.finding.kind, ADVICE)
        return [f"  finding: {report.finding}", *_evidence(report), f"  what to do: {advice}"]
    if report.anchor and report.anchor.short:
        return [
            f"  finding: the ledger has {plural(report.blocks, 'block')}, and the checkpoint more",
            "  what to do: it was cut or is an old copy; fetch the newest, and keep this one",
        ]
    unmet = report.anchor.unmet if report.anchor else ()
    return [f"  policy: {printable(reason)}" for reason in unmet] + _tail(report)


def _evidence(report: Report) -> list[str]:
    if not report.anchor or not report.finding or report.finding.kind != "checkpoint":
        return []
    if report.anchor.evidence:
        return [
            f"  evidence: {report.anchor.evidence} proves to anyone that its log signed two "
            "histories; medchain check confirms it"
        ]
    return [
        "  evidence: no checkpoint beside the ledger shows that its log signed for these blocks "
        "too: whoever changed them may be another"
    ]


def _tail(report: Report) -> list[str]:
    if report.tail:
        return [
            f"  torn tail: {plural(report.tail.size, 'byte')} from line {report.tail.line}, byte "
            f"{report.tail.offset}, that no block line commits"
            + (f" ({report.tail_note})" if report.tail_note else ""),
            "  what to do: the next ingest moves them aside and says so in the ledger; "
            "if this is an archived copy, fetch it again",
        ]
    return []


def _facts(report: Report, seconds: float | None) -> list[tuple[str, str]]:
    facts = [
        ("blocks", f"{report.blocks:,}" + (" before the finding" if _stopped(report) else "")),
        ("records", _records(report)),
        *_kinds(report),
    ]
    if report.first_time is not None and report.last_time is not None:
        facts.append(("time", f"{iso_time(report.first_time)} to {iso_time(report.last_time)}"))
    facts += [
        ("models", ", ".join(report.models) or ("none" if report.unread_blocks else "none yet")),
        ("root over all blocks", report.root),
        ("work", f"{report.work:,} hashes{_again(seconds)}"),
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
    if report.models_signed_by:
        facts.append(("models signed by", ", ".join(map(printable, report.models_signed_by))))
    if report.verdicts_declared:
        text = f"{report.verdicts_declared:,}, as declared; nobody can repeat such verdicts here"
        facts.append(("of declared models", text))
    return facts + _anchoring(report)


def erasure_text(erasure: Erasure) -> str:
    """What was erased, when, and why."""
    what = numbers(erasure.records) if erasure.records else "no record"
    return f"{what}, on {iso_time(erasure.time)}: {printable(erasure.reason)}"


def _again(seconds: float | None) -> str:
    return "" if seconds is None else f"; this machine mines it again in {duration(seconds)}"


def _records(report: Report) -> str:
    if not report.unread_blocks:
        return f"{report.records:,}, of which {report.anomalies:,} anomalous"
    read = report.records - report.unread_records
    return f"{report.records:,}; {read:,} were read, of which {report.anomalies:,} anomalous"


def _kinds(report: Report) -> list[tuple[str, str]]:
    counts = report.records_by_event.items()
    return [(f"in '{printable(kind)}' events", f"{count:,}") for kind, count in counts]


def _anchoring(report: Report) -> list[tuple[str, str]]:
    anchor = report.anchor
    if anchor is None or not anchor.blocks:
        none = f"none of {plural(report.blocks, 'block')}"
        why = "" if anchor else ": without a checkpoint kept elsewhere, "
        return [("anchored", none + (why and f"{why}its owner can cut it or mine it again"))]
    signers = ", ".join(key.partition("+")[0] for key in anchor.logs)
    facts = [
        ("anchored", f"blocks 0 to {anchor.blocks - 1:,}, signed by {printable(signers)}"),
        ("not anchored", plural(anchor.unanchored, "block")),
    ]
    for name, time in anchor.witnesses.items():
        facts.append(("cosigned", f"{iso_seconds(time)} by {printable(name)}"))
    if anchor.stamped is not None:
        words = f"{iso_time(anchor.stamped)} by {printable(anchor.authority)}"
        facts.append(("time-stamped", words))
    if anchor.block_time is not None:
        facts.append(("by its own word", f"{iso_time(anchor.block_time)}, its last anchored block"))
    if report.unread_blocks:
        facts.append(
            (
                "not read",
                f"blocks 0 to {report.unread_blocks - 1:,} with {report.unread_records:,} records: "
                "taken from the checkpoint; whether their bytes are still whole was not asked",
            )
        )
    return facts
