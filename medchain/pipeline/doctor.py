"""Doctor: what this installation is made of."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata

from .. import __version__
from ..ledger import judge, pow, vault_file

LIBRARIES = (
    "numpy",
    "scikit-learn",
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "matplotlib",
    "typer",
    "cffi",
    "cryptography",
    "backports.zstd",
    "rfc3161-client",
    "pyarrow",
)


def doctor() -> dict[str, dict[str, object]]:
    """Versions, kernels, CPU and formats, each section by name. Imports none of the libraries."""
    from ..detect.bundle import FORMAT as MODEL_FORMAT

    return {
        "program": {
            "medchain": __version__,
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "platform": platform.platform(),
        },
        "libraries": {name: _version(name) for name in LIBRARIES},
        "kernels": {kernel.name: _kernel(kernel) for kernel in pow.kernels()},
        "cpu": {
            "machine": platform.machine(),
            "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
            "nonces a second": round(pow.rate()),
        },
        "formats": {
            "ledger": judge.FORMAT,
            "vault": vault_file.FORMAT,
            "model": MODEL_FORMAT,
            "archives": "jsonl, jsonl.gz" + (", jsonl.zst" if _zstd() else ""),
        },
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _kernel(kernel: pow.Kernel) -> str:
    if not kernel.compiled:
        return "not compiled"
    if not kernel.usable:
        return "compiled, but not for this CPU"
    rate = max(pow.rate(0.005, kernel=kernel.name, threads=1) for _ in range(4))
    words = f"{rate / 1e6:.1f} million nonces a second a core"
    if kernel.mines or kernel.hashes:
        words += "; chosen to " + " and ".join(["mine"] * kernel.mines + ["hash"] * kernel.hashes)
    return words


def _zstd() -> bool:
    return sys.version_info >= (3, 14) or _version("backports.zstd") != "not installed"
