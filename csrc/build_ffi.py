"""The extension ``medchain.ledger._core``: cffi's API mode over the public header, abi3."""

from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
SOURCES = sorted(path.name for path in HERE.glob("*.c"))


def declarations() -> str:
    """Cut the part of the header between its two cdef lines, which cffi reads as it stands."""
    header = (HERE / "medchain.h").read_text("utf-8")
    return header.split("/* cdef begin */")[1].split("/* cdef end */")[0]


ffibuilder = FFI()
ffibuilder.cdef(declarations())
ffibuilder.set_source(
    "medchain.ledger._core",
    '#include "medchain.h"',
    sources=[f"csrc/{name}" for name in SOURCES],
    depends=[f"csrc/{path.name}" for path in HERE.glob("*.h")],
    include_dirs=["csrc"],
    extra_compile_args=["-std=c11", "-O3"],
    optional=True,  # without a compiler the package installs all the same, on its Python path
)
