"""A declared model: what is known of a model that medchain did not train, in one document.

The document is the manifest of a bundle of kind ``declared``, and its SHA-256 is the name of the
model in a ledger (docs/format.md, section 9). It is written in one way, read strictly, and written
again to compare: two documents that say the same have the same digest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

from .. import fs
from ..errors import FormatTooNew, ModelError, UsageError
from ..ledger.lines import decimal, parse_object
from ..ledger.verdicts import CLASS, SAYS, SCORES, TEXT

FORMAT = 1
KIND = "declared"
MANIFEST = "manifest.json"
MOST_BYTES = 1 << 18
"""A declaration stands on one event line, with a backslash before each quote."""
MOST_CLASSES = 1000
LONGEST_NAME, LONGEST_TEXT = 200, 2000
COLUMN = {"name", "kind", "unit", "range", "levels"}
SAID = ("says", "threshold", "above", "range", "classes")
KEYS = ("name", "version", "vendor", "use", *SAID, "columns", "artifacts")
KINDS = ("number", "level", "text")

_IMAGE = re.compile(r"sha256:[0-9a-f]{64}")
_DAMAGED = "copy the folder again from where it was declared, or declare the model anew"

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a model is said to be; made by `declare` or `load`, and whole.

    `classes` are in the order of their numbers in the ledger, from 0: those from `threshold` on are
    anomalous. `document` is what `digest` is of.
    """

    name: str
    version: str
    says: str
    vendor: str
    use: str
    threshold: float | None
    above: str
    range: Interval | None
    classes: tuple[str, ...]
    columns: tuple[dict[str, Any], ...]
    artifacts: tuple[dict[str, str], ...]
    document: bytes
    digest: str

    def save(self, folder: str | Path) -> str:
        """Write the declaration to the folder `folder` and return its digest.

        Raises `UsageError` where anything but a declaration is there, `NotDurable`.
        """
        path = Path(folder)
        if path.exists() and (not path.is_dir() or {p.name for p in path.iterdir()} - {MANIFEST}):
            raise UsageError(
                f"{path} holds other files than a declaration and is not overwritten",
                hint="name a folder that does not exist yet",
            )
        if path.exists() and any(path.iterdir()) and not is_declared(path):
            raise UsageError(
                f"{path} holds another kind of model", hint="name a folder that does not exist yet"
            )
        with fs.building(path) as fresh:
            fs.replace(fresh / MANIFEST, self.document)
        return self.digest


def declare(
    name: str,
    *,
    version: str,
    says: str,
    vendor: str = "",
    use: str = "",
    threshold: float | None = None,
    above: str = "",
    range: Sequence[float] | None = None,
    classes: Sequence[str] = (),
    anomalous: Sequence[str] = (),
    columns: Iterable[Mapping[str, Any]] = (),
    files: Iterable[str | Path] = (),
    images: Iterable[str] = (),
) -> Declaration:
    """Declare a model: its `name`, its `version`, and what it `says` of a row.

    It says a ``probability``, a ``number``, one ``class`` of `classes`, or ``text``. From
    `threshold` on a probability or a number is anomalous, and `above` says in words what that
    means; of the classes those in `anomalous` are. `range` bounds a number. `files` are files and
    folders that make the model, `images` digests of container images (``sha256:...``). `columns`
    describe what it reads: ``name``, and where known ``kind`` (number, level or text), ``unit``,
    ``range`` and ``levels``. All of it will stand in ledgers that strangers read: never name a
    patient in it.

    Raises `UsageError` for what is no declaration.
    """
    ranks, cut = _ranked(says, classes, anomalous, threshold)
    about = {
        "format": FORMAT,
        "kind": KIND,
        "name": name,
        "version": version,
        "vendor": vendor,
        "use": use,
        "says": says,
        "threshold": cut,
        "above": above,
        "range": [0, 1] if says == "probability" and range is None else _listed(range),
        "classes": ranks,
        "columns": [_column(column) for column in columns],
        "artifacts": [*map(_artifact, files), *map(_image, images)],
        "files": {},
    }
    try:
        return _checked(about)
    except ValueError as error:
        raise UsageError(f"this is no declaration: {error}", hint=_hint(str(error))) from None


