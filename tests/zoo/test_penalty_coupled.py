"""Penalties where a score depends on more than one sample, or on chance: packing, batch norm, dropout."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from judged_points import BATCH, game_of
from torch import Tensor, nn
from torch.func import functional_call

from ganbench.errors import Unsupported
from ganbench.zoo.losses.adversarial import LeastSquares, Softmax
from ganbench.zoo.losses.began import Began
from ganbench.zoo.losses.elbo import Elbo
from ganbench.zoo.penalties.gradient_penalties import R1, R2, Dragan, GradientPenalty, NoPenalty

PENALTIES = [R1(), R2(), GradientPenalty(), Dragan()]
OF = {type(penalty).__name__: penalty for penalty in PENALTIES}


class Packed(nn.Module):
    """Judges three samples together: fewer rows of scores than samples."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, outputs)).double()

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.net(x.reshape(-1, 9))
        return scores


def batch_norm() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1)).double()


def dropout() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 1)).double()


NETS = {"packed": Packed, "batch_norm": batch_norm, "dropout": dropout}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", OF)
def test_the_derivative_is_that_of_finite_differences(net: str, name: str) -> None:
    torch.manual_seed(3)
    discriminator = NETS[net]()
    parameters = {key: value.detach() for key, value in discriminator.named_parameters()}
    weight = next(key for key in parameters if key.endswith("0.weight"))

    def value(given: Tensor) -> Tensor:
        changed = {**parameters, weight: given}

        class Changed(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                scores: Tensor = functional_call(copy.deepcopy(discriminator), changed, (x,))
                return scores

        # The same draws, from the loss's stream and for dropout, at every evaluation.
        torch.manual_seed(4)
        result: Tensor = OF[name](game_of(Changed()))
        return result

    x = parameters[weight].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value(x), x)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    step = 1e-5
    numeric = (value(x.detach() + step * direction) - value(x.detach() - step * direction)) / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(numeric.item(), rel=1e-5)


def test_each_packed_sample_has_a_gradient_of_its_own() -> None:
    net = Packed()
    game = game_of(net)
    packs = game.real.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(packs).sum(), packs)
    assert gradient.shape == (BATCH, 3)
    expected = gradient.square().sum(1).mean() / 2
    torch.testing.assert_close(R1()(game), expected)


@pytest.mark.parametrize("name", OF)
def test_what_is_differentiated_is_the_losss_logit(name: str) -> None:
    torch.manual_seed(3)
    two = nn.Linear(3, 2).double()
    difference = nn.Linear(3, 1).double()
    with torch.no_grad():
        difference.weight.copy_(two.weight[:1] - two.weight[1:])
    softmax = OF[name](game_of(two, loss=Softmax(), outputs=2))
    single = OF[name](game_of(difference))
    torch.testing.assert_close(softmax, single)
    # A logit that is the score up to a constant and a sign is penalised as the score is.
    targets = LeastSquares(fake_target=1.0, real_target=0.0)
    torch.testing.assert_close(OF[name](game_of(difference, loss=targets)), single)


@pytest.mark.parametrize("name", OF)
@pytest.mark.parametrize("loss", [Began(), Elbo()])
def test_without_a_logit_they_are_unsupported(loss: Any, name: str) -> None:
    with pytest.raises(Unsupported, match="the loss has no logit"):
        OF[name](game_of(nn.Linear(3, 3).double(), loss=loss, outputs=None))
    assert NoPenalty()(game_of(nn.Linear(3, 3).double(), loss=loss, outputs=None)).item() == 0
