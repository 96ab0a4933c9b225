"""Bench: what is measured is what the machine does, and a time to take becomes bits."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medchain.errors import UsageError
from medchain.ledger import pow
from medchain.ledger.verify import Walk
from medchain.pipeline import book
from medchain.pipeline.bench import BITS, bench, bits_for
from medchain.pipeline.ingest import ingest


@given(st.floats(1e-6, 1e6), st.floats(1, 1e9))
def test_a_block_keeps_its_time_and_one_bit_more_would_not(seconds: float, nonces: float) -> None:
    bits = bits_for(seconds, nonces)
    assert 0 <= bits <= 32
    assert bits == 0 or 2**bits <= seconds * nonces
    assert bits == 32 or 2 ** (bits + 1) > seconds * nonces


def test_every_usable_kernel_is_measured() -> None:
    found = bench(0.01)
    assert set(found.kernels) == {kernel.name for kernel in pow.kernels() if kernel.usable}
    assert all(rate > 0 for rate in (*found.kernels.values(), found.nonces, found.lines))
    assert list(found.block_seconds) == list(BITS)
    assert found.block_seconds[24] == pytest.approx(16 * found.block_seconds[20])


def block_bits(ledger: Path) -> list[int]:
    return [block.header.bits for block in Walk(io.BytesIO(ledger.read_bytes()))]


def test_a_target_time_makes_blocks_of_this_machines_work(
    model: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    monkeypatch.setattr(book.pow, "rate", lambda _: float(2**18))
    summary = ingest(table, model=model, ledger=ledger, batch_size=1000, target_time=0.5)
    assert summary.bits == 17
    assert block_bits(ledger) == [16, *[17] * summary.blocks], "the ledger's minimum stays 16"


def test_a_target_time_never_makes_less_work_than_the_ledger_demands(
    model: Path, table: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    summary = ingest(table, model=model, ledger=ledger, batch_size=1000, target_time=1e-6)
    assert summary.bits == 16
    assert set(block_bits(ledger)) == {16}


@pytest.mark.parametrize("target", [0.0, -1.0, float("inf"), float("nan")])
def test_a_time_that_no_block_can_take_is_refused(target: float, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="above zero"):
        ingest("table.csv", ledger=tmp_path / "ledger.jsonl", target_time=target)


def test_bits_and_a_target_time_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not both"):
        ingest("table.csv", ledger=tmp_path / "ledger.jsonl", target_time=1.0, bits=16)
