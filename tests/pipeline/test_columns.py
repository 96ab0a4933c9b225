"""A table in another notation gives the same scores; every bad row is told; nothing is silent."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from medchain.errors import TableError
from medchain.pipeline.ingest import ingest
from medchain.pipeline.inspect import inspect
from medchain.pipeline.train import train
from medchain.tabular.synthetic import Patients
from tests.cli.run import medchain

Lines = list[list[str]]


def write(path: Path, lines: Lines) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return path


def german(lines: Lines) -> Lines:
    """The table as a German program writes it."""
    numeric = lines[0].index("bmi")
    return [
        lines[0],
        *([*r[:numeric], *(c.replace(".", ",") for c in r[numeric:])] for r in lines[1:]),
    ]


@pytest.fixture(scope="module")
def lines(cohort: Patients) -> Lines:
    return list(csv.reader(cohort.csv(label=True).decode().splitlines()))


@pytest.fixture(scope="module")
def trained(lines: Lines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the table with decimal commas."""
    folder = tmp_path_factory.mktemp("german")
    train(
        write(folder / "t.csv", german(lines)),
        label="anomaly",
        id="patient_id",
        output=folder / "model",
    )
    return folder / "model"


def scores(table: Path, model: Path) -> list[float]:
    from medchain.detect.bundle import Bundle
    from medchain.detect.scoring import Scorer
    from medchain.tabular import open_table

    scorer = Scorer(Bundle.load(model))
    with open_table(table) as source:
        scorer.bind(source.columns)
        rows = [row for batch in source.batches(1000) for row in batch.rows]
    found, problems = scorer.score(rows)
    assert not problems
    return list(found)


def test_commas_and_points_give_the_same_scores(
    lines: Lines, trained: Path, model: Path, tmp_path: Path
) -> None:
    point = write(tmp_path / "point.csv", lines)
    comma = write(tmp_path / "comma.csv", german(lines))
    assert scores(point, trained) == scores(comma, trained)
    assert scores(point, model) == scores(comma, model) == scores(point, trained)


def test_a_recorded_row_in_another_notation_is_scored_again(
    lines: Lines, trained: Path, tmp_path: Path
) -> None:
    write(tmp_path / "comma.csv", german(lines))
    words = ("ingest", "comma.csv", "--model", trained, "--bits", "4")
    assert medchain(*words, folder=tmp_path).returncode == 0
    done = medchain("verify", "ledger.jsonl", "--vault", "--model", trained, folder=tmp_path)
    assert done.returncode == 0, done.stdout


def spoilt(lines: Lines) -> Lines:
    made = [list(row) for row in lines]
    urea, bmi = lines[0].index("urea"), lines[0].index("bmi")
    for row in (30, 60, 90):
        made[row][urea] = "SECRET"
    made[40][bmi] = "1,234"
    made[50] = made[50][:-1]
    return made


def test_every_bad_row_is_told(lines: Lines, model: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "bad.csv", spoilt(lines))
    listed = tmp_path / "rejects.csv"
    with pytest.raises(TableError) as caught:
        ingest(table, model=model, ledger=tmp_path / "l.jsonl", rejects=listed)
    assert "line 31, column 'urea': text in a numeric column; 5 rows are bad" in str(caught.value)
    assert len(caught.value.details) == 3
    assert "3 rows: column 'urea'" in caught.value.details[0]
    assert len(listed.read_text().splitlines()) == 6
    assert not (tmp_path / "l.jsonl").exists()
    with pytest.raises(TableError) as caught:
        train(table, label="anomaly", output=tmp_path / "m", rejects=listed)
    assert "5 rows are bad; all are listed in" in str(caught.value)
    assert "SECRET" not in str(caught.value) + listed.read_text()


def test_train_leaves_bad_rows_out_when_asked(lines: Lines, tmp_path: Path) -> None:
    write(tmp_path / "bad.csv", spoilt(lines))
    words = ("train", "bad.csv", "--label", "anomaly", "--skip-bad-rows", "--rejects", "r.csv")
    done = medchain(*words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "5 rows could not be read and were left out" in done.stderr
    assert (tmp_path / "r.csv").exists()


def test_inspect_writes_the_plan_that_train_reads(lines: Lines, tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", german(lines))
    shown = medchain("inspect", "t.csv", "--label", "anomaly", "-o", "plan.toml", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "decimal comma" in shown.stdout
    plan = tmp_path / "plan.toml"
    plan.write_text(
        plan.read_text().replace(
            '[columns."urea"]\n# decimal comma\nkind = "numeric"',
            '[columns."urea"]\nkind = "dropped"',
        )
    )
    trained = train(table, plan=plan, output=tmp_path / "m")
    assert "urea" not in trained.schema.features
    assert trained.schema.label is not None


def test_inspect_shows_no_cell_and_survives_any_name(tmp_path: Path) -> None:
    rows = [["a\nb", "word"], *([str(n * 0.37), f"CANARY{n}"] for n in range(50))]
    write(tmp_path / "t.csv", rows)
    done = medchain("inspect", "t.csv", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "a\ufffdb" in done.stdout
    assert "CANARY" not in done.stdout + done.stderr
    found = inspect(tmp_path / "t.csv")
    assert [kind for _, kind, _ in found.columns] == ["numeric", "identifier"]


def test_several_kinds_of_rows_are_said_and_picked(tmp_path: Path) -> None:
    head = ["patient", "form", "age", "sex", "height", "crp", "urea", "sodium"]
    base = [
        [f"P{n}", "", str(n % 60), "mf"[n % 2], str(150 + n % 40), "", "", ""] for n in range(60)
    ]
    labs = [
        [f"P{n % 60}", "lab", "", "", "", str(n % 50), str(n % 9 * 1.5), str(130 + n % 13)]
        for n in range(200)
    ]
    table = write(tmp_path / "t.csv", [head, *base, *labs])
    found = inspect(table)
    assert (
        "several kinds: 6 columns are filled for some values of column 'form'" in found.warnings[0]
    )
    trained = train(table, where=("form", "lab"), output=tmp_path / "m")
    assert trained.schema.features == ("crp", "urea", "sodium")
    with pytest.raises(TableError, match="a row of another kind than the model's; 60 rows are bad"):
        ingest(table, model=tmp_path / "m", ledger=tmp_path / "l.jsonl")
