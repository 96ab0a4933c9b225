"""Silence on file descriptor 2 while a foreign library prints what nobody asked for.

TensorFlow's and LiteRT's C++ code writes straight to the descriptor. What they wrote is kept and
printed after all when the code within fails.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_LOCK = RLock()


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what is written to descriptor 2, and show it only if the block raises."""
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
            if failed:
                held.seek(0)
                os.write(2, held.read())
