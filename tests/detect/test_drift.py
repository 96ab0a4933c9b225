"""The drift figure is quiet by chance, loud for a shift, and blind to single rows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from medchain.detect.drift import HIGHEST, LEAST, MOST_FEATURES, Drift
from medchain.detect.encode import Encoder, Table
from medchain.detect.schema import Schema

COLUMNS = ["a", "b", "c", "ward"]


def made(count: int, seed: int, shift: float = 0.0, wards: str = "xxxxyyyz") -> list[list[str]]:
    dice = np.random.default_rng(seed)
    numbers = dice.normal(size=(count, 3)) + np.array([shift, 0, 0])
    return [
        [
            f"{a:.4f}",
            f"{b:.1f}",
            "" if dice.random() < 0.1 else f"{c:.3f}",
            dice.choice(list(wards)),
        ]
        for a, b, c in numbers
    ]


def cells(rows: list[list[str]]) -> list[tuple[str, ...]]:
    return list(zip(*rows, strict=True))


def learnt(rows: list[list[str]], scores: int = 400) -> tuple[Encoder, Drift]:
    schema = Schema.infer(COLUMNS, rows)
    encoder = Encoder.fit(schema, dict(zip(COLUMNS, cells(rows), strict=True)))
    dice = np.random.default_rng(9)
    table = encoder.read(cells(rows))
    return encoder, Drift.fit(
        encoder, table, dice.random(len(rows)), dice.random(scores), np.arange(scores)
    )


ENCODER, DRIFT = learnt(made(3000, 0))


def figure(rows: list[list[str]], scores: np.ndarray | None = None) -> float | None:
    table: Table = ENCODER.read(cells(rows))
    bins = DRIFT.bins(table, ENCODER.numbers(table))
    return DRIFT.figure(
        bins, np.random.default_rng(7).random(len(rows)) if scores is None else scores
    )


@pytest.mark.parametrize("size", [10, 15, 30, 100, 1000])
def test_chance_goes_beyond_2_in_about_one_block_of_a_hundred(size: int) -> None:
    rows, dice = made(60 * size if size > 100 else 400 * size, 1), np.random.default_rng(2)
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    found = [figure(part, dice.random(size)) for part in parts]
    beyond = sum(value is not None and value > 2 for value in found)
    assert beyond <= 0.01 * len(found) + 3 * (0.01 * len(found)) ** 0.5


def test_a_shift_a_new_level_missing_cells_and_other_scores_are_told_of() -> None:
    usual = made(200, 3)
    assert figure(usual) < 2.5  # type: ignore[operator]
    assert figure(made(200, 3, shift=1.0)) > 5  # type: ignore[operator]
    assert figure(made(200, 3, wards="q")) > 5  # type: ignore[operator]
    assert figure([[a, "", c, ward] for a, _, c, ward in usual]) > 5  # type: ignore[operator]
    assert figure(usual, np.full(200, 0.99)) > 5  # type: ignore[operator]
    assert figure(made(100_000, 3, shift=9.0)) == HIGHEST


def test_a_small_block_has_no_figure() -> None:
    assert figure(made(LEAST - 1, 4)) is None
    assert figure(made(LEAST, 4)) is not None


def test_one_row_hardly_moves_it() -> None:
    """An outlier in a block of the least size is one row in a bin that takes five."""
    rows = made(LEAST, 5)
    for place in range(LEAST):
        for cell in ("1e9", "-1e9", ""):
            other = [*rows]
            other[place] = [cell, *rows[place][1:]]
            assert abs(figure(other) - figure(rows)) <= 1.5  # type: ignore[operator]


def test_it_does_not_depend_on_the_order_and_has_one_decimal() -> None:
    rows = made(300, 6, shift=0.3)
    scores = np.random.default_rng(7).random(300)
    value = figure(rows, scores)
    assert value == figure(rows[::-1], scores[::-1])
    assert value == round(value, 1)  # type: ignore[arg-type]


def test_json_and_back() -> None:
    again = Drift.from_json(ENCODER, json.loads(json.dumps(DRIFT.to_json())))
    rows = ENCODER.read(cells(made(50, 8)))
    bins = DRIFT.bins(rows, ENCODER.numbers(rows))
    scores = np.random.default_rng(1).random(50)
    assert again.figure(bins, scores) == DRIFT.figure(bins, scores)


def test_without_held_out_scores_features_alone_are_compared() -> None:
    encoder, drift = learnt(made(300, 0), scores=0)
    table = encoder.read(cells(made(100, 1)))
    bins = drift.bins(table, encoder.numbers(table))
    assert drift.figure(bins, np.zeros(100)) == drift.figure(bins, np.ones(100))


def test_of_very_many_features_some_are_watched() -> None:
    columns = [f"x{place}" for place in range(300)]
    dice = np.random.default_rng(0)
    rows = [[f"{value:.3f}" for value in row] for row in dice.normal(size=(60, 300))]
    encoder = Encoder.fit(Schema.infer(columns, rows), dict(zip(columns, cells(rows), strict=True)))
    table = encoder.read(cells(rows))
    drift = Drift.fit(encoder, table, np.zeros(60), np.zeros(60), np.arange(60))
    assert drift.bins(table, encoder.numbers(table)).shape == (60, MOST_FEATURES)
