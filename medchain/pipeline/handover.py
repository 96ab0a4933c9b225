"""Build the verifier to hand over: the ledger package in one file (PEP 441)."""

from __future__ import annotations

import io
import zipfile
from hashlib import sha256
from pathlib import Path

from .. import fs

SHEBANG = b"#!/usr/bin/env python3\n"
# What writes, mines for writers, or needs SQLite stays at home.
ABSENT = {"store.py", "vault.py", "writer.py"}
BESIDE = ("__init__.py", "errors.py", "fs.py", "cli/__init__.py", "cli/handover.py")
WORDS = ("cli/words.py", "cli/report.py", "cli/checked.py")
MAIN = b"from medchain.cli.handover import run\n\nrun()\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build(output: str | Path) -> str:
    """Write the verifier to `output`; returns the SHA-256 of its bytes, which are always the same.

    It holds the sources of `medchain.ledger` and of the errors, and a small command line.
    """
    home = Path(__file__).parent.parent
    names = [f"ledger/{path.name}" for path in home.glob("ledger/*.py") if path.name not in ABSENT]
    names += [*BESIDE, *WORDS]
    buffer = io.BytesIO(SHEBANG)
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(names):
            _add(archive, f"medchain/{name}", (home / name).read_bytes())
        _add(archive, "__main__.py", MAIN)
    data = buffer.getvalue()
    fs.replace(Path(output), data, mode=0o755)
    return sha256(data).hexdigest()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    about = zipfile.ZipInfo(name, _EPOCH)
    about.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(about, data)
