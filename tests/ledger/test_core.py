"""Every kernel computes SHA-256, a forced one is a demand, and without the extension all works."""

from __future__ import annotations

import json
import os
import platform
import random
import subprocess
import sys
import threading
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medchain.errors import KernelUnavailable
from medchain.ledger import core

from . import builds

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "sha256.json").read_text("utf-8"))
KERNELS = core.usable()
COMPILED = [name for name in KERNELS if name != core.PYTHON]
PURPOSES = (core.MINING, core.HASHING)


def digest(kernel: str, message: bytes) -> bytes:
    return sha256(message).digest() if kernel == core.PYTHON else core.sha256(kernel, message)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set MEDCHAIN_KERNEL (or unset it, with None) and forget what was chosen before."""

    def force(name: str | None) -> None:
        monkeypatch.delenv(core.VARIABLE, raising=False)
        if name is not None:
            monkeypatch.setenv(core.VARIABLE, name)
        core.chosen.cache_clear()

    yield force
    monkeypatch.undo()
    core.chosen.cache_clear()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("group", VECTORS["groups"], ids=["fips", "short", "long"])
def test_known_answers(kernel: str, group: dict[str, Any]) -> None:
    assert group["vectors"]
    for vector in group["vectors"]:
        message = bytes.fromhex(vector["message"]) * vector["repeat"]
        assert digest(kernel, message).hex() == vector["sha256"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_length_agrees_with_hashlib(kernel: str) -> None:
    source = random.Random(kernel)
    for length in [*range(301), 4095, 4096, 4097, 100_003]:
        message = source.randbytes(length)
        assert digest(kernel, message) == sha256(message).digest(), length


@pytest.mark.parametrize("kernel", KERNELS)
def test_concurrent_hashes_do_not_meet(kernel: str) -> None:
    messages = [bytes([i]) * 50_000 for i in range(4)]
    results: dict[int, set[bytes]] = {i: set() for i in range(4)}

    def work(i: int) -> None:
        results[i].update(digest(kernel, messages[i]) for _ in range(50))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: {sha256(messages[i]).digest()} for i in range(4)}


def test_python_lists_the_kernels_that_the_core_lists() -> None:
    if core.lib is None:
        assert (core.compiled(), core.usable()) == ([], [core.PYTHON])
        assert core.load_error
        return
    names = [core.lib.medchain_kernel_name(i) for i in range(core.lib.medchain_kernel_count())]
    assert tuple(core.ffi.string(name).decode() for name in names) == core.KNOWN
    assert "portable" in core.usable()
    assert core.lib.medchain_kernel_name(len(names)) == core.ffi.NULL
    assert core.lib.medchain_kernel_name(-1) == core.ffi.NULL
    for beyond in (-1, len(names)):
        assert core.lib.medchain_kernel_status(beyond) == core.lib.MEDCHAIN_UNKNOWN_KERNEL


def test_no_compiled_kernel_fails_its_self_test() -> None:
    """Elsewhere, a kernel that fails it is left out: only here would a broken one be seen."""
    for name in core.compiled():
        status = core.lib.medchain_kernel_status(core._number(name))
        assert status in (core.lib.MEDCHAIN_OK, core.lib.MEDCHAIN_NOT_SUPPORTED)


def test_the_processor_is_recognised() -> None:
    """The system's own list of instruction sets is the second opinion, where there is one."""
    expected = {"portable"} if core.lib else set()
    expected |= {name for name in core.compiled() if name in builds.processor()}
    if "AuthenticAMD" in listed("vendor_id") and {"shani", "avx512"} <= builds.processor():
        expected |= {"shani-avx512"} & set(core.compiled())
    if platform.system() == "Linux":
        assert set(COMPILED) == expected
    assert expected <= set(COMPILED)


