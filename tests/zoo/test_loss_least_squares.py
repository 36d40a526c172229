from __future__ import annotations

import pytest
import torch
from fixed_turns import FixedTurn, column

from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.zoo.losses.adversarial import LeastSquares


def test_both_losses_are_half_the_mean_squared_distances() -> None:
    loss = LeastSquares(fake_target=-1.0, real_target=1.0, generator_target=0.0)
    turn = FixedTurn(column(1.0, 3.0), column(0.5, -1.0))
    assert loss.discriminator_loss(turn).item() == pytest.approx(((0 + 4) / 2 + (2.25 + 0) / 2) / 2)
    assert loss.generator_loss(turn).item() == pytest.approx((0.25 + 1) / 2 / 2)


def test_the_generator_wants_the_real_target_unless_told() -> None:
    turn = FixedTurn(column(0.0), column(0.25))
    assert LeastSquares().generator_loss(turn).item() == pytest.approx(0.75**2 / 2)
    assert LeastSquares(real_target=0.9).generator_loss(turn).item() == pytest.approx(0.65**2 / 2)


@pytest.mark.parametrize(("fake", "real"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0)])
def test_the_logit_is_0_between_the_targets_and_positive_on_the_real_side(fake: float, real: float) -> None:
    loss = LeastSquares(fake_target=fake, real_target=real)
    at_fake, at_real, between = loss.logit(torch.tensor([[fake], [real], [(fake + real) / 2]])).tolist()
    assert between == 0
    assert at_real == -at_fake == abs(real - fake) / 2


@pytest.mark.parametrize(("fake", "real"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 0.5)])
def test_where_d_cannot_tell_its_best_score_has_a_logit_of_0(fake: float, real: float) -> None:
    loss = LeastSquares(fake_target=fake, real_target=real)
    score = column((fake + real) / 2).requires_grad_()
    (gradient,) = torch.autograd.grad(loss.discriminator_loss(FixedTurn(score, score)), score)
    assert gradient.item() == 0
    assert loss.logit(score).item() == 0


@pytest.mark.parametrize(
    "targets",
    [{"fake_target": 1.0}, {"real_target": 0.0}, {"generator_target": 0.0}, {"generator_target": -0.0}],
)
def test_targets_with_nothing_between_them_are_refused(targets: dict[str, float]) -> None:
    with pytest.raises(CatalogError, match="fake_target must differ from real_target and generator_target"):
        load_catalog().build("loss", "least_squares", targets)


def test_none_is_written_as_a_word_in_a_grid() -> None:
    loss = load_catalog().build("loss", "least_squares", {"generator_target": "none", "real_target": 0.9})
    assert loss.generator_target == 0.9
