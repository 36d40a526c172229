from __future__ import annotations

from collections.abc import Callable

import pytest
from fabricated_results import GRID, Folder

from ganbench.report import load, overview
from ganbench.report.overview import overview_panels


@pytest.mark.slow
def test_a_panel_a_metric_and_a_row_a_context(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for dataset in ("digits", "fashion_mnist"):
        for loss, gap in (("minimax", 0.0), ("non_saturating", -5.0)):
            for seed in range(4):
                folder.add(
                    dataset=dataset,
                    loss=loss,
                    seed=seed,
                    scores={"fid": 9 + seed + gap * (1 + seed / 50), "is": 3.0 + seed},
                    curves=False,
                    picture=False,
                )
    folder.index()
    fid, score = overview_panels(load(folder.path).comparison, ["minimax", "non_saturating"])
    assert (fid.title, score.title) == ("fid (digits_cnn)", "is (digits_cnn)")
    axes = fid.figure.axes[0]
    assert [(text.get_text(), text.get_fontweight()) for text in axes.texts] == [
        ("digits", "bold"),
        ("non_saturating", "normal"),
        ("fashion_mnist", "bold"),
        ("non_saturating", "normal"),
    ]
    points = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in points] == pytest.approx([-5.15, -5.15])
    # Shown, so filled with the group's colour; the other metric does not differ.
    assert {line.get_markerfacecolor() for line in points} == {"#d55e00"}
    hollow = [line for line in score.figure.axes[0].get_lines() if line.get_marker() == "o"]
    assert {line.get_markerfacecolor() for line in hollow} == {"#ffffff"}
    assert "left of the line" in fid.note
    assert "right of the line" in score.note
    assert "95% interval" in fid.description
    assert "<title>non_saturating - minimax, digits: -5.15" in fid.picture


def test_what_has_no_difference_has_no_panel(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(scores={"fid": 1.0}, curves=False)
    folder.add(loss="non_saturating", status="diverged", curves=False)
    folder.index()
    assert overview_panels(load(folder.path).comparison, ["minimax", "non_saturating"]) == []


@pytest.mark.slow
def test_long_combinations_are_named_by_what_tells_them_apart(make_folder: Callable[..., Folder]) -> None:
    net = "mlp[generator_widths=[64,64,64],discriminator_widths=[64,64,64]]"
    grid = GRID.replace('axis = "loss"', 'axis = ["architecture", "loss"]').replace(
        'baseline = "minimax"\n', ""
    )
    folder = make_folder("combined", grid)
    for loss in ("minimax", "non_saturating", "hinge"):
        for seed in range(3):
            folder.add(architecture=net, loss=loss, seed=seed, scores={"fid": 9.0 + seed**2}, curves=False)
    folder.index()
    for wanted in ("hinge", "hinge - non_saturating"):
        table = load(folder.path).comparison
        (panel,) = overview_panels(table, [])
        names = [text.get_text() for text in panel.figure.axes[0].texts]
        assert wanted in names
        assert len(set(names)) == len(names)
        (folder.path / "grid.toml").write_text(grid + 'pairs = "all"\n')
    assert panel.note.endswith("Long names: what differs from the first group.")
    # Each group once, though it stands in several pairs.
    said = " ".join(figure.axes[0].get_xlabel() for figure in load(folder.path).figures().values())
    assert "mean ± sd" in said
    assert "further groups" not in said.replace("\n", " ")


def test_the_picture_is_bounded(planted: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "MAX_DIFFERENCES", 1)
    assert len(overview_panels(load(planted.path).comparison, ["minimax", "non_saturating"])) == 1


def test_each_pair_is_named_whole(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, mean in (("minimax", 9.0), ("hinge", 5.0), ("wasserstein", 1.0)):
        for seed in range(3):
            folder.add(
                loss=loss, seed=seed, scores={"fid": mean + seed**2 * mean / 9}, curves=False, picture=False
            )
    folder.index()
    grid = folder.path / "grid.toml"
    grid.write_text(grid.read_text() + 'pairs = "all"\n')
    results = load(folder.path)
    (panel,) = overview_panels(results.comparison, ["minimax", "hinge", "wasserstein"])
    assert [text.get_text() for text in panel.figure.axes[0].texts] == [
        "hinge - minimax",
        "wasserstein - minimax",
        "wasserstein - hinge",
    ]
    assert panel.note == (
        "Lower is better: left of the line, the value is better than the one after the minus."
    )
    assert "Differences: fid (digits_cnn)" in [name.partition(" - ")[0] for name in results.figures()]
