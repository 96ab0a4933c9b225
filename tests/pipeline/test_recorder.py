"""The recorder: what was returned from `record` is there, once, whoever asked and whatever died."""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import pytest

import medchain
from medchain.errors import LedgerLocked, NotDurable, UsageError
from medchain.ledger.vault import Vault
from medchain.pipeline.declaration import Declaration, declare
from medchain.pipeline.recorder import Recorder
from medchain.pipeline.speech import row_object
from tests.foreign import verifier
from tests.foreign.test_foreign import NODE, javascript

RISK = declare("risk", version="1", says="probability", threshold=0.3)
TRIAGE = declare("triage", version="1", says="class", classes=["low", "high"], anomalous=["high"])
LETTER = declare("letter", version="1", says="text")


def opened(folder: Path, model: Declaration = RISK, **wish: object) -> Recorder:
    return Recorder(folder / "ledger.jsonl", model=model, id="id", bits=0, **wish)  # type: ignore[arg-type]


def row(number: int = 0) -> dict[str, object]:
    return {"id": f"P{number}", "age": 61, "lactate": 3.4}


def assert_verified(folder: Path, records: int) -> None:
    ledger = folder / "ledger.jsonl"
    report = medchain.verify(ledger, vault=True)
    assert (report.ok, report.records, report.seals_opened) == (True, records, records)
    data = ledger.read_bytes()
    others = [verifier.verify(data), *(javascript([data]) if NODE else [])]
    for other in others:
        assert (other.verdict, other.records, other.root) == ("verified", records, report.root)


def test_a_receipt_says_what_the_ledger_holds(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        first = recorder.record(row(7), score=0.91)
        second = recorder.record(row(8), score=0.1)
    assert (first.record, first.block, first.anomaly) == (0, 2, True)
    assert (second.record, second.block, second.anomaly) == (1, 3, False)
    shown = medchain.show(tmp_path / "ledger.jsonl", record=0, vault=True)
    assert (shown["score"], shown["output"]) == (0.91, 0.91)
    assert shown["row"] == {"id": "P7", "age": "61", "lactate": "3.4"}
    assert shown["model"] == RISK.digest
    assert_verified(tmp_path, 2)


def test_models_of_every_kind_share_a_ledger(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        recorder.record(row(), score=0.5)
        recorder.record(row(), error=ValueError("P0 is 61"))
    with opened(tmp_path, TRIAGE) as recorder:
        assert recorder.record(row(), label="high").anomaly is True
        assert recorder.record(row(), label="low", output={"low": 0.8}).anomaly is False
        assert recorder.record(row(), label="none").outside
    with opened(tmp_path, LETTER) as recorder:
        recorder.record(row(), output="Dear P0, ...")
        recorder.record(row(), output={"diagnosis": ["a", None]})
    data = (tmp_path / "ledger.jsonl").read_text()
    assert "Dear" not in data
    assert "P0" not in data
    assert_verified(tmp_path, 7)
    found = medchain.find(tmp_path / "ledger.jsonl", subject="P0", rows=True)
    assert [r.get("class_name", r.get("said", r["score"])) for r in found.records] == [
        0.5, "error", "high", "low", "unfit", "text", "text",
    ]  # fmt: skip
    assert found.records[1]["output"] == {"error": "ValueError"}
    assert "61" not in str(found.records[1]["output"])
    medchain.amend(tmp_path / "ledger.jsonl", record=2, reason="seen again", anomaly=False)
    medchain.erase(tmp_path / "ledger.jsonl", subject="P0", reason="asked")
    assert medchain.verify(tmp_path / "ledger.jsonl", vault=True).ok
    assert medchain.export(tmp_path / "ledger.jsonl", tmp_path / "out.csv") == 7


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (math.nan, "unfit"),
        (math.inf, "unfit"),
        (1e9, "unfit"),
        (-1e300, "unfit"),
        (10**400, "unfit"),
    ],
)
def test_what_no_record_can_hold_is_recorded_without_a_verdict(
    tmp_path: Path, score: float, said: str
) -> None:
    with opened(tmp_path) as recorder:
        receipt = recorder.record(row(), score=score)
    assert (receipt.anomaly, list(receipt.outside)) == (None, ["output"])
    assert medchain.show(tmp_path / "ledger.jsonl", record=0)["said"] == said
    assert_verified(tmp_path, 1)


