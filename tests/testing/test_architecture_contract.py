"""The contract of architectures: each check fails on a planted defect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from planted import Defect, contract_of, hold
from torch import Tensor, nn

from ganbench import ArchitectureSpec, Noise, Players, Signature
from ganbench.testing import ArchitectureContract


def critic(signature: Signature) -> nn.Module:
    entries = torch.Size(signature.shape).numel()
    return nn.Sequential(nn.Flatten(), nn.Linear(entries, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1))


def maker(signature: Signature, *last: nn.Module) -> nn.Module:
    entries = torch.Size(signature.shape).numel()
    return nn.Sequential(nn.Linear(3, entries), *last, nn.Unflatten(1, signature.shape))


def pair(
    generator: Callable[[Signature], nn.Module] = lambda signature: maker(signature, nn.Tanh()),
    discriminator: Callable[[Signature], nn.Module] = critic,
    **fields: Any,
) -> Callable[..., Players]:
    def build(signature: Signature) -> Players:
        return Players(
            generator=generator(signature),
            discriminator=discriminator(signature),
            noise=Noise(size=3),
            **fields,
        )

    return build


class Around(nn.Module):
    """A network around another one."""

    def __init__(self, signature: Signature) -> None:
        super().__init__()
        self.inner = maker(signature, nn.Tanh())
        self.builds = 0
        self.turns = 0
        self.spare = nn.Linear(2, 2)

    def forward(self, noise: Tensor) -> Tensor:
        made: Tensor = self.inner(noise)
        return made


class Whole(Around):
    def __init__(self, signature: Signature) -> None:
        super().__init__(signature)
        del self.spare


class Counting(Whole):
    made = 0

    def __init__(self, signature: Signature) -> None:
        super().__init__(signature)
        Counting.made += 1
        self.factor = 1 / Counting.made

    def forward(self, noise: Tensor) -> Tensor:
        return super().forward(noise) * self.factor


class Drawing(Whole):
    def forward(self, noise: Tensor) -> Tensor:
        import random

        return super().forward(noise) * random.random()


class Remembering(Whole):
    def forward(self, noise: Tensor) -> Tensor:
        self.turns += 1
        return super().forward(noise) / self.turns


class Looking(Whole):
    def forward(self, noise: Tensor) -> Tensor:
        made = super().forward(noise)
        return made * 0.5 if float(made.abs().max()) > 0.9 else made


class Unsaved(Whole):
    def __init__(self, signature: Signature) -> None:
        super().__init__(signature)
        self.register_buffer("place", torch.rand(3), persistent=False)

    def forward(self, noise: Tensor) -> Tensor:
        return super().forward(noise + self.place)


class Statistical(nn.Module):
    """A discriminator that looks at the whole batch."""

    def __init__(self, signature: Signature) -> None:
        super().__init__()
        self.inner = critic(signature)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x - x.mean(0, keepdim=True)) + x.std()


def seeding(signature: Signature) -> Players:
    torch.manual_seed(0)
    return pair()(signature)


def untold(signature: Signature, width: int = 3) -> Players:
    return pair()(signature)


class Once(torch.autograd.Function):
    """Twice the input, with a gradient that has none."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient * 2


class OnceDifferentiable(nn.Module):
    def __init__(self, signature: Signature) -> None:
        super().__init__()
        self.inner = critic(signature)
        self.last = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.last(Once.apply(self.inner(x)))
        return scores


DEFECTS = [
    Defect("options_are_typed_and_documented", untold, "option 'width' is in no docstring"),
    Defect("build_seeds_nothing", seeding, "build seeds torch's global generator"),
    Defect(
        "it_plays",
        pair(lambda signature: nn.Linear(3, 4)),
        r"the generator gives shape \(8, 4\), expected \(8, 3, 8, 8\)",
    ),
    Defect("the_same_seed_gives_the_same_values", pair(Counting), "in another of the same seed"),
    Defect("it_draws_from_the_game_alone", pair(Drawing), "draws from python's random in a turn"),
    Defect("it_keeps_nothing_of_its_own", pair(Remembering), "keeps something between turns"),
    Defect("training_goes_on_from_a_checkpoint", pair(Remembering), "a resumed training ends otherwise"),
    Defect("it_plays_on_any_device", pair(Looking), "reads a tensor's value"),
    Defect("images_are_in_range", pair(maker), r"generates images beyond \[-1, 1\]"),
    Defect(
        "gradients_reach_every_parameter",
        pair(Around),
        r"the generator has parameters that no gradient reaches \(spare.weight, spare.bias\)",
    ),
    Defect(
        "it_says_rightly_whether_samples_are_coupled",
        pair(discriminator=Statistical, couples_samples=False),
        "says couples_samples=False, and its scores of a sample depend on the rest of the batch",
    ),
    Defect(
        "stored_weights_give_the_same_samples",
        pair(Unsaved),
        "generates other samples from the same stored weights",
    ),
    Defect(
        "it_plays_with_every_built_in_penalty",
        pair(discriminator=OnceDifferentiable),
        "does not play with penalty 'r1': .*differentiate twice",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.check)
def test_a_planted_defect_fails_its_check(defect: Defect) -> None:
    hold(ArchitectureContract, ArchitectureSpec, defect)


def test_each_check_has_a_defect() -> None:
    assert {defect.check for defect in DEFECTS} == set(ArchitectureContract.checks())


def test_a_generator_that_says_it_has_no_bound_may_have_none() -> None:
    unbounded = contract_of(ArchitectureContract, ArchitectureSpec, pair(maker, bounded=False), {})
    unbounded().test_images_are_in_range()


class Steady(nn.Module):
    """Nothing to learn."""

    def __init__(self, signature: Signature) -> None:
        super().__init__()
        self.shape = signature.shape

    def forward(self, noise: Tensor) -> Tensor:
        return torch.tanh(noise[:, :1, None, None].expand(-1, *self.shape))


def test_a_generator_may_have_nothing_to_learn() -> None:
    steady = contract_of(ArchitectureContract, ArchitectureSpec, pair(Steady), {})
    steady().test_gradients_reach_every_parameter()


@pytest.mark.slow
def test_a_sound_architecture_passes_all() -> None:
    sound = contract_of(ArchitectureContract, ArchitectureSpec, pair(couples_samples=False), {})
    assert [finding for finding in sound.findings() if finding.status != "passed"] == []
