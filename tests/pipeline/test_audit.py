"""The audit: what an event says of a model, a row or a seal is checked to its end."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from medchain.errors import LedgerTampered, UsageError
from medchain.ledger.judge import Finding
from medchain.ledger.lines import decimal
from medchain.ledger.reader import open_ledger
from medchain.ledger.store import Genesis, Store
from medchain.ledger.vault import Vault
from medchain.ledger.verify import Walk
from medchain.pipeline.audit import verify
from medchain.pipeline.find import find
from medchain.pipeline.ingest import ingest
from medchain.pipeline.show import show
from tests.ledger.forge import open_store

Event = dict[str, Any]
Line = dict[str, Any]


@pytest.fixture
def ledger(model: Path, table: Path, tmp_path: Path) -> Path:
    path = tmp_path / "ledger.jsonl"
    ingest(table, model=model, ledger=path, batch_size=50, bits=0)
    return path


class Forger:
    """Writes a ledger and its vault again, mined and sealed as its owner could, with changes.

    Each change is asked about each block or line and may alter it; scores stay unless altered.
    """

    def __init__(self, path: Path) -> None:
        with open_ledger(path) as stream:
            self.blocks = list(Walk(stream))
        with Vault(path.with_suffix(".vault"), readonly=True) as vault:
            self.lines = dict(vault.lines(0, 10**6))
        self.id = str(self.blocks[0].event["ledger"])

    def write(
        self,
        path: Path,
        *,
        event: Callable[[Event], None] = lambda event: None,
        line: Callable[[Line], None] = lambda line: None,
        raw: Callable[[str, int], str] = lambda text, record: text,
        anomalous: Callable[[float, Event], bool] | None = None,
        extra: tuple[str, list[tuple[float, bool]]] | None = None,
    ) -> Path:
        """The forged ledger at `path`; `extra` is a kind of event and records that stand in it."""
        genesis = Genesis(self.id, "example.org/test", 0, "sealed", "test")
        with (
            open_store(path) as store,
            Vault.create(path.with_suffix(".vault"), self.id, b"k" * 32) as vault,
        ):
            store.read(lambda _: None)
            store.begin(genesis)
            for block in self.blocks[1:]:
                fields = {k: v for k, v in block.event.items() if k != "event"}
                event(fields)
                lines = [self._line(row.number, line, raw) for row in block.rows()]
                scores = [
                    (row.score, anomalous(row.score, fields) if anomalous else row.anomaly)
                    for row in block.rows()
                ]
                fields["anomalies"] = sum(verdict for _, verdict in scores)
                self._append(store, vault, block.kind, fields, scores, lines)
            if extra:
                kind, scores = extra
                first = store.next_record
                lines = [self._made(first + n, {"made": "up"}) for n in range(len(scores))]
                self._append(store, vault, kind, {}, scores, lines)
        return path

    def _line(
        self, number: int, change: Callable[[Line], None], raw: Callable[[str, int], str]
    ) -> str:
        sealed = json.loads(self.lines[number])
        change(sealed)
        return raw(json.dumps(sealed, separators=(",", ":")), number)

    def _made(self, number: int, row: dict[str, str]) -> str:
        about = {"salt": secrets.token_hex(16), "ledger": self.id, "record": number, "row": row}
        return json.dumps(about, separators=(",", ":"))

    def _append(
        self,
        store: Store,
        vault: Vault,
        kind: str,
        fields: Event,
        scores: list[tuple[float, bool]],
        lines: list[str],
    ) -> None:
        first = store.next_record
        vault.write(first, lines, None, store.head)
        records = "".join(
            f'{{"record":{first + n},"score":{decimal(score)},"anomaly":{json.dumps(verdict)},'
            f'"seal":"{sha256(line.encode()).hexdigest()}"}}\n'
            for n, ((score, verdict), line) in enumerate(zip(scores, lines, strict=True))
        )
        store.append(kind, fields, records.encode(), len(scores), 0)


def found(ledger: Path, *models: Path, **more: Any) -> Finding:
    """What the audit with vault and models finds in a ledger that holds by its bytes."""
    assert verify(ledger).ok
    report = verify(ledger, vault=True, model=models, **more)
    assert report.finding
    assert report.exit_code == 10
    return report.finding


def test_a_ledger_written_again_unchanged_holds(model: Path, ledger: Path, tmp_path: Path) -> None:
    again = Forger(ledger).write(tmp_path / "again.jsonl")
    report = verify(again, vault=True, model=model)
    assert report.ok
    assert report.scores_repeated == report.records == 400


def test_a_threshold_that_is_not_the_models_is_found(
    model: Path, ledger: Path, tmp_path: Path
) -> None:
    forged = Forger(ledger).write(
        tmp_path / "forged.jsonl",
        event=lambda event: event.update(threshold=0.999999),
        anomalous=lambda score, event: score >= event["threshold"],
        line=lambda line: line.pop("reasons", None),
    )
    finding = found(forged, model)
    assert (finding.kind, finding.block, finding.found) == ("threshold", 1, "0.999999")


@pytest.mark.parametrize("drift", [98.7, "far", None])
def test_a_drift_that_is_not_the_models_is_found(
    model: Path, ledger: Path, tmp_path: Path, drift: object
) -> None:
    def change(event: Event) -> None:
        del event["drift"]
        if drift is not None:
            event["drift"] = drift

    finding = found(Forger(ledger).write(tmp_path / "forged.jsonl", event=change), model)
    assert (finding.kind, finding.block) == ("drift", 1)


def _permuted(line: Line) -> None:
    if line["record"] % 50:
        names = list(line["row"])
        values = list(line["row"].values())
        line["row"] = dict(zip(names[1:] + names[:1], values, strict=True))


def test_permuted_column_names_are_found(model: Path, ledger: Path, tmp_path: Path) -> None:
    finding = found(Forger(ledger).write(tmp_path / "forged.jsonl", line=_permuted), model)
    assert (finding.kind, finding.record) == ("score", 1)


def test_a_row_in_another_order_is_read_by_its_own_keys(
    model: Path, ledger: Path, tmp_path: Path
) -> None:
    def turned(line: Line) -> None:
        if line["record"] % 3:
            line["row"] = dict(reversed(line["row"].items()))

    again = Forger(ledger).write(tmp_path / "again.jsonl", line=turned)
    assert verify(again, vault=True, model=model).ok


def test_a_row_with_other_keys_than_its_block_is_found(
    model: Path, ledger: Path, tmp_path: Path
) -> None:
    def more(line: Line) -> None:
        if line["record"] == 7:
            line["row"]["more"] = "1"

    finding = found(Forger(ledger).write(tmp_path / "forged.jsonl", line=more), model)
    assert (finding.kind, finding.record) == ("columns", 7)


def test_rows_that_the_model_cannot_have_read_are_found(
    model: Path, ledger: Path, tmp_path: Path
) -> None:
    def none(line: Line) -> None:
        line["row"] = {"nothing": "1"}

    finding = found(Forger(ledger).write(tmp_path / "forged.jsonl", line=none), model)
    assert (finding.kind, finding.record) == ("columns", 0)


@pytest.mark.parametrize(
    "reasons", [{"age": 9.5}, {"no such column": 0.5}, {}], ids=["value", "name", "none"]
)
def test_reasons_that_the_model_does_not_give_are_found(
    model: Path, ledger: Path, tmp_path: Path, reasons: dict[str, float]
) -> None:
    def other(line: Line) -> None:
        if "reasons" in line:
            line["reasons"] = reasons

    finding = found(Forger(ledger).write(tmp_path / "forged.jsonl", line=other), model)
    assert finding.kind == "reasons"


def test_reasons_for_a_row_that_is_no_anomaly_are_found(
    model: Path, ledger: Path, tmp_path: Path
) -> None:
    def all_rows(line: Line) -> None:
        line.setdefault("reasons", {"age": 0.1})

    finding = found(Forger(ledger).write(tmp_path / "forged.jsonl", line=all_rows), model)
    assert finding.message == "reasons for a row that is no anomaly"


def test_records_that_nobody_scored_are_counted_and_found(
    model: Path, ledger: Path, tmp_path: Path
) -> None:
    forged = Forger(ledger).write(
        tmp_path / "forged.jsonl", extra=("import", [(0.99, True), (0.98, True)])
    )
    assert verify(forged).records_by_event == {"score": 400, "import": 2}
    finding = found(forged, model)
    assert (finding.kind, finding.record) == ("unaccounted", 400)
    assert "2 in events of kind 'import'" in finding.message
    assert verify(forged, vault=True, model=model, allow=["import"]).ok


def test_every_model_of_a_ledger_is_given_by_name(
    model: Path, other_model: Path, table: Path, ledger: Path
) -> None:
    ingest(table, model=other_model, ledger=ledger, bits=0)
    digest = sha256((other_model / "manifest.json").read_bytes()).hexdigest()
    finding = found(ledger, model)
    assert (finding.kind, finding.record) == ("unaccounted", 400)
    assert f"400 of model {digest}" in finding.message
    report = verify(ledger, vault=True, model=[model, other_model])
    assert report.ok
    assert report.scores_repeated == 800
    report = verify(ledger, vault=True, model=model, allow=[digest])
    assert report.ok
    assert (report.scores_repeated, report.scores_of_other_models) == (400, 400)


def test_what_is_allowed_is_allowed_beside_a_model(ledger: Path) -> None:
    with pytest.raises(UsageError, match="models"):
        verify(ledger, allow=["import"])


@pytest.fixture(scope="session")
def other_model(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network under another digest: a bundle with another seed in its manifest."""
    from medchain.detect.bundle import Bundle

    bundle = Bundle.load(model)
    skipped = ("format", "files", "seal")
    about = {key: value for key, value in bundle.manifest.items() if key not in skipped}
    folder = tmp_path_factory.mktemp("other") / "model"
    Bundle.pack(bundle.files, {**about, "seed": 99}).save(folder)
    return folder


