"""The Dirac-GAN: every step of a run is held against gradient play worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gradient_play import Dirac, Play

import ganbench
from ganbench.catalog import load_catalog
from ganbench.grid import Cell, read_grid
from ganbench.store import Store

TOLERANCE = {"float32": 1e-3, "float64": 1e-9}
PRECISIONS = 'axes."train.precision"=["float32", "float64"]'
CURVES = ("loss_d", "loss_g", "grad_norm_d", "grad_norm_g")

pytestmark = pytest.mark.usefixtures("in_process")


def played(grid: str, out: Path, *overrides: str) -> list[tuple[Cell, Store]]:
    """The cells of a grid that has been run, with the folder that holds them."""
    results = ganbench.run(grid, out, overrides=overrides)
    assert set(results.cells["status"]) == {"ok"}
    return [(cell, Store(out)) for cell in read_grid(grid, load_catalog(), overrides).cells]


def by_hand(cell: Cell) -> Play:
    """The same cell, from where its options say that it begins."""
    d = cell.dataset.options.get("d", 1)
    begin = [
        np.broadcast_to(np.asarray(cell.architecture.options.get(name, 1.0), dtype=float), d)
        for name in ("theta", "psi")
    ]
    return Dirac(cell, np.full(d, cell.dataset.options.get("location", 0.0)), *begin).play()


def hold(cell: Cell, store: Store) -> None:
    """Hold one cell's final point, and the curves of all its steps, against the hand."""
    expected, curves = by_hand(cell), store.curves(cell.id)
    assert curves is not None
    assert curves["step"].tolist() == list(range(1, cell.train.steps + 1))
    tolerance = TOLERANCE[cell.train.precision] * expected.amplitude
    theta = store.generator(cell.id)["theta"].double().numpy()
    assert np.abs(theta - expected.thetas[-1]).max() < tolerance, cell.axes
    for name in CURVES:
        wrong = np.abs(curves[name].to_numpy() - getattr(expected, name)).max()
        assert wrong < tolerance, (name, cell.axes)


@pytest.mark.slow
def test_the_trajectory_is_gradient_play(tmp_path: Path) -> None:
    short = ("train.steps=40", "score.metrics=[]", "score.initial=false")
    cells = played("dirac", tmp_path / "out", *short)
    for cell, store in cells:
        hold(cell, store)
    assert len(cells) == 3 * 3 * 2 * 2


@pytest.mark.slow
def test_the_trajectory_is_simultaneous_gradient_play(tmp_path: Path) -> None:
    short = ("train.steps=40", "score.metrics=[]", "score.initial=false", PRECISIONS)
    cells = played("dirac-simultaneous", tmp_path / "out", *short)
    for cell, store in cells:
        hold(cell, store)
    assert len(cells) == 3 * 3 * 2


@pytest.mark.slow
def test_the_trajectory_is_gradient_play_in_several_dimensions_and_with_clipped_weights(
    tmp_path: Path,
) -> None:
    # The data are float32, so only a fraction of powers of two is where it is said to be.
    changed = (
        "train.steps=40",
        "score.metrics=[]",
        "score.initial=false",
        PRECISIONS,
        'axes.dataset=[{ name = "point_mass", d = 3, location = -0.375 }]',
        'axes.architecture=[{ name = "dirac", theta = [1.0, -0.5, 0.2], psi = [0.1, 0.3, -0.2] }]',
        'axes.loss=["minimax", "non_saturating", { name = "wasserstein", clip = 0.2 }]',
        'axes."train.order"=["g_then_d"]',
        'axes."train.d_steps"=[5]',
    )
    cells = played("dirac", tmp_path / "out", *changed)
    for cell, store in cells:
        hold(cell, store)
    assert len(cells) == 3 * 3 * 2


@pytest.mark.slow
@pytest.mark.parametrize("grid", ["dirac", "dirac-simultaneous"])
def test_whole_trajectories_end_where_theory_says(grid: str) -> None:
    """Mescheder et al. (2018), sections 2 and 4: who converges, who only goes round.

    By hand alone, which the tests above have shown to be what is trained.
    """
    for cell in read_grid(grid, load_catalog()).cells:
        play = by_hand(cell)
        radii = np.hypot(np.ravel(play.thetas), np.ravel(play.psis))
        if cell.penalty.name == "r1":
            # Linearly: each stretch of the way takes off its part.
            assert radii[299] < 0.1 * radii[149] < 0.1 * 0.1 * radii[0], cell.axes
            assert radii[-1] < 1e-4, cell.axes
        elif cell.penalty.name == "gradient_penalty":
            # Not even near: the penalty wants a slope of 1 where the equilibrium has none.
            assert radii[-100:].min() > 0.5, cell.axes
        elif cell.loss.name == "non_saturating":
            # Spirals in, slowly.
            assert 0.01 < radii[-1] < 0.9 * radii[0], cell.axes
        elif cell.train.order == "simultaneous":
            # Each step leaves the circle outwards.
            assert (np.diff(radii) > 0).all(), cell.axes
            assert radii[-1] > 1.5 * radii[0], cell.axes
        else:
            # Moving in turns goes round: neither in nor away.
            assert 0.5 < radii[-100:].min() < radii[-100:].max() < 3, cell.axes
