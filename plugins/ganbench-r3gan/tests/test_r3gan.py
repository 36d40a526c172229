"""Loss, penalty and nets keep their contracts, and are what the paper says."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ganbench_r3gan import (
    ganbench_architectures,
    ganbench_grids,
    ganbench_losses,
    ganbench_penalties,
)
from ganbench_r3gan.architecture import r3gan_resnet
from ganbench_r3gan.networks import Block, Resampling
from ganbench_r3gan.objective import FadingPenalty, RelativisticPairing

from ganbench import Players, Signature, Unsupported
from ganbench.testing import ArchitectureContract, LossContract, PenaltyContract

SMALL = {"width": 8, "blocks": 1, "group_width": 4, "noise": 6}
CONDITIONAL = {**SMALL, "conditional": True, "output": "tanh"}
DIGITS = {"dataset": "digits"}


@pytest.mark.slow
class TestLoss(LossContract):
    spec = next(iter(ganbench_losses()))


@pytest.mark.slow
class TestPenalty(PenaltyContract):
    spec = next(iter(ganbench_penalties()))


@pytest.mark.slow
class TestArchitecture(ArchitectureContract):
    spec = next(iter(ganbench_architectures()))
    options = SMALL
    axes = DIGITS


@pytest.mark.slow
class TestConditionalArchitecture(ArchitectureContract):
    spec = next(iter(ganbench_architectures()))
    options = CONDITIONAL
    axes = DIGITS


def test_each_real_sample_is_compared_with_one_generated_sample() -> None:
    real, fake = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [4.0]])
    turn: Any = SimpleNamespace(scores=lambda: (real, fake))
    loss = RelativisticPairing()
    expected = (math.log1p(math.exp(-1)) + math.log1p(math.exp(1))) / 2
    assert loss.discriminator_loss(turn).item() == pytest.approx(expected)
    assert loss.generator_loss(turn).item() == pytest.approx(expected)  # the differences are 1 and -1
    turn.scores = lambda: (real + 2, fake)
    assert loss.discriminator_loss(turn) < expected < loss.generator_loss(turn)


@pytest.mark.parametrize(("progress", "weight"), [(0.0, 2.0), (0.25, 1.25), (0.5, 0.5), (0.9, 0.5)])
def test_the_weight_fades_along_half_a_cosine(progress: float, weight: float) -> None:
    real, fake = torch.ones(2, 3), torch.zeros(2, 3)
    turn: Any = SimpleNamespace(
        real=real,
        fake=fake,
        progress=torch.tensor(progress),
        input_gradient=lambda x: torch.full_like(x, 1.0 if x is real else 2.0),
    )
    value = FadingPenalty(start=2.0, final=0.5, until=0.5)(turn)
    assert value.item() == pytest.approx(weight / 2 * (3 + 12), rel=1e-5)


def built(side: int, **options: Any) -> Players:
    torch.manual_seed(0)
    return r3gan_resnet(Signature(shape=(3, side, side), kind="image", classes=5), **options)


@pytest.mark.parametrize(("side", "blocks"), [(32, 8), (64, 10)])
def test_stages_go_from_4_pixels_to_all(side: int, blocks: int) -> None:
    players = built(side, **{**SMALL, "blocks": 2})
    for player in (players.generator, players.discriminator):
        assert sum(isinstance(module, Block) for module in player.modules()) == blocks
    images = players.generator(torch.randn(2, 6))
    assert images.shape == (2, 3, side, side)
    assert players.discriminator(images).shape == (2, 1)


@pytest.mark.slow
def test_the_defaults_have_the_sizes_of_the_authors_nets() -> None:
    with torch.device("meta"):
        players = built(32)
    grouped = {
        module.groups
        for module in players.generator.modules()
        if isinstance(module, torch.nn.Conv2d) and module.kernel_size == (3, 3)
    }
    assert grouped == {96}
    # A block: 768 to 1536, 1536 in 96 groups, back, and two biases; eight of them; basis; the last layer.
    block = 2 * 768 * 1536 + 1536 * 16 * 9 + 2 * 1536
    assert sum(each.numel() for each in players.generator.parameters()) == (
        8 * block + 768 * 16 + 64 * 768 + 768 * 3
    )


def test_blocks_begin_as_the_identity_with_weights_that_their_number_scales() -> None:
    torch.manual_seed(0)
    block = Block(64, (2, 2, 16), depth=16)
    x = torch.randn(2, 64, 4, 4)
    assert torch.equal(block(x), x)
    wide, grouped = block.branch[0].weight, block.branch[2].weight
    assert wide.std().item() == pytest.approx(math.sqrt(2 / 1.04) * 16**-0.25 / math.sqrt(64), rel=0.05)
    assert grouped.std().item() == pytest.approx(math.sqrt(2 / 1.04) * 16**-0.25 / math.sqrt(144), rel=0.05)


def test_resampling_is_bilinear() -> None:
    x = torch.randn(2, 3, 8, 8)
    up = Resampling(up=True)(x)
    whole = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(up[..., 1:-1, 1:-1], whole[..., 1:-1, 1:-1], atol=1e-6)  # but for the border
    down = Resampling(up=False)(torch.ones(1, 2, 8, 8))
    assert down.shape == (1, 2, 4, 4)
    assert torch.allclose(down[..., 1:-1, 1:-1], torch.ones(1, 2, 2, 2))


def test_labels_reach_both_players() -> None:
    players = built(8, **SMALL, conditional=True)
    one, other = torch.tensor([1, 1]), torch.tensor([2, 2])
    noise = torch.randn(2, 6)
    images = players.generator(noise, one)
    assert not torch.equal(images, players.generator(noise, other))
    scores = [players.discriminator(images, label) for label in (one, other)]
    assert scores[0].shape == (2, 1)
    assert not torch.equal(scores[0], scores[1])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"group_width": 3}, ValueError, "group_width must divide the width within a block, given 3 and 16"),
        ({"conditional": True, "discriminator_outputs": 2}, Unsupported, "gives one score"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        built(8, **{**SMALL, **options})
    with pytest.raises(Unsupported, match="makes square images of 8, 16, 32, 64 pixels"):
        built(28, **SMALL)


def test_its_grids_lie_beside_it() -> None:
    folder = Path(sys.modules["ganbench_r3gan"].__file__ or "").parent
    assert all((folder / grid.path).is_file() for grid in ganbench_grids())
