"""A row gets one score, whatever stands beside it; and scoring loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from medchain.detect.bundle import KERAS, LITE, Bundle
from medchain.detect.outcome import logistic
from medchain.detect.scoring import Lite, Scorer
from medchain.detect.train import BLOCK, TOLERANCE, Trained
from medchain.errors import ModelError

from .tables import COLUMNS, FEATURES, Rows, clinic, ring

ROWS = clinic(1000, seed=9)


def scorer(trained: Trained, columns: list[str]) -> Scorer:
    made = Scorer(trained.bundle)
    made.bind(columns)
    return made


def bits(scores: np.ndarray) -> bytes:
    return scores.tobytes()


@pytest.fixture(params=["labelled", "unlabelled"])
def case(request: pytest.FixtureRequest) -> tuple[Scorer, Rows, np.ndarray]:
    """A scorer, 1000 rows, and their scores in one batch."""
    trained: Trained = request.getfixturevalue(request.param)
    columns, rows = (COLUMNS, ROWS) if request.param == "labelled" else ring(1000, seed=9)[:2]
    made = scorer(trained, columns)
    return made, rows, made.score(rows)[0]


def test_scores_are_shares_with_six_decimals(case: tuple[Scorer, Rows, np.ndarray]) -> None:
    _, _, scores = case
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.array_equal(scores, np.round(scores, 6))
    assert len(np.unique(scores)) > 100


@pytest.mark.parametrize(
    "size", [1, 2, 3, 7, 100, BLOCK - 1, BLOCK, BLOCK + 1, 511, 512, 513, 1000]
)
def test_batch_sizes(case: tuple[Scorer, Rows, np.ndarray], size: int) -> None:
    made, rows, scores = case
    found = [made.score(rows[start : start + size])[0] for start in range(0, len(rows), size)]
    assert bits(np.concatenate(found)) == bits(scores)


def test_every_first_batch_size_to_1000(case: tuple[Scorer, Rows, np.ndarray]) -> None:
    made, rows, scores = case
    for size in range(1, 1001, 13):
        assert bits(made.score(rows[:size])[0]) == bits(scores[:size])


def test_orders(case: tuple[Scorer, Rows, np.ndarray]) -> None:
    made, rows, scores = case
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(rows))
        assert bits(made.score([rows[place] for place in order])[0]) == bits(scores[order])


def test_threads(case: tuple[Scorer, Rows, np.ndarray]) -> None:
    made, rows, scores = case
    with ThreadPoolExecutor(8) as pool:
        for found, _ in pool.map(lambda _: made.score(rows), range(32)):
            assert bits(found) == bits(scores)


def test_the_network_itself_does_not_see_a_rows_place(labelled: Trained) -> None:
    network = Lite(labelled.bundle.files[LITE])
    made = scorer(labelled, COLUMNS)
    encoder = made._views.encoder
    table = encoder.read([[row[COLUMNS.index(name)] for row in ROWS] for name in encoder.columns])
    inputs = encoder.encode(table)
    alone = np.concatenate([network(inputs[place : place + 1]) for place in range(64)])
    assert bits(alone) == bits(network(inputs)[:64])
    for place in range(0, BLOCK, 5):
        moved = np.roll(inputs[:BLOCK], place, axis=0)
        assert bits(np.roll(network(moved), -place, axis=0)) == bits(network(inputs[:BLOCK]))


def test_columns_in_another_order_and_more_of_them(labelled: Trained) -> None:
    scores, _ = scorer(labelled, COLUMNS).score(ROWS)
    columns = ["note", *reversed(FEATURES)]
    rows = [["x", *(row[COLUMNS.index(name)] for name in reversed(FEATURES))] for row in ROWS]
    made = Scorer(labelled.bundle)
    assert made.bind(columns) == ["note"]
    assert bits(made.score(rows)[0]) == bits(scores)


def test_a_column_is_lacking(labelled: Trained) -> None:
    with pytest.raises(ModelError, match="'pulse'"):
        Scorer(labelled.bundle).bind(["age", "crp", "weight", "ward"])


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("age", "Canary", "text in a numeric column"),
        ("pulse", "inf", "infinite, not a finite number"),
        ("weight", "1e999", "too large for a number"),
    ],
)
def test_a_cell_that_cannot_be_read(labelled: Trained, column: str, cell: str, reason: str) -> None:
    made = scorer(labelled, COLUMNS)
    scores, none = made.score(ROWS)
    rows = [list(row) for row in ROWS]
    rows[700][COLUMNS.index(column)] = cell
    found, problems = made.score(rows)
    assert none == []
    assert [(p.row, p.column, p.reason) for p in problems] == [(700, column, reason)]
    assert np.flatnonzero(np.isnan(found)).tolist() == [700]
    assert bits(np.delete(found, 700)) == bits(np.delete(scores, 700))
    assert "Canary" not in repr(problems)


def test_missing_unknown_and_extreme_cells_are_scored(labelled: Trained) -> None:
    row = dict(zip(COLUMNS, ROWS[0], strict=True))
    rows = [
        list({**row, **changed}.values())
        for changed in ({"age": ""}, {"ward": "never seen"}, {"ward": ""}, {"crp": "1e300"})
    ]
    scores, problems = scorer(labelled, COLUMNS).score(rows)
    assert problems == []
    assert np.isfinite(scores).all()


def test_no_rows(labelled: Trained) -> None:
    scores, problems = scorer(labelled, COLUMNS).score([])
    assert (len(scores), problems) == (0, [])


def test_keras_and_litert_say_the_same(labelled: Trained, tmp_path: Path) -> None:
    import keras

    (tmp_path / KERAS).write_bytes(labelled.bundle.files[KERAS])
    model = keras.models.load_model(tmp_path / KERAS)
    width = model.input_shape[1]
    inputs = np.random.default_rng(0).normal(0, 1.5, (BLOCK, width)).astype(np.float32)
    wanted = logistic(model.predict(inputs, verbose=0))
    found = logistic(Lite(labelled.bundle.files[LITE])(inputs))
    assert np.abs(found - wanted).max() <= TOLERANCE


def test_a_network_that_litert_cannot_run(labelled: Trained) -> None:
    files = {**labelled.bundle.files, LITE: b"not a network"}
    about = {k: v for k, v in labelled.bundle.manifest.items() if k not in ("files", "seal")}
    with pytest.raises(ModelError, match="LiteRT"):
        Scorer(Bundle.pack(files, about))


SCRIPT = """
import sys
from medchain.detect.bundle import Bundle
from medchain.detect.scoring import Scorer
scorer = Scorer(Bundle.load(sys.argv[1]))
scorer.bind({columns!r})
scores, _ = scorer.score({rows!r})
heavy = [name for name in ("tensorflow", "keras", "sklearn", "scipy", "pandas", "matplotlib")
         if name in sys.modules]
print(repr(scores.tolist()))
print(heavy)
"""


def test_another_process_scores_the_same_with_nothing_heavy_and_no_noise(
    labelled: Trained, folder: Path
) -> None:
    scores, _ = scorer(labelled, COLUMNS).score(ROWS[:5])
    script = SCRIPT.format(columns=COLUMNS, rows=ROWS[:5])
    run = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines() == [repr(scores.tolist()), "[]"]
    assert run.stderr == ""


def test_a_schema_needs_no_numpy() -> None:
    script = (
        "import sys, medchain.detect.schema, medchain.detect.bundle; print('numpy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
