"""r1 and r2: half the weighted mean squared gradient norm, on real and on generated samples."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from judged_points import game_of, quadratic

from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.zoo.penalties.gradient_penalties import R1, R2


def test_they_are_means_over_their_own_samples() -> None:
    # s(x) = |x|² / 2 has the gradient x.
    game = game_of(quadratic())
    for penalty, x in ((R1(weight=0.3), game.real), (R2(weight=0.3), game.fake)):
        expected = 0.15 * x.square().flatten(1).sum(1).mean()
        torch.testing.assert_close(penalty(game), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("penalty", [R1(), R2()])
def test_their_gradient_moves_d_and_not_the_samples(penalty: Any) -> None:
    net = quadratic(scale=3.0)
    game = game_of(net)
    penalty(game).backward()
    # s = scale · |x|² / 2, so the penalty is scale² · c and its derivative 2 · scale · c.
    c = penalty(game).item() / 3.0**2
    assert net.scale.grad.item() == pytest.approx(2 * 3.0 * c)
    assert game.real.grad is None


def test_a_weight_of_0_adds_nothing() -> None:
    game = game_of(quadratic())
    assert R1(weight=0)(game).item() == R2(weight=0)(game).item() == 0


@pytest.mark.parametrize("name", ["r1", "r2"])
def test_a_negative_weight_is_refused(name: str) -> None:
    with pytest.raises(CatalogError, match=r"'weight' .* at least 0.*, given -1"):
        load_catalog().build("penalty", name, {"weight": -1})
