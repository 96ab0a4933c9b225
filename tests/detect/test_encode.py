"""The encoding: known answers, the same row the same everywhere, and cells at the edges."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medchain.detect.encode import Encoder, Table
from medchain.detect.schema import Schema
from medchain.detect.statistics import Statistics

NUMBERS = [str(value) for value in range(-50, 51)]
WARDS = ["a"] * 50 + ["b"] * 40 + ["c"] * 3 + [""] * 8
GAPS = [""] * 11 + [f"{value}.5" for value in range(90)]


def fitted() -> Encoder:
    """Every value is of ten patients, and so may be told of; ten wards are of three each."""
    wards = [f"c{n % 10}" if ward == "c" else ward for n, ward in enumerate(WARDS * 10)]
    rows = [list(row) for row in zip(NUMBERS * 10, GAPS * 10, wards, strict=True)]
    schema = Schema.infer(["n", "gap", "ward"], rows, kinds={"n": "numeric", "gap": "numeric"})
    return Encoder.fit(schema, {"n": NUMBERS * 10, "gap": GAPS * 10, "ward": wards})


def encoded(n: str = "0", gap: str = "44.5", ward: str = "a") -> list[float]:
    encoder = fitted()
    table = encoder.read([[n], [gap], [ward]])
    assert not table.problems
    row: list[float] = encoder.encode(table)[0].tolist()
    return row


def test_known_answers() -> None:
    encoder = fitted()
    n = encoder.numeric[0]
    assert n.centre == 0
    assert n.scale == pytest.approx(50 / 1.349)
    # robust n, robust gap, normal n, normal gap, gap missing, then a, b, rare, missing
    assert encoder.width == 9
    v = 50 / n.scale
    assert encoded("50")[0] == pytest.approx(4 * ((1 + v) ** 0.25 - 1), rel=1e-6)
    assert encoded("50")[2] == pytest.approx(2.88, abs=0.01)
    assert encoded("0")[2] == pytest.approx(0, abs=0.02)
    assert encoded("34")[2] == pytest.approx(1.0, abs=0.03)


def test_missing_numbers_sit_in_the_middle_with_a_flag() -> None:
    assert encoded(gap="")[1] == encoded(gap="NA")[3] == 0
    assert encoded(gap="")[4] == 1
    assert encoded(gap="3")[4] == 0


@pytest.mark.parametrize(
    ("ward", "place"), [("a", 5), (" b ", 6), ("c", 7), ("never seen", 7), ("", 8), ("NA", 8)]
)
def test_categories(ward: str, place: int) -> None:
    row = encoded(ward=ward)
    assert [index for index in range(5, 9) if row[index]] == [place]


def test_without_rare_levels_an_unknown_one_is_no_level() -> None:
    rows = [[NUMBERS[n], "ab"[n % 2]] for n in range(100)]
    schema = Schema.infer(["n", "ward"], rows, kinds={"n": "numeric"})
    encoder = Encoder.fit(schema, {"n": [r[0] for r in rows], "ward": [r[1] for r in rows]})
    assert encoder.encode(encoder.read([["0", "0"], ["new", ""]]))[:, 2:].tolist() == [[0, 0]] * 2


@pytest.mark.parametrize("cell", ["1e300", "-1e300", "1.7e308", "-1.7e308", "1e-320"])
def test_extreme_values_stay_finite(cell: str) -> None:
    row = encoded(n=cell)
    assert np.isfinite(row).all()
    assert abs(row[0]) < 130


def test_training_on_extreme_values() -> None:
    column = ["1.7e308", "-1.7e308", "1e300"] * 8 + [str(value) for value in range(30)]
    schema = Schema.infer(["x"], [[cell] for cell in column], kinds={"x": "numeric"})
    with np.errstate(all="raise", under="ignore"):
        encoder = Encoder.fit(schema, {"x": column})
        table = encoder.read([column])
        assert np.isfinite(encoder.encode(table)).all()
        assert np.isfinite(Statistics.fit(encoder, table)(table)).all()


def test_unreadable_cells_are_problems_that_do_not_show_them() -> None:
    encoder = fitted()
    table = encoder.read([["1", "Canary", "2"], ["inf", "4", "1e999"], ["a", "b", "c"]])
    assert [(p.row, p.column) for p in table.problems] == [(0, "gap"), (1, "n"), (2, "gap")]
    assert table.problems[1].reason == "text in a numeric column"
    assert "Canary" not in repr(table.problems) + repr(encoder.numeric) + repr(encoder.categories)


def test_json_gives_the_same_encoder() -> None:
    encoder = fitted()
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    cells = [NUMBERS, GAPS, WARDS]
    assert again.to_json() == encoder.to_json()
    assert np.array_equal(again.encode(again.read(cells)), encoder.encode(encoder.read(cells)))
    table = encoder.read(cells)
    statistics = Statistics.fit(encoder, table)
    same = Statistics.from_json(again, json.loads(json.dumps(statistics.to_json())))
    assert np.array_equal(np.array(same(table)), np.array(statistics(table)))


@settings(max_examples=30)
@given(st.permutations(range(101)), st.integers(1, 101))
def test_neighbours_never_change_a_row(order: list[int], size: int) -> None:
    encoder = fitted()
    table = encoder.read([NUMBERS, GAPS, WARDS])
    statistics = Statistics.fit(encoder, table)
    whole, sums = encoder.encode(table), np.array(statistics(table))
    beside = statistics.beside(whole, *sums)
    for start in range(0, 101, size):
        some = order[start : start + size]
        part = encoder.read([[column[row] for row in some] for column in (NUMBERS, GAPS, WARDS)])
        assert np.array_equal(encoder.encode(part), whole[some])
        assert np.array_equal(np.array(statistics(part)), sums[:, some])
        read = statistics.beside(whole[some], *statistics(part))
        assert np.array_equal(read, beside[some])


def test_a_table_takes_rows() -> None:
    table = Table(np.arange(6.0).reshape(3, 2), np.zeros((3, 0), np.intp), [])
    assert table.take(np.array([2, 0])).numbers.tolist() == [[4, 5], [0, 1]]


def test_the_network_reads_both_sums_with_unit_spread() -> None:
    encoder = fitted()
    table = encoder.read([NUMBERS, GAPS, WARDS])
    statistics = Statistics.fit(encoder, table)
    read = statistics.beside(encoder.encode(table), *statistics(table))
    assert read.shape == (101, encoder.width + 2)
    np.testing.assert_allclose(read[:, -2:].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(read[:, -2:].std(axis=0), 1, atol=1e-5)


def test_the_network_reads_squares_under_a_fourth_root() -> None:
    encoder = fitted()
    table = encoder.read([NUMBERS, GAPS, WARDS])
    statistics = Statistics.fit(encoder, table)
    squares, none = np.array([0.0, 1.0, 16.0, 81.0]), np.zeros(4)
    read = statistics.beside(np.zeros((4, 0), np.float32), squares, none)[:, 0]
    steps = read - read[0]
    np.testing.assert_allclose(steps / steps[1], [0, 1, 2, 3], rtol=1e-4)


def test_no_row_is_so_far_that_the_network_reads_nothing_else() -> None:
    encoder = fitted()
    statistics = Statistics.fit(encoder, encoder.read([NUMBERS, GAPS, WARDS]))
    far = np.array([0.0, 1e6, 1e12])
    read = statistics.beside(np.zeros((3, 0), np.float32), far, far)
    assert np.abs(read).max() == 6


def test_statistics_rank_what_is_far_out() -> None:
    encoder = fitted()
    statistics = Statistics.fit(encoder, encoder.read([NUMBERS, GAPS, WARDS]))
    cells = [["0", "300", "0", "0"], ["44.5", "44.5", "", "44.5"], ["a", "a", "a", "new"]]
    squares, tails = statistics(encoder.read(cells))
    assert squares[1] > squares[0]
    assert tails[1] > tails[0]
    assert squares[3] > squares[0]
    assert tails[3] > tails[0]


def test_how_far_away_a_value_is_stays_visible() -> None:
    near, far, farther = (encoded(n=cell)[0] for cell in ("300", "3000", "30000"))
    assert 0 < near < far - 1 < farther - 2
    assert encoded(n="-3000")[0] == -far