def listed(key: str) -> set[str]:
    """The values of a key in the system's description of the processors."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {line.partition(": ")[2] for line in lines if line.startswith(key)}


SETS = [
    set(),
    {"shani"},
    {"avx2"},
    {"shani", "avx2"},
    {"avx2", "avx512"},
    {"shani", "avx2", "avx512"},
]


@pytest.mark.parametrize("offered", SETS, ids=lambda names: "+".join(sorted(names)) or "nothing")
def test_a_lesser_processor_gets_the_next_best(
    monkeypatch: pytest.MonkeyPatch, offered: set[str]
) -> None:
    if not offered <= builds.processor():
        pytest.skip("this processor lacks what the test offers")
    builds.install(monkeypatch, builds.cpu(*offered))
    assert set(core.usable()) == offered | {"portable", core.PYTHON}
    for purpose in PURPOSES:
        assert core.chosen(purpose) in (offered or {"portable"})
    for name in set(core.compiled()) - offered - {"portable"}:
        monkeypatch.setenv(core.VARIABLE, name)
        core.chosen.cache_clear()
        with pytest.raises(KernelUnavailable, match="needs what this CPU lacks"):
            core.chosen(core.HASHING)


@pytest.mark.parametrize("left_out", [*[{name} for name in builds.FEATURES], set(builds.FEATURES)])
def test_every_instruction_set_can_be_left_out(
    monkeypatch: pytest.MonkeyPatch, left_out: set[str]
) -> None:
    builds.install(monkeypatch, *(f"-DMEDCHAIN_NO_{name.upper()}" for name in sorted(left_out)))
    gone = {name for name in builds.FEATURES if name in left_out}
    gone |= {"shani-avx512"} if left_out & {"shani", "avx512"} else set()
    assert set(core.KNOWN) - set(core.compiled()) >= gone
    assert not set(core.usable()) & gone
    assert core.chosen(core.MINING) in set(core.KNOWN) - gone
    for name in core.usable():
        assert digest(name, b"abc") == sha256(b"abc").digest()


@pytest.mark.parametrize("name", KERNELS)
def test_a_usable_kernel_can_be_forced(environment: Any, name: str) -> None:
    environment(name)
    assert [core.chosen(purpose) for purpose in PURPOSES] == [name, name]


@pytest.mark.parametrize("name", [None, ""])
def test_without_a_demand_the_fastest_is_chosen(environment: Any, name: str | None) -> None:
    """Once and for all: no measurement comes out the same way twice where two kernels are close."""
    environment(name)
    for purpose in PURPOSES:
        choice = core.chosen(purpose)
        assert choice in KERNELS
        assert choice not in ("portable", core.PYTHON) or len(COMPILED) <= 1
        core.chosen.cache_clear()
        assert core.chosen(purpose) == choice


def test_the_purposes_are_those_of_the_core() -> None:
    if core.lib is not None:
        lib = core.lib
        assert (core.MINING, core.HASHING) == (lib.MEDCHAIN_MINING, lib.MEDCHAIN_HASHING)
        for unknown in (-1, 2):
            assert lib.medchain_kernel_default(unknown) == lib.MEDCHAIN_BAD_ARGUMENT


def test_threads_that_ask_at_once_get_one_answer() -> None:
    code = """
import threading
from medchain.ledger import core
answers, barrier = set(), threading.Barrier(8)
def ask():
    barrier.wait()
    answers.add(tuple(core.chosen.__wrapped__(purpose) for purpose in (0, 1)))
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(answers))
"""
    assert {run(code) for _ in range(5)} == {"1"}


@pytest.mark.parametrize("name", ["turbo", "SHANI", " portable", "../x"])
def test_an_unknown_kernel_is_refused(environment: Any, name: str) -> None:
    environment(name)
    with pytest.raises(KernelUnavailable, match="is unknown") as refused:
        core.chosen(core.MINING)
    assert refused.value.exit_code == 40
    assert ", ".join(KERNELS) in refused.value.hint


class FakeCore:
    """A C core of three kernels, whose states the test chooses."""

    MEDCHAIN_OK = 0
    MEDCHAIN_BAD_ARGUMENT = -1
    MEDCHAIN_NOT_COMPILED = -3
    MEDCHAIN_SELF_TEST_FAILED = -5
    MEDCHAIN_WRONG_HIT = -6
    names = (b"shani", b"portable", b"spare")

    def __init__(self, *status: int) -> None:
        self.status = status

    def medchain_kernel_count(self) -> int:
        return len(self.names)

    def medchain_kernel_name(self, number: int) -> bytes:
        return self.names[number]

    def medchain_kernel_status(self, number: int) -> int:
        return self.status[number]

    def medchain_kernel_default(self, _purpose: int) -> int:
        return self.status.index(0) if 0 in self.status else -2


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a core of chosen states in the place of the real one."""

    def install(*status: int) -> None:
        monkeypatch.setattr(core, "lib", FakeCore(*status))
        monkeypatch.setattr(core, "ffi", SimpleNamespace(string=lambda name: name))
        core._number.cache_clear()

    yield install
    monkeypatch.undo()
    core._number.cache_clear()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (-3, "is not compiled into this installation"),
        (-4, "needs what this CPU lacks"),
        (-5, "fails its self-test on this machine"),
    ],
)
def test_a_kernel_that_cannot_be_had_says_why(
    environment: Any, fake: Any, status: int, reason: str
) -> None:
    fake(status, 0, 0)
    environment("shani")
    with pytest.raises(KernelUnavailable, match=reason) as refused:
        core.chosen(core.MINING)
    assert refused.value.hint.endswith("one of: portable, spare, python")
    environment(None)
    assert [core.chosen(purpose) for purpose in PURPOSES] == ["portable", "portable"]


