from __future__ import annotations

import pytest
import torch
from judged_points import BATCH, game_of, quadratic
from torch import nn

from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.zoo.penalties.gradient_penalties import Dragan


def test_it_is_worked_out_around_real_samples_at_the_scale_of_the_batch() -> None:
    game = game_of(quadratic(), draws=5)
    stream = torch.Generator().manual_seed(5)
    share = torch.rand(BATCH, 1, generator=stream, dtype=torch.float64)
    entries = torch.rand(BATCH, 3, generator=stream, dtype=torch.float64)
    std = (game.real - game.real.mean()).square().mean().sqrt()
    points = game.real + share * 0.7 * std * entries
    expected = 4 * (points.norm(dim=1) - 1.5).square().mean()
    torch.testing.assert_close(Dragan(weight=4, target=1.5, scale=0.7)(game), expected)


def test_its_defaults_are_the_published_ones() -> None:
    penalty = Dragan()
    assert (penalty.weight, penalty.target, penalty.scale) == (10, 1, 0.5)


def test_generated_samples_play_no_part() -> None:
    real = torch.randn(BATCH, 3, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    one, other = (Dragan()(game_of(quadratic(), real=real, seed=seed)) for seed in (1, 2))
    assert one.item() == other.item()


def test_data_without_spread_are_not_perturbed() -> None:
    # A point mass, and a single sample of a single entry, whose corrected deviation would be NaN.
    for real in (torch.full((BATCH, 3), 2.0), torch.full((1, 1), 2.0)):
        game = game_of(quadratic(), real=real.double(), shape=tuple(real.shape[1:]))
        expected = 10 * (2.0 * real.shape[1] ** 0.5 - 1) ** 2
        assert Dragan()(game).item() == pytest.approx(expected)


def test_a_gradient_of_0_gives_no_nan() -> None:
    linear = nn.Linear(3, 1).double()
    nn.init.zeros_(linear.weight)
    value = Dragan()(game_of(linear))
    value.backward()
    assert value.item() == 10
    assert torch.equal(linear.weight.grad, torch.zeros(1, 3))


@pytest.mark.parametrize("option", ["weight", "target", "scale"])
def test_a_negative_option_is_refused(option: str) -> None:
    with pytest.raises(CatalogError, match=f"'{option}' .* at least 0.*, given -0.5"):
        load_catalog().build("penalty", "dragan", {option: -0.5})
