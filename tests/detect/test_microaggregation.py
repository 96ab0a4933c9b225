"""No number rests on fewer patients than it may, by definition and by trying to solve for cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medchain.detect.boosting import DEPTH, shared_leaves
from medchain.detect.microaggregation import microaggregate
from medchain.detect.schema import MIN_PATIENTS

CELLS = st.lists(
    st.tuples(
        st.one_of(
            st.integers(0, 4).map(float), st.floats(-1e9, 1e9), st.just(np.nan), st.just(1e308)
        ),
        st.integers(0, 40),
    ),
    min_size=1,
    max_size=150,
)


@given(CELLS)
def test_every_value_is_of_enough_patients_or_of_all(cells: list[tuple[float, int]]) -> None:
    values, patients = (np.array(part) for part in zip(*cells, strict=True))
    shown = microaggregate(values, patients)
    assert np.array_equal(np.isnan(shown), np.isnan(values))
    known = ~np.isnan(values)
    everyone = len(set(patients[known].tolist()))
    for value in np.unique(shown[known]):
        having = len(set(patients[shown == value].tolist()))
        assert having >= min(MIN_PATIENTS, everyone)


@given(CELLS)
def test_order_is_kept_and_equal_values_stay_equal(cells: list[tuple[float, int]]) -> None:
    values, patients = (np.array(part) for part in zip(*cells, strict=True))
    shown = microaggregate(values, patients)[np.argsort(values)]
    ordered = np.sort(values)
    known = ~np.isnan(ordered)
    assert (np.diff(shown[known]) >= 0).all()
    assert (np.diff(shown[known])[np.diff(ordered[known]) == 0] == 0).all()


def test_known_answers() -> None:
    values = np.arange(40.0)
    shown = np.unique(microaggregate(values, np.arange(40)))
    # The quartiles are 19 apart, 14.1 standard deviations; an eighth is the step below 14.1 / 64.
    assert shown.tolist() == [4.5, 14.5, 24.5, 34.5]
    assert np.unique(microaggregate(values, np.arange(40) // 2)).tolist() == [9, 29]


def test_a_value_of_enough_patients_stays_and_swallows_the_few_beside_it() -> None:
    values = np.array([0.0] * 30 + [1.0] * 3)
    assert microaggregate(values, np.arange(33)).tolist() == [0.0] * 33
    assert np.unique(microaggregate(values, np.arange(33) % 4)) == pytest.approx([1 / 11], abs=0.02)


def test_one_patient_with_many_rows_is_not_shown() -> None:
    values, patients = np.array([7.0] * 50 + list(range(100, 130))), np.arange(80)
    patients[:50] = 0
    assert 7.0 not in microaggregate(values, patients)


def test_a_far_value_is_clipped() -> None:
    values = np.random.default_rng(0).normal(0, 1, 300)
    values[7] = 1e6
    assert microaggregate(values, np.arange(300)).max() < 5


def test_a_far_group_is_averaged_as_it_is_but_for_the_farthest_patient() -> None:
    values = np.r_[np.random.default_rng(0).normal(0, 1, 290), np.arange(20.0, 30.0)]
    shown = microaggregate(values, np.arange(300)).max()
    assert shown == pytest.approx(24.4, abs=0.02)  # 29 counts as the 28 of the next patient
    values[-1] = 1e6
    assert microaggregate(values, np.arange(300)).max() == shown


def test_visits_of_one_far_patient_and_a_pair_of_far_patients_are_clipped() -> None:
    values = np.random.default_rng(0).normal(0, 1, 300)
    values[:5] = 1e6
    visits = np.maximum(np.arange(300) - 4, 0)
    assert microaggregate(values, visits).max() < 5
    values[2:5] = 0
    assert microaggregate(values, np.arange(300)).max() < 5


@given(st.lists(st.tuples(st.integers(0, (1 << DEPTH) - 1), st.integers(0, 60)), min_size=1))
def test_no_leaf_is_of_too_few_patients(rows: list[tuple[int, int]]) -> None:
    leaf, patients = (np.array(part, np.intp) for part in zip(*rows, strict=True))
    group = shared_leaves(leaf, patients)
    everyone = len(set(patients.tolist()))
    for value in set(group[leaf].tolist()):
        having = len(set(patients[group[leaf] == value].tolist()))
        assert having >= min(MIN_PATIENTS, everyone)
    many = np.repeat(np.arange(1 << DEPTH), MIN_PATIENTS)
    assert np.array_equal(shared_leaves(many, np.arange(len(many))), np.arange(1 << DEPTH))
