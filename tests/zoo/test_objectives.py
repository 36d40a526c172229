"""All losses side by side: their derivatives, and what tells them apart."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from fixed_turns import FixedTurn
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from listed_objectives import BY_LABEL, FAKE, OBJECTIVES, PENALTIES, REAL, ROWS, Objective
from torch import Tensor, nn

from ganbench import Noise, Players
from ganbench.catalog import load_catalog
from ganbench.training import CellGame

NORMAL = torch.tensor([[0.5], [-1.0], [2.0]], dtype=torch.float64)


def test_every_built_in_loss_and_penalty_is_tested_here() -> None:
    catalog = load_catalog()
    for kind, names in (("loss", {objective.name for objective in OBJECTIVES}), ("penalty", set(PENALTIES))):
        assert {entry.name for entry in catalog.entries(kind) if entry.plugin.builtin} == names


# Derivatives


def turn(real: Tensor, fake: Tensor) -> FixedTurn:
    return FixedTurn(
        real,
        fake,
        real=REAL,
        fake=FAKE,
        noise=torch.zeros(ROWS, 1),
        normal=NORMAL,
        generate=lambda z: torch.cat((torch.sin(z), z.square() / 4), dim=1),
        states={"began_k": torch.tensor(0.3, dtype=torch.float64)},
    )


@pytest.mark.slow
@pytest.mark.parametrize("label", BY_LABEL)
@pytest.mark.parametrize("player", ["discriminator", "generator"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_gradients_with_respect_to_scores_are_finite_differences(
    label: str, player: str, data: st.DataObject
) -> None:
    objective = BY_LABEL[label]
    count = 2 * ROWS * objective.outputs
    numbers = st.lists(st.floats(-objective.bound, objective.bound), min_size=count, max_size=count)
    scores = torch.tensor(data.draw(numbers), dtype=torch.float64).view(2, ROWS, objective.outputs)
    assume(float(objective.kinks(scores[0], scores[1]).min()) > 1e-3)
    loss = objective.build()

    def value(scores: Tensor) -> Tensor:
        result: Tensor = getattr(loss, f"{player}_loss")(turn(scores[0], scores[1]))
        return result

    scores.requires_grad_()
    (gradient,) = torch.autograd.grad(value(scores), scores)
    numeric = torch.zeros(count, dtype=torch.float64)
    with torch.no_grad():
        for index, step in enumerate(torch.eye(count, dtype=torch.float64) * 1e-5):
            change = step.view_as(scores)
            numeric[index] = (value(scores + change) - value(scores - change)) / 2e-5
    torch.testing.assert_close(gradient.flatten(), numeric, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("label", [label for label in BY_LABEL if not label.startswith("elbo")])
def test_extreme_scores_have_finite_gradients(label: str, dtype: torch.dtype) -> None:
    objective, loss = BY_LABEL[label], BY_LABEL[label].build()
    extreme = torch.tensor([50.0, -50.0, 0.0], dtype=dtype)[:, None].expand(ROWS, objective.outputs)
    for real, fake in ((extreme, extreme), (extreme, -extreme)):
        given = turn(real.clone().requires_grad_(), fake.clone().requires_grad_())
        for value in (loss.discriminator_loss(given), loss.generator_loss(given)):
            (gradient,) = torch.autograd.grad(value, given.score(given.fake))
            assert torch.isfinite(value)
            assert torch.isfinite(gradient).all()


# What tells them apart


class Judge(nn.Module):
    """One net for every loss, so that gradients can be compared; raw scores are functions of its score s."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)).double()
        self.objective = objective

    def forward(self, x: Tensor) -> Tensor:
        s = self.net(x) * 12
        # Two nodes whose difference is s; two numbers of a reconstruction, or of a code.
        return torch.cat((s / 2, -s / 2), dim=1) if self.objective.outputs == 2 else s


