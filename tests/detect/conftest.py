"""Models that several tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from medchain.detect.train import Trained, fit

from .tables import COLUMNS, clinic, ring


@pytest.fixture(scope="session")
def labelled() -> Trained:
    """Trained with labels on 400 rows of the clinic."""
    return fit(COLUMNS, clinic(400), label="anomaly", id="patient")


@pytest.fixture(scope="session")
def unlabelled() -> Trained:
    """Trained without labels on 300 rows of the ring."""
    columns, rows, _ = ring(300)
    return fit(columns, rows)


@pytest.fixture
def folder(labelled: Trained, tmp_path: Path) -> Path:
    """The labelled model, saved."""
    labelled.save(tmp_path / "model")
    return tmp_path / "model"
