from __future__ import annotations

import pytest
import torch
from fixed_turns import FixedTurn
from torch.nn.functional import cross_entropy

from ganbench import Loss
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.zoo.losses.adversarial import Minimax, NonSaturating, Softmax

FORMS = {"non_saturating": NonSaturating(), "minimax": Minimax()}


def scores(seed: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return (torch.randn(6, 2, generator=stream, dtype=torch.float64) * 4).requires_grad_()


def test_it_is_cross_entropy_over_real_and_fake() -> None:
    real, fake = scores(0), scores(1)
    turn = FixedTurn(real, fake)
    of_real, of_fake = torch.zeros(6, dtype=torch.int64), torch.ones(6, dtype=torch.int64)
    expected = cross_entropy(real, of_real) + cross_entropy(fake, of_fake)
    torch.testing.assert_close(Softmax().discriminator_loss(turn), expected)
    torch.testing.assert_close(Softmax().generator_loss(turn), cross_entropy(fake, of_real))
    torch.testing.assert_close(Softmax(form="minimax").generator_loss(turn), -cross_entropy(fake, of_fake))


@pytest.mark.parametrize("form", FORMS)
def test_as_a_function_of_the_difference_it_is_the_sigmoids_loss(form: str) -> None:
    """Proof: p(real) = e^a / (e^a + e^b) = sigmoid(a - b), and the losses are functions of p alone.

    By the chain rule dL/da = dL/dd and dL/db = -dL/dd, with d = a - b: each node has the gradient of the one
    score, with opposite signs, and the two together are longer by sqrt(2).
    """
    real, fake = scores(2), scores(3)
    softmax, single = Softmax(form=form), FORMS[form]
    d_real, d_fake = (softmax.logit(s).detach()[:, None].requires_grad_() for s in (real, fake))
    two, one = FixedTurn(real, fake), FixedTurn(d_real, d_fake)
    for player in ("discriminator_loss", "generator_loss"):
        ours, theirs = getattr(softmax, player)(two), getattr(single, player)(one)
        torch.testing.assert_close(ours, theirs)
        (of_two,) = torch.autograd.grad(ours, fake, retain_graph=True)
        (of_one,) = torch.autograd.grad(theirs, d_fake, retain_graph=True)
        torch.testing.assert_close(of_two, torch.cat((of_one, -of_one), dim=1))


def test_the_logit_is_the_difference_of_the_nodes() -> None:
    assert Softmax().logit(torch.tensor([[2.0, -1.0], [0.5, 3.0]])).tolist() == [3.0, -2.5]
    assert isinstance(Softmax(), Loss)


@pytest.mark.parametrize("form", FORMS)
def test_extreme_scores_have_finite_gradients(form: str) -> None:
    extreme = torch.tensor([[50.0, -50.0], [-50.0, 50.0], [50.0, 50.0], [-50.0, -50.0]], requires_grad=True)
    turn = FixedTurn(extreme, extreme)
    loss = Softmax(form=form)
    for value in (loss.discriminator_loss(turn), loss.generator_loss(turn)):
        (gradient,) = torch.autograd.grad(value, extreme)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()


def test_an_unknown_form_is_refused_by_name() -> None:
    with pytest.raises(CatalogError, match="must be one of 'non_saturating', 'minimax', given 'minmax'"):
        load_catalog().build("loss", "softmax", {"form": "minmax"})
