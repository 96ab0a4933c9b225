"""Which value of a label means an anomaly, and labels that cannot work."""

from __future__ import annotations

import pytest

from medchain.detect.label import read_label
from medchain.errors import UsageError


def cells(one: str, ones: int, other: str, others: int) -> list[str]:
    return [one] * ones + [other] * others


@pytest.mark.parametrize(
    ("anomaly", "normal"),
    [
        ("1", "0"),
        ("1.0", "0.0"),
        ("TRUE", "FALSE"),
        ("Yes", "no"),
        (" anomaly ", "normal"),
        ("outlier", "inlier"),
        ("malignant", "benign"),
    ],
)
@pytest.mark.parametrize("share", [3, 17])
def test_values_with_a_meaning(anomaly: str, normal: str, share: int) -> None:
    label = read_label("y", cells(anomaly, share, normal, 20 - share))
    assert (label.code(anomaly), label.code(normal)) == (1, 0)
    assert label.rule == "the value that says so, like 1 or yes"


def test_otherwise_the_rarer_value_is_the_anomaly() -> None:
    label = read_label("y", cells("a", 3, "b", 17))
    assert (label.code("a"), label.code("b"), label.code(""), label.code("c")) == (1, 0, None, None)
    assert "rarer" in label.rule


def test_overruled() -> None:
    label = read_label("y", cells("1", 3, "0", 17), positive="0.0")
    assert (label.code("0"), label.code("1")) == (1, 0)


def test_values_are_not_in_the_repr() -> None:
    assert "canary" not in repr(read_label("y", cells("canary", 3, "b", 17)))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (["a", "b", "c"] * 9, "3 different values"),
        (["1"] * 20, "one class only"),
        ([""] * 20, "no value at all"),
        (cells("1", 1, "0", 19), "one row only"),
    ],
)
def test_labels_that_cannot_work(column: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_label("y", column)
    assert said in caught.value.message
    assert "'y'" in caught.value.message
    assert caught.value.hint


def test_a_positive_value_that_does_not_occur_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        read_label("y", cells("1", 3, "0", 17), positive="canary")
    assert "canary" not in caught.value.message + caught.value.hint
