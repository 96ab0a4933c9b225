"""The tables of the tour in ``data/`` are the ones that its README describes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from medchain.tabular import open_table

DATA = Path(__file__).parents[2] / "data"


def rows(name: str) -> tuple[tuple[str, ...], list[list[str]]]:
    with open_table(DATA / name) as table:
        return table.columns, [row for batch in table.batches(100) for row in batch.rows]


def test_split() -> None:
    columns, labelled = rows("heart.csv")
    unlabelled_columns, unlabelled = rows("patients.csv")
    assert columns[0] == "patient_id"
    assert columns == (*unlabelled_columns, "anomaly")
    assert (len(labelled), len(unlabelled)) == (720, 200)
    assert len({row[0] for row in labelled + unlabelled}) == 920
    assert sum(row[-1] == "1" for row in labelled) == 132
    assert {row[-1] for row in labelled} == {"0", "1"}


def test_readme_names_every_column_and_the_bytes() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for name in ("heart.csv", "patients.csv"):
        digest = hashlib.sha256((DATA / name).read_bytes()).hexdigest()
        assert f"| `{name}` | `{digest}` |" in readme
    columns, labelled = rows("heart.csv")
    for place, column in enumerate(columns):
        missing = sum(row[place] == "" for row in labelled)
        (line,) = [line for line in readme.splitlines() if line.startswith(f"| `{column}` |")]
        assert line.endswith(f"| {missing} |")
    assert "10.24432/C52P4X" in readme
    assert "CC BY 4.0" in readme
