"""Run a network that somebody else made in a child process first, before this one trusts it.

LiteRT does not check a model file to its end: some files kill the interpreter. So a file is loaded
and run once in a child, with bounds on memory and time; a crash there is one error here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache

from ..errors import ModelError

MEMORY = 4 << 30
"""Bytes of address space that the child may take."""

SECONDS = 60
"""Seconds of processor time that it may take, and twice as many on the clock."""

_HINT = "take the model anew from where it was trained; whoever sent this file may mean harm"
_CHILD = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import numpy
from ai_edge_litert.interpreter import Interpreter
made = Interpreter(model_content=sys.stdin.buffer.read(), num_threads=1)
made.allocate_tensors()
source, target = made.get_input_details()[0], made.get_output_details()[0]
assert source["dtype"] is numpy.float32 and target["dtype"] is numpy.float32
assert len(source["shape"]) == 2 and len(target["shape"]) == 2
for value in (0.0, 1.0, -40.0, 1e6):
    made.set_tensor(source["index"], numpy.full(source["shape"], value, numpy.float32))
    made.invoke()
    said = made.get_tensor(target["index"])
    assert said.shape == tuple(target["shape"]) and len(said) == source["shape"][0]
"""


@lru_cache(maxsize=8)
def probe(network: bytes) -> None:
    """Raise `ModelError` unless a child process can load and run the `network`."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD],
            input=network,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            timeout=2 * SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ModelError("the model's network does not come to an end", hint=_HINT) from None
    if done.returncode < 0:
        raise ModelError("the model's network crashes LiteRT, and is not run", hint=_HINT)
    if done.returncode:
        raise ModelError(
            "the model's network cannot be used with the installed LiteRT",
            hint="update ai-edge-litert, or train anew",
        )
