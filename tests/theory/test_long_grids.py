"""The bundled grids that take long: each is as its recipe says, and a few steps of every cell are played."""

from __future__ import annotations

from pathlib import Path

import pytest

import ganbench
from ganbench.catalog import load_catalog
from ganbench.grid import read_grid

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_process")]

BRIEF = (
    "seeds=1",
    "train.steps=3",
    "score.samples=50",
    "score.every=0",
    "score.initial=false",
    "score.repeats=1",
)


@pytest.mark.parametrize(
    ("grid", "dataset", "modes"), [("ring", "gaussian_ring", 8), ("grid", "gaussian_grid", 25)]
)
def test_packing_is_compared_by_the_recipe_of_pacgan(
    grid: str, dataset: str, modes: int, tmp_path: Path
) -> None:
    cells = read_grid(grid, load_catalog()).cells
    packs = {cell.architecture.options.get("pack", 1): cell.train for cell in cells}
    assert {pack: train.batch_size for pack, train in packs.items()} == {1: 100, 2: 200, 3: 300, 4: 400}
    assert len({cell.seed for cell in cells}) >= 5
    for train in packs.values():
        assert train.steps == 20_000
        assert (train.d_optimizer.lr, train.d_optimizer.options()["betas"][0]) == (1e-4, 0.8)
    results = ganbench.run(grid, tmp_path / "out", overrides=BRIEF)
    assert set(results.cells["status"]) == {"ok"}
    assert set(results.cells["dataset"]) == {dataset}
    found = results.scores[results.scores["metric"] == "modes"]["value"]
    assert found.between(0, modes).all()
    # Each packed group against the plain one, in each metric.
    assert set(results.comparison["baseline"]) == {"mlp_pacgan"}
    assert len(results.comparison) == 3 * 3


def test_who_moves_first_is_asked_at_every_k_and_for_both_losses(tmp_path: Path) -> None:
    assert len({cell.seed for cell in read_grid("order", load_catalog()).cells}) >= 5
    results = ganbench.run("order", tmp_path / "out", overrides=BRIEF)
    cells = results.cells
    assert set(cells["status"]) == {"ok"}
    context = ["loss", "train.d_steps"]
    # Both orders were played, and are no renaming of each other.
    assert (cells.groupby(context)["weights"].nunique() == 2).all()
    assert len(cells.groupby(context)) == 2 * 3
    assert set(results.comparison["axis"]) == {"train.order"}
    assert set(results.comparison["metric"]) >= {"modes", "high_quality", "wasserstein"}


def test_lines_plays_every_loss_with_every_penalty(tmp_path: Path) -> None:
    results = ganbench.run("lines", tmp_path / "out", overrides=BRIEF)
    assert set(results.cells["status"]) == {"ok"}
    assert len(results.cells) == 2 * 3 * 2
