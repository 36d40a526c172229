"""Goodfellow et al. (2014), proposition 1 and theorem 1, on a generator whose density is known exactly.

G(z) = w·z + b of normal noise is the normal N(b, w²). Frozen, it has a best discriminator p/(p + p_g), at
which V is -log 4 + 2 JSD(p, p_g).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import torch
from finished_cells import finish
from parts_here import parts
from torch import Tensor

from ganbench.catalog import load_catalog
from ganbench.grid import Cell, read_grid
from ganbench.store import Store

pytestmark = pytest.mark.slow

GRID = "optimal-discriminator"
SHORTER = ("seeds=1", 'axes."train.freeze_generator_at"=[0, 2400]')
# Where cells are stopped to look at their discriminators, which end with them: the rate is almost 0 by then.
STOP = 2990
STEP = 0.001
LINE = torch.arange(-12, 12, STEP, dtype=torch.float64).unsqueeze(1)


def cells() -> tuple[Cell, ...]:
    return read_grid(GRID, load_catalog(), SHORTER).cells


def densities(cell: Cell, weights: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """p and p_g on the line, from a generator's state."""
    w, b = (
        next(float(tensor) for name, tensor in weights.items() if name.endswith(part))
        for part in ("weight", "bias")
    )
    p_g = torch.exp(-((LINE[:, 0] - b) ** 2) / (2 * w**2)) / (math.sqrt(2 * math.pi) * abs(w))
    return parts(cell).dataset.density(LINE), p_g


def divergence(p: Tensor, q: Tensor) -> float:
    """The Jensen-Shannon divergence in nats, by the midpoint rule."""
    parts = [torch.special.xlogy(each, 2 * each / (p + q)).nan_to_num() for each in (p, q)]
    return float(sum(parts).sum()) * STEP / 2


@dataclass
class Trained:
    """The grid's results, and the discriminator of each cell."""

    store: Store
    discriminators: Mapping[str, Mapping[str, Tensor]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    discriminators: dict[str, Mapping[str, Tensor]] = {}

    def keep(store: Store, cell: str) -> None:
        tensors, record = store.read_checkpoint(store.checkpoints(cell)[0])
        assert record["training"]["step"] >= STOP
        discriminators[cell] = {
            name.removeprefix("discriminator."): tensor
            for name, tensor in tensors.items()
            if name.startswith("discriminator.")
        }

    # As in a worker; nets so small only wait for each other on more.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    grid = read_grid(GRID, load_catalog(), SHORTER)
    store = finish(grid, tmp_path_factory.mktemp("theory") / "out", stops=[STOP], stopped=keep)
    torch.set_num_threads(before)
    return Trained(store, discriminators)


@pytest.fixture(scope="module")
def results(trained: Trained) -> Store:
    return trained.store


@pytest.mark.parametrize("cell", cells(), ids=lambda cell: f"{cell.dataset.label}-{cell.id}")
def test_the_value_is_that_of_the_divergence(cell: Cell, results: Store) -> None:
    jsd = divergence(*densities(cell, results.generator(cell.id)))
    curves = results.curves(cell.id)
    assert curves is not None
    last = curves[curves["step"] > 0.9 * cell.train.steps]
    # Means over 60 batches of 256 have a standard error of .003.
    assert last["jsd"].mean() == pytest.approx(jsd, abs=0.01)
    assert -last["loss_d"].mean() == pytest.approx(-math.log(4) + 2 * jsd, abs=0.02)
    scores = {row["metric"]: row["value"] for row in results.scores(cell.id)}
    assert scores["jsd"] == pytest.approx(jsd, abs=0.002)


def test_generators_are_as_near_as_they_can_be(results: Store) -> None:
    for cell in cells():
        jsd = divergence(*densities(cell, results.generator(cell.id)))
        if cell.train.freeze_generator_at == 0:
            assert jsd > 0.1
        elif cell.train.freeze_generator_at == 2400:
            # One normal cannot be two: what is left is the least that a line can do.
            assert jsd < 0.001 if cell.dataset.options else 0.12 < jsd < 0.135


@pytest.mark.parametrize(("right", "frozen_at"), [(True, 2400), (False, 0)])
def test_the_discriminator_is_the_optimal_one_at_every_point(
    trained: Trained, right: bool, frozen_at: int
) -> None:
    (cell,) = (
        cell
        for cell in cells()
        if bool(cell.dataset.options) == right and cell.train.freeze_generator_at == frozen_at
    )
    discriminator = parts(cell).players.discriminator
    discriminator.load_state_dict(trained.discriminators[cell.id])
    p, p_g = densities(cell, trained.store.generator(cell.id))
    with torch.no_grad():
        found = torch.sigmoid(discriminator(LINE.float())[:, 0]).double()

    def apart(expected: Tensor | float) -> float:
        return float(((p + p_g) / 2 * (found - expected).abs()).sum()) * STEP

    assert apart(p / (p + p_g).clamp(min=1e-300)) < 0.01
    if right:
        # Nothing is left to tell, wherever the data are.
        assert apart(0.5) < 0.01
        assert (found - 0.5).abs()[p > 0.01 * p.max()].max() < 0.05
    else:
        assert apart(0.5) > 0.15
