"""Writes to disk: whole or not at all, and a sentence where the disk refuses."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from medchain import fs
from medchain.errors import NotDurable, UsageError


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_replace_puts_the_new_bytes_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "file"
    fs.replace(path, b"old")
    fs.replace(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace", "fchmod"])
def test_a_failed_replace_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "file"
    fs.replace(path, b"old")
    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(NotDurable, match="no space"):
        fs.replace(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_stream_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    fs.replace(path, b"old")
    with pytest.raises(KeyboardInterrupt), fs.replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_built_beside_and_swapped_in(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for content in (b"one", b"two"):
        with fs.building(folder) as fresh:
            fs.replace(fresh / "file", content)
        assert (folder / "file").read_bytes() == content
    with pytest.raises(KeyboardInterrupt), fs.building(folder) as fresh:
        fs.replace(fresh / "file", b"three")
        raise KeyboardInterrupt
    assert (folder / "file").read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [folder]


def test_what_is_spooled_has_no_name(tmp_path: Path) -> None:
    with fs.spool(io.BytesIO(b"cells"), tmp_path) as file:
        assert file.read() == b"cells"
        assert list(tmp_path.iterdir()) == []


def test_a_refusal_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(NotDurable) as caught:
        fs.replace(tmp_path / "nowhere" / "file", b"")
    assert "nowhere" in caught.value.message
    assert "make the folder" in caught.value.hint
    with pytest.raises(UsageError, match="does not exist"):
        fs.readable(tmp_path / "nowhere", "a table")
    with pytest.raises(UsageError, match="is a folder"):
        fs.readable(tmp_path, "a table")
