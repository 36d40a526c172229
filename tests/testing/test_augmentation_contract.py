"""The contract of augmentations: each check fails on a planted defect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from planted import Defect, contract_of, hold
from torch import Tensor

from ganbench import AugmentationSpec
from ganbench.testing import AugmentationContract, NotApplicable


def per_sample(x: Tensor, numbers: Tensor) -> Tensor:
    return numbers.reshape(-1, *[1] * (x.ndim - 1))


class Base:
    """Scales each sample."""

    def __call__(self, x: Tensor, game: Any) -> Tensor:
        return x * (1 + 0.1 * per_sample(x, game.uniform(len(x))))


class Untold(Base):
    def __init__(self, strength: float = 1.0) -> None:
        pass


class Seeding(Base):
    def __init__(self) -> None:
        np.random.seed(3)


class Shaped(Base):
    def __call__(self, x: Tensor, game: Any) -> Tensor:
        return super().__call__(x, game).double()


class Hard(Base):
    def __call__(self, x: Tensor, game: Any) -> Tensor:
        return x.sign().detach()


class Counted(Base):
    builds = 0

    def __init__(self) -> None:
        type(self).builds += 1

    def __call__(self, x: Tensor, game: Any) -> Tensor:
        # What is told apart only between two plays, of which each builds once.
        return x * (1 + 0.01 * (self.builds // 4))


class Drawing(Base):
    def __call__(self, x: Tensor, game: Any) -> Tensor:
        return super().__call__(x, game) + 0 * torch.rand(())


class Remembering(Base):
    calls = 0

    def __call__(self, x: Tensor, game: Any) -> Tensor:
        self.calls += 1
        # Only later than the check of a single batch looks.
        return super().__call__(x, game) * (1 + 0.1 * (self.calls > 7))


class Looking(Base):
    def __call__(self, x: Tensor, game: Any) -> Tensor:
        return super().__call__(x, game) if bool((x > 2).any()) else x * 0.9


class Mixing(Base):
    def __call__(self, x: Tensor, game: Any) -> Tensor:
        return super().__call__(x, game) - x.mean(0, keepdim=True)


class Normalising(Base):
    def __call__(self, x: Tensor, game: Any) -> Tensor:
        flat = x.flatten(1)
        return ((flat - flat.mean(1, keepdim=True)) / flat.std(1, keepdim=True)).reshape(x.shape)


class Mirrored:
    """Turns images round."""

    def __call__(self, x: Tensor, game: Any) -> Tensor:
        return torch.where(game.uniform(len(x), 1, 1, 1) < 0.5, torch.flip(x, (3,)), x)


class Choosy(Base):
    def __call__(self, x: Tensor, game: Any) -> Tensor:
        (_,) = game.players.discriminator(x).unbind(1)
        return super().__call__(x, game)


DEFECTS = [
    Defect("options_are_typed_and_documented", Untold, "option 'strength' is in no docstring"),
    Defect("build_seeds_nothing", Seeding, "build seeds numpy's global generator"),
    Defect("it_plays", Shaped, "must give samples like those that it is given, float32"),
    Defect("it_plays", Hard, "lets no gradient through"),
    Defect("the_same_seed_gives_the_same_values", Counted, "in another of the same seed"),
    Defect("it_draws_from_the_game_alone", Drawing, "draws from torch's global generator"),
    Defect("it_keeps_nothing_of_its_own", Remembering, r"keeps something between turns .*\(calls\)"),
    Defect("training_goes_on_from_a_checkpoint", Remembering, "a resumed training ends otherwise"),
    Defect("it_plays_on_any_device", Looking, "reads a tensor's value"),
    Defect("each_sample_is_changed_by_itself", Mixing, "changes a sample by what else is in its batch"),
    Defect(
        "values_and_gradients_are_finite_at_extreme_samples",
        Normalising,
        "has a value and a gradient that is not finite where samples are -1 throughout",
    ),
    Defect(
        "it_is_none_of_the_registered_augmentations",
        Mirrored,
        "makes what the registered augmentation 'flip' makes",
    ),
    Defect("it_plays_with_every_built_in_loss_and_penalty", Choosy, "does not play with loss 'softmax'"),
]


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.build.__name__} {defect.check}")
def test_a_planted_defect_fails_its_check(defect: Defect) -> None:
    hold(AugmentationContract, AugmentationSpec, defect)


def test_each_check_has_a_defect() -> None:
    assert {defect.check for defect in DEFECTS} == set(AugmentationContract.checks())


@pytest.mark.slow
def test_a_sound_augmentation_of_points_passes_all() -> None:
    sound = contract_of(AugmentationContract, AugmentationSpec, Base, {})
    assert [finding for finding in sound.findings() if finding.status != "passed"] == []


def test_one_that_begins_with_no_change_is_compared_with_none() -> None:
    class Rising(Base):
        """Scales each sample, the more the later."""

        def __call__(self, x: Tensor, game: Any) -> Tensor:
            return x + game.progress * (super().__call__(x, game) - x)

    rising = contract_of(AugmentationContract, AugmentationSpec, Rising, {})
    with pytest.raises(NotApplicable, match="changes nothing in the first turn"):
        rising().test_it_is_none_of_the_registered_augmentations()  # type: ignore[attr-defined]
