from __future__ import annotations

import math

import pytest
import torch
from fixed_turns import FixedTurn, column
from hypothesis import assume, given
from hypothesis import strategies as st

from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.zoo.losses.adversarial import Minimax, Switched


def generator_gradient(loss: Switched | Minimax, *scores: float) -> list[float]:
    s = column(*scores).requires_grad_()
    (gradient,) = torch.autograd.grad(loss.generator_loss(FixedTurn(s, s)) * len(s), s)
    return gradient[:, 0].tolist()


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=8))
def test_it_is_the_formula_as_it_is_given(scores: list[float]) -> None:
    assume(all(abs(s) > 1e-12 for s in scores))
    s = column(*scores)
    d = torch.sigmoid(s)
    # log(1 - D) from the other side, where 1 - D itself is rounded to 0.
    expected = (torch.log(torch.sigmoid(-s)) * (2 * torch.round(d) - 1)).mean()
    assert Switched().generator_loss(FixedTurn(s, s)).item() == pytest.approx(expected.item(), rel=1e-7)


def test_the_direction_follows_the_predicted_class() -> None:
    taken_for_real, recognised = generator_gradient(Switched(), 2.0, -2.0)
    # Descending, the first sample's score rises, and the second's falls further.
    assert taken_for_real == pytest.approx(-1 / (1 + math.exp(-2)))
    assert recognised == pytest.approx(+1 / (1 + math.exp(2)))


def test_a_tie_counts_as_recognised_as_round_half_to_even_does() -> None:
    assert torch.round(torch.tensor(0.5)) == 0
    assert generator_gradient(Switched(), 0.0) == [0.5]


def test_where_every_sample_is_taken_for_real_it_is_minimax() -> None:
    """Proof: the factor is 1 for each of them, and a constant of the gradient."""
    assert generator_gradient(Switched(), 0.1, 3.0, 50.0) == generator_gradient(Minimax(), 0.1, 3.0, 50.0)
    assert generator_gradient(Switched(), 0.1, -3.0) != generator_gradient(Minimax(), 0.1, -3.0)


@given(st.floats(1e-300, 1, exclude_max=True))
def test_the_threshold_is_a_probability_of_d(threshold: float) -> None:
    loss = Switched(threshold=threshold)
    logit = math.log(threshold) - math.log1p(-threshold)
    above, below = generator_gradient(loss, logit + 1e-6, logit - 1e-6)
    assert above <= 0 <= below


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.5, 1.5])
def test_a_threshold_outside_0_to_1_is_refused(threshold: float) -> None:
    with pytest.raises(CatalogError, match=r"'threshold' .* above 0 and below 1"):
        load_catalog().build("loss", "switched", {"threshold": threshold})
