"""Sizes and settings of training; the same for every table, but for what its row count decides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Sizes of the network, how it is trained, and which parts there are (for the ablation)."""

    members: int = 8
    averaged: int = 8
    folds: int = 4
    length: int = 4
    channels: int = 4
    filters: int = 8
    rate: float = 3e-3
    decay: float = 0.1
    ema: float = 0.97
    epochs: int = 120
    patience: int = 20
    batch: int = 128
    convolution: bool = True
    linear: bool = True
    bins: bool = True
    forest: bool = True