def load(folder: str | Path) -> Declaration:
    """Read the declaration in `folder` and check every byte of it.

    Raises `ModelError` where it is damaged, `FormatTooNew`, or `UsageError` where there is none.
    """
    path = Path(folder)
    if not path.is_dir():
        raise UsageError(f"there is no model at {path}", hint="declare one: medchain declare")
    extra = sorted(item.name for item in path.iterdir() if item.name != MANIFEST)
    if extra:
        raise ModelError(f"{path / extra[0]} does not belong to the model", hint="move it away")
    data = fs.readable(path / MANIFEST, "the manifest of a model").read_bytes()
    try:
        return parse(data)
    except ValueError as error:
        raise ModelError(f"{path} is no declaration: {error}", hint=_DAMAGED) from None


def parse(document: bytes) -> Declaration:
    """The declaration in `document`; raises `ValueError`, or `FormatTooNew`."""
    if len(document) > MOST_BYTES:
        raise ValueError("it is too long")
    about = parse_object(document)
    number = about.get("format")
    if type(number) is int and number > FORMAT:
        raise FormatTooNew(
            f"this is a declaration of format {number}, and this program knows {FORMAT}",
            hint="install a newer medchain",
        )
    found = _checked(about)
    if found.document != document:
        raise ValueError("it is not in its one form")
    return found


def is_declared(folder: str | Path) -> bool:
    """Whether the model in `folder` is one that is declared; a damaged one is not."""
    try:
        path = Path(folder) / MANIFEST
        with path.open("rb") as file:
            about = parse_object(file.read(MOST_BYTES + 1))
    except (OSError, ValueError):
        return False
    return about.get("kind") == KIND


def _checked(about: Mapping[str, Any]) -> Declaration:
    """The declaration of these keys, each of which is checked; raises `ValueError`."""
    if set(about) != {"format", "kind", "files", *KEYS}:
        raise ValueError("it has other keys than a declaration")
    if type(about["format"]) is not int or about["format"] != FORMAT or about["kind"] != KIND:
        raise ValueError("it is of another kind or format")
    if about["files"] != {}:
        raise ValueError("it names files of a bundle that it does not have")
    for key in ("name", "version", "vendor", "use", "above"):
        _need_text(about[key], key, LONGEST_NAME if key in ("name", "version") else LONGEST_TEXT)
    if not about["name"] or not about["version"]:
        raise ValueError("a model has a name and a version")
    if about["says"] not in SAYS:
        raise ValueError(f"a model says one of {', '.join(SAYS)}")
    _need_verdicts(about)
    _need_lists(about)
    document = (json.dumps(about, indent=1, allow_nan=False) + "\n").encode("ascii")
    if len(document) > MOST_BYTES:
        raise ValueError("it is too long")
    bounds = about["range"]
    values = {key: about[key] for key in KEYS}
    values |= {key: tuple(about[key]) for key in ("classes", "columns", "artifacts")}
    values["range"] = None if bounds is None else (bounds[0], bounds[1])
    return Declaration(**values, document=document, digest=sha256(document).hexdigest())


def _need_verdicts(about: Mapping[str, Any]) -> None:
    says, classes, threshold, bounds = (
        about[key] for key in ("says", "classes", "threshold", "range")
    )
    if threshold is not None and not _is_decimal(threshold):
        raise ValueError("a threshold is a number below 10^9 with at most six decimals")
    if bounds is not None and not _is_interval(bounds):
        raise ValueError("a range is two numbers, the lower one first")
    if bounds is not None and says not in SCORES:
        raise ValueError("a class and a text have no range")
    if not isinstance(classes, list) or len(classes) > MOST_CLASSES:
        raise ValueError(f"there are at most {MOST_CLASSES} classes")
    for name in classes:
        _need_text(name, "a class", LONGEST_NAME)
    if (says == CLASS) != bool(classes) or len(set(classes)) < len(classes) or "" in classes:
        raise ValueError(
            "a model that says a class names its classes, each once, and no other does"
        )
    if says == CLASS and threshold is not None and threshold not in range(len(classes)):
        raise ValueError("the threshold of classes is the number of the first anomalous one")
    if says == TEXT and threshold is not None:
        raise ValueError("a text has no threshold")


