from __future__ import annotations

import pytest
import torch
from fixed_turns import FixedTurn, column

from ganbench.zoo.losses.adversarial import Hinge, WassersteinLoss


def test_only_scores_inside_the_margin_or_beyond_it_cost() -> None:
    turn = FixedTurn(column(2.0, 0.25), column(-3.0, 0.5))
    assert Hinge().discriminator_loss(turn).item() == pytest.approx(0.75 / 2 + 1.5 / 2)
    assert Hinge().generator_loss(turn).item() == pytest.approx(2.5 / 2)


def gradients(loss: Hinge | WassersteinLoss, real: torch.Tensor, fake: torch.Tensor) -> list[torch.Tensor]:
    turn = FixedTurn(real, fake)
    of_d = torch.autograd.grad(loss.discriminator_loss(turn), (real, fake))
    return [*of_d, *torch.autograd.grad(loss.generator_loss(turn), fake)]


def test_inside_the_margin_it_is_the_wasserstein_loss() -> None:
    """Proof: for |s| < 1 both relu are the identity, so D's loss is 2 - s_real + s_fake, and G's is -s_fake.

    A net begins with small scores: until D has learnt to exceed the margin, both losses train alike.
    """
    real, fake = column(0.9, -0.9).requires_grad_(), column(-0.5, 0.99).requires_grad_()
    for ours, theirs in zip(
        gradients(Hinge(), real, fake), gradients(WassersteinLoss(), real, fake), strict=True
    ):
        assert torch.equal(ours, theirs)
    beyond = column(1.1, -0.9).requires_grad_()
    assert not torch.equal(gradients(Hinge(), beyond, fake)[0], gradients(WassersteinLoss(), beyond, fake)[0])
