from __future__ import annotations

import math

import pytest
import torch
from fixed_turns import FixedTurn
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from trained_objectives import NOISE, make_trainer, plain_players, state_of

from ganbench import Noise, Players
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError, Unsupported
from ganbench.grid.optimizer_settings import Adam
from ganbench.training import CellGame
from ganbench.zoo.losses.elbo import Elbo
from ganbench.zoo.penalties.gradient_penalties import NoPenalty


def tensor(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_it_is_the_negative_bound_worked_out_by_hand() -> None:
    # One sample of three entries, two latent ones; the decoder gives (z1, z2, z1 + z2).
    x = tensor([1.0, -0.5, 0.25])
    mean, log_variance = [0.3, -0.2], [math.log(0.25), math.log(4.0)]
    epsilon = tensor([1.5, -1.0])
    z = [0.3 + 0.5 * 1.5, -0.2 + 2.0 * -1.0]
    made = [z[0], z[1], z[0] + z[1]]
    squares = (1.0 - made[0]) ** 2 + (-0.5 - made[1]) ** 2 + (0.25 - made[2]) ** 2
    variance = 0.5
    log_p = -squares / (2 * variance) - 1.5 * math.log(2 * math.pi * variance)
    divergence = 0.5 * (0.25 + 0.09 - 1 - math.log(0.25)) + 0.5 * (4.0 + 0.04 - 1 - math.log(4.0))
    turn = FixedTurn(
        tensor([*mean, *log_variance]),
        torch.zeros(1, 1),
        real=x,
        noise=torch.zeros(1, 2),
        normal=epsilon,
        generate=lambda code: torch.cat((code, code.sum(1, keepdim=True)), dim=1),
    )
    loss = Elbo(variance=variance)
    assert loss.discriminator_loss(turn).item() == pytest.approx(divergence - log_p)
    assert loss.generator_loss(turn).item() == pytest.approx(divergence - log_p)


def linear_bound(x: float, slope: float, shift: float, variance: float, mean: float, spread: float) -> float:
    """The expected loss of x = slope · z + shift + noise, with q(z|x) = N(mean, spread).

    The loss is a quadratic of the noise, so noise of -1 and 1 give its expectation exactly.
    """
    total = 0.0
    for epsilon in (-1.0, 1.0):
        turn = FixedTurn(
            tensor([mean, math.log(spread)]),
            torch.zeros(1, 1),
            real=tensor([x]),
            noise=torch.zeros(1, 1),
            normal=tensor([epsilon]),
            generate=lambda z: slope * z + shift,
        )
        total += Elbo(variance=variance).discriminator_loss(turn).item() / 2
    return total


@given(
    x=st.floats(-3, 3),
    slope=st.floats(-3, 3),
    shift=st.floats(-3, 3),
    variance=st.floats(0.05, 2),
    mean=st.floats(-3, 3),
    spread=st.floats(0.05, 5),
)
def test_it_bounds_the_likelihood_and_meets_it_at_the_exact_posterior(
    x: float, slope: float, shift: float, variance: float, mean: float, spread: float
) -> None:
    """With a linear decoder p(x) is N(shift, slope² + variance), and the posterior is known."""
    marginal = slope**2 + variance
    log_p = -((x - shift) ** 2) / (2 * marginal) - math.log(2 * math.pi * marginal) / 2
    exact = linear_bound(x, slope, shift, variance, slope * (x - shift) / marginal, variance / marginal)
    assert exact == pytest.approx(-log_p, rel=1e-9, abs=1e-9)
    assert linear_bound(x, slope, shift, variance, mean, spread) >= -log_p - 1e-9


@pytest.mark.slow
def test_both_players_descend_on_the_same_bound() -> None:
    trainer = make_trainer(
        lambda: plain_players(2 * NOISE),
        Elbo(),
        NoPenalty(),
        outputs=None,
        settings={
            "steps": 400,
            "order": "simultaneous",
            "d_optimizer": Adam(lr=0.01),
            "g_optimizer": Adam(lr=0.01),
        },
    )
    before = state_of(trainer)
    trainer.advance(400)
    after = state_of(trainer)
    for player in ("generator", "discriminator"):
        assert not torch.equal(before[f"{player}.0.weight"], after[f"{player}.0.weight"])
    curves = trainer.diagnostics.columns()
    assert sum(curves["loss_g"][-10:]) < sum(curves["loss_g"][:10]) * 0.8
    assert all(math.isnan(value) for value in curves["d_real"] + curves["jsd"])


def test_the_encoder_learns_through_the_code_and_the_decoder_from_the_data_alone() -> None:
    players = plain_players(2 * NOISE)
    game = CellGame(
        players,
        Elbo(),
        couples_samples=False,
        loss_stream=torch.Generator().manual_seed(0),
        device=torch.device("cpu"),
        steps=100,
        dtype=torch.float32,
        outputs=None,
    )
    real = torch.randn(8, 2, generator=torch.Generator().manual_seed(1))
    for turn, learner, idle in (
        ("discriminator", players.discriminator, players.generator),
        ("generator", players.generator, players.discriminator),
    ):
        # The generated batch would be made of this noise: a value that is not finite would show.
        game.begin(turn, real, None, torch.full((8, NOISE), math.nan))  # type: ignore[arg-type]
        value = getattr(Elbo(), f"{turn}_loss")(game)
        gradients = torch.autograd.grad(value, list(learner.parameters()))
        assert all(torch.isfinite(gradient).all() and gradient.any() for gradient in gradients)
        assert not any(parameter.requires_grad for parameter in idle.parameters())
    assert not game.has_logit


def test_images_are_compared_entry_by_entry() -> None:
    images = torch.linspace(-1, 1, 2 * 12, dtype=torch.float64).view(2, 3, 2, 2)
    turn = FixedTurn(
        torch.zeros(2, 8, dtype=torch.float64),
        torch.zeros(2, 1),
        real=images,
        noise=torch.zeros(2, 4),
        normal=torch.zeros(2, 4, dtype=torch.float64),
        generate=lambda z: torch.zeros_like(images),
    )
    squares = images.square().sum().item() / 2
    expected = squares / (2 * 0.1) + 6 * math.log(2 * math.pi * 0.1)
    assert Elbo(variance=0.1).discriminator_loss(turn).item() == pytest.approx(expected)


@pytest.mark.parametrize("outputs", [1, NOISE, 2 * NOISE + 1])
def test_a_discriminator_that_is_no_encoder_is_unsupported(outputs: int) -> None:
    trainer = make_trainer(lambda: plain_players(outputs), Elbo(), NoPenalty(), outputs=None)
    with pytest.raises(Unsupported, match=rf"shape \(8, 8\) for this batch, .* gives \(8, {outputs}\)"):
        trainer.advance(1)


@pytest.mark.parametrize("variance", [0, -1.0])
def test_a_variance_that_is_not_positive_is_refused(variance: float) -> None:
    with pytest.raises(CatalogError, match=f"'variance' .* above 0, given {variance:g}"):
        load_catalog().build("loss", "elbo", {"variance": variance})


@pytest.mark.slow
def test_a_linear_decoder_learns_the_distribution_of_its_data() -> None:
    # The bound can be met, so what is learnt is the maximum likelihood: slope² + variance = the data's.
    def build() -> Players:
        return Players(generator=nn.Linear(1, 2), discriminator=nn.Linear(2, 2), noise=Noise(size=1))

    optimizer = Adam(lr=0.03, betas=(0.9, 0.999))
    settings = {
        "steps": 500,
        "batch_size": 30,
        "order": "simultaneous",
        "d_optimizer": optimizer,
        "g_optimizer": optimizer,
        "schedule": "linear",
    }
    trainer = make_trainer(build, Elbo(variance=0.5), NoPenalty(), outputs=None, settings=settings)
    trainer.advance(500)
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(7))
    weight = trainer.players.generator.weight.detach()
    covariance = weight @ weight.T + 0.5 * torch.eye(2)
    # Of 30 points, the largest variance is that of the first principal direction.
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    along = (vectors[:, -1] @ covariance @ vectors[:, -1]).item()
    assert along == pytest.approx(values[-1].item(), rel=0.1)
