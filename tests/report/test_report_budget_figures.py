"""The pictures of a random search, on the page and as figures of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from fabricated_results import GRID, Folder

from ganbench.analysis.budget import COLUMNS
from ganbench.report import load, write_page, write_tables
from ganbench.report.budget_figures import budget_panels
from ganbench.report.svg import colour
from ganbench.store import Store

ROW = {
    "dataset": "digits",
    "axis": "loss",
    "metric": "fid",
    "direction": "lower",
    "extractor": "digits_cnn",
    "samples": 500,
    "protocol": "p1",
    "engine": "",
    "failures": 0,
    "sd": 1.0,
}


def table(rows: dict[str, list[float]], **changed: object) -> pd.DataFrame:
    """A row per value and budget; the interval reaches one to either side."""
    found = [
        {**ROW, "value": value, "combinations": len(best), "budget": index + 1, "expected_best": mean}
        | {"low": mean - 1, "high": mean + 1, **changed}
        for value, best in rows.items()
        for index, mean in enumerate(best)
    ]
    return pd.DataFrame(found)[list(COLUMNS)]


def test_each_value_is_a_line_of_its_colour_within_the_interval_over_draws() -> None:
    budget = table({"hinge": [30.0, 22.0, 20.0], "minimax": [25.0, 24.0]})
    (panel,) = budget_panels(budget, ["minimax", "non_saturating", "hinge"])
    assert panel.title == "fid (digits_cnn)"
    assert panel.note.endswith("Lower is better.")
    assert panel.description.endswith("at the end: hinge 20 of 3, minimax 24 of 2")
    (axes,) = panel.figure.axes
    lines = {line.get_color(): line.get_xydata().tolist() for line in axes.lines}
    assert lines == {colour(2): [[1, 30], [2, 22], [3, 20]], colour(0): [[1, 25], [2, 24]]}
    (hinge, _) = (np.asarray(band.get_paths()[0].vertices) for band in axes.collections)
    assert {(x, y) for x, y in hinge.tolist()} >= {(1, 29), (1, 31), (3, 19), (3, 21)}
    assert axes.get_yscale() == "linear"
    assert '<g class="mean" data-name="minimax"' in panel.picture
    assert 'data-along="combinations tried"' in panel.picture


def test_scores_far_apart_have_a_logarithmic_axis_and_endless_ones_none() -> None:
    steep = table({"minimax": [900.0, 300.0, 10.0]})
    endless = table({"minimax": [1.0, 2.0]}, metric="is", high=np.inf)
    single = table({"minimax": [1.0]}, metric="kid")
    (panel,) = budget_panels(pd.concat([steep, endless, single], ignore_index=True), ["minimax"])
    assert (panel.title, panel.figure.axes[0].get_yscale()) == ("fid (digits_cnn)", "log")


def test_data_sets_have_panels_of_their_own() -> None:
    both = [table({"a": [2.0, 1.0]}, dataset=name) for name in ("digits", "cifar10")]
    panels = budget_panels(pd.concat(both, ignore_index=True), ["a"])
    assert [panel.title for panel in panels] == ["fid (digits_cnn), digits", "fid (digits_cnn), cifar10"]


@pytest.mark.slow
def test_the_page_and_the_figures_have_them_where_the_grid_is_a_sample(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder("searched", GRID.replace("seeds = 3\n", "seeds = 1\nsample = 5\n"))
    for loss, rate, fid in (("minimax", 1, 10.0), ("minimax", 2, 20.0), ("non_saturating", 1, 9.0)):
        folder.add(loss=loss, varied={"train.lr": rate}, scores={"fid": fid})
    folder.index()
    figures = load(folder.path).figures()
    figure = figures["Best of a random search: fid (digits_cnn)"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["minimax", "non_saturating"]
    page = write_page(Store(folder.path), write_tables(Store(folder.path), folder.ids)).read_text()
    assert "Expected best fid (digits_cnn) on digits by combinations tried" in page
    (folder.path / "grid.toml").write_text(GRID)
    assert not any("random search" in name for name in load(folder.path).figures())
