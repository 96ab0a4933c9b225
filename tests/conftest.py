"""What many tests share: synthetic patients, and one model trained on them."""

from __future__ import annotations

import os
import tempfile
from itertools import count
from pathlib import Path

import pytest

from medchain.tabular.synthetic import Patients, patients

_STATES = tempfile.TemporaryDirectory()
_turn = count()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """What keys have signed is remembered for a user: each test is a user of its own."""
    os.environ["XDG_STATE_HOME"] = f"{_STATES.name}/{next(_turn)}"


@pytest.fixture(scope="session")
def cohort() -> Patients:
    """400 synthetic patients."""
    return patients(400, seed=5, anomaly_rate=0.1)


@pytest.fixture(scope="session")
def model(cohort: Patients, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle trained on the cohort."""
    from medchain.pipeline.train import train

    folder = tmp_path_factory.mktemp("trained")
    table = folder / "cohort.csv"
    table.write_bytes(cohort.csv(label=True))
    train(table, label="anomaly", id="patient_id", output=folder / "model")
    return folder / "model"


@pytest.fixture
def table(cohort: Patients, tmp_path: Path) -> Path:
    """The cohort as a table without labels."""
    path = tmp_path / "patients.csv"
    path.write_bytes(cohort.csv(label=False))
    return path
