"""What a bundle tells of single patients: every kind of number is solved for cells in vain.

The cells are numbers of seven digits, each of one patient, so that a number of the model that
equals one, or lies in the middle of two neighbours, is no accident.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from medchain.detect.boosting import DEPTH, Forest
from medchain.detect.bundle import Bundle
from medchain.detect.encode import Encoder
from medchain.detect.rarity import BINS
from medchain.detect.schema import MIN_PATIENTS
from medchain.detect.train import Trained, fit
from medchain.errors import MedchainWarning, UsageError

GOLDEN = Path(__file__).parents[1] / "golden" / "model-2"
HEART = Path(__file__).parents[2] / "data" / "heart.csv"
COLUMNS = ["who", "a", "b", "ward", "sick"]


def ward_of(number: int, visits: int) -> str:
    return "her own" if number < visits else "AB"[number % 2]


def patients(count: int, visits: int = 8) -> list[list[str]]:
    """Rows of as many patients; the first has as many visits, to a ward of her own."""
    random = Random(count)
    rows = []
    for number in range(count + visits - 1):
        a, b = random.gauss(100, 15), random.lognormvariate(1, 1)
        who = max(0, number - visits + 1)
        sick = "1" if a > 110 or b > 8 else "0"
        rows.append([f"P{who}", f"{a:.6f}", f"{b:.6f}", ward_of(number, visits), sick])
    return rows


@pytest.fixture(scope="module", params=["supervised", "unlabelled"])
def case(request: pytest.FixtureRequest) -> tuple[list[list[str]], Trained]:
    rows = patients(200)
    mode = request.param
    trained = fit(COLUMNS, rows, label="sick", id="who", mode=mode, max_epochs=2, held_out=0.0)
    return rows, trained


def told(trained: Trained) -> Iterator[tuple[str, str, np.ndarray]]:
    """Kind of number, column and values of all that the bundle tells of numeric columns."""
    made = trained.bundle.preprocessing
    numeric = made["encoder"]["numeric"]
    for place, feature in enumerate(numeric):
        name = feature["column"]

        def hard(soft: object, of: dict[str, float] = feature) -> np.ndarray:
            """Softened values turned back into cells."""
            bent = np.array(soft, float)
            far = (np.abs(bent) / 4 + 1) ** 4 - 1
            return of["centre"] + of["scale"] * np.copysign(far, bent)

        yield "knots", name, np.array(feature["knots"])
        yield "centre", name, np.array([feature["centre"]])
        if made["statistics"]:
            rarity = made["statistics"]["rarity"]
            low, per = rarity["low"][place], rarity["per"][place]
            yield "histogram", name, hard([low, low + BINS * (1 - 1e-9) / per])
        if made["forest"]:
            columns, cuts = (np.array(made["forest"][key]) for key in ("columns", "cuts"))
            yield "cuts", name, hard(cuts[columns == place])


def bins_of(trained: Trained, folder: Path) -> np.ndarray:
    """Where the bins of the network begin and end (numeric features x edges)."""
    import keras

    path = folder / "network.keras"
    path.write_bytes(trained.bundle.files["network.keras"])
    network = keras.models.load_model(path)
    features = len(trained.bundle.preprocessing["encoder"]["numeric"])
    starts = -network.get_layer("past").get_weights()[1].reshape(features, -1)
    slopes = network.get_layer("slope").get_weights()[0].reshape(features, -1)
    ends = starts + np.where(slopes > 0, 1 / np.where(slopes > 0, slopes, 1), np.nan)
    return np.hstack([starts, ends])


def test_bins_of_the_network_begin_and_end_between_means(tmp_path: Path) -> None:
    rows = patients(200)
    trained = fit(COLUMNS, rows, label="sick", id="who", max_epochs=2, held_out=0.0)
    encoder = Encoder.from_json(trained.bundle.preprocessing["encoder"])
    table = encoder.read([[row[COLUMNS.index(name)] for row in rows] for name in encoder.columns])
    normal = encoder.numbers(table).normal
    for place, edges in enumerate(bins_of(trained, tmp_path)):
        ordered = np.sort(normal[:, place])
        known = np.concatenate([ordered, (ordered[1:] + ordered[:-1]) / 2])
        told = edges[np.isfinite(edges) & (edges != 0)]
        assert len(told) > 5
        assert np.abs(told[:, None] - known).min(axis=1).min() > 1e-6


def test_every_leaf_says_what_enough_patients_say() -> None:
    rows = patients(200)
    trained = fit(COLUMNS, rows, label="sick", id="who", max_epochs=2, held_out=0.0)
    made = trained.bundle.preprocessing
    encoder, forest = Encoder.from_json(made["encoder"]), Forest.from_json(made["forest"])
    table = encoder.read([[row[COLUMNS.index(name)] for row in rows] for name in encoder.columns])
    inputs, who = encoder.encode(table), [row[0] for row in rows]
    for columns, cuts, leaves in zip(forest.columns, forest.cuts, forest.leaves, strict=True):
        leaf = (inputs[:, columns] > cuts) @ (1 << np.arange(DEPTH)[::-1])
        said: dict[float, set[str]] = {}
        for patient, value in zip(who, leaves[leaf].tolist(), strict=True):
            said.setdefault(value, set()).add(patient)
        said.pop(0.0, None)  # a leaf that no row was in when the tree grew
        assert min(map(len, said.values())) >= MIN_PATIENTS


def test_the_scales_of_scores_have_a_knot_for_ten_patients_at_most() -> None:
    trained = fit(COLUMNS, patients(200), id="who", drop=["sick"], max_epochs=2, held_out=0.0)
    outcome = trained.bundle.preprocessing["outcome"]
    for scale in (*outcome["views"], outcome["mean"]):
        assert 10 < len(scale["values"]) <= 200 // MIN_PATIENTS


def test_no_number_is_a_cell_or_lies_between_two(case: tuple[list[list[str]], Trained]) -> None:
    rows, trained = case
    kinds = set()
    for kind, column, values in told(trained):
        cells = np.sort([float(row[COLUMNS.index(column)]) for row in rows])
        known = np.concatenate([cells, (cells[1:] + cells[:-1]) / 2])
        distance = np.abs(values[:, None] - known).min(axis=1)
        # Seven digits hardly ever come as near by chance; cuts are kept in single precision.
        near = distance < (3e-6 if kind == "cuts" else 1e-8) * np.abs(values)
        assert near.mean() < 0.02, kind
        if kind != "knots":  # whose ends are no quantiles, but steps beyond them
            assert values.min() > cells[0], kind
            assert values.max() < cells[-1], kind
        kinds.add(kind)
    assert len(kinds) == 3


def test_the_outermost_cells_cannot_be_solved_for(case: tuple[list[list[str]], Trained]) -> None:
    rows, trained = case
    for feature in trained.bundle.preprocessing["encoder"]["numeric"]:
        cells = np.sort([float(row[COLUMNS.index(feature["column"])]) for row in rows])
        knots, normal = (np.array(feature[key][1:-1]) for key in ("knots", "normal"))
        # As knots were once: quantiles between sorted cells at known places.
        place = (len(cells) - 1) * np.array([share(value) for value in normal])
        for end, order in ((0, 1), (-1, -1)):
            ends = knots[::order][:6]
            steps = np.abs(place[::order][:6] - place[end])
            lines = np.polynomial.polynomial.polyfit(steps, ends, 1)
            guesses = np.array([ends[0], lines[0], ends[0] - (ends[1] - ends[0])])
            assert np.abs(guesses[:, None] - cells).min() > 1e-8 * abs(ends[0])


@pytest.mark.parametrize("mode", ["supervised", "unlabelled"])
def test_the_outermost_cells_of_the_heart_table_cannot_be_solved_for(mode: str) -> None:
    with HEART.open(newline="") as file:
        columns, *rows = csv.reader(file)
    trained = fit(
        columns, rows, label="anomaly", id="patient_id", mode=mode, max_epochs=2, held_out=0.0
    )
    cells = [float(row[columns.index("chol")]) for row in rows if row[columns.index("chol")]]
    outermost = np.sort(cells)[-3:]
    assert outermost.tolist() == [529, 564, 603]
    numbers = [values for _, column, values in told(trained) if column == "chol"]
    assert len(numbers) == 3
    (chol,) = (
        feature
        for feature in trained.bundle.preprocessing["encoder"]["numeric"]
        if feature["column"] == "chol"
    )
    guesses = np.concatenate([*numbers, solved(chol, len(cells))])
    assert np.abs(guesses[:, None] - outermost).min() > 0.01


def solved(feature: dict[str, list[float]], count: int) -> np.ndarray:
    """Pairs of neighbouring cells, if two knots were quantiles between the same two."""
    knots, normal = (np.array(feature[key][1:-1]) for key in ("knots", "normal"))
    places = (count - 1) * np.array([share(value) for value in normal])
    slopes = np.diff(knots) / np.diff(places)
    lows = np.floor(places[:-1])
    below = knots[:-1] - slopes * (places[:-1] - lows)
    same = np.floor(places[1:]) == lows
    return np.concatenate([below[same], (below + slopes)[same]])


def share(normal: float) -> float:
    from statistics import NormalDist

    return NormalDist().cdf(normal)


def test_counts_are_of_enough_patients(case: tuple[list[list[str]], Trained]) -> None:
    rows, trained = case
    made = trained.bundle.preprocessing
    for counts in made["drift"]["counts"]:
        assert all(count == 0 or count >= MIN_PATIENTS for count in counts)
        assert sum(counts) == len(rows)
    (ward,) = made["encoder"]["categorical"]
    assert set(ward["levels"]) == {"A", "B"}
    assert sum(ward["shares"]) == pytest.approx(1)
    if made["statistics"]:
        surprise = np.array(made["statistics"]["rarity"]["surprise"])[:, 1:-1]
        learnt = round(0.5 / np.exp(-surprise.max()) - 1)
        inside = np.exp(-surprise) * (learnt + 1) - 0.5
        assert ((inside < 0.5) | (inside > MIN_PATIENTS - 0.5)).all()
    if made["forest"]:
        for leaves in made["forest"]["leaves"]:
            assert len(Counter(leaves)) <= len(rows) // MIN_PATIENTS


def test_the_ward_of_one_patient_is_nowhere(case: tuple[list[list[str]], Trained]) -> None:
    _, trained = case
    for data in (*trained.bundle.files.values(), json.dumps(trained.bundle.manifest).encode()):
        assert b"her own" not in data
        assert b"P17" not in data


def test_scores_between_which_rows_were_held_out_hold_enough_of_them() -> None:
    trained = fit(COLUMNS, patients(400), id="who", drop=["sick"], max_epochs=2)
    held = trained.bundle.preprocessing["drift"]["held"]
    assert len(held) > 1
    assert min(held) >= MIN_PATIENTS


def test_the_card_lists_what_is_told_and_of_how_many(
    case: tuple[list[list[str]], Trained],
) -> None:
    _, trained = case
    card = trained.bundle.files["CARD.md"].decode()
    assert "fewer than 10 of the 200 patients" in card
    assert "Each identifier counts as one patient" in card
    assert trained.bundle.manifest["patients"] == {
        "training": 200,
        "least": 10,
        "counted_by": "identifier",
    }


def test_thirty_patients_are_warned_of_and_nine_refused() -> None:
    trained = fit(COLUMNS, patients(30), id="who", drop=["sick"], max_epochs=2)
    assert any("24 patients to learn from" in warning for warning in trained.warnings)
    for feature in trained.bundle.preprocessing["encoder"]["numeric"]:
        assert len(feature["knots"]) <= 6  # two means, what lies between and beyond them
    with pytest.raises(UsageError, match="9 patients to learn from, and at least 10"):
        fit(COLUMNS, patients(9, visits=20), id="who", drop=["sick"], held_out=0.0)
    rows = [[f"centre {int(row[0][1:]) % 4}", *row[1:]] for row in patients(80)]
    with pytest.raises(UsageError, match="4 groups to learn from") as caught:
        fit(COLUMNS, rows, group="who", drop=["sick"], held_out=0.0)
    assert "--id" in caught.value.hint


def test_a_column_that_few_patients_have_is_left_out() -> None:
    rows = [[*row, row[1] if number % 40 == 0 else ""] for number, row in enumerate(patients(200))]
    trained = fit([*COLUMNS, "rare"], rows, id="who", drop=["sick"], max_epochs=2, held_out=0.0)
    assert trained.schema.describe()[-1] == (
        "rare",
        "constant",
        "values of fewer than 10 patients",
    )


def test_a_bundle_of_an_older_format_loads_and_is_named_as_telling_more() -> None:
    with pytest.warns(MedchainWarning, match="format 2, whose numbers tell single cells"):
        Bundle.load(GOLDEN)
