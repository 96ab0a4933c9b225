"""medchain: which model said what about which patient record, and when, provably.

The verbs of the command line are functions here, with the same names and options::

    import medchain

    medchain.train("patients.csv", label="anomaly", id="patient_id")
    medchain.ingest("new.csv")
    report = medchain.verify("ledger.jsonl")
    assert report.ok

Names are resolved on first use: importing this package loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .detect.estimator import AnomalyDetector as AnomalyDetector
    from .errors import MedchainError as MedchainError
    from .ledger.verify import Report as Report
    from .pipeline.amend import amend as amend
    from .pipeline.audit import verify as verify
    from .pipeline.bench import Bench as Bench
    from .pipeline.bench import bench as bench
    from .pipeline.check import check as check
    from .pipeline.checkpoint import checkpoint as checkpoint
    from .pipeline.declaration import Declaration as Declaration
    from .pipeline.declaration import declare as declare
    from .pipeline.demo import demo as demo
    from .pipeline.doctor import doctor as doctor
    from .pipeline.erase import ErasureSummary as ErasureSummary
    from .pipeline.erase import erase as erase
    from .pipeline.estimators import recorded as recorded
    from .pipeline.evaluate import evaluate as evaluate
    from .pipeline.explain import explain as explain
    from .pipeline.export import export as export
    from .pipeline.find import find as find
    from .pipeline.ingest import IngestSummary as IngestSummary
    from .pipeline.ingest import ingest as ingest
    from .pipeline.inspect import inspect as inspect
    from .pipeline.plot import plot as plot
    from .pipeline.prove import prove_extension as prove_extension
    from .pipeline.prove import prove_record as prove_record
    from .pipeline.record import RecordSummary as RecordSummary
    from .pipeline.record import record as record
    from .pipeline.recorder import Receipt as Receipt
    from .pipeline.recorder import Recorder as Recorder
    from .pipeline.show import show as show
    from .pipeline.signed_model import sign_model as sign_model
    from .pipeline.timestamp import Time as Time
    from .pipeline.timestamp import timestamp as timestamp
    from .pipeline.train import train as train

_HOMES = {
    "ErasureSummary": "pipeline.erase",
    "AnomalyDetector": "detect.estimator",
    "MedchainError": "errors",
    "Report": "ledger.verify",
    "IngestSummary": "pipeline.ingest",
    "Bench": "pipeline.bench",
    "bench": "pipeline.bench",
    "amend": "pipeline.amend",
    "Time": "pipeline.timestamp",
    "check": "pipeline.check",
    "checkpoint": "pipeline.checkpoint",
    "Declaration": "pipeline.declaration",
    "declare": "pipeline.declaration",
    "demo": "pipeline.demo",
    "doctor": "pipeline.doctor",
    "erase": "pipeline.erase",
    "evaluate": "pipeline.evaluate",
    "explain": "pipeline.explain",
    "export": "pipeline.export",
    "find": "pipeline.find",
    "ingest": "pipeline.ingest",
    "inspect": "pipeline.inspect",
    "plot": "pipeline.plot",
    "prove_extension": "pipeline.prove",
    "prove_record": "pipeline.prove",
    "Receipt": "pipeline.recorder",
    "RecordSummary": "pipeline.record",
    "Recorder": "pipeline.recorder",
    "record": "pipeline.record",
    "recorded": "pipeline.estimators",
    "show": "pipeline.show",
    "sign_model": "pipeline.signed_model",
    "timestamp": "pipeline.timestamp",
    "train": "pipeline.train",
    "verify": "pipeline.audit",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
