"""Goodfellow et al. (2014), proposition 1 and theorem 1, on a generator whose density is known exactly.

G(z) = w·z + b of normal noise is the normal N(b, w²). Frozen, it has a best discriminator p/(p + p_g), at
which V is -log 4 + 2 JSD(p, p_g).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import pytest
import torch
from parts_here import parts
from torch import Tensor

import ganbench
from ganbench.catalog import load_catalog
from ganbench.grid import Cell, read_grid
from ganbench.runner import build_trainer
from ganbench.store import Store

pytestmark = pytest.mark.slow

GRID = "optimal-discriminator"
SHORTER = ("seeds=1", 'axes."train.freeze_generator_at"=[0, 2400]')
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


@pytest.fixture(scope="module")
def results(in_process: None, tmp_path_factory: pytest.TempPathFactory) -> Store:
    out = tmp_path_factory.mktemp("theory") / "out"
    ganbench.run(GRID, out, overrides=SHORTER)
    return Store(out)


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


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in a worker; nets so small only wait for each other on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("right", "frozen_at"), [(True, 2400), (False, 0)])
def test_the_discriminator_is_the_optimal_one_at_every_point(right: bool, frozen_at: int) -> None:
    (cell,) = (
        cell
        for cell in cells()
        if bool(cell.dataset.options) == right and cell.train.freeze_generator_at == frozen_at
    )
    trainer = build_trainer(parts(cell))
    trainer.advance(cell.train.steps)
    p, p_g = densities(cell, trainer.players.generator.state_dict())
    with torch.no_grad():
        found = torch.sigmoid(trainer.players.discriminator(LINE.float())[:, 0]).double()

    def apart(expected: Tensor | float) -> float:
        return float(((p + p_g) / 2 * (found - expected).abs()).sum()) * STEP

    assert apart(p / (p + p_g).clamp(min=1e-300)) < 0.01
    if right:
        # Nothing is left to tell, wherever the data are.
        assert apart(0.5) < 0.01
        assert (found - 0.5).abs()[p > 0.01 * p.max()].max() < 0.05
    else:
        assert apart(0.5) > 0.15
