"""What the discriminator sees: every sample, real or generated, changed by the cell's augmentation."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from small_games import awkward_players, differing, make_trainer, plain_players, weights
from torch import Tensor, nn

from ganbench import Noise, Players
from ganbench.training import CellGame
from ganbench.zoo.losses.adversarial import Hinge, LeastSquares, Minimax, NonSaturating, WassersteinLoss
from ganbench.zoo.penalties.gradient_penalties import R1, GradientPenalty


class Jitter:
    """Noise from the game, of an extent that grows with a count that the game keeps."""

    def __init__(self) -> None:
        self.given: list[Tensor] = []
        self.draws: list[Tensor] = []
        self.counts: list[float] = []

    def __call__(self, x: Tensor, game: Any) -> Tensor:
        count = game.state("count", 0.0)
        with torch.no_grad():
            count += 1
        self.given.append(x.detach().clone())
        self.draws.append(game.normal(*x.shape))
        self.counts.append(float(count))
        return x * (1 + 0.1 * game.uniform(len(x), 1)) + 0.01 * count * self.draws[-1]


class Clone:
    """The same samples in other tensors."""

    def __call__(self, x: Tensor, game: Any) -> Tensor:
        return x.clone()


class Drawing(NonSaturating):
    """A loss that draws, and keeps a state by the same name as `Jitter`."""

    def __init__(self) -> None:
        self.draws: list[float] = []

    def discriminator_loss(self, game: Any) -> Tensor:
        self.draws.append(float(game.uniform(1)))
        game.state("count", 100.0)
        return super().discriminator_loss(game)


@pytest.mark.parametrize("coupled", [False, True])
def test_all_that_the_discriminator_sees_is_changed(coupled: bool) -> None:
    augmentation = Jitter()
    players = replace(plain_players(), couples_samples=coupled)
    seen: list[Tensor] = []
    players.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    trainer = make_trainer({"d_steps": 2}, build=lambda: players, augmentation=augmentation)
    trainer.advance(3)
    # One batch of 16 or two of 8 in each of D's turns, and one of 8 in G's.
    turns = [8, 8] * 2 if coupled else [16] * 2
    assert [len(x) for x in augmentation.given] == [*turns, 8] * 3
    assert [len(x) for x in seen] == [len(x) for x in augmentation.given]
    assert not any(torch.equal(one, other) for one, other in zip(seen, augmentation.given, strict=True))
    assert augmentation.counts == [float(index + 1) for index in range(len(seen))]


@pytest.mark.parametrize("build", [plain_players, awkward_players])
def test_an_augmentation_that_changes_nothing_changes_no_bit(build: Any) -> None:
    # In one pass and in two; the curves too, which know real scores from fake ones by the samples.
    bare, cloned = (
        make_trainer(build=build, penalty=R1(weight=0.5), augmentation=augmentation)
        for augmentation in (None, Clone())
    )
    bare.advance(10)
    cloned.advance(10)
    changed = weights(cloned)
    assert changed.pop("stream.augmentation").numel()
    assert differing(weights(bare), changed) == []
    assert bare.diagnostics.columns()["d_fake"] == cloned.diagnostics.columns()["d_fake"]


def test_a_penalty_differentiates_through_it() -> None:
    class Scaled:
        def __call__(self, x: Tensor, game: Any) -> Tensor:
            return 3 * x

    players = Players(generator=nn.Linear(4, 2), discriminator=nn.Linear(2, 1), noise=Noise(size=4))
    game = CellGame(
        players,
        NonSaturating(),
        couples_samples=False,
        loss_stream=torch.Generator(),
        device=torch.device("cpu"),
        dtype=torch.float32,
        steps=1,
        augmentation=Scaled(),
        augmentation_stream=torch.Generator(),
    )
    game.begin("discriminator", torch.ones(5, 2), None, torch.ones(5, 4))
    slope = players.discriminator.weight
    torch.testing.assert_close(game.input_gradient(game.real), (3 * slope).expand(5, 2))
    R1(weight=2.0)(game).backward()
    # The penalty is 9 |w|².
    assert slope.grad is not None
    torch.testing.assert_close(slope.grad, 18 * slope.detach())


def test_draws_are_the_same_under_any_loss_and_the_losss_own_stay() -> None:
    losses = (Minimax(), NonSaturating(), Hinge(), LeastSquares(), WassersteinLoss(), Drawing())
    draws = []
    for loss in losses:
        augmentation = Jitter()
        make_trainer(loss=loss, augmentation=augmentation).advance(3)
        draws.append(torch.cat([draw.flatten() for draw in augmentation.draws]))
    assert all(torch.equal(draws[0], draw) for draw in draws[1:])
    with_it, without = losses[-1], Drawing()
    make_trainer(loss=without).advance(3)
    assert isinstance(with_it, Drawing)
    assert with_it.draws == without.draws
    # A penalty that draws takes none of its numbers.
    augmentation = Jitter()
    make_trainer(penalty=GradientPenalty(), augmentation=augmentation).advance(1)
    assert torch.equal(augmentation.draws[0].flatten(), draws[0][:32])


def test_interrupted_it_goes_on_to_the_same_bits() -> None:
    def trainer() -> Any:
        return make_trainer(loss=Drawing(), penalty=GradientPenalty(), augmentation=Jitter())

    whole = trainer()
    whole.advance(40)
    broken = trainer()
    for step in (7, 20):
        broken.advance(step)
        tensors, record = broken.state()
        assert {"stream.augmentation", "game.augmentation.count", "game.count"} <= tensors.keys()
        tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        broken = trainer()
        broken.restore(tensors, json.loads(json.dumps(record)))
    broken.advance(40)
    assert differing(weights(whole), weights(broken)) == []


@pytest.mark.parametrize("ask", ["scores", "score", "input_gradient"])
def test_it_cannot_ask_for_scores(ask: str) -> None:
    class Asking:
        def __call__(self, x: Tensor, game: Any) -> Tensor:
            given = () if ask == "scores" else (x,)
            return x + getattr(game, ask)(*given)[0].mean()

    with pytest.raises(RuntimeError, match="an augmentation asks for scores"):
        make_trainer(augmentation=Asking()).advance(1)
