"""Mining finds the lowest nonce, whatever the kernel and the number of threads, and lets go."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest

from medchain.errors import UsageError
from medchain.ledger import core, pow
from medchain.ledger.block import meets

from . import builds

KERNELS = core.usable()
HEADER = bytes(range(112))
# Found by search: with it, the hash of 112 zero bytes begins with 34 zero bits.
NONCE_34 = 725_899_604


def digest(header: bytes, nonce: int) -> bytes:
    return sha256(header[:104] + nonce.to_bytes(8, "big")).digest()


def naive(header: bytes, bits: int, start: int = 0) -> int:
    """The definition: try every nonce, look at the first `bits` bits."""
    nonce = start
    while not bin(int.from_bytes(b"\x01" + digest(header, nonce)))[3:].startswith("0" * bits):
        nonce += 1
    return nonce


def search(kernel: str, header: bytes, bits: int, start: int, count: int) -> core.Found:
    if kernel == core.PYTHON:
        return pow.search_in_python(header, bits, start, count)
    return core.search(kernel, header, bits, start, count)


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every search be shared out among threads at once, in ranges of a few hundred nonces."""
    monkeypatch.setattr(pow, "INLINE", 0)
    monkeypatch.setattr(pow, "SMALLEST", 100)
    monkeypatch.setattr(pow, "LARGEST", 300)


def test_meets_counts_zero_bits_from_the_top() -> None:
    for bits in range(256):
        first_one = (1 << (255 - bits)).to_bytes(32, "big")
        assert meets(first_one, bits)
        assert not meets(first_one, bits + 1)
    assert meets(bytes(32), 256)
    assert meets(b"\xff" * 32, 0)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bits", range(15))
def test_the_lowest_nonce_is_found(kernel: str, bits: int) -> None:
    header = random.Random(bits).randbytes(112)
    nonce = naive(header, bits)
    assert pow.find(header, bits, 0, pow.NONCE_LIMIT, kernel=kernel) == nonce
    assert meets(digest(header, nonce), bits)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.usefixtures("small_ranges")
def test_the_number_of_threads_does_not_matter(kernel: str, threads: int) -> None:
    for seed in range(15):
        header = random.Random(seed).randbytes(112)
        nonce = pow.find(header, seed, 0, pow.NONCE_LIMIT, kernel=kernel, threads=threads)
        assert nonce == naive(header, seed)


@pytest.mark.parametrize("late", [0, 100])
@pytest.mark.usefixtures("small_ranges")
def test_of_two_hits_the_lower_wins(monkeypatch: pytest.MonkeyPatch, late: int) -> None:
    """Two threads each have a hit, and the one whose range starts at `late` has it last."""
    team: pow._Team

    def hit(*job: Any) -> core.Found:
        start = job[3]
        while start == late and team.lowest is None:
            time.sleep(0.001)
        return core.Found(start + 7, 8)

    monkeypatch.setattr(core, "StopFlag", FakeFlag)
    monkeypatch.setattr(core, "search", hit)
    team = pow._Team("portable", HEADER, 8, 0, 10**6)
    team.take = iter([(0, 100), (100, 100), None, None]).__next__  # type: ignore[method-assign]
    team.run(2, None)
    assert team.lowest == 7


class FakeFlag:
    """A stop flag that needs no C core."""

    value = False

    def set(self) -> None:
        self.value = True

    def is_set(self) -> bool:
        return self.value


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_ends_of_a_range(kernel: str) -> None:
    nonce = naive(HEADER, 10)
    after = naive(HEADER, 10, nonce + 1)
    for lead in range(20):
        first = nonce - lead
        assert search(kernel, HEADER, 10, first, lead + 1) == (nonce, lead + 1)
        for short in range(lead + 1):
            assert search(kernel, HEADER, 10, first, short) == (None, short)
        assert search(kernel, HEADER, 10, first, 10**6) == (nonce, lead + 1)
        assert search(kernel, HEADER, 10, nonce + 1, after - nonce + lead).nonce == after
    assert search(kernel, HEADER, 0, 5, 0) == (None, 0)
    assert search(kernel, HEADER, 0, 5, 1) == (5, 1)
    assert search(kernel, HEADER, 256, 0, 1000) == (None, 1000)


