"""Ledgers that several of these tests draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from . import hand_ledgers
from .hand_ledgers import MODEL_A, MODEL_B


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for ledgers that no test changes."""
    return tmp_path_factory.mktemp("ledgers")


@pytest.fixture(scope="session")
def classical(folder: Path) -> Path:
    """20 blocks of 10 rows; block k (from 1) holds k % 4 anomalies, at its end."""
    batches = [([0.1] * (10 - k % 4) + [0.9] * (k % 4), MODEL_A, 0.5) for k in range(1, 21)]
    return hand_ledgers.write(folder / "classical.jsonl", batches)


@pytest.fixture(scope="session")
def two_models(folder: Path) -> Path:
    """Blocks of 4, 3, 2 and 1 rows; another threshold from the second, model from the fourth."""
    batches = [
        ([0.1, 0.2, 0.3, 0.7], MODEL_A, 0.5),
        ([0.1, 0.2, 0.3], MODEL_A, 0.25),
        ([0.3, 0.1], MODEL_A, 0.25),
        ([0.6], MODEL_B, 0.25),
    ]
    return hand_ledgers.write(folder / "two models.jsonl", batches)


@pytest.fixture(scope="session")
def crowded(folder: Path) -> Path:
    """30 blocks of 1000 rows: so many that normal records become a density."""
    random = np.random.default_rng(7)
    batches = [(random.random(1000).round(6).tolist(), MODEL_A, 0.97) for _ in range(30)]
    return hand_ledgers.write(folder / "crowded.jsonl", batches)
