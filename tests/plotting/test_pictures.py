"""Files: every kind in every format, the same bytes each time, nothing heavy loaded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from medchain.errors import NotDurable, UsageError
from medchain.plotting import FORMATS, KINDS, draw, picture_format, save

MAGIC = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "pdf": b"%PDF-"}

DRAW_ALL = """
import sys
from pathlib import Path
from medchain.plotting import FORMATS, KINDS, draw, save
for kind in KINDS:
    figure = draw(sys.argv[2:], kind)
    for form in FORMATS:
        save(figure, Path(sys.argv[1]) / f"{kind}.{form}")
heavy = ("matplotlib.pyplot", "tensorflow", "keras", "sklearn", "pandas", "scipy", "sqlite3")
print([name for name in heavy if name in sys.modules])
"""


def draw_all(folder: Path, ledgers: list[Path], seed: str) -> dict[str, bytes]:
    """Every kind in every format, drawn by a process of its own."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", DRAW_ALL, folder, *ledgers],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": seed},
    )
    assert (done.stdout.strip(), done.stderr) == (b"[]", b"")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def pictures(
    tmp_path_factory: pytest.TempPathFactory, classical: Path, two_models: Path, crowded: Path
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The same pictures from two processes."""
    folder = tmp_path_factory.mktemp("pictures")
    ledgers = [classical, two_models, crowded]
    return draw_all(folder / "a", ledgers, "1"), draw_all(folder / "b", ledgers, "2")


def test_every_kind_in_every_format(pictures: tuple[dict[str, bytes], ...]) -> None:
    drawn = pictures[0]
    assert set(drawn) == {f"{kind}.{form}" for kind in KINDS for form in FORMATS}
    for name, data in drawn.items():
        assert data.startswith(MAGIC[name.rpartition(".")[2]])
        assert len(data) > 9_000
    assert len(set(drawn.values())) == len(drawn)


def test_two_processes_write_the_same_bytes(pictures: tuple[dict[str, bytes], ...]) -> None:
    first, second = pictures
    assert [name for name in first if first[name] != second[name]] == []


def test_saving_twice_writes_the_same_bytes(classical: Path, tmp_path: Path) -> None:
    figure = draw([classical])
    for form in FORMATS:
        one, two = tmp_path / f"one.{form}", tmp_path / f"two.{form}"
        save(figure, one)
        save(figure, two)
        assert one.read_bytes() == two.read_bytes()


def test_no_date_and_no_version_in_a_file(pictures: tuple[dict[str, bytes], ...]) -> None:
    for name, data in pictures[0].items():
        assert b"CreationDate" not in data, name
        assert b"dc:date" not in data, name
        assert b"atplotlib v" not in data, name


def test_svg_text_is_text(pictures: tuple[dict[str, bytes], ...]) -> None:
    drawn = pictures[0]["anomaly-rate.svg"].decode()
    assert re.search(r"<text[^>]*>classical\.jsonl: 15\.0", drawn)
    metadata = drawn[drawn.index("<metadata>") : drawn.index("</metadata>")]
    assert "jsonl" not in metadata


def test_png_has_200_dots_per_inch(classical: Path, tmp_path: Path) -> None:
    save(draw([classical]), tmp_path / "rate.PNG")
    data = (tmp_path / "rate.PNG").read_bytes()
    size = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    assert size == (1600, 960)


def test_a_matplotlibrc_changes_nothing(
    classical: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "font.size: 30\naxes.facecolor: red\nsvg.fonttype: path\n"
    (tmp_path / "matplotlibrc").write_text(own)
    plain = draw_all(tmp_path / "plain", [classical], "1")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "matplotlibrc"))
    assert draw_all(tmp_path / "own", [classical], "1") == plain


@pytest.mark.parametrize("name", ["picture.gif", "picture", "png", ".png/picture"])
def test_an_unknown_extension(classical: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="does not end in the name of a picture format") as caught:
        save(draw([classical]), tmp_path / name)
    assert caught.value.hint == "end the file name in .png, .svg or .pdf"
    assert list(tmp_path.iterdir()) == []


def test_the_extension_can_be_judged_before_drawing() -> None:
    assert [picture_format(f"a.b.{form.upper()}") for form in FORMATS] == list(FORMATS)
    with pytest.raises(UsageError, match="picture format"):
        picture_format("picture.gif")


def test_a_folder_that_is_not_there(classical: Path, tmp_path: Path) -> None:
    with pytest.raises(NotDurable, match="cannot write"):
        save(draw([classical]), tmp_path / "nowhere" / "picture.svg")


def test_saving_replaces_a_picture(classical: Path, tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    path.write_text("old")
    save(draw([classical], "mining"), path)
    assert path.read_bytes().startswith(MAGIC["svg"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["picture.svg"]


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, medchain.plotting;"
        "print([m for m in ('numpy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
