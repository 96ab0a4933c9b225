"""Demo: the whole road, from synthetic patients to pictures, in one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import fs
from ..errors import UsageError
from ..ledger.reader import open_ledger
from ..ledger.verify import Report, Walk
from .audit import verify
from .ingest import IngestSummary, ingest
from .plot import plot
from .train import train

KNOWN = 1800
NEW = 200
ANOMALY_RATE = 0.08
BATCH = 10
PICTURES = {
    "anomaly-rate": "anomaly-rate.png",
    "scores": "scores.png",
    "timeline": "timeline.png",
    "mining": "mining.png",
    "overview": "overview.png",
}


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo did: where it lies, what was recorded, and what verification said."""

    folder: Path
    metrics: dict[str, Any]
    summary: IngestSummary
    found: dict[str, tuple[int, int]]
    report: Report
    tampered: Report
    pictures: tuple[Path, ...]


def demo(
    output: str | Path = "medchain-demo",
    *,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> Demo:
    """Make 2000 patients, train on 1800, record 200 in blocks of 10, verify, tamper, draw.

    Everything lands in the folder `output`, which must be new or empty. `say` is told each stage.
    """
    tell = say or (lambda _: None)
    folder = _new_folder(Path(output))
    known, new = folder / "known-patients.csv", folder / "new-patients.csv"
    kinds = _make_patients(known, new, seed)
    anomalous = sum(bool(kind) for kind in kinds)
    tell(f"1. {KNOWN + NEW:,} synthetic patients: {KNOWN:,} known, {NEW} new")
    tell(f"   anomalies among the new ones: {anomalous} of {len(set(kinds) - {''})} kinds")

    tell(f"2. Training on {known.name} (TensorFlow takes some seconds to start)")
    trained = train(known, label="anomaly", id="patient_id", output=folder / "model", seed=seed)
    tell(f"   {_figures(trained.metrics)}")

    ledger = folder / "ledger.jsonl"
    tell(f"3. Scoring {new.name} and mining it into blocks of {BATCH}")
    summary = ingest(new, model=folder / "model", ledger=ledger, batch_size=BATCH)
    found = _found(ledger, kinds)
    tell(f"   {summary.records} records in {summary.blocks} blocks of {summary.bits} bits each")
    tell(f"   {_found_words(found)}")

    report = verify(ledger, vault=True, model=folder / "model")
    tell(f"4. Verifying {ledger.name}: every byte, every seal, every score")
    tell(f"   {'verified' if report.ok else report.finding}; root {report.root[:16]}…")

    tampered = verify(_tamper(ledger, folder / "tampered.jsonl"))
    tell("5. Turning one verdict in tampered.jsonl, a copy, and verifying that")
    tell(f"   caught: {tampered.finding}")

    pictures = tuple(folder / name for name in PICTURES.values())
    for kind, picture in zip(PICTURES, pictures, strict=True):
        plot(ledger, picture, kind=kind)
    tell(f"6. Pictures: {', '.join(picture.name for picture in pictures)} in {folder}")
    return Demo(folder, trained.metrics, summary, found, report, tampered, pictures)


def _new_folder(folder: Path) -> Path:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} exists and is not empty",
            hint="name another folder with --output, or remove that one",
        )
    fs.make_folder(folder)
    return folder


def _make_patients(known: Path, new: Path, seed: int) -> list[str]:
    """Write both tables; returns the kind of anomaly of each new patient."""
    from ..tabular.synthetic import patients

    learnt = patients(KNOWN, 2 * seed, ANOMALY_RATE)
    met = patients(NEW, 2 * seed + 1, ANOMALY_RATE, first=KNOWN + 1)
    fs.replace(known, learnt.csv(label=True))
    fs.replace(new, met.csv(label=False))
    return met.kinds


def _found(ledger: Path, kinds: list[str]) -> dict[str, tuple[int, int]]:
    """Of each kind of anomaly, how many the ledger calls anomalous, and how many there are."""
    with open_ledger(ledger) as stream:
        verdicts = [record.anomaly for block in Walk(stream) for record in block.rows()]
    total = Counter(kinds)
    caught = Counter(kind for kind, verdict in zip(kinds, verdicts, strict=True) if verdict)
    return {kind: (caught[kind], total[kind]) for kind in sorted(total)}


def _found_words(found: dict[str, tuple[int, int]]) -> str:
    kinds = [f"{kind} {hit} of {total}" for kind, (hit, total) in found.items() if kind]
    false, normal = found.get("", (0, 0))
    return f"found: {', '.join(kinds)}; false alarms: {false} of {normal}"


def _tamper(ledger: Path, copy: Path) -> Path:
    """Copy the ledger with the first anomalous verdict turned into a normal one."""
    data = ledger.read_bytes()
    fs.replace(copy, data.replace(b'"anomaly":true', b'"anomaly":false', 1))
    return copy


def _figures(metrics: dict[str, Any]) -> str:
    held, beside = metrics["held_out"], metrics["logistic_regression"]
    names = {"roc_auc": "ROC AUC", "average_precision": "average precision"}
    said = [f"{name} {held[key]:.3f} ({beside[key]:.3f})" for key, name in names.items()]
    return (
        f"on {held['rows']} held-out rows, {held['base_rate']:.1%} anomalous: {', '.join(said)}; "
        "in brackets a logistic regression"
    )
