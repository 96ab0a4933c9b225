"""Formats that were released are read for ever: the archived ledger, and bundles of old formats."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from medchain.ledger.reader import open_ledger
from medchain.ledger.verify import Walk
from medchain.pipeline.audit import verify
from medchain.pipeline.plot import plot

DATA = Path(__file__).parent.parent / "data"
LEDGER = DATA / "archive" / "ledger-2026.jsonl.gz"
MODEL = DATA / "archive" / "model"
GOLDEN = Path(__file__).parent / "golden"


def test_the_archived_ledger_verifies() -> None:
    report = verify(LEDGER)
    assert report.ok
    assert (report.blocks, report.records, report.anomalies) == (11, 200, 57)
    assert report.root == "e41bddc85070378d65c8d0ab221fa3209eee86d7959daff6bdda74ea214facc6"
    assert report.models == ("a140bec973c9a40313d765bd1bdba6fd515d5c7f0ac6535b5853f57ebcfcdccd",)


def test_its_bundle_still_gives_the_recorded_scores() -> None:
    from medchain.detect.bundle import Bundle
    from medchain.detect.scoring import Scorer

    bundle = Bundle.load(MODEL)
    assert bundle.digest == verify(LEDGER).models[0]
    scorer = Scorer(bundle)
    with (DATA / "patients.csv").open(newline="") as file:
        columns, *rows = csv.reader(file)
    assert scorer.bind(columns) == ["patient_id"]
    scores, problems = scorer.score(rows)
    with open_ledger(LEDGER) as stream:
        recorded = [row for block in Walk(stream) for row in block.rows()]
    assert not problems
    assert [row.score for row in recorded] == pytest.approx(scores.tolist(), abs=2e-6)
    assert [row.anomaly for row in recorded] == (scores >= scorer.threshold).tolist()


def test_a_bundle_of_format_2_still_gives_its_scores() -> None:
    from medchain.detect.bundle import Bundle
    from medchain.detect.scoring import Scorer

    bundle = Bundle.load(GOLDEN / "model-2")
    assert bundle.manifest["format"] == 2
    scorer = Scorer(bundle)
    with (DATA / "patients.csv").open(newline="") as file:
        columns, *rows = csv.reader(file)
    scorer.bind(columns)
    scores, _ = scorer.score(rows)
    said = json.loads((GOLDEN / "model-2-scores.json").read_text())
    assert scores.tolist() == pytest.approx(said, abs=2e-6)


def test_it_holds_nothing_of_the_patients_and_is_drawn_again(tmp_path: Path) -> None:
    with open_ledger(LEDGER) as stream:
        text = stream.read().decode()
    with (DATA / "patients.csv").open(newline="") as file:
        assert all(row["patient_id"] not in text for row in csv.DictReader(file))
    plot(LEDGER, tmp_path / "archived.svg", kind="overview")
    assert (tmp_path / "archived.svg").stat().st_size > 10_000
