"""The nets that published comparisons use, held against the tables of their papers and code, row by row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from ganbench import Players, Signature
from ganbench.catalog import load_catalog
from ganbench.zoo.architectures.residual import DownBlock, FirstBlock, UpBlock


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same weights in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _build(name: str, shape: tuple[int, int, int], **options: Any) -> Players:
    signature = Signature(shape=shape, kind="image", classes=10)
    players: Players = load_catalog().build(
        "architecture", name, options, signature=signature, discriminator_outputs=1
    )
    return players


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def _conv(kernel: int, inputs: int, outputs: int) -> int:
    return kernel * kernel * inputs * outputs + outputs


def _norm(width: int) -> int:
    return 2 * width


# InfoGAN's nets as in compare_gan 1.0, gans/abstract_gan.py, for 28x28 grey images and a noise of 64.
INFOGAN_G = [
    *(_linear(64, 1024), _norm(1024)),
    *(_linear(1024, 128 * 7 * 7), _norm(128 * 7 * 7)),
    *(_conv(4, 128, 64), _norm(64)),
    _conv(4, 64, 1),
]
INFOGAN_D = [
    _conv(4, 1, 64),
    *(_conv(4, 64, 128), _norm(128)),
    *(_linear(128 * 7 * 7, 1024), _norm(1024)),
    _linear(1024, 1),
]
# compare_gan, architectures/sndcgan.py, for 32x32 RGB images and a noise of 128.
SNDCGAN_G = [
    *(_linear(128, 512 * 4 * 4), _norm(512 * 4 * 4)),
    *(_conv(4, 512, 256), _norm(256)),
    *(_conv(4, 256, 128), _norm(128)),
    *(_conv(4, 128, 64), _norm(64)),
    _conv(3, 64, 3),
]
SNDCGAN_D = [
    _conv(3, 3, 64),
    *(_conv(4, 64, 128), _conv(3, 128, 128)),
    *(_conv(4, 128, 256), _conv(3, 256, 256)),
    *(_conv(4, 256, 512), _conv(3, 512, 512)),
    _linear(512 * 4 * 4, 1),
]


def _up(inputs: int, outputs: int) -> int:
    branch = _norm(inputs) + _conv(3, inputs, outputs) + _norm(outputs) + _conv(3, outputs, outputs)
    return branch + _conv(1, inputs, outputs)


def _first(outputs: int) -> int:
    return _conv(3, 3, outputs) + _conv(3, outputs, outputs) + _conv(1, 3, outputs)


def _down(inputs: int, outputs: int) -> int:
    return _conv(3, inputs, inputs) + _conv(3, inputs, outputs) + _conv(1, inputs, outputs)


def _level(width: int) -> int:
    return 2 * _conv(3, width, width)


# SNGAN (Miyato et al., 2018, table 4) as in its code and in Mimicry, for RGB images of 32 and 64 pixels.
RESNET_G = {
    32: [_linear(128, 256 * 4 * 4), *[_up(256, 256)] * 3, _norm(256), _conv(3, 256, 3)],
    64: [
        _linear(128, 1024 * 4 * 4),
        *(_up(1024, 512), _up(512, 256), _up(256, 128), _up(128, 64)),
        *(_norm(64), _conv(3, 64, 3)),
    ],
}
RESNET_D = {
    32: [_first(128), _down(128, 128), _level(128), _level(128), _linear(128, 1)],
    64: [
        _first(64),
        *(_down(64, 128), _down(128, 256), _down(256, 512), _down(512, 1024)),
        _linear(1024, 1),
    ],
}
PUBLISHED = [
    ("infogan", (1, 28, 28), "28x28 grey", INFOGAN_G, INFOGAN_D),
    ("sndcgan", (3, 32, 32), "32x32 RGB", SNDCGAN_G, SNDCGAN_D),
    ("resnet32", (3, 32, 32), "32x32 RGB", RESNET_G[32], RESNET_D[32]),
    ("resnet32", (3, 64, 64), "64x64 RGB", RESNET_G[64], RESNET_D[64]),
]


def test_the_tables_give_the_counts_that_are_known() -> None:
    # What Mimicry prints for its SNGAN on 32x32 images.
    assert (sum(RESNET_G[32]), sum(RESNET_D[32])) == (4_276_739, 1_053_825)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shape", "data", "generator", "discriminator"), PUBLISHED)
def test_parameters_are_those_of_the_published_nets(
    name: str, shape: tuple[int, int, int], data: str, generator: list[int], discriminator: list[int]
) -> None:
    details = load_catalog().entry("architecture", name).spec.details
    assert details is not None
    told = details()[f"parameters on {data} images"]
    assert told == f"generator {sum(generator):,}, discriminator {sum(discriminator):,}"
    players = _build(name, shape)
    for player, rows in ((players.generator, generator), (players.discriminator, discriminator)):
        assert sum(parameter.numel() for parameter in player.parameters()) == sum(rows)


@pytest.mark.parametrize(
    ("name", "shape", "size", "distribution"),
    [
        ("infogan", (1, 28, 28), 64, "uniform"),
        ("sndcgan", (3, 32, 32), 128, "uniform"),
        ("resnet32", (3, 32, 32), 128, "normal"),
    ],
)
def test_their_noise(name: str, shape: tuple[int, int, int], size: int, distribution: str) -> None:
    noise = _build(name, shape).noise
    assert (noise.size, noise.distribution) == (size, distribution)


def _plain(player: nn.Module) -> list[str]:
    """The layers of a player in order, those that hold others left out."""
    return [
        type(layer).__name__
        for layer in player.modules()
        if next(layer.children(), None) is None and not isinstance(layer, nn.Identity)
    ]


def test_infogan_is_lucics_pair() -> None:
    players = _build("infogan", (1, 28, 28))
    assert _plain(players.generator) == [
        *("Linear", "BatchNorm1d", "LeakyReLU"),
        *("Linear", "BatchNorm1d", "LeakyReLU", "Unflatten"),
        *("ConvTranspose2d", "BatchNorm2d", "LeakyReLU"),
        *("ConvTranspose2d", "CentredSigmoid"),
    ]
    # The first convolution without batch normalisation.
    assert _plain(players.discriminator) == [
        *("Conv2d", "LeakyReLU"),
        *("Conv2d", "BatchNorm2d", "LeakyReLU", "Flatten"),
        *("Linear", "BatchNorm1d", "LeakyReLU"),
        "Linear",
    ]
    for player in (players.generator, players.discriminator):
        for layer in player.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                assert (layer.eps, layer.momentum) == (0.001, pytest.approx(0.001))
            if isinstance(layer, nn.LeakyReLU):
                assert layer.negative_slope == 0.2


def test_infogan_judges_images_between_0_and_1() -> None:
    discriminator = _build("infogan", (1, 8, 8), channels=2, units=4).discriminator
    seen: list[torch.Tensor] = []
    first = next(layer for layer in discriminator.modules() if isinstance(layer, nn.Conv2d))
    first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    x = torch.rand(4, 1, 8, 8) * 2 - 1
    discriminator(x)
    torch.testing.assert_close(seen[0], (x + 1) / 2)


def test_sndcgan_is_compare_gans_pair() -> None:
    players = _build("sndcgan", (3, 32, 32), normalization="none", channels=2)
    rise = ["ConvTranspose2d", "BatchNorm2d", "ReLU"]
    assert _plain(players.generator) == [
        *("Linear", "BatchNorm1d", "ReLU", "Unflatten"),
        *(rise + rise + rise),
        *("Conv2d", "Tanh"),
    ]
    assert _plain(players.discriminator) == [*["Conv2d", "LeakyReLU"] * 7, "Flatten", "Linear"]
    convolutions = [layer for layer in players.discriminator.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.kernel_size[0] for layer in convolutions] == [3, 4, 3, 4, 3, 4, 3]
    slopes = {
        layer.negative_slope for layer in players.discriminator.modules() if hasattr(layer, "negative_slope")
    }
    assert slopes == {0.1}


def test_resnet32_is_sngans_pair() -> None:
    players = _build(
        "resnet32", (3, 32, 32), normalization="none", generator_channels=2, discriminator_channels=2
    )
    kinds = [type(layer).__name__ for layer in players.generator.net]
    assert kinds == [
        *("Linear", "Unflatten", "UpBlock", "UpBlock", "UpBlock"),
        *("BatchNorm2d", "ReLU", "Conv2d", "Tanh"),
    ]
    kinds = [type(layer).__name__ for layer in players.discriminator.net]
    assert kinds == ["FirstBlock", "DownBlock", "DownBlock", "DownBlock", "ReLU"]
    assert _plain(players.generator.net[2].residual) == [
        *("BatchNorm2d", "ReLU", "Upsample", "Conv2d", "BatchNorm2d", "ReLU", "Conv2d")
    ]
    assert _plain(players.discriminator.net[0].residual) == ["Conv2d", "ReLU", "Conv2d", "AvgPool2d"]
    assert _plain(players.discriminator.net[1].residual) == ["ReLU", "Conv2d", "ReLU", "Conv2d", "AvgPool2d"]
    assert _plain(players.discriminator.net[2].residual) == ["ReLU", "Conv2d", "ReLU", "Conv2d"]
    # 32 to 8 pixels, then a sum over the places.
    x = torch.randn(2, 3, 32, 32)
    maps = players.discriminator.net(x)
    assert maps.shape == (2, 2, 8, 8)
    torch.testing.assert_close(players.discriminator(x), players.discriminator.head(maps.sum((2, 3))))


@pytest.mark.parametrize("size", [28, 32, 64])
def test_every_block_of_resnet32_at_64_pixels_changes_the_size(size: int) -> None:
    players = _build("resnet32", (3, size, size), generator_channels=16, discriminator_channels=16)
    sides: list[int] = []
    for player in (players.generator, players.discriminator):
        for block in player.net:
            if isinstance(block, UpBlock | FirstBlock | DownBlock):
                block.register_forward_hook(lambda _, __, made: sides.append(made.shape[-1]))
    players.discriminator(players.generator(torch.randn(2, 128)))
    expected = {
        28: [14, 28, 14, 7, 7, 7],
        32: [8, 16, 32, 16, 8, 8, 8],
        64: [8, 16, 32, 64, 32, 16, 8, 4, 2],
    }
    assert sides == expected[size]


# Initial weights


@pytest.mark.parametrize("name", ["infogan", "sndcgan"])
def test_their_weights_are_from_a_narrow_normal(name: str) -> None:
    options = {"normalization": "batch", "conditional": name == "sndcgan"}
    players = _build(name, (3, 32, 32), **options)
    for player in (players.generator, players.discriminator):
        for layer in player.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                assert not layer.bias.any()
                weight, count = layer.weight.detach(), layer.weight.numel()
                # Cut at two standard deviations, a normal distribution has 0.774 of its variance.
                cut = name == "infogan" and isinstance(layer, nn.Conv2d)
                spread = 0.02 * math.sqrt(0.7737) if cut else 0.02
                assert weight.mean().abs() < 5 * spread / math.sqrt(count)
                assert weight.std().item() == pytest.approx(spread, rel=5 / math.sqrt(count))
                assert bool(weight.abs().max() <= 0.04) == cut or count < 1000
            elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.affine:
                assert bool((layer.weight == 1).all() and (layer.bias == 0).all())
    if name == "sndcgan":
        vectors = players.discriminator.head.embedding.weight
        assert vectors.std().item() == pytest.approx(0.02, rel=0.05)


def test_resnet32s_weights_are_from_glorots_uniform() -> None:
    players = _build("resnet32", (3, 16, 16), normalization="none", conditional=True)
    for player in (players.generator, players.discriminator):
        for name, layer in player.named_modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                assert not layer.bias.any()
                outputs, inputs = layer.weight.shape[:2]
                area = layer.weight[0, 0].numel()
                gain = math.sqrt(2) if ".residual." in name else 1
                bound = gain * math.sqrt(6 / ((inputs + outputs) * area))
                assert layer.weight.abs().max() <= bound
                assert layer.weight.abs().max() > bound * (1 - 10 / layer.weight.numel())
    vectors = players.discriminator.head.embedding.weight
    assert vectors.abs().max().item() == pytest.approx(math.sqrt(6 / (10 + 128)), rel=0.01)


@pytest.mark.parametrize("name", ["sndcgan", "resnet32"])
def test_conditional_nets_begin_with_one_gain_for_all_classes(name: str) -> None:
    generator = _build(name, (1, 8, 8), conditional=True).generator.eval()
    noise = torch.randn(3, 128)
    made = [generator(noise, torch.full((3,), label)) for label in (0, 9)]
    assert torch.equal(*made)
