"""Foreign noise is dropped, real words and failures are not."""

from __future__ import annotations

import os

import pytest

from medchain.detect.quiet import LITERT, quiet_stderr

NOISE = b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"


def test_noise_is_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr():
        os.write(2, b"anything\nat all\n")
    assert capfd.readouterr().err == ""


def test_only_the_noise_that_is_named_is_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr(LITERT):
        os.write(2, b"first\n" + NOISE + b"W0000 00:00:1.2  3 file.cc:1] hm\nlast")
    assert capfd.readouterr().err == "first\nlast"


def test_everything_is_shown_when_the_block_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), quiet_stderr():
        os.write(2, NOISE)
        raise ValueError("no")
    assert capfd.readouterr().err == NOISE.decode()


def test_nothing_is_held_back_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr(), quiet_stderr(LITERT):
        pass
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
