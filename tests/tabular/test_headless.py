"""A first row of data is refused as a header and never shown; real headers pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from medchain.errors import TableError
from medchain.tabular import open_table
from medchain.tabular.headless import refuse_headless
from tests.cli.run import medchain

DATA = Path(__file__).parents[2] / "data"
ROWS = [
    [f"HEA-{n:05}", str(40 + n), ("smoker", "none")[n % 2], f"2026-01-{n + 10}"] for n in range(20)
]


@pytest.mark.parametrize(
    "names",
    [
        ["HEA-00999", "age", "smokes", "day"],
        ["id", "71.5", "smokes", "day"],
        ["id", "age", "smoker", "day"],
        ["id", "age", "smokes", "2026-02-11"],
    ],
)
def test_one_name_that_looks_like_its_column_is_enough(names: list[str]) -> None:
    with pytest.raises(TableError, match="looks like a row of data") as caught:
        refuse_headless(names, ROWS, "t.csv")
    place = next(n for n, name in enumerate(names) if name not in ("id", "age", "smokes", "day"))
    assert names[place] not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("first", [0, 1, 2019])
def test_names_that_count_up_are_names(first: int) -> None:
    names = [str(first + n) for n in range(4)]
    refuse_headless(names, [["5", "7.5", "3", ""], ["1", "2", "", "9"]], "t.csv")


def test_real_headers_pass() -> None:
    for path in (DATA / "heart.csv", DATA / "patients.csv"):
        with open_table(path) as table:
            batch = next(table.batches(4096))
            refuse_headless(table.columns, batch.rows, table.name)


def test_a_header_that_comes_again_is_no_data() -> None:
    refuse_headless(["id", "age"], [["P1", "50"], ["id", "age"], ["P2", "60"]], "t.csv")


def test_train_shows_no_cell_of_a_table_without_a_header(tmp_path: Path) -> None:
    lines = (DATA / "heart.csv").read_text().splitlines(keepends=True)
    first = ",".join(["HEA-77310", *(f"{n}.7731" for n in range(lines[1].count(",") - 1))])
    (tmp_path / "t.csv").write_text(first + ",1\n" + "".join(lines[1:]))
    done = medchain("train", "t.csv", "--label", "anomaly", folder=tmp_path)
    assert done.returncode == 20
    assert "looks like a row of data in column 1" in done.stderr
    assert "7731" not in done.stdout + done.stderr
    assert not (tmp_path / "model").exists()


def test_names_that_stand_twice_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("P1,CANARY,CANARY\nP2,yes,no\n")
    with pytest.raises(TableError, match="columns 2 and 3") as caught:
        open_table(tmp_path / "t.csv")
    assert "CANARY" not in str(caught.value) + caught.value.hint
