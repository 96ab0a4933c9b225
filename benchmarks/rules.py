"""Made-up thyroid panels whose anomalies follow rules: tables for `detector.py`.

    python benchmarks/rules.py FOLDER

Where a truth is a rule over two or three thresholds and some exceptions, boosted trees come near
it and small networks do not. Writes six tables of 3200 rows: three rules (low, compensated and
high), two draws each; hormones are log-normal, some are missing, and one label in five hundred is
wrong. No number comes from a patient.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 3200
MISSING = {"tsh": 0.1, "t3": 0.2, "tt4": 0.06, "t4u": 0.1, "fti": 0.1}
DIGITS = {"tsh": 2, "t3": 1, "tt4": 0, "t4u": 2, "fti": 0}
FLAGS = {"on_thyroxine": 0.12, "surgery": 0.015, "sick": 0.04, "lithium": 0.005, "goitre": 0.01}
RULES = "low", "compensated", "high"
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def hormones(random: np.random.Generator) -> dict[str, Floats]:
    """TSH, T3, TT4, T4U and the index FTI; one row in eleven has too little or too much."""
    shared, low, high = random.normal(size=ROWS), random.random(ROWS), random.random(ROWS)
    little, much = 1.0 * (low < 0.06), 1.0 * (high < 0.03)
    tt4 = np.exp(4.65 + 0.25 * shared - 1.05 * little * random.random(ROWS) + 0.5 * much)
    t4u = np.clip(random.normal(1.01, 0.19, ROWS), 0.4, 2)
    raised = little * random.uniform(0.5, 4, ROWS) - 3.6 * much * random.random(ROWS)
    tsh = np.exp(random.normal(0.35, 0.8, ROWS) + raised)
    t3 = np.exp(0.69 + 0.3 * random.normal(size=ROWS) + 0.09 * shared + 0.5 * much)
    return {"tsh": tsh, "t3": t3, "tt4": tt4, "t4u": t4u, "fti": tt4 / t4u}


def anomalous(rule: str, found: dict[str, Floats], flags: dict[str, Bools]) -> Bools:
    """Which rows the rule names."""
    tsh, t3, tt4, fti = (found[name] for name in ("tsh", "t3", "tt4", "fti"))
    if rule == "high":
        return ((t3 > 2.8) | (fti > 155)) & (tsh < 0.4) & ~flags["on_thyroxine"]
    untreated = (tsh > 6) & ~flags["on_thyroxine"] & ~flags["surgery"]
    if rule == "low":
        return untreated & (fti < 64)
    return untreated & (fti >= 64) & (tt4 < 150)


def table(rule: str, seed: int) -> dict[str, list[Any]]:
    """The columns of one table."""
    random = np.random.default_rng(seed)
    age = np.clip(random.normal(52, 19, ROWS), 1, 97).round().astype(int).tolist()
    sex = np.where(random.random(ROWS) < 0.67, "F", "M").tolist()
    flags = {name: random.random(ROWS) < share for name, share in FLAGS.items()}
    found = hormones(random)
    truth = anomalous(rule, found, flags) ^ (random.random(ROWS) < 0.002)
    columns: dict[str, list[Any]] = {"age": age, "sex": sex}
    columns |= {name: np.where(flag, "t", "f").tolist() for name, flag in flags.items()}
    for name, values in found.items():
        gone = random.random(ROWS) < MISSING[name]
        cells = [f"{value:.{DIGITS[name]}f}" for value in values]
        columns[name] = ["" if lacks else cell for cell, lacks in zip(cells, gone, strict=True)]
    return columns | {"anomaly": truth.astype(int).tolist()}


def main(folder: Path) -> None:
    """Write the six tables."""
    folder.mkdir(parents=True, exist_ok=True)
    for rule in RULES:
        for seed in (1, 2):
            columns = table(rule, seed)
            with (folder / f"{rule}_{seed}.csv").open("w", newline="") as file:
                rows = csv.writer(file, lineterminator="\n")
                rows.writerow(columns)
                rows.writerows(zip(*columns.values(), strict=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