BROKEN: dict[str, Callable[[Line], object]] = {
    "another ledger": lambda line: line.update(ledger="f" * 32),
    "no ledger": lambda line: line.pop("ledger"),
    "another record": lambda line: line.update(record=8),
    "a record that is true": lambda line: line.update(record=True),
    "a short salt": lambda line: line.update(salt="00"),
    "no salt": lambda line: line.pop("salt"),
    "a salt that is a number": lambda line: line.update(salt=1),
    "no row": lambda line: line.pop("row"),
    "a list for a row": lambda line: line.update(row=["61"]),
    "a number in the row": lambda line: line["row"].update(age=61),
    "a row in the row": lambda line: line["row"].update(age={"is": "61"}),
    "reasons that are text": lambda line: line.update(reasons="none"),
    "a reason that is text": lambda line: line.update(reasons={"age": "0.5"}),
}
TEXTS = {
    "no JSON": "this is no row at all",
    "a list": "[]",
    "nothing": "",
    "deep": "[" * 5000,
    "twice": '{"salt":"00","salt":"00"}',
}


def _forged_seal(ledger: Path, folder: Path, name: str) -> Path:
    def change(line: Line) -> None:
        if line["record"] == 7 and name in BROKEN:
            BROKEN[name](line)

    return Forger(ledger).write(
        folder / "forged.jsonl",
        line=change,
        raw=lambda text, record: TEXTS.get(name, text) if record == 7 else text,
    )