EDGES = (0, 2**16 - 40, 2**32 - 75, 2**53 - 80)


def check_every_edge(kernel: str, base: int) -> None:
    """Every lane begins and ends a range, has the hit, and has it right behind the range's end."""
    for bits in (3, 6):
        hits = [n for n in range(base, base + 80) if meets(digest(HEADER, n), bits)]
        for first in range(base, base + 34):
            for count in range(41):
                found = next((n for n in hits if first <= n < first + count), None)
                tried = count if found is None else found - first + 1
                assert search(kernel, HEADER, bits, first, count) == (found, tried)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("base", EDGES)
def test_every_kernel_agrees_at_every_edge(kernel: str, base: int) -> None:
    check_every_edge(kernel, base)


@pytest.mark.parametrize("base", EDGES)
def test_the_mixed_kernel_agrees_wherever_it_can_run(
    monkeypatch: pytest.MonkeyPatch, base: int
) -> None:
    """On Intel's processors it is too slow to be offered, but nothing keeps it from being right."""
    if not {"shani", "avx512"} <= builds.processor():
        pytest.skip("this processor lacks the instructions")
    builds.install(monkeypatch, builds.cpu("shani", "avx2", "avx512", "mixing"))
    assert "shani-avx512" in core.usable()
    check_every_edge("shani-avx512", base)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("start", [2**16 - 7, 2**32 - 1500, 2**32, 2**40 + 2**32 - 9, 2**53 - 4000])
def test_large_nonces(kernel: str, start: int) -> None:
    for bits in (0, 1, 5, 10):
        expected = pow.search_in_python(HEADER, bits, start, 4000)
        assert search(kernel, HEADER, bits, start, 4000) == expected
        assert expected.nonce is None or expected.nonce == naive(HEADER, bits, start)


@pytest.mark.parametrize("kernel", KERNELS)
def test_targets_beyond_the_first_word(kernel: str) -> None:
    """A kernel looks at 32 bits; the rest of the target is decided behind it."""
    header, nonce = bytes(112), NONCE_34
    assert 256 - int.from_bytes(digest(header, nonce), "big").bit_length() == 34
    for bits in (30, 31, 32, 33, 34):
        assert search(kernel, header, bits, nonce - 6, 20) == (nonce, 7)
    for bits in (35, 63, 64, 65, 256):
        assert search(kernel, header, bits, nonce - 6, 20) == (None, 20)
        assert search(kernel, header, bits, nonce - 6, 7) == (None, 7)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_nonce_in_the_header_is_ignored(kernel: str) -> None:
    nonces = {search(kernel, HEADER[:104] + tail * 8, 8, 0, 9999) for tail in (b"\0", b"\xff")}
    assert len(nonces) == 1


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.usefixtures("small_ranges")
def test_a_range_without_a_hit_is_searched_to_its_end(kernel: str, threads: int) -> None:
    limit = pow.NONCE_LIMIT
    assert pow.find(HEADER, 256, limit - 5000, limit, kernel=kernel, threads=threads) is None


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.usefixtures("small_ranges")
def test_a_hit_behind_the_range_is_not_taken(kernel: str) -> None:
    nonce = naive(HEADER, 10)
    for lead in (1, 99, 100, 101, 250):
        assert pow.find(HEADER, 10, nonce - lead, nonce, kernel=kernel) is None
        assert pow.find(HEADER, 10, nonce - lead, nonce + 1, kernel=kernel) == nonce


def test_exhaustion_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pow, "NONCE_LIMIT", 1000)
    with pytest.raises(UsageError, match="60 leading zero bits"):
        pow.mine(HEADER, 60)


@pytest.mark.parametrize(
    ("header", "bits", "threads"),
    [(bytes(111), 8, 1), (bytes(113), 8, 1), (HEADER, -1, 1), (HEADER, 257, 1), (HEADER, 8, 0)],
)
def test_our_own_mistakes_are_refused(header: bytes, bits: int, threads: int) -> None:
    with pytest.raises(ValueError, match=r"a header has|needs a thread"):
        pow.mine(header, bits, threads=threads)


