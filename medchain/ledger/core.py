"""The thin binding to the C core: which kernel hashes and mines, and how it is called.

Only ``merkle``, ``pow``, ``scan`` and ``writer`` use this module. Without the extension, ``lib``
and ``ffi`` are None and ``load_error`` says why; the one kernel is then ``python``, and these
modules take their pure-Python path. ``MEDCHAIN_KERNEL`` forces a kernel by name: a demand, never a
wish. It is read once, at the first hash or search.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import KernelUnavailable

if TYPE_CHECKING:
    from array import array

try:
    from ._core import ffi as _ffi
    from ._core import lib as _lib
except ImportError as error:
    _ffi = _lib = None
    load_error = str(error)
else:
    load_error = ""

ffi: Any = _ffi
lib: Any = _lib

VARIABLE = "MEDCHAIN_KERNEL"
PYTHON = "python"
LINE_ROOM = lib.MEDCHAIN_LINE_ROOM if lib else 0
KNOWN = ("shani-avx512", "avx512", "avx2", "shani", "armv8", "portable")
"""The kernels of a complete build, as ``csrc/dispatch.c`` lists them."""
MINING, HASHING = 0, 1
"""What a kernel is chosen for, as ``csrc/medchain.h`` numbers it."""


class Found(NamedTuple):
    """The outcome of a bounded search: the nonce, or None and how many nonces were tried."""

    nonce: int | None
    tried: int


def compiled() -> list[str]:
    """Name the kernels of this build."""
    return [name for name, i in _numbers().items() if _status(i) != lib.MEDCHAIN_NOT_COMPILED]


def usable() -> list[str]:
    """Name the kernels that run on this CPU and pass their self-test."""
    return [name for name, i in _numbers().items() if _status(i) == lib.MEDCHAIN_OK] + [PYTHON]


@functools.cache
def chosen(purpose: int) -> str:
    """Name this process's kernel for MINING or HASHING: the forced one, or else the fastest.

    MEDCHAIN_KERNEL forces one for both. Without it, the first call for a purpose takes one or two
    milliseconds to test and to measure. Raises KernelUnavailable where the forced kernel is
    unknown, not compiled or not usable here.
    """
    forced = os.environ.get(VARIABLE)
    if not forced:
        number = -1 if lib is None else lib.medchain_kernel_default(purpose)
        return PYTHON if number < 0 else list(_numbers())[number]
    if forced != PYTHON and forced not in usable():
        raise unavailable(forced)
    return forced


def unavailable(name: str) -> KernelUnavailable:
    """Build the error that says why kernel `name` cannot be had, and which ones can."""
    if name not in (*KNOWN, *_numbers()):
        reason = "is unknown"
    elif name not in compiled():
        reason = "is not compiled into this installation"
    elif _status(_number(name)) == lib.MEDCHAIN_SELF_TEST_FAILED:
        reason = "fails its self-test on this machine"
    else:
        reason = "needs what this CPU lacks"
    return KernelUnavailable(
        f"kernel {name!r} {reason}",
        hint=f"unset {VARIABLE}, or set it to one of: {', '.join(usable())}",
    )


def hash_lines(kernel: str, lines: bytes, prefix: bytes) -> bytes:
    """Hash each LF-terminated line without its LF, behind `prefix` (one byte or none)."""
    out = bytearray(32 * lines.count(b"\n"))
    first = prefix[0] if prefix else lib.MEDCHAIN_NO_PREFIX
    number = _number(kernel)
    target = ffi.from_buffer("uint8_t[]", out)
    _check(lib.medchain_hash_lines(number, lines, len(lines), first, target, len(out)), kernel)
    return bytes(out)


def root(kernel: str, leaves: bytes) -> bytes:
    """Compute the RFC 6962 tree hash over concatenated 32-byte leaf hashes."""
    nodes, out = bytearray(leaves), bytearray(32)
    source, target = ffi.from_buffer("uint8_t[]", nodes), ffi.from_buffer("uint8_t[]", out)
    _check(lib.medchain_root(_number(kernel), source, len(leaves) // 32, target), kernel)
    return bytes(out)


def lines_root(kernel: str, lines: bytes) -> bytes:
    """Compute the RFC 6962 tree hash over LF-terminated lines."""
    out = bytearray(32)
    target = ffi.from_buffer("uint8_t[]", out)
    _check(lib.medchain_lines_root(_number(kernel), lines, len(lines), target), kernel)
    return bytes(out)


def scan(kernel: str, data: Any, start: int, end: int, state: Any) -> None:
    """Run ``medchain_scan`` over the bytes from `start` to `end` of `data`, a cffi array."""
    _check(lib.medchain_scan(_number(kernel), data + start, end - start, state), kernel)


def sha256(kernel: str, message: bytes) -> bytes:
    """Hash one message with one kernel (what the tests compare with hashlib)."""
    out = bytearray(32)
    target = ffi.from_buffer("uint8_t[]", out)
    _check(lib.medchain_sha256(_number(kernel), message, len(message), target), kernel)
    return bytes(out)


def search(
    kernel: str, header: bytes, bits: int, start: int, count: int, stop: StopFlag | None = None
) -> Found:
    """Search [start, start + count) for the lowest nonce that meets `bits`, until `stop` is set."""
    assert len(header) == 112, "a header has 112 bytes"
    nonce = ffi.new("uint64_t *")
    flag = stop.cell if stop else ffi.NULL
    code = lib.medchain_mine(_number(kernel), header, start, count, bits, flag, nonce)
    if _check(code, kernel) == lib.MEDCHAIN_FOUND:
        return Found(int(nonce[0]), int(nonce[0]) - start + 1)
    return Found(None, int(nonce[0]) - start)


def write(function: str, room: int, *arguments: object) -> bytes | None:
    """What a function of ``csrc/lines.c`` writes into `room` bytes; None: take the slow twin."""
    if chosen(HASHING) == PYTHON:
        return None
    out, written = _allocator()("uint8_t[]", room), ffi.new("size_t *")
    code = getattr(lib, f"medchain_{function}")(*arguments, out, room, written)
    if _check(code, PYTHON) == lib.MEDCHAIN_NOT_PLAIN:
        return None
    return bytes(ffi.buffer(out, written[0]))


def doubles(numbers: array[float]) -> object:
    """Numbers (float64) as an argument of `write`."""
    return ffi.from_buffer("double[]", numbers) if ffi else None


@functools.cache
def _allocator() -> Any:
    return ffi.new_allocator(should_clear_after_alloc=False)


class StopFlag:
    """A flag that any thread may set and every running search reads each 65,536 nonces."""

    def __init__(self) -> None:
        self.cell: Any = ffi.new("int *")

    def set(self) -> None:
        """Let every search that holds this flag return."""
        self.cell[0] = 1

    def is_set(self) -> bool:
        """Tell whether the searches were told to stop."""
        return bool(self.cell[0])


def _numbers() -> dict[str, int]:
    """Map the name of every kernel that the C core knows to its number in the table there."""
    count = lib.medchain_kernel_count() if lib else 0
    return {ffi.string(lib.medchain_kernel_name(i)).decode(): i for i in range(count)}


@functools.cache
def _number(kernel: str) -> int:
    if kernel not in _numbers():
        raise unavailable(kernel)
    return _numbers()[kernel]


def _status(number: int) -> int:
    return int(lib.medchain_kernel_status(number))


def _check(code: int, kernel: str) -> int:
    """Turn the C core's return codes into exceptions: the one place where this is done."""
    if code >= 0:
        return code
    assert code != lib.MEDCHAIN_BAD_ARGUMENT, "the C core was called with a bad argument"
    if code == lib.MEDCHAIN_WRONG_HIT:
        raise KernelUnavailable(
            f"kernel {kernel!r} computed a hash that the reference contradicts",
            hint=f"set {VARIABLE}=portable, and have this machine's processor and memory checked",
        )
    raise unavailable(kernel)
