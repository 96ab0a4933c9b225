"""Makes patients: plausible ones, and anomalous ones of several named kinds that can be learnt.

The figures are round clinical reference values of adults on a hospital ward, tied together by a few
hidden causes (age, inflammation, kidney function); they are made to be told apart by a detector,
not to teach medicine. Nobody's data went into them.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

ID = "patient_id"
LABEL = "anomaly"

# Decimals of each numeric feature, in the order of the columns; units in the comments.
NUMERIC = {
    "age": 0,  # years
    "bmi": 1,  # kg/m2
    "temperature": 1,  # degrees Celsius
    "heart_rate": 0,  # beats a minute
    "respiratory_rate": 0,  # breaths a minute
    "systolic_bp": 0,  # mmHg
    "diastolic_bp": 0,  # mmHg
    "spo2": 0,  # percent
    "haemoglobin": 1,  # g/dl
    "white_cells": 1,  # 10^9/l
    "sodium": 0,  # mmol/l
    "potassium": 1,  # mmol/l
    "creatinine": 2,  # mg/dl
    "urea": 0,  # mg/dl
    "glucose": 1,  # mmol/l
    "crp": 1,  # mg/l
    "lactate": 1,  # mmol/l
}
CATEGORICAL = ("sex", "ward", "smoking")
FEATURES = (*CATEGORICAL, *NUMERIC)
# The share of cells that nobody filled in: what is not measured in everyone is missing most.
MISSING = {"smoking": 0.08, "bmi": 0.05, "urea": 0.05, "glucose": 0.03, "crp": 0.08, "lactate": 0.3}


@dataclass(frozen=True, slots=True)
class Patients:
    """A table of patients, their labels (1 = anomalous), and the kind of each anomaly.

    ``columns`` and ``rows`` hold the identifier and the features, not the label; a missing cell is
    empty. ``kinds`` holds ``""`` for a patient who is not anomalous.
    """

    columns: tuple[str, ...]
    rows: list[list[str]] = field(repr=False)
    labels: list[int] = field(repr=False)
    kinds: list[str] = field(repr=False)

    def csv(self, *, label: bool) -> bytes:
        """The table as the bytes of a CSV file, with the column `LABEL` last if `label`."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*self.columns, LABEL] if label else self.columns)
        for row, anomaly in zip(self.rows, self.labels, strict=True):
            writer.writerow([*row, anomaly] if label else row)
        return text.getvalue().encode()


def patients(rows: int, seed: int, anomaly_rate: float = 0.05, *, first: int = 1) -> Patients:
    """Make `rows` patients, the share `anomaly_rate` of them anomalous, all kinds equally often.

    They are numbered from `first`. The same arguments give the same patients on every machine.
    """
    random = Random(seed)
    kinds = _kinds(rows, round(rows * anomaly_rate), random)
    cells = [_row(number, kind, random) for number, kind in enumerate(kinds, first)]
    return Patients((ID, *FEATURES), cells, [int(kind != "") for kind in kinds], kinds)


def _kinds(rows: int, anomalies: int, random: Random) -> list[str]:
    names = tuple(KINDS)
    kinds = [names[place % len(names)] for place in range(anomalies)] + [""] * (rows - anomalies)
    random.shuffle(kinds)
    return kinds


def _row(number: int, kind: str, random: Random) -> list[str]:
    patient = _patient(random)
    touched = KINDS[kind](patient, random) if kind else ()
    # What makes a patient anomalous is never missing, or the label could not be learnt.
    missing = {name for name, share in MISSING.items() if random.random() < share} - {*touched}
    words = ["" if name in missing else patient.words[name] for name in CATEGORICAL]
    numbers = [
        "" if name in missing else f"{patient.numbers[name]:.{decimals}f}"
        for name, decimals in NUMERIC.items()
    ]
    return [f"P-{number:06d}", *words, *numbers]


@dataclass(slots=True)
class _Patient:
    words: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    def shift(self, **by: float) -> tuple[str, ...]:
        """Add to some numbers; returns their names."""
        for name, amount in by.items():
            self.numbers[name] += amount
        return tuple(by)

    def scale(self, **by: float) -> tuple[str, ...]:
        """Multiply some numbers; returns their names."""
        for name, factor in by.items():
            self.numbers[name] *= factor
        return tuple(by)


def _patient(random: Random) -> _Patient:
    """A patient without anomaly; some have a harmless infection or an old kidney disease."""
    inflammation = abs(random.gauss(0, 0.4))
    if random.random() < 0.08:
        inflammation += random.uniform(0.6, 2.0)
    kidney = math.exp(random.gauss(0, 0.15))
    if random.random() < 0.05:
        kidney *= random.uniform(1.4, 2.0)
    patient = _Patient()
    _person(patient, random)
    _signs(patient, inflammation, random)
    _blood(patient, inflammation, kidney, random)
    return patient