def test_mining_works_off_the_main_thread() -> None:
    nonces: list[int] = []
    thread = threading.Thread(target=lambda: nonces.append(pow.mine(HEADER, 18, threads=2)))
    thread.start()
    thread.join()
    assert nonces == [pow.mine(HEADER, 18)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_progress_comes_on_the_calling_thread_and_may_end_the_search(kernel: str) -> None:
    class Enough(Exception):
        pass

    calls: list[tuple[int, int]] = []

    def progress(tried: int) -> None:
        calls.append((tried, threading.get_ident()))
        if len(calls) == 3:
            raise Enough

    before, begin = threading.active_count(), time.monotonic()
    with pytest.raises(Enough):
        pow.find(HEADER, 256, 0, pow.NONCE_LIMIT, kernel=kernel, threads=2, progress=progress)
    assert 0.2 < time.monotonic() - begin < 2
    assert threading.active_count() == before
    tried, threads = zip(*calls, strict=True)
    assert list(tried) == sorted(tried)
    assert tried[0] > 0
    assert set(threads) == {threading.get_ident()}


def test_short_searches_start_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: threading.Thread) -> None:
        raise AssertionError("a thread was started")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert pow.mine(HEADER, 12, threads=4) == naive(HEADER, 12)


@pytest.mark.usefixtures("small_ranges")
def test_a_failing_worker_fails_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_job: Any) -> core.Found:
        raise MemoryError

    before = threading.active_count()
    monkeypatch.setattr(core, "StopFlag", FakeFlag)
    monkeypatch.setattr(core, "search", fail)
    with pytest.raises(MemoryError):
        pow._Team("portable", HEADER, 8, 0, 10**6).run(3, None)
    assert threading.active_count() == before


def test_the_stop_flag_ends_a_search_that_holds_no_interpreter_lock() -> None:
    for kernel in set(KERNELS) - {core.PYTHON}:
        flag, count = core.StopFlag(), 1 << 27
        with ThreadPoolExecutor() as pool:
            search = pool.submit(core.search, kernel, HEADER, 256, 0, count, flag)
            flag.set()
        assert search.result().nonce is None
        assert search.result().tried < count
        assert search.result().tried % (1 << 16) == 0
        assert core.search(kernel, HEADER, 0, 0, 1, flag) == (None, 0)


INTERRUPTED = """
import json, os, signal, sys, threading, time
from medchain.ledger import pow
sent = []
def interrupt():
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.2, interrupt).start()
try:
    pow.find(bytes(112), 40, 0, pow.NONCE_LIMIT, kernel=sys.argv[1], threads=int(sys.argv[2]))
except KeyboardInterrupt:
    waited = time.monotonic() - sent[0]
    names = [thread.name for thread in threading.enumerate()]
    print(json.dumps({"waited": waited, "mining": names.count("medchain-mine")}))
"""


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("threads", ["1", "4"])
def test_ctrl_c_answers_within_100_ms(kernel: str, threads: str) -> None:
    answers = []
    for _ in range(3):  # the best of three: a busy machine may hold any process up
        command = [sys.executable, "-c", INTERRUPTED, kernel, threads]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        answers.append(json.loads(done.stdout))
    assert [answer["mining"] for answer in answers] == [0, 0, 0]
    assert min(answer["waited"] for answer in answers) < 0.1


def test_kernels_are_listed_with_the_one_chosen() -> None:
    listed = pow.kernels()
    assert [kernel.name for kernel in listed] == [*core.KNOWN, core.PYTHON]
    assert [kernel.name for kernel in listed if kernel.hashes] == [pow.kernel_name()]
    assert [kernel.name for kernel in listed if kernel.mines] == [core.chosen(core.MINING)]
    assert [kernel.name for kernel in listed if kernel.usable] == KERNELS
    assert all(kernel.compiled for kernel in listed if kernel.usable)
    assert listed[-1].usable


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_rate_is_that_of_the_kernel(kernel: str) -> None:
    assert pow.rate(0.02, kernel=kernel, threads=1) > 10_000
    assert pow.rate(0.02) > 10_000
