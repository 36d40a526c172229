from __future__ import annotations

import pytest
import torch
from judged_points import BATCH, game_of, quadratic
from torch import nn

from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.zoo.penalties.gradient_penalties import GradientPenalty


def test_it_is_worked_out_between_real_and_generated_samples() -> None:
    # s(x) = |x|² / 2 has the gradient x: the norms are those of the points themselves.
    game = game_of(quadratic(), draws=5)
    share = torch.rand(BATCH, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    points = share * game.real + (1 - share) * game.fake
    expected = 4 * (points.norm(dim=1) - 1.5).square().mean()
    torch.testing.assert_close(GradientPenalty(weight=4, target=1.5)(game), expected)


def test_each_image_has_one_place_on_its_line() -> None:
    shape = (2, 4, 4)
    game = game_of(quadratic(), shape=shape, draws=5)
    share = torch.rand(BATCH, 1, 1, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    points = share * game.real + (1 - share) * game.fake
    expected = 10 * (points.flatten(1).norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(GradientPenalty()(game), expected)


@pytest.mark.parametrize("norm", [0.25, 1.0, 4.0])
def test_it_is_two_sided(norm: float) -> None:
    linear = nn.Linear(3, 1).double()
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[0.6, 0.0, -0.8]], dtype=torch.float64) * norm)
    value = GradientPenalty(weight=2)(game_of(linear))
    assert value.item() == pytest.approx(2 * (norm - 1) ** 2, abs=1e-12)
    (gradient,) = torch.autograd.grad(value, linear.weight)
    # Too small a norm is raised, too large a one is lowered.
    assert (gradient @ linear.weight.T).item() == pytest.approx(2 * 2 * (norm - 1) * norm, abs=1e-12)


def test_a_gradient_of_0_is_penalised_and_gives_no_nan() -> None:
    linear = nn.Linear(3, 1).double()
    nn.init.zeros_(linear.weight)
    value = GradientPenalty()(game_of(linear))
    value.backward()
    assert value.item() == 10
    assert torch.equal(linear.weight.grad, torch.zeros(1, 3))


@pytest.mark.parametrize("option", ["weight", "target"])
def test_a_negative_option_is_refused(option: str) -> None:
    with pytest.raises(CatalogError, match=f"'{option}' .* at least 0.*, given -0.5"):
        load_catalog().build("penalty", "gradient_penalty", {option: -0.5})
