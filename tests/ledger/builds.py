"""The C core built with other switches, as if for another machine, in the place of the real one."""

from __future__ import annotations

import functools
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from medchain.ledger import core

SOURCES = Path(__file__).parents[2] / "csrc"
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
FEATURES = {
    "shani": {"sha_ni"},
    "avx2": {"avx2"},
    "avx512": {"avx512f", "avx512bw", "avx512vl"},
    "armv8": {"sha2"},
}
BITS = {"shani": 1, "avx2": 2, "avx512": 4, "mixing": 8}
"""The instruction sets by their switches, and their bits in ``csrc/kernels.h``."""


def processor() -> set[str]:
    """Name the instruction sets of this processor, as the system lists them."""
    listed = Path("/proc/cpuinfo")
    flags = set(listed.read_text("utf-8").split()) if listed.exists() else set()
    return {name for name, needed in FEATURES.items() if needed <= flags}


def cpu(*names: str) -> str:
    """Build the switch that lets the core believe in a processor of these instruction sets."""
    return f"-DMEDCHAIN_CPU={sum(BITS[name] for name in names)}"


@functools.cache
def folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for what is compiled, which goes with the process."""
    return tempfile.TemporaryDirectory()


@functools.cache
def compiled(name: str, *switches: str) -> str:
    """Compile one file of the core to an object."""
    if COMPILER is None or sys.platform == "win32":
        pytest.skip("there is no C compiler")
    out = Path(folder().name) / f"{name}{abs(hash(switches))}.o"
    command = [COMPILER, "-std=c11", "-O1", "-fPIC", *switches, "-c", "-o", str(out)]
    subprocess.run([*command, str(SOURCES / name)], check=True)
    return str(out)


@functools.cache
def build(*switches: str) -> tuple[Any, Any]:
    """Build the core with these switches for ``dispatch.c`` and load it: (lib, ffi)."""
    cffi = pytest.importorskip("cffi")
    rest = [path.name for path in SOURCES.glob("*.c") if path.name != "dispatch.c"]
    objects = [compiled("dispatch.c", *switches), *(compiled(name) for name in rest)]
    out = f"{objects[0]}.so"
    subprocess.run([str(COMPILER), "-shared", "-o", out, *objects], check=True)
    spec = importlib.util.spec_from_file_location("build_ffi", SOURCES / "build_ffi.py")
    assert spec
    assert spec.loader
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    ffi = cffi.FFI()
    ffi.cdef(builder.declarations())
    return ffi.dlopen(out), ffi


def install(monkeypatch: pytest.MonkeyPatch, *switches: str) -> None:
    """Put a build with these switches in the place of the real core, until the test ends."""
    lib, ffi = build(*switches)
    monkeypatch.setattr(core, "lib", lib)
    monkeypatch.setattr(core, "ffi", ffi)
    monkeypatch.delenv(core.VARIABLE, raising=False)
    for cached in (core.chosen, core._number):
        monkeypatch.setattr(core, cached.__name__, functools.cache(cached.__wrapped__))
