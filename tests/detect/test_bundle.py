"""A bundle is what was trained, byte for byte, or it is refused with the file named."""

from __future__ import annotations

import json
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from medchain import fs
from medchain.detect.bundle import (
    CARD,
    FORMAT,
    KERAS,
    LITE,
    MANIFEST,
    PREPROCESSING,
    Bundle,
    check_target,
)
from medchain.detect.train import Trained
from medchain.errors import FormatTooNew, ModelError, NotDurable, UsageError

from .tables import clinic

FILES = [MANIFEST, KERAS, LITE, PREPROCESSING, CARD]


def test_round_trip(labelled: Trained, folder: Path) -> None:
    loaded = Bundle.load(folder)
    assert loaded.digest == labelled.bundle.digest
    assert loaded.digest == sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert loaded.schema == labelled.schema
    assert loaded.threshold == labelled.threshold
    assert loaded.metrics == labelled.metrics
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


def test_what_the_manifest_holds(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    assert manifest["format"] == FORMAT
    assert manifest["mode"] == "supervised"
    assert manifest["seed"] == 0
    assert manifest["rows"] == {"training": 320, "held_out": 80}
    assert {"python", "tensorflow", "keras", "ai-edge-litert", "numpy", "medchain"} <= set(
        manifest["versions"]
    )
    for name in (KERAS, LITE, PREPROCESSING, CARD):
        data = (folder / name).read_bytes()
        assert manifest["files"][name]["sha256"] == sha256(data).hexdigest()


def test_no_identifier_and_no_rare_cell_is_kept(folder: Path) -> None:
    rows = clinic(400)
    everything = b"".join(
        (folder / name).read_bytes() for name in (MANIFEST, PREPROCESSING, LITE, CARD)
    )
    with zipfile.ZipFile(folder / KERAS) as archive:
        everything += b"".join(archive.read(name) for name in archive.namelist())
    for row in rows:
        assert row[0].encode() not in everything
    assert b"surgery" in everything
    for path in (str(folder), str(Path.cwd())):
        assert path.encode() not in everything


@pytest.mark.parametrize("name", FILES)
def test_a_byte_altered(folder: Path, name: str) -> None:
    path = folder / name
    data = path.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises((ModelError, FormatTooNew)) as caught:
            Bundle.load(folder)
        assert name in caught.value.message or isinstance(caught.value, FormatTooNew)
        assert caught.value.hint


@pytest.mark.parametrize("name", FILES)
def test_a_byte_less_or_more(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    for other in (data[:-1], data + b"\n", b""):
        (folder / name).write_bytes(other)
        with pytest.raises(ModelError, match=name):
            Bundle.load(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_missing(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name) as caught:
        Bundle.load(folder)
    assert caught.value.exit_code == 22


def test_a_file_too_many(folder: Path) -> None:
    (folder / "notes.txt").write_text("")
    with pytest.raises(ModelError, match=r"notes\.txt"):
        Bundle.load(folder)


def test_a_newer_format(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "format": FORMAT + 1}))
    with pytest.raises(FormatTooNew) as caught:
        Bundle.load(folder)
    assert caught.value.exit_code == 13
    assert "install a newer medchain" in caught.value.hint


def test_a_file_swapped_with_its_digest(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / LITE).write_bytes(b"other")
    manifest["files"][LITE] = {"bytes": 5, "sha256": sha256(b"other").hexdigest()}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    with pytest.raises(ModelError, match=MANIFEST):
        Bundle.load(folder)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "[" * 99999, "nonsense", '{"format": "1"}', '{"format": 1}']
)
def test_no_manifest(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    with pytest.raises(ModelError, match=MANIFEST):
        Bundle.load(folder)


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model at"):
        Bundle.load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=MANIFEST):
        Bundle.load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="not a folder"):
        Bundle.load(tmp_path / "file")


def test_saving_again_replaces_the_former_bundle(
    labelled: Trained, unlabelled: Trained, folder: Path
) -> None:
    assert unlabelled.save(folder) == Bundle.load(folder).digest != labelled.bundle.digest


def test_a_save_that_fails_leaves_the_former_bundle(
    labelled: Trained, unlabelled: Trained, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, written = fs.replace, []

    def full(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) == 3:
            raise NotDurable("the disk is full")
        replace(path, data)

    monkeypatch.setattr(fs, "replace", full)
    with pytest.raises(NotDurable):
        unlabelled.save(folder)
    assert Bundle.load(folder).digest == labelled.bundle.digest
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_folder_with_other_files_is_never_replaced(labelled: Trained, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match="holds other files"):
        labelled.save(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "precious"
    with pytest.raises(UsageError, match="is a file"):
        check_target(tmp_path / "thesis.txt")
    (tmp_path / "empty").mkdir()
    assert check_target(tmp_path / "empty") == tmp_path / "empty"
