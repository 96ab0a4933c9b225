"""Which kind a column is taken for, how that is overruled, and every table that cannot work."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medchain.detect.encode import Encoder
from medchain.detect.label import read_label
from medchain.detect.material import prepare
from medchain.detect.schema import (
    MAX_FEATURES,
    Schema,
    SpoiltNumbers,
    kept_levels,
    refuse_spoilt_numbers,
)
from medchain.errors import ModelError, UsageError

from .tables import COLUMNS, clinic

RANDOM = Random(3)


def kind_of(cells: list[str], name: str = "column", **options: object) -> tuple[str, str]:
    """The kind and note of one column beside a plain numeric one."""
    rows = [[cell, f"{RANDOM.random():.4f}"] for cell in cells]
    schema = Schema.infer([name, "beside"], rows, **options)  # type: ignore[arg-type]
    return schema.describe()[0][1:]


def repeated(*cells: str, count: int = 60) -> list[str]:
    return [cells[number % len(cells)] for number in range(count)]


COLUMN_CASES: list[tuple[str, Callable[[], list[str]], str]] = [
    ("measurements", lambda: [f"{RANDOM.gauss(0, 1):.6f}" for _ in range(60)], "numeric"),
    ("small codes", lambda: repeated("0", "1", "2"), "numeric"),
    ("two numbers", lambda: repeated("0", "1"), "numeric"),
    ("with gaps", lambda: repeated("1.5", "", "2.5", "NA", "7"), "numeric"),
    ("words", lambda: repeated("red", "green", "blue"), "categorical"),
    ("yes and no", lambda: repeated("yes", "no"), "categorical"),
    ("mixed", lambda: repeated("1", "two", "3"), "categorical"),
    ("names", lambda: [f"name {n}" for n in range(60)], "identifier"),
    ("free text", lambda: [f"note {n // 3}" for n in range(60)], "identifier"),
    ("row numbers", lambda: [str(n) for n in range(60)], "identifier"),
    (
        "shuffled numbers",
        lambda: RANDOM.sample([str(n) for n in range(500, 575)], 60),
        "identifier",
    ),
    ("whole measurements", lambda: [str(n * 37 % 6007) for n in range(1, 61)], "numeric"),
    ("one value", lambda: ["7"] * 60, "constant"),
    ("one word", lambda: ["north"] * 60, "constant"),
    ("nothing", lambda: repeated("", "NA", "?"), "constant"),
    ("there or not", lambda: repeated("seen", ""), "categorical"),
    ("there or not, a number", lambda: repeated("1", ""), "categorical"),
]


@pytest.mark.parametrize(("name", "cells", "kind"), COLUMN_CASES, ids=[c[0] for c in COLUMN_CASES])
def test_kinds(name: str, cells: Callable[[], list[str]], kind: str) -> None:
    assert kind_of(cells(), name)[0] == kind


@pytest.mark.parametrize("name", ["patient_id", "ID", "mrn", "PatientID", "Unnamed: 0", "case no"])
def test_unique_whole_numbers_under_such_a_name_are_an_identifier(name: str) -> None:
    cells = [str(1_000_003 * (n + 7) % 9_999_991) for n in range(60)]
    assert kind_of(cells, name)[0] == "identifier"
    assert kind_of(cells, "platelets")[0] == "numeric"


def test_floats_under_the_name_of_an_identifier_stay_numbers() -> None:
    assert kind_of([f"{n * 0.37:.2f}" for n in range(60)], "id")[0] == "numeric"


def test_the_named_identifier_is_never_a_feature() -> None:
    assert kind_of(repeated("1", "2", "3"), "who", id="who")[0] == "identifier"


@pytest.mark.parametrize("kind", ["categorical", "identifier", "dropped"])
def test_a_kind_is_overruled(kind: str) -> None:
    assert kind_of(repeated("1", "2", "3"), "code", kinds={"code": kind})[0] == kind


def test_overruled_as_numeric_counts_what_cannot_be_read() -> None:
    kind, note = kind_of(repeated("1", "2", "3", "4", "oops"), "x", kinds={"x": "numeric"})
    assert kind == "numeric"
    assert "12 cells unreadable" in note


@pytest.mark.parametrize(
    ("cell", "why"), [("broken", "text in a numeric column"), ("-inf", "infinite")]
)
def test_a_column_of_numbers_with_a_few_words_is_refused(cell: str, why: str) -> None:
    cells = [str(n * 1.5) for n in range(60)]
    refuse_spoilt_numbers("x", cells)
    cells[3] = cells[9] = cell
    with pytest.raises(SpoiltNumbers, match="'x' holds numbers but for 2 cells") as caught:
        refuse_spoilt_numbers("x", cells)
    assert (caught.value.column, caught.value.row) == ("x", 3)
    assert why in caught.value.why
    refuse_spoilt_numbers("x", [*cells[:10], *["name"] * 20])


def test_a_column_that_says_what_the_label_says_is_warned_about_loudly() -> None:
    rows = clinic(60)
    for row in rows:
        row[6] = {"0": "home", "1": "dead"}[row[7]]
    label = read_label("anomaly", [row[7] for row in rows])
    schema = Schema.infer(COLUMNS, rows, label=label)
    assert [w for w in schema.warnings if w.startswith("LEAKAGE")]
    rows[0][6] = "home" if rows[0][6] == "dead" else "dead"
    schema = Schema.infer(COLUMNS, rows, label=label)
    assert not [w for w in schema.warnings if w.startswith("LEAKAGE")]


def test_a_column_with_one_limit_between_the_classes_is_warned_about() -> None:
    rows = clinic(200)
    for number, row in enumerate(rows):
        row[4] = f"{number % 7 + 10 * int(row[7])}"
    label = read_label("anomaly", [row[7] for row in rows])
    found = [w for w in Schema.infer(COLUMNS, rows, label=label).warnings if "LEAKAGE?" in w]
    assert len(found) == 1
    assert "'weight'" in found[0]
    rows[5][4] = {"0": "19", "1": "0"}[rows[5][7]]
    assert not Schema.infer(COLUMNS, rows, label=label).warnings


def test_a_schema_survives_json() -> None:
    rows = clinic(60)
    label = read_label("anomaly", [row[7] for row in rows])
    schema = Schema.infer(COLUMNS, rows, label=label, id="patient", drop=["weight"])
    assert Schema.from_json(schema.to_json()) == schema
    assert schema.features == ("age", "pulse", "crp", "ward")


CANARY = "Canary"


@settings(max_examples=40)
@given(
    st.lists(
        st.sampled_from([f"{CANARY}1", f"{CANARY}2", "3.25", "17", "", "inf", "1_0"]), min_size=20
    ),
    st.sampled_from([None, "numeric", "categorical"]),
)
def test_no_cell_in_any_note_warning_error_or_repr(cells: list[str], kind: str | None) -> None:
    rows = [[cell, str(number * 0.7)] for number, cell in enumerate(cells)]
    try:
        schema = Schema.infer(["a", "b"], rows, kinds={"a": kind} if kind else {})
    except UsageError as error:
        said = f"{error!r} {error} {error.hint}"
    else:
        said = f"{schema!r} {schema.describe()} {schema.warnings}"
    assert CANARY not in said
    assert "3.25" not in said


def error_of(columns: list[str], rows: list[list[str]], **options: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        Schema.infer(columns, rows, **options)  # type: ignore[arg-type]
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("role", ["label", "id"])
def test_no_such_column(role: str) -> None:
    error = error_of(COLUMNS, clinic(30), **{role: "Anomalie"})
    assert "Anomalie" in error.message
    assert "'anomaly'" in error.hint


def test_no_such_column_to_drop_or_overrule() -> None:
    assert "'puls'" in error_of(COLUMNS, clinic(30), drop=["puls"]).message
    assert "did you mean 'pulse'" in error_of(COLUMNS, clinic(30), drop=["puls"]).hint
    assert "'xyz'" in error_of(COLUMNS, clinic(30), kinds={"xyz": "numeric"}).message
    assert "the columns are" in error_of(COLUMNS, clinic(30), kinds={"xyz": "numeric"}).hint


def test_no_such_kind() -> None:
    assert "'number'" in error_of(COLUMNS, clinic(30), kinds={"age": "number"}).message


def test_no_number_at_all_cannot_be_numeric() -> None:
    assert "'ward'" in error_of(COLUMNS, clinic(30), kinds={"ward": "numeric"}).message


@pytest.mark.parametrize(
    "options", [{"id": "age"}, {"drop": ["age"]}, {"kinds": {"age": "numeric"}}]
)
def test_the_label_is_nothing_else(options: dict[str, object]) -> None:
    assert "'age'" in error_of(COLUMNS, clinic(30), label="age", **options).message


def test_a_column_twice() -> None:
    assert "'x'" in error_of(["x", "x"], [["1", "2"]] * 30).message


def test_too_few_rows() -> None:
    assert "9 rows" in error_of(COLUMNS, clinic(9)).message


def test_too_many_columns() -> None:
    columns = [f"c{number}" for number in range(MAX_FEATURES + 1)]
    assert str(MAX_FEATURES) in error_of(columns, []).message


def test_no_feature_left() -> None:
    rows = [[f"P{number}", "north"] for number in range(30)]
    assert "no column is left" in error_of(["patient", "site"], rows, id="patient").message


def test_binding_names_each_difference() -> None:
    schema = Schema.infer(COLUMNS, clinic(60), label="anomaly", id="patient")
    places, ignored = schema.bind(["note", *reversed(COLUMNS)])
    assert [["note", *reversed(COLUMNS)][place] for place in places] == list(schema.features)
    assert ignored == ["note", "anomaly", "site", "patient"]
    with pytest.raises(ModelError) as caught:
        schema.bind(["Age", "crp", "weight", "ward"])
    assert "lacks 2 columns" in caught.value.message
    assert "'age', 'pulse'" in caught.value.message
    assert "'Age' for 'age'" in caught.value.hint


def test_a_level_of_one_patient_with_many_rows_is_rare() -> None:
    cells = ["her own"] * 8 + ["A"] * 20 + ["B"] * 20
    patients = [0] * 8 + list(range(1, 41))
    assert kept_levels(cells, patients) == ["A", "B"]
    schema = Schema.infer(["ward"], [[cell] for cell in cells], patients=patients)
    assert schema.columns[0].note == "3 levels, 1 of them rare"
    encoder = Encoder.fit(schema, {"ward": cells}, patients)
    assert "her own" not in str(encoder.to_json())


def test_training_counts_the_patients_of_a_level() -> None:
    rows = [["P0", "her own", str(n)] for n in range(8)]
    rows += [[f"P{n}", "AB"[n % 2], str(n * n % 17)] for n in range(1, 200)]
    material = prepare(
        ["who", "ward", "n"],
        rows,
        label=None,
        id="who",
        group=None,
        drop=(),
        kinds={"n": "numeric"},
        positive=None,
        held_out=0.0,
        random=np.random.default_rng(0),
        mode="unlabelled",
    )
    assert "her own" not in str(material.encoder.to_json())
