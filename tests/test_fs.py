"""Writes to disk: whole or not at all, and a sentence where the disk refuses."""

from __future__ import annotations

import errno
import fcntl
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


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_failed_append_leaves_the_file_as_long_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "file"
    write, sync = os.write, os.fsync
    calls = []

    def half_then_refuse(descriptor: int, data: bytes) -> int:
        calls.append(1)
        return write(descriptor, data[:3]) if len(calls) == 1 else refuse() or 0

    def refuse_once(descriptor: int) -> None:
        calls.append(1)
        return refuse() if len(calls) == 1 else sync(descriptor)

    with fs.AppendFile(path) as file:
        file.append(b"whole\n")
        monkeypatch.setattr(os, call, half_then_refuse if call == "write" else refuse_once)
        with pytest.raises(NotDurable):
            file.append(b"never\n")
        monkeypatch.undo()
        assert path.read_bytes() == b"whole\n"
        file.append(b"later\n")
    assert path.read_bytes() == b"whole\nlater\n"


def test_a_lock_is_on_the_file_that_has_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder before removed its empty file after we had opened it, before we had locked it."""
    path, lock = tmp_path / "file", fcntl.flock
    calls = []

    def removed_first(descriptor: int, operation: int) -> None:
        calls.append(1)
        if len(calls) == 1:
            path.unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with fs.AppendFile(path) as file:
        file.append(b"kept")
    assert path.read_bytes() == b"kept"
    assert len(calls) == 2


def test_a_refusal_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(NotDurable) as caught:
        fs.replace(tmp_path / "nowhere" / "file", b"")
    assert "nowhere" in caught.value.message
    assert "make the folder" in caught.value.hint
    with pytest.raises(UsageError, match="does not exist"):
        fs.readable(tmp_path / "nowhere", "a table")
    with pytest.raises(UsageError, match="is a folder"):
        fs.readable(tmp_path, "a table")
