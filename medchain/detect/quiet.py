"""Silence on file descriptor 2 while a foreign library prints what nobody asked for.

TensorFlow's and LiteRT's C++ code writes straight to the descriptor. What was written is kept, and
printed after all when the code within fails.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_LOCK = RLock()
EVERYTHING = re.compile(rb".*", re.DOTALL)
LITERT = re.compile(rb"^(INFO|WARNING): .*\n?|^[IW]\d{4} .*\n?", re.MULTILINE)


@contextmanager
def quiet_stderr(noise: re.Pattern[bytes] = EVERYTHING) -> Iterator[None]:
    """Hold back what is written to descriptor 2; drop `noise` from it unless the block raises.

    The descriptor belongs to the whole process: another thread's words are held back as well, and
    lost if they are noise.
    """
    with _LOCK, tempfile.TemporaryFile() as held:
        try:
            sys.stderr.flush()
            kept = os.dup(2)
        except (AttributeError, OSError, ValueError):
            # Standard error is closed: there is nothing to keep clean.
            yield
            return
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            said = held.read()
            _say(said if failed else noise.sub(b"", said))


def _say(words: bytes) -> None:
    if words:
        os.write(2, words)
