"""Start-up: what is not needed is not loaded. Counted in modules, not in seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent / "vectors" / "example.jsonl"
HEAVY = "numpy scipy sklearn tensorflow keras matplotlib pandas pyarrow ai_edge_litert pydantic "
HEAVY += "cryptography rfc3161_client"


def loaded(code: str, *words: str) -> set[str]:
    """The modules that are loaded after `code` in a fresh interpreter."""
    epilogue = "\nimport sys; print('LOADED', *sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code + epilogue, *words], capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("LOADED ")[2].split())


RUN = """
import sys
from medchain.cli.app import command_line
try:
    command_line(sys.argv[1:])()
except SystemExit as end:
    assert end.code == 0, end.code
"""


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["ingest", "--help"],
        ["train", "--help"],
        ["plot", "--help"],
        ["erase", "--help"],
        ["timestamp", "--help"],
        ["explain", "--help"],
        ["evaluate", "--help"],
        ["verify", str(EXAMPLE)],
        ["verify", str(EXAMPLE), "--json"],
        ["show", str(EXAMPLE)],
        ["export", str(EXAMPLE)],
        ["doctor"],
        ["bench"],
        ["checkpoint", "--help"],
        ["key", "new", "--help"],
        ["prove", "--help"],
        ["check", "--help"],
    ],
    ids=lambda words: " ".join(words[:1] + words[2:]),
)
def test_light_commands_load_nothing_heavy(words: list[str]) -> None:
    modules = loaded(RUN, *words)
    assert "medchain.cli.app" in modules
    assert not modules & set(HEAVY.split())


def test_importing_the_package_loads_next_to_nothing() -> None:
    modules = loaded("import medchain")
    own = {name for name in modules if name.startswith("medchain")}
    assert own == {"medchain"}
    assert not modules & {*HEAVY.split(), "typer", "sqlite3", "json", "asyncio", "logging"}


def test_every_public_name_resolves() -> None:
    import medchain

    for name in medchain.__all__:
        assert getattr(medchain, name) is not None
    with pytest.raises(AttributeError):
        medchain.nonsense  # noqa: B018


def test_plotting_loads_neither_pyplot_nor_tensorflow(tmp_path: Path) -> None:
    code = f"import medchain; medchain.plot({str(EXAMPLE)!r}, {str(tmp_path / 'a.png')!r})"
    modules = loaded(code)
    assert "matplotlib" in modules
    assert not modules & {"matplotlib.pyplot", "tensorflow", "keras", "sklearn", "pandas"}


def test_erasing_loads_nothing_heavy(model: Path, table: Path, tmp_path: Path) -> None:
    from medchain.pipeline.ingest import ingest

    ledger = str(tmp_path / "ledger.jsonl")
    ingest(table, model=model, ledger=ledger, bits=0)
    code = (
        f"import medchain; medchain.find({ledger!r}, subject='x');"
        f"medchain.amend({ledger!r}, record=1, reason='why');"
        f"medchain.erase({ledger!r}, record=1, reason='why')"
    )
    assert not loaded(code) & set(HEAVY.split())


def test_ingest_loads_no_tensorflow(model: Path, table: Path, tmp_path: Path) -> None:
    ledger = str(tmp_path / "ledger.jsonl")
    code = (
        f"import medchain; medchain.ingest({str(table)!r}, model={str(model)!r}, ledger={ledger!r})"
    )
    modules = loaded(code)
    assert "ai_edge_litert" in modules
    assert not modules & {"tensorflow", "keras", "sklearn", "matplotlib", "pandas", "pyarrow"}
