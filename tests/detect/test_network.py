"""The network: its fast convolution against Keras's own, and its bins against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from medchain.detect import network
from medchain.detect.bins import bin_table, tree_edges
from medchain.detect.linear import member_lines
from medchain.detect.scoring import Lite

RANDOM = np.random.default_rng(0)


def bins_of(features: int, first: int) -> network.Bins:
    starts = RANDOM.normal(size=(3, features)).astype(np.float32)
    widths = np.abs(RANDOM.normal(size=(3, features))).astype(np.float32) + 0.1
    widths[2, 0] = 0
    return network.Bins(first, starts, widths)


@pytest.mark.parametrize("length", [4, 8])
@pytest.mark.parametrize("members", [1, 3, 8])
def test_the_packed_convolution_is_the_grouped_one(members: int, length: int) -> None:
    plan = network.Plan(members=members, length=length)
    bins = bins_of(5, 2)
    fast = network.classifier(9, bins, plan, 1, packed=True)
    slow = network.classifier(9, bins, plan, 2, packed=False)
    slow.set_weights(fast.get_weights())
    rows = RANDOM.normal(size=(17, 9)).astype(np.float32)
    assert network.predictions(fast, rows) == pytest.approx(
        network.predictions(slow, rows), abs=1e-5
    )


def test_members_are_independent() -> None:
    plan = network.Plan(members=4)
    model = network.classifier(6, bins_of(3, 0), plan, 0, packed=True)
    rows = RANDOM.normal(size=(9, 6)).astype(np.float32)
    before = network.predictions(model, rows)
    kernel, bias = model.get_layer("wider").get_weights()
    kernel[:, :, : plan.filters] += 1
    model.get_layer("wider").set_weights([kernel, bias])
    changed = np.abs(network.predictions(model, rows) - before).max(axis=0)
    assert changed[0] > 0
    assert changed[1:].tolist() == [0, 0, 0]


def test_the_average_is_the_mean_of_the_members() -> None:
    plan = network.Plan(members=3)
    bins = bins_of(3, 1)

    def build(*, packed: bool) -> object:
        return network.classifier(6, bins, plan, 0, packed=packed)

    model = network.classifier(6, bins, plan, 5, packed=True)
    rows = RANDOM.normal(size=(9, 6)).astype(np.float32)
    mean = network.averaged(build, model.get_weights(), plan)
    wanted = network.predictions(model, rows).mean(axis=1, keepdims=True)
    assert network.predictions(mean, rows) == pytest.approx(wanted, abs=1e-5)


def test_bins_are_piecewise_linear() -> None:
    import keras

    bins = bins_of(4, 2)
    model = network.classifier(6, bins, network.Plan(), 0, packed=True)
    binned = keras.Model(model.input, model.get_layer("binned").output)
    rows = RANDOM.normal(0, 2, size=(50, 6)).astype(np.float32)
    found = network.predictions(binned, rows).reshape(50, 4, 3)
    for bin_ in range(3):
        for feature in range(4):
            width = bins.widths[bin_, feature]
            part = (rows[:, 2 + feature] - bins.starts[bin_, feature]) / (width or 1)
            wanted = np.clip(part, 0, 1) if width else np.zeros(50)
            assert found[:, feature, bin_] == pytest.approx(wanted, abs=1e-5)


def test_bins_follow_the_label() -> None:
    values = RANDOM.normal(size=(400, 2))
    starts, widths = bin_table(values, (values[:, 1] > 0.5).astype(int), 0)
    edges = starts[widths > 0]
    assert np.abs(edges - 0.5).min() < 0.02
    assert (widths >= 0).all()


def test_a_wide_table_gets_fewer_bins() -> None:
    values = RANDOM.normal(size=(40, 1500))
    starts, _ = bin_table(values, (values[:, 0] > 0).astype(int), 0)
    assert starts.size == 0
    starts, _ = bin_table(values[:, :600], (values[:, 0] > 0).astype(int), 0)
    assert starts.shape == (3, 600)


def test_members_start_from_the_rows_that_they_see() -> None:
    features = RANDOM.normal(size=(200, 3)).astype(np.float32)
    labels = (features[:, 1] > 0.5).astype(int)
    masks = np.ones((200, 3), np.float32)
    masks[labels == 1, 1] = 0
    masks[100:, 2] = 0
    weights, intercepts = member_lines(features, labels, masks)
    assert np.abs(weights).argmax(axis=0)[[0, 2]].tolist() == [1, 1]
    assert weights[:, 1].tolist() == [0, 0, 0]
    assert intercepts[1] < -4
    changed = labels.copy()
    changed[100:] = 1 - changed[100:]
    again, _ = member_lines(features, changed, masks)
    assert np.array_equal(again[:, 2], weights[:, 2])
    assert not np.array_equal(again[:, 0], weights[:, 0])


def test_where_the_linear_path_begins_is_the_same_in_any_unit() -> None:
    dice = np.random.default_rng(5)
    inputs = dice.normal(size=(200, 4)).astype(np.float32)
    inputs[:, 3] = np.arange(200) < 6
    labels = (inputs[:, 0] + 4 * inputs[:, 3] + dice.normal(size=200) > 1.5).astype(int)
    units, moved = np.array([1, 1000, 0.01, 50], np.float32), np.float32(3)
    masks = np.ones((200, 1), np.float32)
    weights, intercepts = member_lines(inputs, labels, masks)
    others, other_intercepts = member_lines(inputs * units + moved, labels, masks)
    one = inputs @ weights + intercepts
    other = (inputs * units + moved) @ others + other_intercepts
    np.testing.assert_allclose(one, other, atol=0.01)


def test_an_input_that_never_changes_has_no_weight() -> None:
    inputs = np.column_stack([np.arange(40.0), np.full(40, 0.3)]).astype(np.float32)
    weights, _ = member_lines(
        inputs, (np.arange(40) > 20).astype(int), np.ones((40, 1), np.float32)
    )
    assert weights[1, 0] == 0
    assert weights[0, 0] > 0


def test_narrow_bins_are_the_same_in_litert_to_the_last_bit() -> None:
    import keras

    starts = RANDOM.normal(size=(8, 6)).astype(np.float32)
    bins = network.Bins(0, starts, np.full_like(starts, 0.001))
    model = network.classifier(6, bins, network.Plan(), 0, packed=False)
    binned = keras.Model(model.input, model.get_layer("binned").output)
    rows = (starts[0] + RANDOM.uniform(0, 0.001, size=(64, 6))).astype(np.float32)
    converted = Lite(network.lite_bytes(binned, 64))
    assert np.array_equal(converted(rows), network.predictions(binned, rows))


def test_equal_values_have_no_bin_and_near_edges_are_one() -> None:
    assert tree_edges(np.zeros(40), np.arange(40) % 2, 8, 0) == [0.0]
    values = np.repeat([0.0, 1.0, 1.0001, 2.0], 20)
    edges = tree_edges(values, np.repeat([0, 1, 0, 1], 20), 8, 0)
    assert (edges[0], edges[-1]) == (0.0, 2.0)
    assert np.diff(edges).min() >= 1e-3