def _need_lists(about: Mapping[str, Any]) -> None:
    columns, artifacts = about["columns"], about["artifacts"]
    if not isinstance(columns, list) or not isinstance(artifacts, list):
        raise ValueError("columns and artifacts are lists")
    for column in columns:
        if not isinstance(column, dict) or "name" not in column or set(column) - COLUMN:
            raise ValueError("a column has a name, and may have kind, unit, range and levels")
        for key in ("name", "unit"):
            _need_text(column.get(key, ""), "a column", LONGEST_NAME)
        if column.get("kind", KINDS[0]) not in KINDS:
            raise ValueError(f"a column's kind is one of {', '.join(KINDS)}")
        if "range" in column and not _is_interval(column["range"]):
            raise ValueError("a range is two numbers, the lower one first")
        levels = column.get("levels", [])
        if not isinstance(levels, list) or not all(isinstance(level, str) for level in levels):
            raise ValueError("the levels of a column are texts")
    if len({column["name"] for column in columns}) < len(columns):
        raise ValueError("a column stands twice")
    for artifact in artifacts:
        if not isinstance(artifact, dict) or set(artifact) != {"name", "sha256"}:
            raise ValueError("an artifact has a name and a SHA-256")
        _need_text(artifact["name"], "an artifact", LONGEST_NAME)
        if not _IMAGE.fullmatch(f"sha256:{artifact['sha256']}"):
            raise ValueError("an artifact has a name and a SHA-256")


def _ranked(
    says: str, classes: Sequence[str], anomalous: Sequence[str], threshold: float | None
) -> tuple[list[str], float | None]:
    """The classes with the anomalous ones last, and the threshold that tells them apart."""
    if says != CLASS:
        return list(classes), threshold
    if threshold is not None or not set(anomalous) <= set(classes):
        raise UsageError(
            "of classes those are anomalous that are named so, and not those above a threshold",
            hint="leave the threshold out, and name anomalous classes among the classes",
        )
    usual = [name for name in classes if name not in anomalous]
    return usual + [c for c in classes if c in anomalous], len(usual) if anomalous else None


def _column(column: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: column[key] for key in ("name", "kind", "unit", "range", "levels") if key in column
    } | {key: value for key, value in column.items() if key not in COLUMN}


def _artifact(path: str | Path) -> dict[str, str]:
    """The name and the digest of a file, or of a folder by the digests of its files."""
    path = Path(path)
    if not path.is_dir():
        data = fs.readable(path, "a file of the model")
        return {"name": path.name, "sha256": _digest(data)}
    files = sorted(item for item in path.rglob("*") if item.is_file())
    lines = "".join(f"{_digest(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return {"name": f"{path.resolve().name}/", "sha256": sha256(lines.encode()).hexdigest()}


def _digest(path: Path) -> str:
    total = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def _image(digest: str) -> dict[str, str]:
    name, _, rest = digest.rpartition("@")
    if not _IMAGE.fullmatch(rest):
        raise UsageError(
            "an image is named by its digest", hint="for example registry.example/risk@sha256:..."
        )
    return {"name": name or "image", "sha256": rest.removeprefix("sha256:")}


def _listed(interval: Sequence[float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _need_text(value: object, what: str, most: int) -> None:
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise ValueError(f"{what} is a text of at most {most} printable characters")


def _is_finite(value: object) -> bool:
    return type(value) in (int, float) and isfinite(value)  # type: ignore[arg-type]


def _is_decimal(value: Any) -> bool:
    return _is_finite(value) and abs(value) < 1e9 and float(decimal(value)) == value


def _is_interval(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(map(_is_finite, value))
        and value[0] <= value[1]
    )


def _hint(reason: str) -> str:
    return "round it to six decimals" if "decimals" in reason else "see docs/recorder.md"
