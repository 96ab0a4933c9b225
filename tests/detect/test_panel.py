"""The opinions that a network learns from: each finds what it is made to find."""

from __future__ import annotations

import numpy as np
import pytest

from medchain.detect.encode import Encoder
from medchain.detect.material import NORMAL_ONLY, UNLABELLED, prepare
from medchain.detect.panel import distance, isolation, joint, normal_scores
from medchain.detect.plan import Plan
from medchain.detect.schema import Schema
from medchain.detect.statistics import Statistics
from medchain.detect.tasks import Unlabelled


def numeric(points: np.ndarray) -> tuple[Encoder, np.ndarray]:
    """An encoder of numeric columns, and what it makes of the points it was fitted to."""
    columns = [f"x{place}" for place in range(points.shape[1])]
    rows = [[repr(float(value)) for value in row] for row in points]
    schema = Schema.infer(columns, rows, kinds=dict.fromkeys(columns, "numeric"))
    cells = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
    encoder = Encoder.fit(schema, cells)
    return encoder, encoder.encode(encoder.read(list(cells.values())))


def test_normal_scores_share_ties_and_keep_order() -> None:
    scores = normal_scores(np.array([5.0, 1.0, 5.0, 9.0]))
    assert scores[0] == scores[2]
    assert scores[1] < scores[0] < scores[3]
    assert scores.sum() == pytest.approx(0, abs=0.2)


def test_the_joint_opinion_is_the_mean() -> None:
    one, other = np.arange(9.0), np.arange(9.0)[::-1].copy()
    assert joint([one, other]) == pytest.approx(np.zeros(9), abs=1e-12)


def test_the_distance_of_a_row_leaves_itself_out() -> None:
    near = np.random.default_rng(3).normal(0, 1, (60, 2))
    points = np.vstack([near, [[40.0, -40.0]]])
    encoder, inputs = numeric(points)
    every = np.arange(len(points))
    found = distance(encoder, inputs, every, np.random.default_rng(0))
    assert found.argmax() == 60
    assert (found > 0).all()
    # Among others only, the far row is as far as when it is one of them.
    others = distance(encoder, inputs, every[:60], np.random.default_rng(0))
    assert others.argmax() == 60


def test_the_distance_is_that_to_the_nearest_others() -> None:
    encoder, inputs = numeric(np.random.default_rng(4).normal(0, 1, (40, 2)))
    learn = np.arange(0, 40, 2)
    found = distance(encoder, inputs, learn, np.random.default_rng(0))
    points = inputs[:, :2] / inputs[learn, :2].std(axis=0)
    for row in range(40):
        others = [place for place in learn if place != row]
        near = np.sort(np.linalg.norm(points[others] - points[row], axis=1))[:5]
        assert found[row] == pytest.approx(near.mean(), rel=1e-5)


def test_what_some_rows_teach_is_said_of_all() -> None:
    random = np.random.default_rng(3)
    points = np.vstack([random.normal(0, 1, (80, 3)), random.normal(7, 0.3, (20, 3))])
    _, inputs = numeric(points)
    found = isolation(inputs, np.arange(80), 0)
    assert np.median(found[80:]) > np.quantile(found[:80], 0.9)


def material(mode: str):
    """Rows of two columns, every twentieth far out, with a label for measuring."""
    random, rows = np.random.default_rng(3), []
    for place in range(400):
        shift = 9.0 if place % 20 == 0 else 0.0
        rows.append([*(repr(float(x)) for x in random.normal(shift, 1, 2)), str(int(shift > 0))])
    return prepare(
        ["a", "b", "label"],
        rows,
        label="label",
        id=None,
        group=None,
        drop=(),
        kinds=None,
        positive=None,
        held_out=0.0,
        random=np.random.default_rng(0),
        mode=mode,
    )


def squares_of_the_far(mode: str) -> float:
    """How far beyond the usual rows the anomalies are, by what the statistics have learnt."""
    made = material(mode)
    inputs = made.encoder.encode(made.train.table)
    task = Unlabelled(made, inputs, 0, Plan())
    assert task.statistics is not None
    squares, _ = task.statistics(made.encoder.read([["9"], ["9"]]))
    return float(squares[0])


def test_without_labels_the_least_usual_rows_do_not_hide_themselves() -> None:
    made = material(UNLABELLED)
    every = Statistics.fit(made.encoder, made.train.table)
    among = float(every(made.encoder.read([["9"], ["9"]]))[0][0])
    assert squares_of_the_far(UNLABELLED) > 3 * among


def test_normal_rows_are_all_learnt_from() -> None:
    made = material(NORMAL_ONLY)
    assert made.train.labels.sum() == 0
    every = Statistics.fit(made.encoder, made.shown)
    inputs = made.encoder.encode(made.train.table)
    task = Unlabelled(made, inputs, 0, Plan())
    assert task.statistics is not None
    assert task.statistics.to_json() == every.to_json()
