"""The sums of a training row are those that a new row like it would get."""

from __future__ import annotations

import numpy as np
import pytest

from medchain.detect.encode import Encoder, Table
from medchain.detect.material import NORMAL_ONLY, UNLABELLED
from medchain.detect.schema import Schema
from medchain.detect.scoring import Scorer
from medchain.detect.statistics import Statistics, unseen_sums
from medchain.detect.train import fit

from .tables import COLUMNS, FEATURES, clinic

EIGHT = [f"x{number}" for number in range(8)]


def cells(count: int) -> dict[str, list[str]]:
    columns = dict(zip(COLUMNS, map(list, zip(*clinic(count), strict=True)), strict=True))
    return {name: columns[name] for name in FEATURES}


def encoder_of(columns: dict[str, list[str]]) -> Encoder:
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return Encoder.fit(Schema.infer(list(columns), rows), columns)


def read(encoder: Encoder, columns: dict[str, list[str]]) -> Table:
    return encoder.read([columns[name] for name in encoder.columns])


def test_the_sums_of_a_row_come_from_the_other_folds_alone() -> None:
    columns = cells(60)
    encoder = encoder_of(columns)
    table = read(encoder, columns)
    fold, learn = np.arange(60) % 4, np.arange(0, 60, 2)
    found = unseen_sums(encoder, table, np.arange(60), learn, fold)
    for row in (0, 1, 2, 59):
        others = learn[fold[learn] != fold[row]]
        shown = encoder.aggregated(table.take(others), others)
        sums = Statistics.fit(encoder, shown)(table.take(np.array([row])))
        assert found[row].tolist() == [float(each[0]) for each in sums]


def test_a_row_alone_in_the_table_does_not_make_itself_usual() -> None:
    columns = cells(60)
    columns["age"][7] = "300"
    encoder = encoder_of(columns)
    table = read(encoder, columns)
    every = np.arange(60)
    unseen = unseen_sums(encoder, table, every, every, every % 10)[7]
    assert unseen[0] > 5 * Statistics.fit(encoder, table)(table)[0][7]


def test_rows_of_one_group_alone() -> None:
    columns = cells(20)
    encoder = encoder_of(columns)
    table = read(encoder, columns)
    sums = unseen_sums(encoder, table, np.arange(20), np.arange(20), np.zeros(20, np.intp))
    assert np.isfinite(sums).all()


@pytest.mark.parametrize("mode", [UNLABELLED, NORMAL_ONLY])
def test_few_training_rows_give_no_more_alerts_than_asked_for(mode: str) -> None:
    got = []
    for seed in range(5):
        random = np.random.default_rng(seed)
        mixed = random.normal(size=(8, 8))
        drawn = np.exp(0.3 * random.normal(size=(1600, 8)) @ mixed)
        rows = [[f"{value:.5f}" for value in row] for row in drawn]
        trained = fit(
            EIGHT, rows[:100], mode=mode, alert_rate=0.05, held_out=0.0, max_epochs=5, seed=seed
        )
        scorer = Scorer(trained.bundle)
        scorer.bind(EIGHT)
        got.append((scorer.score(rows[100:])[0] >= trained.threshold).mean())
    # One draw spreads by .024; ranks among rows that the sums had seen gave .09.
    assert np.mean(got) == pytest.approx(0.05, abs=0.03)
