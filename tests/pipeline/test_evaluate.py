"""Evaluate: the road from a bundle and a table to a report and its pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medchain.detect.bundle import CARD, Bundle
from medchain.errors import ModelError, TableError, UsageError
from medchain.pipeline.evaluate import evaluate
from medchain.plotting import evaluation
from medchain.tabular.synthetic import patients
from tests.cli.run import medchain


@pytest.fixture(scope="module")
def labelled_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluated") / "new.csv"
    path.write_bytes(patients(300, seed=77, anomaly_rate=0.1).csv(label=True))
    return path


def test_report_and_pictures(model: Path, labelled_table: Path, tmp_path: Path) -> None:
    report = evaluate(
        model, labelled_table, label="anomaly", by=["sex"], output=tmp_path / "report"
    )
    assert report["model"] == Bundle.load(model).digest
    assert (report["rows"], report["left_out"], report["resampled"]) == (300, 0, "patients")
    assert sum(group["rows"] for group in report["groups"]) == 300
    found = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    assert set(found) == {
        "evaluation.json", "evaluation.png", "roc.png", "precision-recall.png", "thresholds.png",
        "calibration.png",
    }  # fmt: skip
    assert json.loads(found["evaluation.json"]) == json.loads(json.dumps(report))
    assert all(data[:4] == b"\x89PNG" for name, data in found.items() if name.endswith(".png"))


def test_rows_without_a_label_are_left_out(
    model: Path, labelled_table: Path, tmp_path: Path
) -> None:
    lines = labelled_table.read_text().splitlines()
    place = lines[0].split(",").index("anomaly")
    cells = lines[5].split(",")
    cells[place] = ""
    lines[5] = ",".join(cells)
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    report = evaluate(model, tmp_path / "t.csv", label="anomaly")
    assert (report["rows"], report["left_out"]) == (299, 1)


def test_the_line_at_the_threshold_is_where_it_is(model: Path, labelled_table: Path) -> None:
    report = evaluate(model, labelled_table, label="anomaly")
    (axes,) = evaluation.draw(report, "thresholds").axes
    (line,) = [artist for artist in axes.lines if artist.get_gid() == "threshold"]
    assert set(line.get_xdata()) == {report["threshold"]}
    recall = next(artist for artist in axes.lines if artist.get_gid() == "recall")
    assert list(recall.get_ydata()) == report["curves"]["recall"]
    (axes,) = evaluation.draw(report, "roc").axes
    (mark,) = [artist for artist in axes.lines if artist.get_gid() == "threshold"]
    assert mark.get_ydata()[0] == report["figures"]["recall"][0]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"label": "nowhere"}, UsageError, "no column 'nowhere'"),
        ({"label": "anomaly", "by": ["nowhere"]}, UsageError, "no column 'nowhere'"),
        ({"label": "sex"}, UsageError, "one class only"),
        ({"label": "anomaly", "positive": "7"}, UsageError, "does not occur"),
    ],
)
def test_what_it_refuses(
    model: Path, labelled_table: Path, options: dict[str, object], error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        evaluate(model, labelled_table, **options)  # type: ignore[arg-type]


def test_bad_tables_and_folders(model: Path, labelled_table: Path, tmp_path: Path) -> None:
    lines = labelled_table.read_text().splitlines()
    (tmp_path / "other.csv").write_text("a,anomaly\n1,0\n2,1\n")
    with pytest.raises(ModelError, match="lacks"):
        evaluate(model, tmp_path / "other.csv", label="anomaly")
    cells = lines[2].split(",")
    cells[lines[0].split(",").index("age")] = "old"
    (tmp_path / "bad.csv").write_text("\n".join([*lines[:2], ",".join(cells), *lines[3:]]))
    with pytest.raises(TableError, match="line 3, column 'age'"):
        evaluate(model, tmp_path / "bad.csv", label="anomaly")
    with pytest.raises(UsageError, match="is a file"):
        evaluate(model, labelled_table, label="anomaly", output=tmp_path / "bad.csv")


def test_on_the_command_line(model: Path, labelled_table: Path, tmp_path: Path) -> None:
    words = ("evaluate", model, labelled_table, "--label", "anomaly")
    done = medchain(*words, "--by", "sex", folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    for word in ("ROC AUC", "average precision", "(", "sex: ", "resampled patients"):
        assert word in done.stdout
    document = json.loads(medchain(*words, "--json", folder=tmp_path).stdout)
    text = (Path(__file__).parent.parent.parent / "docs" / "scripting.md").read_text()
    part = text.partition("## evaluate --json")[2].partition("\n## ")[0]
    assert all(f"`{key}`" in part for key in (*document, *document["figures"]))


def test_the_card_says_what_the_model_is_and_holds_no_cell(model: Path, cohort: object) -> None:
    card = Bundle.load(model).files[CARD].decode()
    for word in ("# Model card", "supervised", "| age | numeric |", "## Threshold", "## Limits"):
        assert word in card
    rows = cohort.csv(label=True).decode().splitlines()[1:]  # type: ignore[attr-defined]
    assert not any(row.split(",")[0] in card for row in rows)
    assert "cohort.csv" not in card


def test_no_picture_is_cut_off(model: Path, labelled_table: Path) -> None:
    report = evaluate(model, labelled_table, label="anomaly")
    for kind in evaluation.kinds(report):
        figure = evaluation.draw(report, kind)
        figure.canvas.draw()
        boxes = [axes.get_tightbbox() for axes in figure.axes]
        for box in boxes + [text.get_window_extent() for text in figure.texts]:
            assert box is not None
            assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
            assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
