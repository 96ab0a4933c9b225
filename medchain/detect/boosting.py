"""Boosted oblivious trees beside the network, in numpy alone (CatBoost; Prokhorenkova et al. 2018).

All nodes of one level of a tree ask the same question, so that a row's leaf is a number whose bits
are the answers: a forest is three arrays, and scoring is comparing, shifting and looking up. Trees
know the thresholds that a small network only approaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .outcome import logistic
from .schema import MIN_PATIENTS

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Matrix = NDArray[np.float32]
DEPTH = 4
TREES = 240
_BINS = 128
_WIDE = 16_384
_ENOUGH = 30_000
_AT_ONCE = 128
_SOME = 128


@dataclass(frozen=True)
class Rows:
    """Training rows: what trees read, the same `shown` (`Encoder.aggregated`), labels, patients."""

    inputs: Matrix
    shown: Matrix
    labels: NDArray[Any]
    patients: Ints

    def take(self, columns: Ints) -> Rows:
        """Some of the columns."""
        return replace(self, inputs=self.inputs[:, columns], shown=self.shown[:, columns])


@dataclass(frozen=True)
class Growth:
    """Settings of the boosting; the same for every table."""

    trees: int = 200
    rate: float = 0.1
    pull: float = 1.0
    rows: float = 0.85
    columns: float = 0.7
    noise: float = 0.3


class Forest:
    """`columns` and `cuts` (trees x DEPTH): is the value greater? `leaves`: trees x 2^DEPTH."""

    def __init__(self, columns: Ints, cuts: Matrix, leaves: Floats, base: float) -> None:
        self.columns, self.cuts, self.leaves, self.base = columns, cuts, leaves, base
        self._pairs: tuple[Ints, Matrix, Ints, Floats] | None = None

    def __call__(self, inputs: Matrix) -> Floats:
        """The sum of all trees for each row of what the network reads.

        Pairs of trees are added one after the other, so that no batch changes a rounding.
        """
        if len(inputs) == 1:
            # A sum along an axis of its own is added in another order.
            return self(np.repeat(inputs, 2, axis=0))[:1]
        columns, cuts, asked, leaves = self._pairs = self._pairs or self._paired()
        answers = (np.ascontiguousarray(inputs.T)[columns] > cuts[:, None]).view(np.uint8)
        places = answers[asked[0]]
        for question in asked[1:]:
            places += places
            places += answers.take(question, axis=0)
        starts = (np.arange(len(leaves)) * leaves.shape[1])[:, None]
        said: Floats = np.add.reduce(leaves.ravel().take(places + starts), axis=0) + self.base
        return said

    def _paired(self) -> tuple[Ints, Matrix, Ints, Floats]:
        """Every question once, and trees by twos: the answers of two are one byte."""
        columns: NDArray[Any] = self.columns
        cuts: NDArray[Any] = self.cuts
        leaves = self.leaves
        if len(columns) % 2:
            columns, cuts = (np.vstack([part, part[:1]]) for part in (columns, cuts))
            leaves = np.vstack([leaves, np.zeros_like(leaves[:1])])
        whole = np.column_stack([columns.ravel(), cuts.ravel().astype(np.float64)])
        known, asked = np.unique(whole, axis=0, return_inverse=True)
        both = leaves[0::2, :, None] + leaves[1::2, None, :]
        return (
            known[:, 0].astype(np.intp),
            known[:, 1].astype(np.float32),
            np.ascontiguousarray(asked.reshape(-1, 2 * DEPTH).T),
            both.reshape(len(both), -1),
        )

    def first(self, trees: int) -> Forest:
        """The forest of the first few trees."""
        return Forest(self.columns[:trees], self.cuts[:trees], self.leaves[:trees], self.base)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, from which `from_json` builds the same."""
        return {
            "columns": self.columns.tolist(),
            "cuts": self.cuts.tolist(),
            "leaves": self.leaves.tolist(),
            "base": self.base,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Forest:
        """The forest that `to_json` wrote."""
        columns, cuts = np.array(data["columns"], np.intp), np.array(data["cuts"], np.float32)
        return cls(columns, cuts, np.array(data["leaves"], np.float64), data["base"])


def mean_forest(forests: Sequence[Forest]) -> Forest:
    """One forest that says the mean of several."""
    count = len(forests)
    return Forest(
        np.concatenate([forest.columns for forest in forests]),
        np.concatenate([forest.cuts for forest in forests]),
        np.concatenate([forest.leaves / count for forest in forests]),
        sum(forest.base for forest in forests) / count,
    )


def member_forests(
    rows: Rows, masks: NDArray[Any], asked: Ints, seed: int
) -> tuple[Forest, Floats]:
    """Boosted trees, as many as serve best on rows that were left out.

    `masks` (rows x members) leaves every row out of one member; `asked` are the columns of `rows`
    that trees may ask about. Returns the mean of as many forests of all rows as make `TREES` trees,
    and for each row what the member says that never saw it.
    """
    rows, every = rows.take(asked), np.ones(len(masks), bool)

    def chance(place: int) -> np.random.Generator:
        return np.random.default_rng([seed, 4, place])

    members = [
        grow(rows, learn > 0, Growth(), chance(place)) for place, learn in enumerate(masks.T)
    ]
    best = int(np.argmin(sum(losses for _, losses in members))) + 1
    said = np.zeros(len(masks))
    for (forest, _), learn in zip(members, masks.T, strict=True):
        said[learn == 0] = forest.first(best)(rows.inputs[learn == 0])
    growth = replace(Growth(), trees=best)
    whole = mean_forest(
        [
            grow(rows, every, growth, chance(masks.shape[1] + place))[0]
            for place in range(max(1, TREES // best))
        ]
    )
    return Forest(asked[whole.columns], whole.cuts, whole.leaves, whole.base), said


def grow(
    data: Rows, learn: NDArray[Any], growth: Growth, random: np.random.Generator
) -> tuple[Forest, Floats]:
    """Boost trees on the rows where `learn`; also the log-loss of the others after every tree.

    Cuts lie between the values that are shown, and no leaf is of fewer than `MIN_PATIENTS`.
    """
    inputs, labels = data.inputs, data.labels
    rows, others = (_some(np.flatnonzero(which), random) for which in (learn, ~learn))
    edges = edges_of(data.shown[rows])
    whose = np.unique(data.patients[rows], return_inverse=True)[1]
    codes, watched = codes_of(inputs[rows], edges), codes_of(inputs[others], edges)
    target, truth = labels[rows].astype(np.float64), labels[others].astype(np.float64)
    share = (target.sum() + 0.5) / (len(target) + 1)
    base = float(np.log(share / (1 - share)))
    said, seen = np.full(len(rows), base), np.full(len(others), base)
    usable = np.flatnonzero([len(cuts) for cuts in edges])
    columns = np.zeros((growth.trees, DEPTH), np.intp)
    places = np.zeros((growth.trees, DEPTH), np.intp)
    leaves = np.zeros((growth.trees, 1 << DEPTH))
    losses = np.zeros(growth.trees)
    for tree in range(growth.trees if len(usable) else 0):
        part = np.flatnonzero(random.random(len(rows)) < growth.rows)
        if len(set(whose[part[:_SOME]].tolist())) < MIN_PATIENTS:
            part = np.arange(len(rows))
        count = min(_AT_ONCE, max(1, round(growth.columns * len(usable))))
        some = np.sort(random.choice(usable, count, replace=False))
        chance = logistic(said[part])
        slope, curve = chance - target[part], chance * (1 - chance)
        columns[tree], places[tree] = _questions(
            codes[part[:, None], some], some, edges, slope, curve, growth, random
        )
        leaf = _leaf(codes, columns[tree], places[tree])
        group = shared_leaves(leaf[part], whose[part])
        sums = [np.bincount(group[leaf[part]], each, 1 << DEPTH) for each in (slope, curve)]
        found = -growth.rate * sums[0] / (sums[1] + growth.pull)
        leaves[tree] = np.round(found, 7)[group]
        said += leaves[tree][leaf]
        seen += leaves[tree][_leaf(watched, columns[tree], places[tree])]
        losses[tree] = np.sum(np.logaddexp(0.0, seen) - truth * seen)
    cuts = np.zeros(columns.shape, np.float32)
    for place, column in np.ndenumerate(columns):
        cuts[place] = edges[column][places[place]] if len(usable) else 0.0
    return Forest(columns, cuts, leaves, base), losses


def shared_leaves(leaf: Ints, patients: Ints) -> Ints:
    """The leaf whose value each leaf takes, itself unless too few patients are in one near it.

    Such a leaf and its neighbour, which differs in the last answer, become one, and these with
    their neighbours, until `MIN_PATIENTS` are in each that is not empty.
    """
    there = np.zeros((1 << DEPTH, int(patients.max(initial=0)) + 1), bool)
    there[leaf, patients] = True
    group = np.arange(1 << DEPTH)
    having = there.sum(axis=1)
    few = (having > 0) & (having < MIN_PATIENTS)
    for level in range(1, DEPTH + 1):
        if not few.any():
            break
        there = there[0::2] | there[1::2]
        merged, having = few[0::2] | few[1::2], there.sum(axis=1)
        for node in np.flatnonzero(merged):
            group[node << level : (node + 1) << level] = node << level
        few = merged & (having < MIN_PATIENTS)
    return group


def edges_of(inputs: Matrix) -> list[Matrix]:
    """For each column the cuts that may be asked about: between values, equally many in each."""
    count = max(4, min(_BINS, _WIDE // inputs.shape[1]))
    found = []
    for column in inputs.T:
        values = np.unique(column)
        if len(values) > count:
            values = np.unique(np.quantile(column, np.linspace(0, 1, count), method="nearest"))
        found.append((values[:-1] + values[1:]) / np.float32(2))
    return found


def codes_of(inputs: Matrix, edges: Sequence[Matrix]) -> NDArray[np.uint8]:
    """How many cuts of its column each value exceeds (rows x columns)."""
    found = np.empty(inputs.shape, np.uint8)
    for place, cuts in enumerate(edges):
        found[:, place] = np.searchsorted(cuts, inputs[:, place], side="left")
    return found


def _some(rows: Ints, random: np.random.Generator) -> Ints:
    if len(rows) <= _ENOUGH:
        return rows
    return np.sort(random.choice(rows, _ENOUGH, replace=False))


def _leaf(codes: NDArray[np.uint8], columns: Ints, places: Ints) -> Ints:
    leaf = np.zeros(len(codes), np.intp)
    for column, place in zip(columns, places, strict=True):
        leaf = 2 * leaf + (codes[:, column] > place)
    return leaf


def _questions(
    codes: NDArray[np.uint8],
    some: Ints,
    edges: Sequence[Matrix],
    slope: Floats,
    curve: Floats,
    growth: Growth,
    random: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """The column and the cut of each level, the best for all leaves of that level together."""
    bins = max(len(edges[column]) for column in some) + 1
    beyond = np.arange(bins) >= np.array([len(edges[column]) for column in some])[:, None]
    table = codes + np.arange(len(some)) * bins
    leaf = np.zeros(len(codes), np.intp)
    columns, places = [], []
    for level in range(DEPTH):
        shape = (1 << level, len(some), bins)
        gain = _gains(table + leaf[:, None] * (len(some) * bins), slope, curve, shape, growth.pull)
        gain *= 1 + growth.noise * random.standard_normal((len(some), 1))
        gain[beyond] = -np.inf
        column, place = divmod(int(np.argmax(gain)), bins)
        columns.append(int(some[column]))
        places.append(place)
        leaf = 2 * leaf + (codes[:, column] > place)
    return columns, places


def _gains(
    flat: Ints, slope: Floats, curve: Floats, shape: tuple[int, int, int], pull: float
) -> Floats:
    """How much the loss falls when every leaf is cut at each place (columns x bins)."""
    sums = []
    for each in (slope, curve):
        total = np.bincount(flat.ravel(), np.repeat(each, shape[1]), shape[0] * shape[1] * shape[2])
        sums.append(np.cumsum(total.reshape(shape), axis=2))
    down, bent = sums
    rest, other = down[:, :, -1:] - down, bent[:, :, -1:] - bent
    gain: Floats = (down**2 / (bent + pull) + rest**2 / (other + pull)).sum(axis=0)
    return gain
