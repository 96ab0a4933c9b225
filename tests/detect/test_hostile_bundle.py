"""A bundle is hostile input: whatever stands in it, with right digests, ends in one sentence."""

from __future__ import annotations

import copy
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from medchain.detect.bundle import LITE, MANIFEST, MOST_TEXT, PREPROCESSING, Bundle
from medchain.detect.explain import Explainer
from medchain.detect.scoring import Scorer
from medchain.errors import MedchainError, ModelError
from medchain.ledger.store import Store
from medchain.pipeline.audit import verify
from medchain.pipeline.ingest import ingest

OTHERS: list[Any] = [None, True, "x", -1, 10**400, math.nan, 1e300, [], {}, [[[]]]]


def forged(
    model: Path,
    folder: Path,
    manifest: Any = None,
    preprocessing: Any = None,
    network: bytes | None = None,
) -> Path:
    """A copy of `model` with other parts, under digests that agree with them."""
    folder.mkdir(exist_ok=True)
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    about = json.loads(files.pop(MANIFEST)) if manifest is None else copy.deepcopy(manifest)
    files.pop(MANIFEST, None)
    if preprocessing is not None:
        files[PREPROCESSING] = json.dumps(preprocessing).encode()
    if network is not None:
        files[LITE] = network
    for name, data in files.items():
        (folder / name).write_bytes(data)
        if isinstance(about.get("files"), dict) and isinstance(about["files"].get(name), dict):
            about["files"][name].update(bytes=len(data), sha256=sha256(data).hexdigest())
    (folder / MANIFEST).write_bytes(sealed(about))
    return folder


def sealed(about: Any) -> bytes:
    """The manifest `about` under a seal that fits it."""
    blank = json.dumps({**about, "seal": "0" * 64}).encode()
    return blank.replace(b"0" * 64, sha256(blank).hexdigest().encode())


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each value stands in plain JSON; of a long list the first and the last."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for at in sorted({0, len(value) - 1} if value else ()):
            yield from places(value[at], (*path, at))