@pytest.mark.parametrize("name", [*BROKEN, *TEXTS])
def test_a_seal_of_anything_but_its_own_row_is_refused_everywhere(
    ledger: Path, tmp_path: Path, name: str
) -> None:
    forged = _forged_seal(ledger, tmp_path, name)
    assert verify(forged).ok
    finding = verify(forged, vault=True).finding
    assert finding
    assert (finding.kind, finding.record) == ("seal", 7)
    with pytest.raises(LedgerTampered, match="record 7 does not open"):
        show(forged, record=7, vault=True)
    with Vault(forged.with_suffix(".vault")) as vault:
        vault._db.execute("update sealed set subject = 'P' where record = 7")
    with pytest.raises(LedgerTampered, match="record 7 does not open"):
        find(forged, subject="P", rows=True)


def test_a_sealed_line_that_is_no_text_is_a_finding(ledger: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    shutil.copy(ledger, copy)
    shutil.copy(ledger.with_suffix(".vault"), copy.with_suffix(".vault"))
    with Vault(copy.with_suffix(".vault")) as vault:
        vault._db.execute("update sealed set line = x'00ff' where record = 3")
    finding = verify(copy, vault=True).finding
    assert finding
    assert (finding.kind, finding.record) == ("seal", 3)
    with pytest.raises(LedgerTampered):
        show(copy, record=3, vault=True)
