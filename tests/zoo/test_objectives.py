"""All losses side by side: their derivatives, what tells them apart, and that they train and resume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pytest
import torch
from fixed_turns import FixedTurn
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from trained_objectives import (
    NOISE,
    make_trainer,
    noisy_players,
    packed_players,
    plain_players,
    resumed,
    state_of,
)

from ganbench import LossSpec, Noise, Players
from ganbench.catalog import load_catalog
from ganbench.errors import Unsupported
from ganbench.execution.plan import check_grid
from ganbench.grid import read_grid
from ganbench.training import CellGame

ROWS = 3
REAL = torch.tensor([[1.0, -1.5], [0.25, 0.5], [-2.0, 0.75]], dtype=torch.float64)
FAKE = torch.tensor([[0.1, 0.3], [-0.6, 1.25], [0.9, -0.4]], dtype=torch.float64)
NORMAL = torch.tensor([[0.5], [-1.0], [2.0]], dtype=torch.float64)


def nowhere(real: Tensor, fake: Tensor) -> Tensor:
    """A loss without kinks."""
    return torch.ones(1)


@dataclass(frozen=True)
class Objective:
    """A built-in loss with some options, and what its scores are like.

    Attributes:
        name: in the catalog.
        options: as a grid gives them.
        outputs: raw scores of one sample, for the two-entry points and the one-entry noise of these tests.
        bound: how large scores may be; beyond 20 torch takes softplus(s) for s, a jump of 2e-9.
        kinks: distances of (real, fake) scores from where the loss has no derivative.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    bound: float = 19.0
    kinks: Callable[[Tensor, Tensor], Tensor] = nowhere

    @property
    def label(self) -> str:
        listed = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}[{listed}]" if listed else self.name

    @property
    def spec(self) -> LossSpec:
        spec = load_catalog().entry("loss", self.name).spec
        assert isinstance(spec, LossSpec)
        return spec

    def build(self) -> Any:
        return load_catalog().build("loss", self.name, self.options)


def beyond_margin(real: Tensor, fake: Tensor) -> Tensor:
    return torch.cat(((real - 1).abs(), (fake + 1).abs()))


def from_data(real: Tensor, fake: Tensor) -> Tensor:
    return torch.cat(((real - REAL).abs(), (fake - FAKE).abs()))


OBJECTIVES = [
    Objective("minimax"),
    Objective("non_saturating"),
    Objective("softmax", outputs=2),
    Objective("softmax", {"form": "minimax"}, outputs=2),
    Objective("switched", kinks=lambda real, fake: fake.abs()),
    Objective("switched", {"threshold": 0.25}, kinks=lambda real, fake: (fake + 1.0986123).abs()),
    Objective("least_squares"),
    Objective("least_squares", {"fake_target": -1.0, "generator_target": 0.0}),
    Objective("wasserstein"),
    Objective("wasserstein", {"clip": 0.0}),
    Objective("hinge", kinks=beyond_margin),
    Objective("began", outputs=2, kinks=from_data),
    Objective("began", {"exponent": 2}, outputs=2),
    Objective("elbo", outputs=2, bound=3.0),
    Objective("elbo", {"variance": 0.5}, outputs=2, bound=3.0),
]
BY_LABEL = {objective.label: objective for objective in OBJECTIVES}
PENALTIES = ["none", "r1", "r2", "gradient_penalty", "dragan"]


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


# Training

FIT = [
    (label, penalty)
    for label, objective in BY_LABEL.items()
    for penalty in PENALTIES
    if penalty == "none" or objective.name not in ("began", "elbo")
]


def trainer_of(objective: Objective, penalty: str, build: Callable[[int], Players]) -> Any:
    outputs = 2 * NOISE if objective.name == "elbo" else objective.outputs
    return make_trainer(
        lambda: build(outputs),
        objective.build(),
        load_catalog().build("penalty", penalty, {}),
        outputs=objective.spec.discriminator_outputs,
    )


@pytest.mark.parametrize(
    ("label", "penalty"), [(label, "none") for label in BY_LABEL] + [("hinge", p) for p in PENALTIES[1:]]
)
def test_it_trains_and_resumes_bit_by_bit(label: str, penalty: str) -> None:
    objective = BY_LABEL[label]
    build = plain_players if objective.name == "began" else noisy_players
    whole, broken = (trainer_of(objective, penalty, build) for _ in range(2))
    start = state_of(whole)
    whole.advance(50)
    broken.advance(23)
    broken = resumed(broken, trainer_of(objective, penalty, build))
    broken.advance(50)
    expected, found = state_of(whole), state_of(broken)
    assert expected.keys() == found.keys()
    assert [
        name for name in expected if expected[name].numpy().tobytes() != found[name].numpy().tobytes()
    ] == []
    assert not torch.equal(start["generator.0.weight"], expected["generator.0.weight"])


@pytest.mark.parametrize("build", [plain_players, noisy_players, packed_players])
@pytest.mark.parametrize(("label", "penalty"), FIT)
def test_any_loss_with_a_logit_trains_with_any_penalty(
    label: str, penalty: str, build: Callable[[int], Players]
) -> None:
    objective = BY_LABEL[label]
    trainer = trainer_of(objective, penalty, build)
    if build is packed_players and objective.name in ("began", "elbo"):
        with pytest.raises(Unsupported, match="shape"):
            trainer.advance(1)
        return
    trainer.advance(10)
    curves = trainer.diagnostics.tensor()
    assert torch.isfinite(curves[:, [1, 2, 5, 6]]).all()
    assert torch.isfinite(curves[:, [3, 4]]).all() == (objective.name not in ("began", "elbo"))


# Before training

SMALL = {"generator_widths": [8], "noise": 4}
ARCHITECTURES = {
    "mlp": {"name": "mlp", **SMALL, "discriminator_widths": [8]},
    "autoencoder": {"name": "autoencoder", **SMALL, "encoder_widths": [8], "code": 2},
    "vae": {"name": "vae", "decoder_widths": [8], "encoder_widths": [8], "noise": 4},
}
SUITS = {"began": "autoencoder", "elbo": "vae"}


def test_what_does_not_fit_is_skipped_with_its_reason_before_anything_trains() -> None:
    grid = read_grid(
        {
            "name": "fits",
            "seeds": 1,
            "axes": {
                "dataset": ["gaussian_ring"],
                "architecture": list(ARCHITECTURES.values()),
                "loss": ["non_saturating", "softmax", "began", "elbo"],
                "penalty": ["none", "r1", "gradient_penalty"],
            },
            "train": {"steps": 10, "batch_size": 16},
        },
        load_catalog(),
    )
    skipped = check_grid(grid, "cpu")
    for cell in grid.cells:
        loss, reason = cell.loss.name, skipped.get(cell.id)
        if SUITS.get(loss, "mlp") != cell.architecture.name:
            assert reason is not None
        elif loss in SUITS and cell.penalty.name != "none":
            assert (
                reason == f"penalty '{cell.penalty.name}' uses the loss's logit, and loss '{loss}' has none"
            )
        else:
            assert reason is None