def test_a_score_outside_its_range_is_recorded_and_flagged(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        assert recorder.record(row(), score=1.5).outside == {"output": "outside the declared range"}
        assert recorder.record(row(), score=1e-9).anomaly is False
    shown = medchain.show(tmp_path / "ledger.jsonl", record=0, vault=True)
    assert shown["outside"] == {"output": "outside the declared range"}
    assert medchain.show(tmp_path / "ledger.jsonl", block=2)["event"]["outside"] == 1  # type: ignore[index]


def test_at_the_threshold_the_rounded_score_decides(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        assert recorder.record(row(), score=0.3).anomaly is True
        assert recorder.record(row(), score=0.2999999).anomaly is True
        assert recorder.record(row(), score=0.299999).anomaly is False
    assert_verified(tmp_path, 3)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (row(), {"score": "0.5"}), (row(), {"score": True}), (row(), {"score": None}),
        (row(), {"score": [0.5]}), (row(), {}), (row(), {"label": "high"}),
        (row(), {"score": 0.5, "output": "x"}), ({"age": 61}, {"score": 0.5}),
        ({}, {"score": 0.5}), ("P7,61", {"score": 0.5}), ({"id": "P7", 3: "x"}, {"score": 0.5}),
        ({"id": "P7", "a": b"secret"}, {"score": 0.5}), ({"id": ["P7"]}, {"score": 0.5}),
        ({"id": "P7", "a": {"secret": 1}}, {"score": 0.5}),
        ({"id": "P7", "a": "x" * 10_000_000}, {"score": 0.5}),
        (row(), {"score": 0.5, "idempotency_key": ""}),
    ],
)  # fmt: skip
def test_what_cannot_be_recorded_is_refused_in_a_sentence(
    tmp_path: Path, bad: object, said: dict[str, object]
) -> None:
    with opened(tmp_path) as recorder:
        with pytest.raises(UsageError) as found:
            recorder.record(bad, **said)  # type: ignore[arg-type]
        assert "secret" not in str(found.value)
        assert "P7" not in str(found.value)
        assert recorder.record(row(), score=0.1).record == 0


@pytest.mark.parametrize(
    "output", [math.nan, {1, 2}, b"x", {"a": math.inf}, json.loads("[" * 70 + "]" * 70)]
)
def test_an_output_that_no_seal_holds_is_refused(tmp_path: Path, output: object) -> None:
    with opened(tmp_path, LETTER) as recorder, pytest.raises(UsageError):
        recorder.record(row(), output=output)


def test_cells_are_the_text_that_a_table_would_hold() -> None:
    import numpy as np

    cells = {
        "i": 61, "f": 0.1, "t": "a\"\u00e9", "n": None, "nan": math.nan, "d": date(2026, 1, 2),
        "np": np.float64(2.5), "npi": np.int32(3), "b": True,
    }  # fmt: skip
    assert json.loads(row_object(cells)) == {
        "i": "61", "f": "0.1", "t": "a\"\u00e9", "n": "", "nan": "", "d": "2026-01-02",
        "np": "2.5", "npi": "3", "b": "True",
    }  # fmt: skip


