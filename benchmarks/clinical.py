"""Clinical tables for `detector.py`, from the data sets that come with R packages.

    python benchmarks/clinical.py RDATASETS OUT

RDATASETS is a checkout of github.com/vincentarelbundock/Rdatasets, which collects them as CSV; each
stays under the licence of its package. OUT gets one table for each line below that is there, with
the label ``anomaly`` and without what was learnt after it (times to the event, other outcomes) or
says who the patient is. Of tables with an entry in `FEW`, a second one keeps only so many
anomalies, drawn once, as is usual among the tables that outlier detectors are compared on.
Needs ``pip install pandas``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

# name: package/item, label, the values that are anomalous, columns that are left out
TABLES = {
    "acs": ("CardioDataSets/acs_patients_df", "cardiogenicShock", "Yes", ""),
    "ad_data": ("modeldata/ad_data", "Class", "Impaired", ""),
    "birthwt": ("MASS/birthwt", "low", "1", "bwt"),
    "blood": ("medicaldata/blood_storage", "Recurrence", "1", "Censor TimeToRecurrence"),
    "care_home": ("MLDataR/care_home_incidents", "CareHomeFail", "1", ""),
    "cervical": ("OncoDataSets/CervicalCancer_df", "CIN2plus", "CIN2+", "histology treatment"),
    "covid": (
        "medicaldata/covid_testing",
        "result",
        "positive",
        "subject_id fake_first_name fake_last_name ct_result rec_ver_tat",
    ),
    "flchain": ("survival/flchain", "death", "1", "futime chapter"),
    "gbsg": ("survival/gbsg", "status", "1", "pid rfstime"),
    "headinjury": ("DAAG/headInjury", "clinically.important.brain.injury", "1", ""),
    "hepatic": ("modeldata/hepatic_injury_qsar", "class", "severe", ""),
    "hepato": ("asaur/hepatoCellular", "Death", "1", "Number OS RFS Recurrence"),
    "icu": ("vcdExtra/ICU", "died", "Yes", ""),
    "indo_rct": ("medicaldata/indo_rct", "outcome", "1_yes", "id bleed"),
    "melanoma": ("MASS/Melanoma", "status", "1", "time year"),
    "mgus2": ("survival/mgus2", "pstat", "1", "id ptime futime death"),
    "mifem": ("DAAG/mifem", "outcome", "dead", ""),
    "mri": ("CardioDataSets/mriCardioVars_tbl_df", "death", "1", "ptid mridate obstime"),
    "ncbirths": (
        "Stat2Data/NCbirths",
        "Low",
        "1",
        "ID BirthWeightOz BirthWeightGm Premie MomRace",
    ),
    "nhefs": (
        "causaldata/nhefs",
        "death",
        "1",
        "seqn yrdth modth dadth wt82 wt82_71 smkintensity82_71",
    ),
    "nodules": ("OncoDataSets/LungNodulesDetected_df", "malignant", "1", ""),
    "nwtco": ("survival/nwtco", "rel", "1", "seqno edrel in.subcohort"),
    "oasis": ("NeuroDataSets/OASIS_cross_tbl_df", "CDR", "0.5 1 2", "ID Hand Delay"),
    "pbc": ("survival/pbc", "status", "2", "id time"),
    "pd_speech": ("modeldata/pd_speech", "class", "control", ""),
    "pneumon": ("KMsurv/pneumon", "hospital", "1", "chldage agepn"),
    "rotterdam": ("survival/rotterdam", "death", "1", "pid year rtime recur dtime"),
    "std": ("KMsurv/std", "rinfct", "1", "obs time"),
}
FEW = {
    "ad_data": 15,
    "hepatic": 12,
    "hepato": 10,
    "mri": 14,
    "nodules": 25,
    "oasis": 12,
    "pbc": 20,
    "rotterdam": 40,
}
MOST = 4000


def main() -> None:
    """Write every table that is there, and say which."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rdatasets", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    for name, (source, label, anomalous, dropped) in TABLES.items():
        path = options.rdatasets / "csv" / f"{source}.csv"
        if not path.exists():
            print(f"{name}: no {path}")
            continue
        table = shuffled(path, label, anomalous.split(), dropped.split(), random)
        write(table, options.out / f"{name}.csv")
        if name in FEW:
            write(fewer(table, FEW[name], random), options.out / f"{name}_few.csv")


def shuffled(
    path: Path, label: str, anomalous: list[str], dropped: list[str], random: np.random.Generator
) -> pd.DataFrame:
    """At most `MOST` rows in a random order, as text, the label last."""
    cells = pd.read_csv(path, dtype=str, keep_default_na=False).replace("NA", "")
    cells = cells[cells[label] != ""]
    cells = cells.iloc[random.permutation(len(cells))[:MOST]]
    found = cells[label].isin(anomalous).astype(int)
    # Where most rows have the outcome, the others are the anomalies.
    found = found if found.mean() <= 0.5 else 1 - found
    left = cells.drop(columns=["rownames", label, *dropped], errors="ignore")
    return left.assign(anomaly=found)


def fewer(table: pd.DataFrame, count: int, random: np.random.Generator) -> pd.DataFrame:
    """All normal rows, and `count` of the anomalies."""
    normal, anomalies = (np.flatnonzero(table["anomaly"] == value) for value in (0, 1))
    kept = np.append(normal, random.permutation(anomalies)[:count])
    return table.iloc[random.permutation(kept)]


def write(table: pd.DataFrame, path: Path) -> None:
    """One CSV file with an identifier first."""
    table = table.reset_index(drop=True)
    table.insert(0, "patient_id", [f"P{row}" for row in range(len(table))])
    table.to_csv(path, index=False)
    print(f"{path.stem}: {len(table)} x {table.shape[1] - 2}, {table['anomaly'].sum()} anomalies")


if __name__ == "__main__":
    main()
