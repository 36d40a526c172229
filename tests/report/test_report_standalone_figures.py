from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from fabricated_results import GRID, Folder
from matplotlib.figure import Figure

from ganbench.errors import StoreError
from ganbench.report import load


def _texts(figure: Figure) -> list[str]:
    legends = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return [figure.axes[0].get_title(loc="left"), *legends]


@pytest.mark.slow
def test_the_figures_are_those_of_the_page(planted: Folder) -> None:
    figures = load(planted.path).figures()
    assert list(figures) == [
        "Differences from the baseline: fid (digits_cnn)",
        "Differences from the baseline: is (digits_cnn)",
        "digits, mlp: fid (digits_cnn)",
        "digits, mlp: is (digits_cnn)",
        "digits, mlp: fid (digits_cnn) over steps",
        "digits, mlp: Discriminator's loss",
        "digits, mlp: Generator's loss",
        "digits, mlp: D(x) and D(G(z))",
        "digits, mlp: Gradient norms",
        "digits, mlp: Jensen-Shannon estimate",
    ]
    # The final scores seed by seed: 3 dots and a mean a group, a line a pair.
    assert len(figures["digits, mlp: fid (digits_cnn)"].axes[0].lines) == 11


@pytest.mark.slow
def test_a_figure_says_what_it_shows_and_of_what(planted: Folder) -> None:
    figures = load(planted.path).figures()
    loss = figures["digits, mlp: Discriminator's loss"]
    assert _texts(loss) == ["Discriminator's loss\ndigits, mlp", "minimax", "non_saturating"]
    handles = loss.legends[0].get_lines()
    drawn = {line.get_color() for line in loss.axes[0].lines}
    assert {handle.get_color() for handle in handles} == drawn
    assert len(drawn) == 2
    assert loss.patch.get_alpha() == 1
    both = figures["digits, mlp: D(x) and D(G(z))"]
    assert "Solid: data. Dashed: generated." in both.axes[0].get_xlabel()
    # What is written around the axes takes nothing from them.
    assert both.get_figheight() > loss.get_figheight() > 2.3
    # What the page's script reads would be an identifier in an SVG file.
    assert all(mark.get_gid() is None for mark in loss.findobj())


def test_scores_of_two_protocols_are_two_figures(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    rows = [
        {"metric": "fid", "value": 3.0 - step / 100, "step": step, "protocol": protocol}
        for protocol in ("p1", "p2")
        for step in (0, 100)
    ]
    folder.add(scores=rows, curves=False)
    assert list(load(folder.path).figures()) == [
        "digits, mlp: fid (digits_cnn) over steps",
        "digits, mlp: fid (digits_cnn) over steps (2)",
    ]


def test_scores_of_two_engines_are_not_paired(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, engine in (("minimax", "eager"), ("non_saturating", "compiled")):
        for seed in range(3):
            folder.add(loss=loss, seed=seed, scores={"fid": 1.0 + seed}, engine=engine, curves=False)
    assert load(folder.path).figures() == {}


@pytest.mark.slow
def test_every_context_has_figures_of_its_own(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for number in range(30):
        folder.add(dataset=f"data{number}", scores={"fid": 1.0}, curves=number in (3, 29))
    assert [name.split(",")[0] for name in load(folder.path).figures()][::5] == ["data3", "data29"]


@pytest.mark.slow
def test_names_from_disk_are_no_formulas(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(grid=GRID.replace("minimax", "$\\\\frac{$"))
    for loss in ("$\\frac{$", "non_saturating"):
        folder.add(loss=loss, dataset="$x^{$", scores={"fid": 1.0})
    figures = load(folder.path).figures()
    assert len(figures) > 5
    for figure in figures.values():
        figure.savefig(io.BytesIO(), format="svg")


@pytest.mark.slow
def test_a_folder_that_is_gone(planted: Folder) -> None:
    results = load(planted.path)
    planted.path.rename(planted.path.with_name("moved"))
    with pytest.raises(StoreError, match="no such folder"):
        results.figures()
