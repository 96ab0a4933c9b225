"""What stands in the pictures: the artists hold the ledger's numbers."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medchain.errors import UsageError
from medchain.plotting import KINDS, bands, blocks, draw, style
from medchain.plotting.figures import PANELS, compose, render
from medchain.plotting.series import read

from . import hand_ledgers
from .hand_ledgers import MODEL_A, MODEL_B


def only(axes: Axes, gid: str) -> Any:
    """The one artist of this name."""
    (artist,) = every(axes, gid)
    return artist


def every(axes: Axes, gid: str) -> list[Any]:
    return [artist for artist in axes.get_children() if artist.get_gid() == gid]


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.axes
    return axes


def texts(figure: Figure) -> str:
    """Title, lines and notes in reading order."""
    return " ".join(text.get_text().replace("\u00a0", " ") for text in figure.texts)


def legend(axes: Axes) -> list[str]:
    found = axes.get_legend()
    assert found
    return [text.get_text().replace("\u00a0", " ") for text in found.get_texts()]


def test_the_rate_is_the_default_and_its_line_holds_the_rates(classical: Path) -> None:
    axes = axes_of(draw([classical]))
    line = only(axes, "rate")
    assert line.get_xdata().tolist() == list(range(1, 21))
    assert line.get_ydata().tolist() == [k % 4 / 10 for k in range(1, 21)]
    assert only(axes, "overall").get_ydata() == pytest.approx((0.15, 0.15))
    assert "overall 15.0 % (30 of 200)" in legend(axes)


def test_the_band_is_wilsons(classical: Path) -> None:
    axes = axes_of(draw([classical]))
    (band,) = axes.collections
    corners = np.asarray(band.get_paths()[0].vertices)
    low, high = bands.wilson(read(classical).anomalies, read(classical).rows)
    at_seven = np.unique(corners[corners[:, 0] == 7][:, 1])
    assert at_seven == pytest.approx([low[6], high[6]])
    assert axes.get_ylim()[1] > high.max()


def test_many_blocks_are_pooled_and_it_says_so(tmp_path: Path) -> None:
    count = 2 * blocks.MOST_POINTS + 1
    batches = [([0.1, 0.9] if k % 3 else [0.1], MODEL_A, 0.5) for k in range(count)]
    path = hand_ledgers.write(tmp_path / "long.jsonl", batches, bits=1)
    figure = draw([path])
    line = only(axes_of(figure), "rate")
    assert "Each point pools 3 neighbouring blocks." in texts(figure)
    assert len(line.get_xdata()) == -(-count // 3)
    assert line.get_ydata() == pytest.approx([2 / 5] * (count // 3))
    assert legend(axes_of(figure))[0] == "per 3 neighbouring blocks"


@pytest.mark.parametrize(("score", "rate", "text"), [(0.1, 0.0, "0 %"), (0.9, 1.0, "100 %")])
def test_rates_at_the_ends(tmp_path: Path, score: float, rate: float, text: str) -> None:
    path = hand_ledgers.write(tmp_path / "end.jsonl", [([score] * 10, MODEL_A, 0.5)] * 4)
    figure = draw([path])
    axes = axes_of(figure)
    assert only(axes, "rate").get_ydata().tolist() == [rate] * 4
    assert f"Anomalies per block: {text} overall" in texts(figure)
    low, high = axes.get_ylim()
    assert low < rate < high


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_row(tmp_path: Path, kind: str) -> None:
    path = hand_ledgers.write(tmp_path / "one.jsonl", [([0.3], MODEL_A, 0.5)])
    figure = draw([path], kind)
    figure.canvas.draw()
    for axes in figure.axes:
        assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()
        assert axes.get_xlim()[0] < axes.get_xlim()[1]


def test_a_short_last_block_does_not_set_the_scale(tmp_path: Path) -> None:
    batches = [([0.1] * 95 + [0.9] * 5, MODEL_A, 0.5)] * 8 + [([0.1, 0.2], MODEL_A, 0.5)]
    figure = draw([hand_ledgers.write(tmp_path / "short.jsonl", batches)])
    assert axes_of(figure).get_ylim()[1] < 0.15
    assert "run off the scale" in texts(figure)


def test_changes_of_model_are_marked_and_explained(two_models: Path) -> None:
    figure = draw([two_models])
    marks = every(axes_of(figure), "regime")
    assert [mark.get_xdata()[0] for mark in marks] == [1.5, 3.5]
    for part in (
        "At first: model a1a1a1a1, threshold 0.5",
        "from A: model a1a1a1a1, threshold 0.25",
        "from B: model b2b2b2b2, threshold 0.25",
    ):
        assert part in texts(figure)


def test_too_many_changes_are_not_marked(tmp_path: Path) -> None:
    batches = [([0.1], (MODEL_A, MODEL_B)[k % 2], 0.5) for k in range(20)]
    figure = draw([hand_ledgers.write(tmp_path / "both.jsonl", batches)])
    assert not every(axes_of(figure), "regime")
    assert "change too often to be marked" in texts(figure)


def test_the_histogram_holds_every_record_under_its_verdict(two_models: Path) -> None:
    axes = axes_of(draw([two_models], "scores"))
    normal, anomalous = only(axes, "normal").get_data(), only(axes, "anomalous").get_data()
    assert (normal.values.sum(), anomalous.values.sum()) == (6, 4)
    edges = normal.edges.round(6).tolist()
    assert normal.values[edges.index(0.3)] == 1
    assert anomalous.values[edges.index(0.3)] == 2
    assert [line.get_xdata()[0] for line in every(axes, "threshold")] == [0.25, 0.5]


def test_no_bin_holds_both_verdicts_of_one_threshold(tmp_path: Path) -> None:
    path = hand_ledgers.write(tmp_path / "near.jsonl", [([0.405, 0.41, 0.43], MODEL_A, 0.41)])
    axes = axes_of(draw([path], "scores"))
    normal, anomalous = only(axes, "normal").get_data(), only(axes, "anomalous").get_data()
    assert not (normal.values * anomalous.values).any()
    assert anomalous.edges[np.flatnonzero(anomalous.values)[0]] == 0.41


def test_counts_far_apart_get_a_log_scale(crowded: Path, tmp_path: Path) -> None:
    scores = [0.1] * 200 + [0.9]
    rare = hand_ledgers.write(tmp_path / "rare.jsonl", [(scores, MODEL_A, 0.5)])
    assert axes_of(draw([rare], "scores")).get_yscale() == "log"
    assert axes_of(draw([crowded], "scores")).get_yscale() == "linear"


def test_the_timeline_holds_every_record(two_models: Path) -> None:
    axes = axes_of(draw([two_models], "timeline"))
    series = read(two_models)
    for gid, verdict in (("normal", False), ("anomalous", True)):
        line = only(axes, gid)
        assert line.get_xdata().tolist() == series.number[series.anomaly == verdict].tolist()
        assert line.get_ydata().tolist() == series.score[series.anomaly == verdict].tolist()
    threshold = only(axes, "threshold")
    assert threshold.get_xdata().tolist() == [-0.5, 3.5, 3.5, 9.5]
    assert threshold.get_ydata().tolist() == [0.5, 0.5, 0.25, 0.25]
    assert [mark.get_xdata()[0] for mark in every(axes, "regime")] == [3.5, 8.5]


def test_a_crowded_timeline_keeps_every_anomaly(crowded: Path) -> None:
    axes = axes_of(draw([crowded], "timeline"))
    series = read(crowded)
    line = only(axes, "anomalous")
    assert series.anomaly.sum() > 800
    assert line.get_xdata().tolist() == series.number[series.anomaly].tolist()
    assert line.get_ydata().tolist() == series.score[series.anomaly].tolist()


def test_a_crowded_timeline_shows_where_normal_records_are(crowded: Path) -> None:
    axes = axes_of(draw([crowded], "timeline"))
    image = only(axes, "normal")
    seen = np.asarray(image.get_array())[..., 3] > 0.1
    left, right, bottom, top = image.get_extent()
    series = read(crowded)
    x, y = series.number[~series.anomaly], series.score[~series.anomaly]
    column = np.digitize(x, np.linspace(left, right, seen.shape[1] + 1)) - 1
    row = np.digitize(y, np.linspace(bottom, top, seen.shape[0] + 1)) - 1
    assert seen[row, column].all()
    assert seen.sum() == len(set(zip(row.tolist(), column.tolist(), strict=True)))


def test_mining_shows_nonces_against_the_expectation(classical: Path) -> None:
    figure = draw([classical], "mining")
    axes = axes_of(figure)
    series = read(classical)
    assert axes.get_yscale() == "log"
    assert only(axes, "tries").get_ydata().tolist() == (series.nonce + 1).tolist()
    assert set(only(axes, "expectation").get_ydata().tolist()) == {16.0}
    assert "expected: 16 (4 bits)" in legend(axes)
    inside = sum(1 <= nonce + 1 <= 58 for nonce in series.nonce.tolist())
    assert f"{inside} of 20 blocks within the expected band" in texts(figure)


def test_the_expectation_follows_the_bits(classical: Path, two_models: Path) -> None:
    series = read(classical)
    harder = replace(series, bits=np.where(series.height > 15, 10, 4))
    for ledgers in ([harder], [harder, read(two_models)]):
        axes = axes_of(compose(ledgers, "mining"))
        line = every(axes, "expectation")[0]
        assert line.get_xdata().tolist() == [0.5, 15.5, 15.5, 20.5]
        assert line.get_ydata().tolist() == [16, 16, 1024, 1024]
        assert "expected: 4 to 10 bits" in legend(axes)


def test_ledgers_of_the_same_bits_share_an_expectation(classical: Path, two_models: Path) -> None:
    axes = axes_of(draw([two_models, classical], "mining"))
    assert only(axes, "expectation").get_xdata().tolist() == [0.5, 20.5]


def test_several_ledgers_keep_apart(classical: Path, two_models: Path) -> None:
    figure = draw([classical, two_models])
    axes = axes_of(figure)
    lines = every(axes, "rate")
    assert [len(line.get_xdata()) for line in lines] == [20, 4]
    assert len({line.get_color() for line in lines}) == 2
    assert len({line.get_marker() for line in lines}) == 2
    assert legend(axes) == [
        "classical.jsonl: 15.0 % (30 of 200)",
        "two models.jsonl: 40.0 % (4 of 10)",
    ]
    assert [line.get_ydata()[0] for line in every(axes, "overall")] == pytest.approx([0.15, 0.4])


def test_several_ledgers_are_compared_by_shares(classical: Path, two_models: Path) -> None:
    axes = axes_of(draw([classical, two_models], "scores"))
    for stairs in every(axes, "share"):
        assert stairs.get_data().values.sum() == pytest.approx(1)


def test_ledgers_of_one_name_are_numbered(classical: Path) -> None:
    labels = legend(axes_of(draw([classical, classical])))
    assert labels[0].startswith("classical.jsonl (1):")
    assert labels[1].startswith("classical.jsonl (2):")


@pytest.mark.parametrize("name", ["_hidden.jsonl", "$a_b$.jsonl", "日本.jsonl"])
def test_odd_names_stand_in_the_legend(classical: Path, tmp_path: Path, name: str) -> None:
    odd = tmp_path / name
    odd.write_bytes(classical.read_bytes())
    figure = draw([classical, odd])
    labels = legend(axes_of(figure))
    assert [name in label for label in labels] == [False, True]
    # Older releases of matplotlib leave out a label that starts with an underscore.
    assert not labels[1].startswith("_")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = render(figure, "svg").decode()
    assert re.search(r"<text[^>]*>\u200b?" + re.escape(name), drawn)


def test_the_overview_shows_all_and_says_whose_it_is(classical: Path) -> None:
    figure = draw([classical], "overview")
    assert len(figure.axes) == len(PANELS) - 1 == 4
    said = texts(figure)
    series = read(classical)
    assert f"root {series.root[:16]}… over 21 blocks" in said
    assert "ledger 0f0f0f0f…" in said
    assert "200 records" in said
    assert "2026-11-22 08:16:00 to 08:35:00 UTC" in said


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_cut_off_or_covered(classical: Path, two_models: Path, kind: str) -> None:
    for paths in ([classical], [two_models], [classical, two_models] * 3):
        figure = draw(paths, kind)
        figure.canvas.draw()
        assert all(axes.get_window_extent().height > 1.7 * figure.dpi for axes in figure.axes)
        page = figure.bbox
        boxes = [axes.get_tightbbox() for axes in figure.axes]
        for box in boxes + [text.get_window_extent() for text in figure.texts]:
            assert box is not None
            assert page.x0 <= box.x0 < box.x1 <= page.x1
            assert page.y0 <= box.y0 < box.y1 <= page.y1
        for text in figure.texts:
            assert not any(text.get_window_extent().overlaps(box) for box in boxes if box)


def test_more_ledgers_than_colours(classical: Path) -> None:
    with pytest.raises(UsageError, match="1 to 7 ledgers, not 8"):
        draw([classical] * 8)
    with pytest.raises(UsageError, match="1 to 7 ledgers, not 0"):
        draw([])


def test_an_unknown_kind_is_refused_before_reading(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no picture 'pie'") as caught:
        draw([tmp_path / "nowhere.jsonl"], "pie")
    assert caught.value.hint == "use anomaly-rate, scores, timeline, mining, drift, overview"


def test_standard_input_is_read_once() -> None:
    with pytest.raises(UsageError, match="standard input can be read only once"):
        draw(["-", "-"])


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (0.00001, "< 0.01 %"),
        (0.004, "0.40 %"),
        (0.05, "5.0 %"),
        (0.999, "99.90 %"),
        (0.99999, "> 99.99 %"),
        (1.0, "100 %"),
    ],
)
def test_percentages(share: float, text: str) -> None:
    assert style.percent(share).replace("\u00a0", " ") == text
