"""Small made-up tables whose anomalies are known, as rows of text."""

from __future__ import annotations

import math
from random import Random

COLUMNS = ["patient", "age", "pulse", "crp", "weight", "ward", "site", "anomaly"]
FEATURES = ["age", "pulse", "crp", "weight", "ward"]
Rows = list[list[str]]


def clinic(count: int, seed: int = 1) -> Rows:
    """Rows of `COLUMNS`: anomalous where a hidden sum of features and the ward is high.

    The site is constant; crp is missing now and then; the ward is a category with a rare level.
    """
    random = Random(seed)
    rows = []
    for number in range(count):
        age, pulse, crp = random.gauss(60, 12), random.gauss(75, 10), random.expovariate(0.2)
        ward = random.choices(["surgery", "medicine", "icu", "dialysis"], [40, 40, 18, 2])[0]
        risk = (age - 60) / 12 + (pulse - 75) / 10 + 2 * (ward == "icu") + random.gauss(0, 0.4)
        rows.append(
            [
                f"P{number:05}",
                f"{age:.1f}",
                f"{pulse:.0f}",
                "" if random.random() < 0.1 else f"{crp:.2f}",
                f"{random.gauss(75, 15):.2f}",
                ward,
                "north",
                str(int(risk > 2.2)),
            ]
        )
    return rows


def together(count: int, seed: int = 1) -> tuple[list[str], Rows]:
    """Anomalous where two features have the same sign: no feature alone says anything."""
    random = Random(seed)
    rows = []
    for _ in range(count):
        x, y, other = random.gauss(0, 1), random.gauss(0, 1), random.gauss(0, 1)
        rows.append([f"{x:.3f}", f"{y:.3f}", f"{other:.3f}", str(int(x * y > 0.35))])
    return ["x", "y", "other", "label"], rows


def ring(count: int, seed: int = 1) -> tuple[list[str], Rows, list[int]]:
    """Unlabelled rows, nineteen in twenty near the middle, the others far out; and which are."""
    random = Random(seed)
    rows, far = [], []
    for number in range(count):
        out = number % 20 == 0
        angle, radius = random.uniform(0, 2 * math.pi), random.uniform(5, 7) if out else 0.0
        x, y = radius * math.cos(angle), radius * math.sin(angle)
        rows.append([f"{x + random.gauss(0, 1):.3f}", f"{y + random.gauss(0, 1):.3f}"])
        far.append(int(out))
    return ["x", "y"], rows, far