def gradients(objective: Objective) -> tuple[Tensor, Tensor, Tensor]:
    """D's gradient in its turn, G's in its own, and D's scores; nets and batch are the same every time."""
    torch.manual_seed(13)
    players = Players(
        generator=nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 2)).double(),
        discriminator=Judge(objective),
        noise=Noise(size=1),
    )
    game = CellGame(
        players,
        objective.build(),
        couples_samples=False,
        loss_stream=torch.Generator().manual_seed(1),
        device=torch.device("cpu"),
        steps=100,
        dtype=torch.float64,
        outputs=objective.spec.discriminator_outputs,
    )
    game.state("began_k", 0.5)
    stream = torch.Generator().manual_seed(2)
    real = torch.randn(16, 2, generator=stream, dtype=torch.float64) * 2
    noise = torch.randn(16, 1, generator=stream, dtype=torch.float64) * 3
    found = []
    for player, module in (("discriminator", players.discriminator), ("generator", players.generator)):
        game.begin(player, real, None, noise)  # type: ignore[arg-type]
        value = getattr(objective.build(), f"{player}_loss")(game)
        parts = torch.autograd.grad(value, list(module.parameters()))
        found.append(torch.cat([part.flatten() for part in parts]))
    with torch.no_grad():
        scores = players.discriminator.net(torch.cat((real, game.fake))) * 12
    return found[0], found[1], scores


def same(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= 1e-9 * one.abs().max())


IDENTICAL = {
    # p(real) = e^a / (e^a + e^b) = sigmoid(a - b), and Judge's nodes differ by the very s that the other loss
    # is given: the same function of the weights (test_loss_softmax.py has the chain rule for free nodes).
    ("non_saturating", "softmax"),
    ("minimax", "softmax[form=minimax]"),
    # Clipping acts on weights, after a step: the gradients of this batch know nothing of it.
    ("wasserstein", "wasserstein[clip=0.0]"),
}


def test_no_two_losses_have_the_same_gradients_but_those_with_a_proof() -> None:
    found = {label: gradients(objective) for label, objective in BY_LABEL.items()}
    scores = found["minimax"][2]
    # A batch that tells: scores on both sides of 0 and of every margin and threshold.
    for cut in (-1.0986123, -1.0, 0.0, 1.0):
        assert (scores[:16] > cut).any()
        assert (scores[16:] > cut).any()
        assert (scores[:16] < cut).any()
        assert (scores[16:] < cut).any()
    identical = {
        (one, other)
        for one, other in combinations(found, 2)
        if same(found[one][0], found[other][0]) and same(found[one][1], found[other][1])
    }
    assert identical == IDENTICAL


def test_losses_that_share_one_players_gradient_differ_in_the_others() -> None:
    """The cross-entropies share D's loss, the linear ones G's; this is all that is shared."""
    found = {label: gradients(objective) for label, objective in BY_LABEL.items()}

    def alike(part: int) -> set[frozenset[str]]:
        groups = {frozenset(b for b in found if same(found[a][part], found[b][part])) for a in found}
        return {group for group in groups if len(group) > 1}

    assert alike(0) == {
        frozenset({*(label for label in found if label.startswith(("minimax", "non_", "soft", "switched")))}),
        frozenset({"wasserstein", "wasserstein[clip=0.0]"}),
    }
    assert alike(1) == {
        frozenset({"minimax", "softmax[form=minimax]"}),
        frozenset({"non_saturating", "softmax"}),
        frozenset({"wasserstein", "wasserstein[clip=0.0]", "hinge"}),
    }


@pytest.mark.parametrize("label", BY_LABEL)
def test_value_is_claimed_where_the_best_d_finds_the_divergence(label: str) -> None:
    """Where p = p_g, D can only guess: V = -log 4, which the JSD estimate takes for 0."""
    objective = BY_LABEL[label]
    guess = torch.zeros(ROWS, objective.outputs, dtype=torch.float64)
    v = -objective.build().discriminator_loss(turn(guess, guess)).item()
    assert objective.spec.value == (v == pytest.approx(-torch.tensor(4.0).log().item(), rel=1e-6))
