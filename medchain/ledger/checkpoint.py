"""Checkpoints: the size and root of a ledger's tree over blocks, as text (C2SP tlog-checkpoint).

``origin``, size and root, a line each; the signed note around them is `note`'s. Lines that follow
are extensions, which mean nothing here and are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from . import merkle
from .note import from_hash, to_base64

NUMBER = re.compile("0|[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree of the log `origin` had `size` blocks and the RFC 6962 root `root`."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The text that is signed."""
        lines = [self.origin, str(self.size), to_base64(self.root), *self.extensions, ""]
        return "\n".join(lines).encode()


def parse(text: bytes) -> Checkpoint:
    """The checkpoint in `text`; raises `ValueError` on anything that is not exactly one."""
    lines = text.decode().split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise ValueError("no checkpoint: it has lines of origin, size and root")
    found = Checkpoint(lines[0], whole(lines[1]), from_hash(lines[2]), tuple(lines[3:-1]))
    if found.size == 0 and found.root != merkle.EMPTY:
        raise ValueError("a checkpoint of no blocks with the root of some")
    assert found.encode() == text
    return found


def whole(text: str) -> int:
    """The whole number whose one decimal form is `text`, below 10^18."""
    if not NUMBER.fullmatch(text):
        raise ValueError("no whole number in plain decimal")
    return int(text)


def checkpoint_path(ledger: Path) -> Path:
    """Where the last checkpoint of `ledger` lies: ``ledger.jsonl`` has ``ledger.checkpoint``."""
    return beside(ledger, ".checkpoint")


def beside(ledger: Path, suffix: str) -> Path:
    """The file beside `ledger` that ends in `suffix`; compressing a ledger does not move it."""
    plain = ledger.with_suffix("") if ledger.suffix in (".gz", ".zst") else ledger
    return plain.with_suffix(suffix)
