"""Declarations: one document for what is said of a model, read as strictly as it is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medchain.errors import FormatTooNew, ModelError, UsageError
from medchain.pipeline.declaration import declare, is_declared, load, parse
from tests.cli.run import medchain

RISK = {"version": "2.3.1", "says": "probability", "threshold": 0.3}


def test_a_declaration_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    columns = [{"name": "age", "kind": "number", "unit": "years", "range": [0, 120]}]
    declared = declare("sepsis-risk", **RISK, vendor="Example", columns=columns)
    assert declared.save(tmp_path / "model") == declared.digest
    assert load(tmp_path / "model") == declared
    assert is_declared(tmp_path / "model")
    assert declared.range == (0, 1)


def test_what_is_said_alike_has_one_digest_and_every_word_counts() -> None:
    one, same = declare("risk", **RISK), declare("risk", **RISK)
    assert one.digest == same.digest
    others = [{"version": "2.3.2"}, {"threshold": 0.31}, {"use": "wards"}, {"says": "number"}]
    digests = {declare("risk", **{**RISK, **other}).digest for other in others}
    assert len(digests | {one.digest}) == 5


def test_anomalous_classes_come_last_so_that_one_threshold_tells_them() -> None:
    names = ["sepsis", "none", "unsure"]
    declared = declare("m", version="1", says="class", classes=names, anomalous=["sepsis"])
    assert (declared.classes, declared.threshold) == (("none", "unsure", "sepsis"), 2)
    assert declare("m", version="1", says="class", classes=names).threshold is None


@pytest.mark.parametrize(
    "change",
    [
        {"says": "score"}, {"version": ""}, {"version": "1\n2"}, {"vendor": "\x1b[31m"},
        {"use": "x" * 2001}, {"threshold": float("nan")}, {"threshold": 1e9}, {"threshold": True},
        {"threshold": 0.1234567}, {"threshold": "0.5"}, {"range": [1]}, {"range": [2, 1]},
        {"range": [0, float("inf")]}, {"classes": ["a"]}, {"says": "class"},
        {"says": "text"}, {"columns": [{"unit": "mg"}]}, {"columns": [{"name": "a", "of": 1}]},
        {"columns": [{"name": "a"}, {"name": "a"}]}, {"columns": [{"name": "a", "kind": "int"}]},
        {"columns": [{"name": "a", "levels": [1]}]}, {"images": ["latest"]},
        {"files": ["/no/such/file"]}, {"says": "class", "classes": ["a", "a"], "threshold": None},
        {"says": "class", "classes": ["a"], "anomalous": ["b"], "threshold": None},
    ],
)  # fmt: skip
def test_what_is_no_declaration_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError) as found:
        declare("m", **{**RISK, **change})  # type: ignore[arg-type]
    assert found.value.hint


def test_a_document_that_was_touched_is_refused(tmp_path: Path) -> None:
    declared = declare("m", **RISK)
    document = declared.document
    about = json.loads(document)
    touched = [
        document.replace(b"0.3", b"0.30"), document[:-1], document + b" ", document + b"{}",
        json.dumps(about).encode() + b"\n", document.replace(b'"2.3.1"', b'"2.\\u0033.1"'),
        document.replace(b'"vendor"', b'"name"'), document.replace(b'"declared"', b'"trained"'),
        document.replace(b'"format": 1', b'"format": 0'), b"", b"[]", b"\xff",
        document.replace(b'"files": {}', b'"files": {"a": "b"}'),
    ]  # fmt: skip
    for data in touched:
        assert data != document
        with pytest.raises(ValueError, match=r"."):
            parse(data)
    with pytest.raises(FormatTooNew):
        parse(document.replace(b'"format": 1', b'"format": 2'))
    declared.save(tmp_path / "m")
    (tmp_path / "m" / "manifest.json").write_bytes(document.replace(b"0.3", b"0.4 "))
    with pytest.raises(ModelError):
        load(tmp_path / "m")


def test_the_files_of_a_model_are_kept_as_digests(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "x.bin").write_bytes(b"x")
    image = f"registry.example/risk@sha256:{'ab' * 32}"
    names = [
        entry["name"] for entry in declare("m", **RISK, files=[folder], images=[image]).artifacts
    ]
    assert names == ["weights/", "registry.example/risk"]
    before = declare("m", **RISK, files=[folder]).digest
    (folder / "a" / "x.bin").write_bytes(b"y")
    assert declare("m", **RISK, files=[folder]).digest != before


def test_nothing_but_a_declaration_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError):
        declare("m", **RISK).save(tmp_path / "model")
    declare("m", **RISK).save(tmp_path / "other")
    declare("m", **{**RISK, "version": "3"}).save(tmp_path / "other")
    assert load(tmp_path / "other").version == "3"


def test_the_command_declares(tmp_path: Path) -> None:
    words = ["declare", "triage", "--version", "1", "--says", "class", "--class", "low"]
    done = medchain(*words, "--class", "high", "--anomalous", "high", folder=tmp_path)
    declared = load(tmp_path / "model")
    assert (done.returncode, declared.classes, declared.threshold) == (0, ("low", "high"), 1)
    assert declared.digest in done.stdout
    assert "cannot be repeated" in done.stdout
