"""A trained model as a folder of plain files, each of whose bytes the manifest commits to.

``manifest.json`` holds the SHA-256 of every other file and, in ``seal``, of itself with the seal
written as zeros. The bundle's digest, by which a ledger names its model, is the SHA-256 of the
manifest's bytes.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from hashlib import sha256
from math import isfinite
from pathlib import Path
from stat import S_ISLNK, S_ISREG
from typing import Any

from .. import fs
from ..errors import FormatTooNew, MedchainWarning, ModelError, UsageError
from .schema import MODES, Schema

FORMAT = 5
MANIFEST, KERAS, LITE, PREPROCESSING, CARD = (
    "manifest.json",
    "network.keras",
    "network.tflite",
    "preprocessing.json",
    "CARD.md",
)
_FILES = {KERAS, LITE, PREPROCESSING, CARD}
_PARTS = {1: _FILES - {CARD}, 2: _FILES, 3: _FILES, 4: _FILES, 5: _FILES}
"""The files of each format, the manifest aside."""

_AGGREGATED = 4
"""The format from which on numbers rest on enough patients."""

SIGNATURES = "signatures.note"
"""Who vouches for the bundle; not one of its files, since it covers their digest."""

MOST_BYTES = 1 << 28
"""No file of a bundle is longer; it is read whole."""

MOST_TEXT = {MANIFEST: 1 << 24, PREPROCESSING: 1 << 26, SIGNATURES: 1 << 20}
"""Nor are these, which take many times their length once they are parsed."""

_ZEROS = "0" * 64
_NO_BUNDLE = "name the folder that medchain train wrote"
_DAMAGED = "copy the folder again from where it was trained, or train anew"


class Bundle:
    """A model whose every byte has been checked; made with `pack` or `load`."""

    def __init__(
        self, manifest: bytes, files: Mapping[str, bytes], signatures: bytes | None = None
    ) -> None:
        self._manifest, self.files = manifest, dict(files)
        self.signatures = signatures
        self.manifest: dict[str, Any] = _json(manifest)
        self.digest = sha256(manifest).hexdigest()
        self.mode = MODES[MODES.index(self.manifest["mode"])]
        self.schema = Schema.from_json(self.manifest["schema"])
        self.threshold = _threshold(self.manifest["threshold"]["value"])
        self.metrics: dict[str, Any] = self.manifest["metrics"]
        self.preprocessing: dict[str, Any] = _json(self.files[PREPROCESSING])

    @classmethod
    def pack(cls, files: Mapping[str, bytes], about: Mapping[str, Any]) -> Bundle:
        """Commit to the `files` of the newest format and to `about`."""
        assert set(files) == _PARTS[FORMAT]
        manifest = {
            "format": FORMAT,
            "files": {name: _entry(data) for name, data in sorted(files.items())},
            **about,
        }
        seal = sha256(encode_json({**manifest, "seal": _ZEROS})).hexdigest()
        return cls(encode_json({**manifest, "seal": seal}), files)

    def save(self, folder: Path | str) -> str:
        """Write the bundle in one step and return its digest; a former bundle is replaced.

        Raises `UsageError` when `folder` holds anything else, `NotDurable` when writing fails.
        """
        folder = check_target(folder)
        files = {**self.files, MANIFEST: self._manifest}
        if self.signatures is not None:
            files[SIGNATURES] = self.signatures
        with fs.building(folder) as fresh:
            for name, data in files.items():
                fs.replace(fresh / name, data)
        return self.digest

    @classmethod
    def load(cls, folder: Path | str) -> Bundle:
        """Read a bundle and check every byte of it.

        Raises `ModelError` with the file that is altered, missing or too many, `FormatTooNew`, or
        `UsageError` when there is no such folder.
        """
        folder = Path(folder)
        manifest = _read(folder, MANIFEST)
        about = _parse(folder, manifest)
        _check_manifest(folder, manifest, about)
        _check_names(folder, about["files"])
        files = {name: _read(folder, name) for name in about["files"]}
        signed = (folder / SIGNATURES).exists() or (folder / SIGNATURES).is_symlink()
        signatures = _read(folder, SIGNATURES) if signed else None
        for name, data in files.items():
            if about["files"][name] != _entry(data):
                raise ModelError(f"{folder / name} has been altered", hint=_DAMAGED)
        if about["format"] < _AGGREGATED:
            warnings.warn(
                f"{folder} is a model of format {about['format']}, whose numbers tell single cells "
                "of the table it was trained on: keep it where the table is, or train anew",
                MedchainWarning,
                stacklevel=2,
            )
        try:
            return cls(manifest, files, signatures)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise ModelError(f"{folder} is not a complete model", hint=_DAMAGED) from error


def check_target(folder: Path | str) -> Path:
    """Return `folder` if a bundle may be written there, else raise `UsageError`.

    It may when it does not exist yet, is empty, or holds a bundle and nothing else.
    """
    folder = Path(folder)
    if not folder.exists() and not folder.is_symlink():
        return folder
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file, and a model is a folder", hint="name another folder")
    try:
        others = {path.name for path in folder.iterdir()} - {MANIFEST, SIGNATURES, *_PARTS[FORMAT]}
    except OSError as error:
        raise UsageError(f"cannot look into {folder}", hint="name another folder") from error
    if others:
        raise UsageError(
            f"{folder} holds other files than a model and is not overwritten",
            hint="name a folder that does not exist yet",
        )
    return folder


def encode_json(data: Mapping[str, Any]) -> bytes:
    """One spelling of `data` in ASCII; it must hold no NaN."""
    return (json.dumps(data, indent=1, allow_nan=False) + "\n").encode("ascii")


def _entry(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": sha256(data).hexdigest()}


def _json(data: bytes) -> Any:
    """Strict JSON: no NaN or infinity, no number that is read as one, and no key twice."""
    return json.loads(
        data, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_unique
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key that stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError("a number beyond all floats")
    return value


def _threshold(value: object) -> float:
    """A threshold that a ledger can hold: a number with at most nine digits before the point."""
    if type(value) not in (int, float) or not abs(value) < 1e9:  # type: ignore[arg-type]
        raise ValueError("the threshold is no number that a ledger can hold")
    return float(value)  # type: ignore[arg-type]


def _read(folder: Path, name: str) -> bytes:
    if not folder.exists():
        raise UsageError(
            f"there is no model at {folder}",
            hint="train one with medchain train, or correct --model",
        )
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder, and a model is one", hint=_NO_BUNDLE)
    path = folder / name
    try:
        about = path.lstat()
        if S_ISLNK(about.st_mode):
            raise ModelError(f"{path} is a link, and is not followed", hint=_DAMAGED)
        if not S_ISREG(about.st_mode):
            raise ModelError(f"{path} is no plain file", hint=_DAMAGED)
        if about.st_size > MOST_TEXT.get(name, MOST_BYTES):
            raise ModelError(
                f"{path} is larger than any model's: {about.st_size:,} bytes", hint=_DAMAGED
            )
        return path.read_bytes()
    except FileNotFoundError:
        if name == MANIFEST:
            raise ModelError(f"{folder} holds no {MANIFEST}", hint=_NO_BUNDLE) from None
        raise ModelError(f"{path} is missing", hint=_DAMAGED) from None
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}", hint=_DAMAGED) from error


def _parse(folder: Path, manifest: bytes) -> dict[str, Any]:
    try:
        about = _json(manifest)
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or not isinstance(about.get("format"), int):
        raise ModelError(f"{folder / MANIFEST} is not the manifest of a model", hint=_DAMAGED)
    if about["format"] > FORMAT:
        raise FormatTooNew(
            f"{folder} is a model of format {about['format']}, and this program knows {FORMAT}",
            hint="install a newer medchain",
        )
    return about


def _check_manifest(folder: Path, manifest: bytes, about: Mapping[str, Any]) -> None:
    seal = about.get("seal")
    if isinstance(seal, str) and len(seal) == len(_ZEROS) and seal.isascii():
        blank = manifest.replace(seal.encode(), _ZEROS.encode())
        parts = _PARTS.get(about["format"])
        whole = isinstance(about.get("files"), dict) and set(about["files"]) == parts
        if whole and sha256(blank).hexdigest() == seal:
            return
    raise ModelError(f"{folder / MANIFEST} has been altered", hint=_DAMAGED)


def _check_names(folder: Path, files: Mapping[str, Any]) -> None:
    extra = sorted({path.name for path in folder.iterdir()} - {MANIFEST, SIGNATURES, *files})
    if extra:
        raise ModelError(
            f"{folder / extra[0]} does not belong to the model",
            hint="move it away: a model folder holds nothing but the model",
        )