def altered(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """`value` with `other` at `path`, or without what stands there where it is ``...``."""
    value = inner = copy.deepcopy(value)
    for step in path[:-1]:
        inner = inner[step]
    if other is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = other
    return value


def used(folder: Path, rows: list[list[str]], columns: list[str], *, explain: bool = False) -> bool:
    """Whether the bundle scores the rows; it may refuse, and may do nothing else."""
    try:
        scorer = Scorer(Bundle.load(folder))
        scorer.bind(columns)
        scores, _, bins = scorer.watch(rows * 2)
        if scorer.drift:
            scorer.drift.figure(bins, scores)
        if explain:
            Explainer(scorer)(rows)
    except MedchainError:
        return False
    assert all(math.isfinite(score) for score in scores)
    assert math.isfinite(scorer.threshold)
    return True


@pytest.mark.parametrize("part", ["manifest", "preprocessing"])
def test_any_part_altered_is_refused_or_scores(
    model: Path, table: Path, tmp_path: Path, part: str
) -> None:
    lines = [line.split(",") for line in table.read_text().splitlines()[:6]]
    name = MANIFEST if part == "manifest" else PREPROCESSING
    whole = json.loads((model / name).read_bytes())
    refused = 0
    for number, path in enumerate(places(whole)):
        others = [..., *OTHERS] if number % 5 == 0 else [..., OTHERS[number % len(OTHERS)]]
        for other in others:
            changed = {part: altered(whole, path, other)}
            folder = forged(model, tmp_path / "forged", **changed)
            explain = path[0] == "encoder" and other in (None, [], "x")
            refused += not used(folder, lines[1:], lines[0], explain=explain)
    assert refused > 50


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, True, "0.5", None, 1e9])
def test_a_threshold_that_no_ledger_holds_is_refused(
    model: Path, table: Path, tmp_path: Path, value: object
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    ingest(table, model=model, ledger=ledger, bits=0)
    before = ledger.read_bytes()
    about = json.loads((model / MANIFEST).read_bytes())
    about["threshold"]["value"] = value
    with pytest.raises(ModelError):
        ingest(table, model=forged(model, tmp_path / "forged", about), ledger=ledger)
    assert ledger.read_bytes() == before


def test_a_model_whose_scores_are_no_numbers_records_nothing(
    model: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    scorer = Scorer(Bundle.load(model))
    scores = type(scorer._outcome).scores
    monkeypatch.setattr(
        type(scorer._outcome), "scores", lambda self, views: scores(self, views) * math.nan
    )
    with pytest.raises(ModelError, match="no number"):
        ingest(table, model=model, ledger=ledger)
    assert not ledger.exists()


def test_the_writer_holds_a_block_to_its_readers_rules(
    model: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    ingest(table, model=model, ledger=ledger, bits=0)
    before = ledger.read_bytes()
    honest = Store.append

    def lying(self: Store, kind: str, fields: dict[str, Any], *rest: Any) -> object:
        return honest(self, kind, {**fields, "threshold": math.nan}, *rest)

    monkeypatch.setattr(Store, "append", lying)
    with pytest.raises(ModelError, match="would not verify"):
        ingest(table, model=model, ledger=ledger, bits=0, allow_duplicate=True)
    assert ledger.read_bytes() == before
    assert verify(ledger).ok


def test_a_network_that_was_altered_never_kills_the_interpreter(
    model: Path, tmp_path: Path
) -> None:
    network, rng = (model / LITE).read_bytes(), random.Random(4)
    for _ in range(12):
        bad = bytearray(network)
        for _ in range(rng.randrange(1, 60)):
            bad[rng.randrange(min(len(bad), 4000))] = rng.randrange(256)
        forged(model, tmp_path / "forged", network=bytes(bad))
        code = (
            "import sys\nfrom medchain.detect.bundle import Bundle\n"
            "from medchain.detect.scoring import Scorer\nfrom medchain.errors import ModelError\n"
            "try:\n Scorer(Bundle.load(sys.argv[1]))\nexcept ModelError:\n sys.exit(22)\n"
        )
        done = subprocess.run([sys.executable, "-c", code, tmp_path / "forged"], check=False)
        assert done.returncode in (0, 22)


def test_a_network_that_kills_its_process_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from medchain.detect import probe

    monkeypatch.setattr(probe, "_CHILD", "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(ModelError, match="crashes LiteRT"):
        probe.probe(b"a network of its own")


@pytest.mark.parametrize("name", [MANIFEST, LITE, PREPROCESSING])
def test_a_file_that_never_ends_is_not_read(model: Path, tmp_path: Path, name: str) -> None:
    folder = forged(model, tmp_path / "forged")
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(ModelError, match="no plain file"):
        Bundle.load(folder)
    (folder / name).unlink()
    with (folder / name).open("wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(ModelError, match="larger"):
        Bundle.load(folder)


def test_a_key_that_stands_twice_is_refused(model: Path, tmp_path: Path) -> None:
    folder = forged(model, tmp_path / "forged")
    manifest = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).write_bytes(manifest.replace(b'"seed"', b'"mode": "x", "mode"', 1))
    with pytest.raises(ModelError, match="not the manifest"):
        Bundle.load(folder)


@pytest.mark.parametrize("value", [..., None, "", "oracle", ["supervised"], 1])
def test_a_mode_that_is_none_is_refused(model: Path, tmp_path: Path, value: object) -> None:
    about = altered(json.loads((model / MANIFEST).read_bytes()), ("mode",), value)
    with pytest.raises(ModelError, match="is not a complete model"):
        Bundle.load(forged(model, tmp_path / "forged", about))


@pytest.mark.parametrize("value", ["no such column", ["patient"], 1, True])
def test_an_identifier_that_is_no_column_is_refused(
    model: Path, tmp_path: Path, value: object
) -> None:
    about = altered(json.loads((model / MANIFEST).read_bytes()), ("schema", "id"), value)
    with pytest.raises(ModelError, match="is not a complete model"):
        Bundle.load(forged(model, tmp_path / "forged", about))


@pytest.mark.parametrize("name", [MANIFEST, PREPROCESSING, LITE])
def test_a_link_is_not_followed_out_of_the_folder(model: Path, tmp_path: Path, name: str) -> None:
    folder = forged(model, tmp_path / "forged")
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(ModelError, match=f"{name} is a link"):
        Bundle.load(folder)


def test_a_length_that_the_manifest_states_wrongly_is_refused(model: Path, tmp_path: Path) -> None:
    folder = forged(model, tmp_path / "forged")
    about = json.loads((folder / MANIFEST).read_bytes())
    about["files"][LITE]["bytes"] += 1
    (folder / MANIFEST).write_bytes(sealed(about))
    with pytest.raises(ModelError, match=f"{LITE} has been altered"):
        Bundle.load(folder)


@pytest.mark.parametrize("name", MOST_TEXT)
def test_text_that_is_too_long_is_not_read(model: Path, tmp_path: Path, name: str) -> None:
    folder = forged(model, tmp_path / "forged")
    with (folder / name).open("a+b") as stream:
        stream.truncate(MOST_TEXT[name] + 1)
    with pytest.raises(ModelError, match="larger than any model's"):
        Bundle.load(folder)


@pytest.mark.parametrize("name", [MANIFEST, PREPROCESSING])
def test_json_that_is_nested_too_deep_is_one_sentence(
    model: Path, tmp_path: Path, name: str
) -> None:
    deep = b"[" * 1_000_000
    folder = forged(model, tmp_path / "forged")
    about = json.loads((folder / MANIFEST).read_bytes())
    about["files"][name] = {"bytes": len(deep), "sha256": sha256(deep).hexdigest()}
    (folder / MANIFEST).write_bytes(sealed(about))
    (folder / name).write_bytes(deep)
    with pytest.raises(ModelError, match="is not"):
        Bundle.load(folder)
