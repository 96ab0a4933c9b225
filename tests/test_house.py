"""The house's own rules: who may know whom, one exit code for each error, nothing left behind."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from medchain import errors

ROOT = Path(__file__).parent.parent
CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, errors.MedchainError)
]


def test_layers_and_imports_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_a_code_a_sentence_and_a_line_in_the_reference(
    error: type[errors.MedchainError],
) -> None:
    assert error.exit_code > 0
    sentence = (error.__doc__ or "").splitlines()[0]
    assert sentence.endswith(".")
    if error is not errors.MedchainError:
        text = (ROOT / "docs" / "reference.md").read_text()
        assert f"| {error.exit_code} | {sentence} |" in text


def test_only_fs_and_the_vault_write_to_disk() -> None:
    writing = re.compile(
        r"""open\([^)]*["'][wax+]|write_text|write_bytes|O_WRONLY|O_RDWR|mkstemp"""
    )
    writers = {
        path.relative_to(ROOT / "medchain").as_posix()
        for path in (ROOT / "medchain").rglob("*.py")
        if writing.search(path.read_text())
    }
    assert writers <= {"fs.py"}


def test_only_the_command_line_prints_or_exits() -> None:
    talking = re.compile(r"\bprint\(|sys\.exit\(|SystemExit|typer\.Exit")
    talkers = {
        path.relative_to(ROOT / "medchain").parts[0]
        for path in (ROOT / "medchain").rglob("*.py")
        if talking.search(path.read_text())
    }
    assert talkers <= {"cli", "__main__.py"}


def test_the_readme_names_what_is_there() -> None:
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", text):
        assert (ROOT / target).exists(), target
