"""Each kind of column that clinics export is read for what it is, or said to be lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from medchain.detect.columns.decide import decide
from medchain.detect.columns.plan import ColumnPlan, TablePlan
from medchain.detect.columns.reader import Reader
from medchain.detect.columns.toml import read_plan, write_plan
from medchain.errors import UsageError

ROWS = 400
Make = Callable[[int, Random], str]


def column(make: Make) -> list[str]:
    random = Random(7)
    return [make(row, random) for row in range(ROWS)]


def planned(name: str, cells: list[str], **options: str) -> tuple[ColumnPlan, TablePlan]:
    plan = decide([name, "other"], [(cell, "1.5") for cell in cells], **options)
    return plan.columns[0], plan


def read(name: str, cells: list[str]) -> dict[str, list[str]]:
    found = Reader(planned(name, cells)[1]).read({name: cells, "other": ["1"] * len(cells)})
    assert not found.bad
    return {part: list(values) for part, values in found.cells.items() if part != "other"}


NUMBERS: dict[str, tuple[Make, Callable[[str], float]]] = {
    "decimal comma": (
        lambda _, r: f"{r.gauss(25, 4):.2f}".replace(".", ","),
        lambda cell: float(cell.replace(",", ".")),
    ),
    "thousands": (
        lambda _, r: f"{r.randrange(10**5, 10**6):,}",
        lambda cell: float(cell.replace(",", "")),
    ),
    "percent": (lambda _, r: f"{r.uniform(80, 100):.1f}%", lambda cell: float(cell[:-1])),
    "unit": (lambda _, r: f"{r.randrange(20, 99)} mg/dl", lambda cell: float(cell.split()[0])),
    "a third below": (
        lambda n, r: "<0.5" if n % 3 == 0 else f"{r.uniform(1, 9):.1f}",
        lambda cell: float(cell.lstrip("<")),
    ),
    "one of fifty below": (
        lambda n, r: "<0.5" if n % 50 == 0 else f"{r.uniform(1, 9):.1f}",
        lambda cell: float(cell.lstrip("<")),
    ),
    "typographic": (
        lambda _, r: f"{r.uniform(-9, 9):.1f}\u00a0".replace("-", "\u2212"),
        lambda cell: float(cell.strip().replace("\u2212", "-")),
    ),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_read_in_their_notation(name: str) -> None:
    make, value = NUMBERS[name]
    cells = column(make)
    found, _ = planned("x", cells)
    assert found.kind == "numeric"
    assert [float(cell) for cell in read("x", cells)["x"]] == [value(cell) for cell in cells]


def test_a_limit_is_a_feature_of_its_own() -> None:
    cells = column(NUMBERS["a third below"][0])
    assert read("crp", cells)["crp: limit"].count("below") == 134


def test_what_may_be_thousands_is_said() -> None:
    found, _ = planned("x", column(NUMBERS["thousands"][0]))
    assert "400 cells like 1,234 are read as thousands" in found.remarks[0]
    found, _ = planned("x", column(lambda _, r: f"{r.randrange(1, 9)}.{r.randrange(1000):03d}"))
    assert found.kind == "numeric"
    assert "like 1.234 are read as decimals" in found.remarks[0]
    plan = decide(["x", "y"], [(f"1,{n:03d}", f"1,{n % 10}") for n in range(100)])
    assert plan.columns[0].notation.decimal == ","


@pytest.mark.parametrize("code", ["-999", "9999", "-999.0"])
def test_codes_for_missing_values_are_missing(code: str) -> None:
    cells = column(lambda n, r: code if n % 20 == 0 else f"{r.gauss(140, 3):.1f}")
    assert read("sodium", cells)["sodium"].count("") == 20
    assert "taken as missing in 20 cells" in planned("sodium", cells)[0].remarks[0]


def test_a_code_that_few_have_is_not_named() -> None:
    cells = column(lambda n, r: "-999" if n < 4 else f"{r.gauss(140, 3):.1f}")
    found, plan = planned("sodium", cells)
    assert "looks like a code for missing values" in found.remarks[0]
    assert "999" not in write_plan(plan)


def test_excel_errors_and_words_are_missing() -> None:
    words = ["#DIV/0!", "not done", "n.a.", "-"]
    cells = column(lambda n, r: words[n // 40 % 4] if n % 40 == 0 else f"{r.gauss(5, 1):.1f}")
    assert read("crp", cells)["crp"].count("") == 10


def test_words_for_yes_and_no_are_two_levels() -> None:
    cells = column(lambda _, r: r.choice(["yes", "No", "TRUE", "y", "1", "0", "false", "n"]))
    assert planned("smoker", cells)[0].kind == "boolean"
    assert set(read("smoker", cells)["smoker"]) == {"yes", "no"}


def test_spellings_are_one_level() -> None:
    cells = column(lambda _, r: r.choice(["male", "Male", " male", "F", "female", "m"]))
    assert set(read("sex", cells)["sex"]) == {"male", "female"}
    cells = column(lambda _, r: r.choice(["ICU", "icu ", "Ward  A", "ward a"]))
    assert len(set(read("unit", cells)["unit"])) == 2


@pytest.mark.parametrize("codes", [["01234", "00234", "99999"], ["038", "250", "401"]])
def test_zeros_in_front_are_kept(codes: list[str]) -> None:
    cells = column(lambda _, r: r.choice(codes))
    assert planned("x", cells)[0].kind == "categorical"
    assert set(read("x", cells)["x"]) == set(codes)
    reader = Reader(planned("x", cells)[1])
    lost = reader.read({"x": [codes[0].lstrip("0")], "other": ["1"]})
    assert lost.cells["x"][0] == codes[0]


def test_dates_become_age_days_hour_and_weekday() -> None:
    rows = [
        ("1950-05-17", f"2024-01-{1 + n % 28:02d} {n % 24:02d}:30", "05.02.2024") for n in range(60)
    ]
    plan = decide(["birth_date", "admitted", "discharged"], rows)
    cells = dict(
        zip(("birth_date", "admitted", "discharged"), zip(*rows, strict=True), strict=True)
    )
    found = Reader(plan).read(cells).cells
    assert set(found) == {
        "birth_date: age",
        "admitted: weekday",
        "admitted: hour",
        "discharged: days",
    }
    assert [values[0] for values in found.values()] == ["73.6278", "mon", "0.5", "35.0"]


def test_a_date_alone_is_no_cell_of_the_plan() -> None:
    _, plan = planned("dob", column(lambda n, r: f"{1930 + n % 70}-03-{1 + n % 28:02d}"))
    assert "since = 1999-12-31" in write_plan(plan)


def test_unclear_dates_are_said() -> None:
    found, _ = planned("admitted", column(lambda n, r: f"0{1 + n % 9}/0{1 + n % 7}/2024"))
    assert "day and month cannot be told apart" in found.remarks[0]


def test_a_pair_is_two_numbers() -> None:
    cells = column(lambda _, r: f"{r.randrange(90, 180)}/{r.randrange(50, 99)}")
    found = read("bp", cells)
    assert [f"{float(a):g}/{float(b):g}" for a, b in zip(*found.values(), strict=True)] == cells


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("contact", lambda n, r: str(r.randrange(2 * 10**9, 10**10))),
        ("phone", lambda n, r: f"0{r.randrange(10**8, 10**9)}"),
        ("lat", lambda n, r: f"{r.uniform(45, 55):.5f}"),
        ("home longitude", lambda n, r: f"{r.uniform(-9, 9):.5f}"),
        ("nhs_number", lambda n, r: str(r.randrange(10**6, 10**7))),
        ("who", lambda n, r: f"p{n}@example.org"),
        ("form_1_complete", lambda n, r: str(n % 3)),
    ],
)
def test_what_could_name_a_person_is_no_feature(name: str, make: Make) -> None:
    assert planned(name, column(make))[0].kind == "identifier"


def test_free_text_is_no_feature() -> None:
    found, _ = planned("note", column(lambda n, r: f"patient {n} felt well today"))
    assert found.kind == "text"


def test_an_identifier_that_repeats_is_the_group() -> None:
    cells = column(lambda n, r: str(r.randrange(20)))
    _, plan = planned("patient_id", cells)
    assert plan.group == "patient_id"
    assert "20 values in 400 rows: taken as the group" in plan.remarks[0]
    assert planned("patient_id", cells, id="other")[1].group is None


def test_codes_without_order_are_no_numbers() -> None:
    cells = column(lambda n, r: str(r.randrange(1, 6)))
    assert planned("race", cells)[0].kind == "categorical"
    assert planned("stage", cells)[0].kind == "numeric"
    assert set(read("race", cells)["race"]) == set("12345")


def test_levels_that_few_have_are_said() -> None:
    cells = column(lambda n, r: f"level {n % 7}" if n % 10 == 0 else "")
    found, plan = planned("race", cells)
    assert "no level has ten patients" in found.remarks[0]
    assert "level" not in write_plan(plan).replace("no level", "").replace("levels", "")


def test_numbers_among_words_are_said() -> None:
    cells = column(lambda n, r: r.choice("abcdefg") if n % 3 == 0 else str(n % 30))
    assert "66% of the cells are numbers" in planned("x", cells)[0].remarks[0]


def every_kind() -> TablePlan:
    random = Random(3)
    names = ["bmi", "crp", "sex", "zip", "dob", "in", "bp", "smoker", "id", "race"]
    rows = [
        (
            f"{random.gauss(25, 4):.2f}".replace(".", ","),
            "<5 mg/l" if n % 9 == 0 else f"{n % 50} mg/l",
            random.choice(["m", "Male", "female"]),
            f"0{n % 9}",
            f"19{50 + n % 40}-01-0{1 + n % 9}",
            f"0{1 + n % 9}.12.2023",
            f"12{n % 10}/80",
            random.choice(["yes", "N", "true"]),
            str(n // 4),
            str(n % 5),
        )
        for n in range(ROWS)
    ]
    return decide(names, rows, label=None)


def test_a_plan_comes_back_from_json_and_from_its_file(tmp_path: Path) -> None:
    plan = every_kind()
    assert TablePlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    file = tmp_path / "plan.toml"
    file.write_text(write_plan(plan), "utf-8")
    found = read_plan(file)
    assert (found.group, found.label) == (plan.group, plan.label)
    for mine, theirs in zip(plan.columns, found.columns, strict=True):
        assert (mine.kind, mine.notation, mine.dates, mine.words) == (
            theirs.kind,
            theirs.notation,
            theirs.dates,
            theirs.words,
        )


@pytest.mark.parametrize("other", [None, 7, "x", [], {}, [1], {"a": 1}, "x" * 5000, True, 10**400])
def test_a_plan_with_anything_else_in_it_is_refused(other: object) -> None:
    about = every_kind().to_json()
    for place, entry in enumerate(about["columns"]):
        for key in entry:
            spoilt = json.loads(json.dumps(about))
            spoilt["columns"][place][key] = other
            try:
                TablePlan.from_json(spoilt)
            except ValueError:
                continue
    for key in ("columns", "more"):
        with pytest.raises(ValueError, match=r"."):
            TablePlan.from_json({**about, key: other if other != [] else 3})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("columns = 3", "names no columns"),
        ("[columns.a", "no TOML"),
        ('[columns.a]\nkind = "number"', "column 'a': not one of"),
        ('[columns.a]\nkind = "numeric"\ndecimal = ","\nthousands = ","', "same mark"),
        ('[columns.a]\nkind = "date"\nfeatures = ["age"]', "need a column or a day"),
        ('[columns.a]\nkind = "date"\nfeatures = ["days"]\nsince = "b"', "not there"),
        ('label = "b"\n[columns.a]\nkind = "numeric"', "not there"),
        ('[columns.a]\nkind = "numeric"\nunit = "mg"', "no such key"),
    ],
)
def test_a_plan_file_that_is_wrong_is_told(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=says):
        read_plan(file)


def test_the_quick_reading_agrees_with_the_careful_one() -> None:
    rows = [(f"{n * 0.25}", ["Male", "female"][n % 2], "yno"[n % 2]) for n in range(100)]
    names = ["x", "sex", "smoker"]
    reader = Reader(decide(names, rows))
    cells = dict(zip(names, zip(*rows, strict=True), strict=True))
    quick, careful = reader.read(cells, quick=True).cells, reader.read(cells).cells
    assert list(map(float, quick["x"])) == list(map(float, careful["x"]))
    for name in names[1:]:
        assert list(quick[name]) == list(careful[name])
    odd = {"x": ["1,5"], "sex": [" MALE"], "smoker": ["TRUE"]}
    assert [values[0] for values in reader.read(odd).cells.values()] == ["1.5", "Male", "y"]


def test_several_units_are_said() -> None:
    cells = column(
        lambda n, r: f"{r.randrange(150, 200)} cm" if n % 2 else f"{r.uniform(1.5, 2):.2f} m"
    )
    found, _ = planned("height", cells)
    assert "numbers in cm and m" in found.remarks[0] or "numbers in m and cm" in found.remarks[0]


UNITS = 'kind = "numeric"\nunits = { cm = 0.01, m = 1.0 }'


def test_a_plan_converts_units(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(f"[columns.height]\n{UNITS}\n")
    found = Reader(read_plan(file)).read({"height": ["180 cm", "1.75 m"]})
    assert list(map(float, found.cells["height"])) == [1.8, 1.75]
