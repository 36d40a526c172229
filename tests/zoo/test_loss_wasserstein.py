from __future__ import annotations

import pytest
import torch
from fixed_turns import FixedTurn, column
from torch import nn
from trained_objectives import make_trainer

from ganbench import Noise, Players
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.grid.optimizer_settings import SGD, Adam, OptimizerSettings, RMSprop
from ganbench.zoo.losses.adversarial import WassersteinLoss
from ganbench.zoo.penalties.gradient_penalties import NoPenalty


def players() -> Players:
    """A discriminator with every sort of parameter: weights, biases, a norm's scale and shift."""
    return Players(
        generator=nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2)),
        discriminator=nn.Sequential(nn.Linear(2, 16), nn.LayerNorm(16), nn.LeakyReLU(0.2), nn.Linear(16, 1)),
        noise=Noise(size=4),
    )


def largest(module: nn.Module) -> float:
    return max(parameter.detach().abs().max().item() for parameter in module.parameters())


def test_it_is_a_difference_of_means() -> None:
    turn = FixedTurn(column(1.0, 3.0), column(-0.5, 0.0))
    assert WassersteinLoss().discriminator_loss(turn).item() == pytest.approx(-0.25 - 2)
    assert WassersteinLoss().generator_loss(turn).item() == pytest.approx(0.25)


@pytest.mark.parametrize("order", ["d_then_g", "g_then_d", "simultaneous"])
@pytest.mark.parametrize("optimizer", [Adam(lr=0.1), RMSprop(lr=0.1), SGD(lr=0.1)], ids=lambda it: it.name)
def test_clipping_keeps_every_weight_of_d_within_after_each_step(
    order: str, optimizer: OptimizerSettings
) -> None:
    clip = 0.02
    after_steps: list[float] = []

    class Watched(WassersteinLoss):
        def after_discriminator_step(self, discriminator: nn.Module) -> None:
            # A step of this size leaves the bound every time.
            before = largest(discriminator)
            super().after_discriminator_step(discriminator)
            after_steps.append(before)
            assert largest(discriminator) <= clip

    d_steps = 1 if order == "simultaneous" else 3
    settings = {"order": order, "d_steps": d_steps, "d_optimizer": optimizer, "g_optimizer": optimizer}
    trainer = make_trainer(players, Watched(clip=clip), NoPenalty(), settings=settings)
    trainer.advance(5)
    assert len(after_steps) == 5 * d_steps
    assert max(after_steps) > clip
    assert largest(trainer.players.discriminator) <= clip
    assert largest(trainer.players.generator) > clip


def test_a_clip_of_0_leaves_the_weights_alone() -> None:
    net = nn.Linear(3, 1)
    before = net.weight.clone()
    with torch.no_grad():
        WassersteinLoss(clip=0).after_discriminator_step(net)
    assert torch.equal(net.weight, before)


def test_a_negative_clip_is_refused() -> None:
    with pytest.raises(CatalogError, match=r"'clip' .* at least 0.*, given -1"):
        load_catalog().build("loss", "wasserstein", {"clip": -1})