def test_the_same_key_gives_back_the_same_record(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        first = recorder.record(row(), score=0.5, idempotency_key="k")
        again = recorder.record(row(), score=0.5, idempotency_key="k")
    with opened(tmp_path) as recorder:
        later = recorder.record(row(), score=0.5, idempotency_key="k")
        assert recorder.record(row(1), score=0.5, idempotency_key="l").record == 1
        for other in ({"row": row(2), "score": 0.5}, {"row": row(), "score": 0.6}):
            with pytest.raises(UsageError, match="another row"):
                recorder.record(**other, idempotency_key="k")  # type: ignore[arg-type]
    for receipt in (again, later):
        assert (receipt.record, receipt.block) == (first.record, first.block)
        assert receipt.repeated
    assert_verified(tmp_path, 2)


def test_a_key_whose_record_was_never_appended_is_free(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        assert recorder._book

        def fail(_: bytes) -> None:
            raise NotDurable("no space")

        recorder._book.store._file.append = fail  # type: ignore[method-assign]
        with pytest.raises(NotDurable):
            recorder.record(row(), score=0.5, idempotency_key="k")
        receipt = recorder.record(row(1), score=0.2, idempotency_key="l")
        assert receipt.record == 0
        retried = recorder.record(row(), score=0.5, idempotency_key="k")
        assert (retried.record, retried.repeated) == (1, False)
    assert_verified(tmp_path, 2)


def test_threads_share_blocks_and_each_gets_its_own_receipt(tmp_path: Path) -> None:
    receipts: dict[int, int] = {}

    def work(thread: int) -> None:
        for n in range(thread, 200, 8):
            receipts[n] = recorder.record(row(n), score=n / 200).record

    with opened(tmp_path) as recorder:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(receipts.values()) == list(range(200))
    with Vault(tmp_path / "ledger.vault", readonly=True) as vault:
        assert all(dict(vault.rows(0, 200))[k]["id"] == f"P{n}" for n, k in receipts.items())
    assert_verified(tmp_path, 200)
    assert medchain.verify(tmp_path / "ledger.jsonl").blocks < 150


def test_one_bad_key_does_not_spoil_the_others_of_its_block(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        calls = [recorder._call(row(n), {"score": 0.5}, key=key) for n, key in enumerate("kkl")]
        with pytest.raises(UsageError):
            recorder._settle(calls)
        assert [call.error is None for call in calls] == [True, False, True]
    assert_verified(tmp_path, 2)


def test_many_rows_are_recorded_whole_or_not_at_all(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        with pytest.raises(UsageError):
            recorder.record_many([row(), {"id": b""}], scores=[0.1, 0.2])
        with pytest.raises(UsageError):
            recorder.record_many([row()], scores=[])
        receipts = recorder.record_many([row(n) for n in range(2500)], scores=[0.5] * 2500)
    assert [receipt.record for receipt in receipts] == list(range(2500))
    assert_verified(tmp_path, 2500)


def test_what_is_taken_for_later_is_there_after_a_flush(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        for n in range(300):
            recorder.record_later(row(n), score=0.1)
        recorder.flush()
        assert medchain.verify(tmp_path / "ledger.jsonl").records == 300
        recorder.record_later(row(), score=0.1)
    assert_verified(tmp_path, 301)


def test_a_model_that_changed_says_why(tmp_path: Path) -> None:
    changed = declare("risk", version="1", says="probability", threshold=0.2)
    opened(tmp_path).close()
    with pytest.raises(UsageError, match="another declaration"):
        opened(tmp_path, changed)
    opened(tmp_path, changed, reason="fewer missed").close()
    opened(tmp_path, changed).close()
    events = [
        json.loads(line)
        for line in (tmp_path / "ledger.jsonl").read_text().splitlines()
        if line.startswith('{"event":"declare"')
    ]
    assert [event["reason"] for event in events] == ["first use", "fewer missed"]
    assert events[1]["replaces"] == RISK.digest


def test_a_watched_model_is_recorded_before_it_answers(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:

        @recorder.watch(score=lambda answer: answer["risk"])
        def predict(patient: dict[str, object]) -> dict[str, float]:
            if patient["id"] == "P3":
                raise RuntimeError("no")
            return {"risk": 0.7}

        @recorder.watch
        async def apredict(_: dict[str, object]) -> float:
            return 0.2

        class Model:
            @recorder.watch
            def __call__(self, _: dict[str, object]) -> float:
                return 0.4

        assert predict(row(1)) == {"risk": 0.7}
        with pytest.raises(RuntimeError):
            predict(row(3))
        assert asyncio.run(apredict(row(2))) == 0.2
        assert Model()(row(4)) == 0.4
        with pytest.raises(UsageError, match="generator"):

            @recorder.watch
            def many(_: object) -> object:
                yield 1

    ids = [medchain.find(tmp_path / "ledger.jsonl", subject=f"P{n}").records for n in range(1, 5)]
    assert [found[0]["score"] for found in ids] == [0.7, 0.2, None, 0.4]
    assert_verified(tmp_path, 4)


def test_a_second_recorder_a_closed_one_and_an_open_ledger_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder, pytest.raises(LedgerLocked):
        opened(tmp_path)
    with pytest.raises(UsageError, match="closed"):
        recorder.record(row(), score=0.1)
    recorder.close()


def test_a_fork_gets_a_clear_error_and_tears_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as recorder:
        recorder.record(row(), score=0.1)
        child = os.fork()
        if child == 0:
            try:
                recorder.record(row(), score=0.1)
            except UsageError:
                recorder.close()
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        recorder.record(row(), score=0.1)
        with pytest.raises(LedgerLocked):
            opened(tmp_path)
    assert_verified(tmp_path, 2)


SERVER = """
import sys, threading, medchain
model = medchain.declare("risk", version="1", says="probability", threshold=0.3)
recorder = medchain.Recorder(sys.argv[1], model=model, id="id", bits=0)
def work(thread):
    n = 0
    while True:
        key = f"{thread}-{sys.argv[2]}-{n}"
        recorder.record({"id": key}, score=0.5, idempotency_key=key)
        sys.stdout.write(key + "\\n"); sys.stdout.flush()
        n += 1
threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(4)]
for thread in threads: thread.start()
threads[0].join()
"""


def test_what_record_returned_for_is_there_once_after_a_kill(tmp_path: Path) -> None:
    dice, said = random.Random(3), list[str]()
    for number in range(15):
        words = [sys.executable, "-c", SERVER, str(tmp_path / "ledger.jsonl"), str(number)]
        server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        time.sleep(dice.uniform(0.15, 0.7))
        server.send_signal(signal.SIGKILL)
        said += server.communicate()[0].split("\n")[:-1]
    assert len(said) > 500
    with opened(tmp_path) as recorder:
        again = recorder.record({"id": said[-1]}, score=0.5, idempotency_key=said[-1])
        assert again.repeated
    assert medchain.verify(tmp_path / "ledger.jsonl", vault=True).ok
    with Vault(tmp_path / "ledger.vault", readonly=True) as vault:
        ids = [cells["id"] for _, cells in vault.rows(0, 1 << 20)]
    assert len(ids) == len(set(ids))
    assert set(said) <= set(ids)


def test_a_host_that_records_loads_nothing_heavy(tmp_path: Path) -> None:
    code = SERVER.split("def work")[0] + (
        'recorder.record({"id": "P"}, score=0.5)\n'
        'heavy = {"numpy", "tensorflow", "sklearn", "matplotlib", "pandas", "typer", "rich"}\n'
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "ledger.jsonl"), "0"]
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert out == "[]\n"
    assert_verified(tmp_path, 1)  # closed at exit, without close
