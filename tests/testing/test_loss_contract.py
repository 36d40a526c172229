"""The contract of losses: each check fails on a planted defect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from planted import Defect, contract_of, hold
from torch import Tensor
from torch.nn.functional import softplus

from ganbench import LossSpec
from ganbench.testing import LossContract


class Base:
    """A loss of its own."""

    def discriminator_loss(self, game: Any) -> Tensor:
        real, fake = game.scores()
        return (softplus(-real).mean() + softplus(fake).mean()) * 0.7

    def generator_loss(self, game: Any) -> Tensor:
        return softplus(-game.score(game.fake)).mean() * 0.7


class Untold(Base):
    """A loss that keeps its options to itself."""

    def __init__(self, margin=1.0):  # type: ignore[no-untyped-def]
        pass


class Seeding(Base):
    def __init__(self) -> None:
        torch.manual_seed(0)
        np.random.seed(0)


class Vector(Base):
    def generator_loss(self, game: Any) -> Tensor:
        return softplus(-game.score(game.fake))


class Counted(Base):
    builds = 0

    def __init__(self) -> None:
        type(self).builds += 1

    def generator_loss(self, game: Any) -> Tensor:
        return super().generator_loss(game) * self.builds


class Drawing(Base):
    def discriminator_loss(self, game: Any) -> Tensor:
        return super().discriminator_loss(game) * (1 + torch.rand(()))


class DrawingElsewhere(Base):
    def discriminator_loss(self, game: Any) -> Tensor:
        return super().discriminator_loss(game) * (1 + np.random.rand())


class Remembering(Base):
    def __init__(self) -> None:
        self.turns = 0

    def generator_loss(self, game: Any) -> Tensor:
        self.turns += 1
        return super().generator_loss(game) * self.turns


class Looking(Base):
    def generator_loss(self, game: Any) -> Tensor:
        loss = super().generator_loss(game)
        return loss * 2 if loss.item() > 1 else loss


class Stranded(Base):
    def generator_loss(self, game: Any) -> Tensor:
        return super().generator_loss(game) + (game.score(game.fake) * torch.full((8, 1), 0.1)).mean()


class Overflowing(Base):
    def generator_loss(self, game: Any) -> Tensor:
        return -torch.log(torch.sigmoid(game.score(game.fake))).mean()


class Rooted(Base):
    def discriminator_loss(self, game: Any) -> Tensor:
        real, fake = game.scores()
        return ((real - fake - 1).square().mean() + (real - fake).square().mean()).square() + (
            (real - fake).square().sqrt().mean()
        )


class Thawing(Base):
    def discriminator_loss(self, game: Any) -> Tensor:
        game.players.generator.requires_grad_(True)
        fake = game.players.generator(game.noise)
        return softplus(-game.score(game.real)).mean() + softplus(game.score(fake)).mean()


class Idle(Base):
    def generator_loss(self, game: Any) -> Tensor:
        return game.score(game.fake).mean() * 0


class Writing(Base):
    def discriminator_loss(self, game: Any) -> Tensor:
        with torch.no_grad():
            for parameter in game.players.discriminator.parameters():
                parameter.clamp_(-0.01, 0.01)
        return super().discriminator_loss(game)


class Backward(Base):
    def generator_loss(self, game: Any) -> Tensor:
        return -super().generator_loss(game)


class BackwardDiscriminator(Base):
    def discriminator_loss(self, game: Any) -> Tensor:
        return -super().discriminator_loss(game)


class Reversed(Base):
    def generator_loss(self, game: Any) -> Tensor:
        loss = super().generator_loss(game)
        return 2 * loss.detach() - loss


class Copied:
    """Binary cross-entropy."""

    def discriminator_loss(self, game: Any) -> Tensor:
        real, fake = game.scores()
        return -torch.nn.functional.logsigmoid(real).mean() - torch.nn.functional.logsigmoid(-fake).mean()

    def generator_loss(self, game: Any) -> Tensor:
        return -torch.nn.functional.logsigmoid(game.score(game.fake)).mean()


class Cut(Base):
    def logit(self, scores: Tensor) -> Tensor:
        return scores.detach()[:, 0]


DEFECTS = [
    Defect("options_are_typed_and_documented", Untold, "option 'margin' has no annotation"),
    Defect(
        "options_are_typed_and_documented", Untold, r"option 'margin' is in no docstring.*\(Untold, build"
    ),
    Defect("build_seeds_nothing", Seeding, "build seeds torch's and numpy's global generator"),
    Defect("it_plays", Vector, r"generator_loss must give a scalar, given shape \(8, 1\)"),
    Defect(
        "the_same_seed_gives_the_same_values",
        Counted,
        "the generator's loss is .* in another of the same seed",
    ),
    Defect("it_draws_from_the_game_alone", Drawing, "draws from torch's global generator in a turn"),
    Defect("it_draws_from_the_game_alone", DrawingElsewhere, "draws from numpy.random in a turn"),
    Defect("it_keeps_nothing_of_its_own", Remembering, r"keeps something between turns .*\(turns\)"),
    Defect("training_goes_on_from_a_checkpoint", Remembering, "a resumed training ends otherwise"),
    Defect(
        "it_plays_on_any_device",
        Looking,
        r"reads a tensor's value \(.item\(\).*generator_loss, test_loss_contract.py:\d+",
    ),
    Defect("it_plays_on_any_device", Stranded, "makes tensors elsewhere|leaves tensors on the CPU"),
    Defect(
        "values_and_gradients_are_finite_at_extreme_scores",
        Overflowing,
        r"generator_loss has a value that is not finite where scores are .*\(Overflowing.generator_loss, "
        r"test_loss_contract.py:\d+\)\nUse softplus",
    ),
    Defect(
        "values_and_gradients_are_finite_at_extreme_scores",
        Rooted,
        "discriminator_loss has a gradient that is not finite where scores are .* for all",
    ),
    Defect(
        "gradients_reach_the_right_player_alone", Thawing, "discriminator_loss gives the generator a gradient"
    ),
    Defect(
        "gradients_reach_the_right_player_alone", Idle, "generator_loss has no gradient for the generator"
    ),
    Defect(
        "gradients_reach_the_right_player_alone",
        Writing,
        "discriminator_loss changes weights of the discriminator",
    ),
    Defect(
        "gradients_have_the_right_sign",
        Backward,
        "a step on generator_loss does not raise D's logit of generated",
    ),
    Defect(
        "gradients_have_the_right_sign",
        BackwardDiscriminator,
        "a step on discriminator_loss does not raise D's logit of real above that of generated samples",
    ),
    Defect("gradients_have_the_right_sign", Reversed, "generator_loss rises from .* along its own descent"),
    Defect(
        "it_is_none_of_the_registered_losses",
        Copied,
        "gives the numbers of the registered loss 'non_saturating'",
    ),
    Defect("it_plays_with_every_built_in_penalty", Cut, "does not play with penalty 'r1'"),
]


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.build.__name__} {defect.check}")
def test_a_planted_defect_fails_its_check(defect: Defect) -> None:
    hold(LossContract, LossSpec, defect)


def test_each_check_has_a_defect() -> None:
    assert {defect.check for defect in DEFECTS} == set(LossContract.checks())


@pytest.mark.slow
def test_a_sound_loss_passes_all() -> None:
    sound = contract_of(LossContract, LossSpec, Base, {})
    assert [finding for finding in sound.findings() if finding.status != "passed"] == []


@pytest.mark.slow
def test_it_may_be_the_same_where_it_says_so() -> None:
    for attributes, summary in (({}, "As non_saturating."), ({"like": ["non_saturating"]}, "")):
        contract = contract_of(LossContract, LossSpec, Copied, {"summary": summary}, **attributes)
        contract().test_it_is_none_of_the_registered_losses()  # type: ignore[attr-defined]
