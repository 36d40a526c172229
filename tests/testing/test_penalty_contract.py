"""The contract of penalties: each check fails on a planted defect."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from planted import Defect, contract_of, hold
from torch import Tensor

from ganbench import PenaltySpec
from ganbench.testing import PenaltyContract


def squares(gradient: Tensor) -> Tensor:
    return gradient.flatten(1).square().sum(1)


class Base:
    """A penalty of its own."""

    def __call__(self, game: Any) -> Tensor:
        return 0.3 * squares(game.input_gradient(game.real)).square().mean()


class Untold(Base):
    def __init__(self, weight: float = 1.0) -> None:
        pass


class Seeding(Base):
    def __init__(self) -> None:
        torch.manual_seed(0)


class Vector(Base):
    def __call__(self, game: Any) -> Tensor:
        return squares(game.input_gradient(game.real))


class Counted(Base):
    builds = 0

    def __init__(self) -> None:
        type(self).builds += 1

    def __call__(self, game: Any) -> Tensor:
        return super().__call__(game) * self.builds


class Drawing(Base):
    def __call__(self, game: Any) -> Tensor:
        return super().__call__(game) * (1 + torch.rand(()))


class Remembering(Base):
    turns = 0

    def __call__(self, game: Any) -> Tensor:
        self.turns += 1
        return super().__call__(game) * self.turns


class Looking(Base):
    def __call__(self, game: Any) -> Tensor:
        return super().__call__(game) * float(game.step)


class Rooted(Base):
    def __call__(self, game: Any) -> Tensor:
        return (squares(game.input_gradient(game.real)).sqrt() - 1).square().mean()


class Detached(Base):
    def __call__(self, game: Any) -> Tensor:
        return super().__call__(game) * 0


class Thawing(Base):
    def __call__(self, game: Any) -> Tensor:
        game.players.generator.requires_grad_(True)
        return squares(game.input_gradient(game.players.generator(game.noise))).mean()


class Reversed(Base):
    def __call__(self, game: Any) -> Tensor:
        value = super().__call__(game)
        return 2 * value.detach() - value


class Copied:
    """Squared gradients."""

    def __call__(self, game: Any) -> Tensor:
        return 0.5 * squares(game.input_gradient(game.real)).mean()


class OneColumn(Base):
    def __call__(self, game: Any) -> Tensor:
        (column,) = game.score(game.real).unbind(1)
        return column.square().mean()


DEFECTS = [
    Defect("options_are_typed_and_documented", Untold, "option 'weight' is in no docstring"),
    Defect("build_seeds_nothing", Seeding, "build seeds torch's global generator"),
    Defect("it_plays", Vector, r"must give a scalar, given shape \(8,\)"),
    Defect("the_same_seed_gives_the_same_values", Counted, "the penalty is .* in another of the same seed"),
    Defect("it_draws_from_the_game_alone", Drawing, "draws from torch's global generator in a turn"),
    Defect("it_keeps_nothing_of_its_own", Remembering, r"keeps something between turns .*\(turns\)"),
    Defect("training_goes_on_from_a_checkpoint", Remembering, "a resumed training ends otherwise"),
    Defect("it_plays_on_any_device", Looking, "reads a tensor's value"),
    Defect(
        "values_and_gradients_are_finite_at_any_slope",
        Rooted,
        r"has a gradient that is not finite where the discriminator is flat \(Rooted.__call__.*\)\nTake",
    ),
    Defect("gradients_reach_the_right_player_alone", Detached, "has no gradient for the discriminator"),
    Defect("gradients_reach_the_right_player_alone", Thawing, "gives the generator a gradient"),
    Defect("gradients_have_the_right_sign", Reversed, "rises from .* along its own descent"),
    Defect(
        "it_is_none_of_the_registered_penalties", Copied, "gives the numbers of the registered penalty 'r1'"
    ),
    Defect("it_plays_with_every_built_in_loss", OneColumn, "does not play with loss 'softmax'"),
]


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.build.__name__} {defect.check}")
def test_a_planted_defect_fails_its_check(defect: Defect) -> None:
    hold(PenaltyContract, PenaltySpec, defect)


def test_each_check_has_a_defect() -> None:
    assert {defect.check for defect in DEFECTS} == set(PenaltyContract.checks())


@pytest.mark.slow
def test_a_penalty_of_the_generator_is_played_in_its_turn() -> None:
    class Spread:
        """Draws generated samples apart."""

        def __call__(self, game: Any) -> Tensor:
            return -0.1 * game.fake.std()

    sound = contract_of(PenaltyContract, PenaltySpec, Spread, {"player": "generator", "needs_logit": False})
    assert [finding for finding in sound.findings() if finding.status != "passed"] == []
    hold(
        PenaltyContract,
        PenaltySpec,
        Defect("gradients_reach_the_right_player_alone", Spread, "has no gradient for the discriminator"),
    )
