"""The two objectives against the formulas that theory gives, far into saturation."""

from __future__ import annotations

import math

import pytest
import torch
from fixed_turns import FixedTurn, column
from hypothesis import given
from hypothesis import strategies as st

from ganbench.zoo.losses.adversarial import Minimax, NonSaturating

SCORES = st.lists(st.floats(-50, 50), min_size=1, max_size=8)
EXTREMES = (-50.0, -20.5, -1e-9, 0.0, 1e-9, 20.5, 50.0)


def generator_gradient(
    loss: Minimax | NonSaturating, scores: list[float], dtype: torch.dtype
) -> torch.Tensor:
    """dL/ds of each sample's own term."""
    s = column(*scores).to(dtype).requires_grad_()
    (gradient,) = torch.autograd.grad(loss.generator_loss(FixedTurn(s, s)) * len(s), s)
    return gradient[:, 0]


@given(SCORES)
def test_the_generators_gradients_are_those_derived_by_hand(scores: list[float]) -> None:
    minimax = generator_gradient(Minimax(), scores, torch.float64)
    non_saturating = generator_gradient(NonSaturating(), scores, torch.float64)
    for s, one, other in zip(scores, minimax.tolist(), non_saturating.tolist(), strict=True):
        # Both descend as the score rises: the direction is the same, the size is not.
        assert one == pytest.approx(-1 / (1 + math.exp(-s)), rel=1e-8)
        assert other == pytest.approx(-1 / (1 + math.exp(s)), rel=1e-8)
        assert other / one == pytest.approx(math.exp(-s), rel=1e-8)


@given(SCORES, SCORES)
def test_the_discriminators_gradients_are_those_derived_by_hand(real: list[float], fake: list[float]) -> None:
    r, f = column(*real).requires_grad_(), column(*fake).requires_grad_()
    for loss in (Minimax(), NonSaturating()):
        of_real, of_fake = torch.autograd.grad(loss.discriminator_loss(FixedTurn(r, f)), (r, f))
        for s, gradient in zip(real, of_real[:, 0].tolist(), strict=True):
            assert gradient * len(real) == pytest.approx(-1 / (1 + math.exp(s)), rel=1e-8)
        for s, gradient in zip(fake, of_fake[:, 0].tolist(), strict=True):
            assert gradient * len(fake) == pytest.approx(1 / (1 + math.exp(-s)), rel=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nothing_is_lost_or_infinite_at_the_extremes(dtype: torch.dtype) -> None:
    tolerance = 1e-5 if dtype == torch.float32 else 1e-8
    for s in EXTREMES:
        minimax = generator_gradient(Minimax(), [s], dtype).item()
        non_saturating = generator_gradient(NonSaturating(), [s], dtype).item()
        # Where D wins, minimax's gradient is as small as e^s, and is not rounded away.
        assert minimax == pytest.approx(-1 / (1 + math.exp(-s)), rel=tolerance)
        assert non_saturating == pytest.approx(-1 / (1 + math.exp(s)), rel=tolerance)
        scores = column(s).to(dtype)
        for loss in (Minimax(), NonSaturating()):
            turn = FixedTurn(scores, scores)
            expected = math.log1p(math.exp(-s)) + math.log1p(math.exp(s))
            assert loss.discriminator_loss(turn).item() == pytest.approx(expected, rel=tolerance)
            assert math.isfinite(loss.generator_loss(turn).item())


def test_minimax_is_zero_sum_in_the_generated_scores() -> None:
    r, f = column(0.3, -2.0), column(1.0, -0.7).requires_grad_()
    (of_d,) = torch.autograd.grad(Minimax().discriminator_loss(FixedTurn(r, f)), f)
    (of_g,) = torch.autograd.grad(Minimax().generator_loss(FixedTurn(r, f)), f)
    assert torch.equal(of_d, -of_g)