def test_with_no_kernel_left_python_is_chosen(environment: Any, fake: Any) -> None:
    fake(-4, -5, -3)
    environment(None)
    assert [core.chosen(purpose) for purpose in PURPOSES] == [core.PYTHON, core.PYTHON]


def test_return_codes_become_exceptions(fake: Any) -> None:
    fake(0, 0, 0)
    assert core._check(2, "portable") == 2
    with pytest.raises(AssertionError):
        core._check(FakeCore.MEDCHAIN_BAD_ARGUMENT, "portable")
    with pytest.raises(KernelUnavailable, match="the reference contradicts"):
        core._check(FakeCore.MEDCHAIN_WRONG_HIT, "shani")


def test_a_bad_argument_is_our_bug() -> None:
    for kernel in COMPILED:
        for call in (
            lambda name: core.search(name, bytes(112), 257, 0, 1),
            lambda name: core.search(name, bytes(112), 8, 2**64 - 1, 2),
            lambda name: core.search(name, bytes(111), 8, 0, 1),
            lambda name: core.hash_lines(name, b"no line feed", b""),
            lambda name: core.hash_lines(name, b"a\nno line feed", b""),
            lambda name: core.lines_root(name, b"a\nno line feed"),
        ):
            with pytest.raises(AssertionError):
                call(kernel)


@pytest.mark.parametrize(
    ("data", "prefix", "capacity"),
    [
        *[(b"a\nb", -1, 64), (b"b", -1, 32)],  # no LF at the end
        *[(b"a\n", -2, 32), (b"a\n", 256, 32)],  # no such byte
        *[(b"a\n", 0, 0), (b"a\n", 0, 31), (b"a\n", 0, 33), (b"a\n", 0, 64), (b"", 0, 32)],
    ],
)
def test_lines_and_room_must_fit(data: bytes, prefix: int, capacity: int) -> None:
    for kernel in COMPILED:
        out = core.ffi.new("uint8_t[]", 64)
        number = core._number(kernel)
        code = core.lib.medchain_hash_lines(number, data, len(data), prefix, out, capacity)
        assert code == core.lib.MEDCHAIN_BAD_ARGUMENT


def run(code: str) -> str:
    """Run `code` in a fresh interpreter that forces no kernel."""
    environ = {name: value for name, value in os.environ.items() if name != core.VARIABLE}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_everything_works_without_the_extension() -> None:
    code = """
import sys
sys.modules["medchain.ledger._core"] = None
from medchain.ledger import core, merkle, pow
assert core.lib is None and core.load_error
assert [k for k in pow.kernels() if k.usable] == [("python", True, True, True, True)]
assert not any(k.compiled for k in pow.kernels() if k.name != "python")
print(merkle.root(merkle.leaf_hashes(b"a\\nb\\nc\\n")).hex(), pow.mine(bytes(112), 8))
"""
    leaf = [sha256(b"\0" + line).digest() for line in (b"a", b"b", b"c")]
    left = sha256(b"\1" + leaf[0] + leaf[1]).digest()
    root = sha256(b"\1" + left + leaf[2]).hexdigest()
    nonce = next(
        n for n in range(9999) if sha256(bytes(104) + n.to_bytes(8, "big")).digest()[0] == 0
    )
    assert run(code) == f"{root} {nonce}"


def test_importing_the_ledger_core_loads_nothing_heavy() -> None:
    code = """
import sys
before = set(sys.modules)
import medchain.ledger.merkle, medchain.ledger.pow
heavy = {"threading", "dataclasses", "concurrent.futures", "inspect", "numpy", "cffi", "sqlite3"}
print(sorted(heavy & (set(sys.modules) - before)))
"""
    assert run(code) == "[]"
