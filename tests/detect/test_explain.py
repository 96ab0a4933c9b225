"""Reasons: the features that decide, through the scorer itself, whatever stands beside the row."""

from __future__ import annotations

import numpy as np
import pytest

from medchain.detect.explain import ASKED, TOP, Explainer
from medchain.detect.scoring import Scorer
from medchain.detect.train import Trained, fit

from .tables import COLUMNS, clinic, ring


def explainer(trained: Trained, columns: list[str]) -> tuple[Scorer, Explainer]:
    scorer = Scorer(trained.bundle)
    scorer.bind(columns)
    return scorer, Explainer(scorer)


def test_the_features_that_decide_come_first_and_noise_hardly_ever(labelled: Trained) -> None:
    scorer, explain = explainer(labelled, COLUMNS)
    rows = clinic(1500, seed=11)
    found = scorer.score(rows)[0] >= scorer.threshold
    reasons = explain([row for row, flag in zip(rows, found, strict=True) if flag])
    first = [next(iter(reason)) for reason in reasons if reason]
    assert len(first) > 0.95 * len(reasons)
    assert sum(name in ("age", "pulse", "ward") for name in first) > 0.9 * len(first)


def test_a_reason_is_what_the_scorer_says_without_it(labelled: Trained) -> None:
    scorer, explain = explainer(labelled, COLUMNS)
    usual = {feature.column: repr(feature.centre) for feature in scorer.encoder.numeric}
    for category in scorer.encoder.categories:
        usual[category.column] = category.levels[int(np.argmax(category.shares))]
    for row in clinic(40, seed=12):
        whole = scorer.units(scorer.read([row]))[0]
        for name, value in explain([row])[0].items():
            other = [usual[c] if c == name else cell for c, cell in zip(COLUMNS, row, strict=True)]
            less = whole - scorer.units(scorer.read([other]))[0]
            assert value == pytest.approx(less, abs=1e-4)


@pytest.mark.parametrize("batch", [1, 7, 600])
def test_reasons_depend_on_the_row_alone(labelled: Trained, batch: int) -> None:
    _, explain = explainer(labelled, COLUMNS)
    rows = clinic(600, seed=13)
    whole = explain(rows)
    parts = [
        explain(rows[start : start + batch]) for start in range(0, min(600, 40 * batch), batch)
    ]
    assert [reason for part in parts for reason in part] == whole[: 40 * batch]
    assert explain(rows[::-1]) == whole[::-1]


def test_they_are_ordered_positive_few_and_as_many_as_asked(labelled: Trained) -> None:
    _, explain = explainer(labelled, COLUMNS)
    rows = clinic(300, seed=14)
    for top in (1, 3, 5):
        for reason in explain(rows, top):
            values = list(reason.values())
            assert len(values) <= top <= TOP
            assert values == sorted(values, reverse=True)
            assert all(value > 0 for value in values)


def test_a_usual_row_has_no_reason(labelled: Trained) -> None:
    scorer, explain = explainer(labelled, COLUMNS)
    cells = {feature.column: repr(feature.centre) for feature in scorer.encoder.numeric}
    cells["ward"] = "medicine"
    category = scorer.encoder.categories[0]
    cells["ward"] = category.levels[int(np.argmax(category.shares))]
    assert explain([[cells.get(name, "") for name in COLUMNS]]) == [{}]


def test_without_labels_what_lies_far_out_is_named_and_never_saturates(unlabelled: Trained) -> None:
    columns, _, _ = ring(10)
    _, explain = explainer(unlabelled, columns)
    for name, row in (("x", ["6", "0"]), ("y", ["0", "-6"]), ("x", ["1e5", "0"])):
        reason = explain([row])[0]
        assert next(iter(reason)) == name
    near, far = (explain([[value, "0"]])[0]["x"] for value in ("6", "12"))
    assert far > near


def test_very_many_features(unlabelled: Trained) -> None:
    _, explain = explainer(unlabelled, ["x", "y"])
    assert len(explain([["5", "5"]] * 3000)) == 3000


def test_of_many_features_those_are_asked_that_matter_for_the_row() -> None:
    """More features than are put back: each row has suspects of its own."""
    dice = np.random.default_rng(5)
    values = dice.normal(size=(500, 12))
    labels = ((values[:, 3] > 1.2) | (values[:, 9] < -1.2)).astype(int)
    columns = [*(f"x{place}" for place in range(12)), "label"]
    rows = [[*map(repr, row), str(y)] for row, y in zip(values.tolist(), labels, strict=True)]
    scorer, explain = explainer(fit(columns, rows, label="label", max_epochs=5), columns)
    assert len(scorer.encoder.numeric) > ASKED
    usual = {feature.column: repr(feature.centre) for feature in scorer.encoder.numeric}
    chosen = [row for row in rows if row[-1] == "1"][:60]
    assert explain(chosen) == [explain([row])[0] for row in chosen]
    for row, reasons in zip(chosen, explain(chosen), strict=True):
        whole = scorer.units(scorer.read([row]))[0]
        assert next(iter(reasons)) == ("x3" if float(row[3]) > 1.2 else "x9") or (
            float(row[3]) > 1.2 and float(row[9]) < -1.2
        )
        for name, value in reasons.items():
            other = [usual[c] if c == name else v for c, v in zip(columns, row, strict=True)]
            assert value == pytest.approx(whole - scorer.units(scorer.read([other]))[0], abs=1e-4)