def _person(patient: _Patient, random: Random) -> None:
    sex = random.choice(("female", "male"))
    age = min(max(random.gauss(58, 17), 18), 97)
    wards = ["medical", "medical", "surgical", "surgical", "cardiology"]
    if sex == "female" and age < 45:
        wards = ["maternity", "maternity", "medical", "surgical"]
    smoking = random.choices(("never", "former", "current"), (5, 3, 2))[0]
    patient.words |= {"sex": sex, "ward": random.choice(wards), "smoking": smoking}
    patient.numbers |= {"age": age, "bmi": min(max(random.gauss(26.5, 4.5), 15), 48)}


def _signs(patient: _Patient, inflammation: float, random: Random) -> None:
    age, bmi = patient.numbers["age"], patient.numbers["bmi"]
    lungs = 1.5 if patient.words["smoking"] == "current" else 0
    temperature = 36.7 + 0.7 * inflammation + random.gauss(0, 0.25)
    systolic = 122 + 0.45 * (age - 55) + 0.8 * (bmi - 26) + random.gauss(0, 12)
    patient.numbers |= {
        "temperature": temperature,
        "heart_rate": 72 + 8 * (temperature - 36.7) + random.gauss(0, 9),
        "respiratory_rate": max(15 + 2 * inflammation + lungs + random.gauss(0, 1.8), 9),
        "systolic_bp": systolic,
        "diastolic_bp": 0.5 * systolic + 16 + random.gauss(0, 6),
        "spo2": min(97.8 - inflammation - lungs - abs(random.gauss(0, 1)), 100),
    }


def _blood(patient: _Patient, inflammation: float, kidney: float, random: Random) -> None:
    age, male = patient.numbers["age"], patient.words["sex"] == "male"
    creatinine = (0.95 if male else 0.75) * kidney * (1 + 0.003 * (age - 55))
    patient.numbers |= {
        "haemoglobin": (14.6 if male else 13.1) - 0.5 * (kidney - 1) + random.gauss(0, 1.1),
        "white_cells": (6.6 + 3 * inflammation) * math.exp(random.gauss(0, 0.2)),
        "sodium": random.gauss(140, 2.6),
        "potassium": 4.1 + 0.3 * (kidney - 1) + random.gauss(0, 0.3),
        "creatinine": creatinine,
        "urea": 32 * kidney**0.8 * math.exp(random.gauss(0, 0.2)),
        "glucose": 5.6 * math.exp(random.gauss(0.01 * (patient.numbers["bmi"] - 26), 0.18)),
        "crp": 4 * math.exp(1.7 * inflammation + random.gauss(0, 0.5)),
        "lactate": 1.1 * math.exp(random.gauss(0, 0.25)),
    }


def _septic_shift(patient: _Patient, random: Random) -> tuple[str, ...]:
    """Fever, fast heart and breath, low pressure and high lactate, all together."""
    much = random.uniform(0.3, 1.2)
    blood = patient.scale(white_cells=1 + 1.1 * much, crp=1 + 9 * much, lactate=1 + 1.6 * much)
    pressure = patient.scale(systolic_bp=1 - 0.24 * much, diastolic_bp=1 - 0.26 * much)
    signs = patient.shift(temperature=1.6 * much, heart_rate=32 * much, respiratory_rate=8 * much)
    return blood + pressure + signs


def _renal_failure(patient: _Patient, random: Random) -> tuple[str, ...]:
    """Creatinine and urea several times too high, with potassium up and sodium down."""
    much = random.uniform(0.25, 1.3)
    waste = patient.scale(creatinine=1 + 2.2 * much, urea=1 + 1.9 * much)
    return waste + patient.shift(potassium=1.2 * much, sodium=-4 * much, haemoglobin=-1.5 * much)


def _unit_error(patient: _Patient, random: Random) -> tuple[str, ...]:
    """One value ten times too large: g/l for g/dl, or a decimal point that was lost."""
    return patient.scale(**{random.choice(("haemoglobin", "potassium", "glucose")): 10})


def _swapped_pressures(patient: _Patient, _random: Random) -> tuple[str, ...]:
    """Diastolic above systolic pressure: the usual correlation is broken."""
    numbers = patient.numbers
    high, low = sorted((numbers["systolic_bp"], numbers["diastolic_bp"]), reverse=True)
    numbers["systolic_bp"], numbers["diastolic_bp"] = low, high
    return ("systolic_bp", "diastolic_bp")


def _wrong_ward(patient: _Patient, random: Random) -> tuple[str, ...]:
    """An implausible combination of usual values: a man, or an old woman, on the maternity ward."""
    patient.words["ward"] = "maternity"
    if random.random() < 0.5:
        patient.words["sex"] = "male"
    else:
        patient.words["sex"] = "female"
        patient.numbers["age"] = random.uniform(60, 95)
    return ("sex", "ward", "age")


# What each kind does to a patient; the function returns the features that it touched.
KINDS: dict[str, Callable[[_Patient, Random], tuple[str, ...]]] = {
    "septic shift": _septic_shift,
    "renal failure": _renal_failure,
    "unit error": _unit_error,
    "swapped pressures": _swapped_pressures,
    "wrong ward": _wrong_ward,
}
