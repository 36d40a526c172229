"""What convolutional players are made of: sides halved and doubled, residual blocks, normalisation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ganbench.zoo.architectures.choices import Normalization, Upsampling
from ganbench.zoo.architectures.convolutions import batch_norm, doubling, halved, halving, normalisation
from ganbench.zoo.architectures.residual import DownBlock, FirstBlock, UpBlock

SIDES = [(8, 8), (7, 7), (7, 4), (6, 5), (1, 2)]


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _same(x: Tensor, weight: Tensor) -> Tensor:
    """TensorFlow's `SAME` for a kernel of 4 and a stride of 2, from its definition."""
    padding: list[int] = []
    for side in reversed(x.shape[2:]):
        total = max((-(-side // 2) - 1) * 2 + 4 - side, 0)
        padding += [total // 2, total - total // 2]
    return functional.conv2d(functional.pad(x, padding), weight, stride=2)


@pytest.mark.parametrize("sides", SIDES)
def test_halving_pads_as_tensorflow_does(sides: tuple[int, int]) -> None:
    layers = nn.Sequential(*halving(3, 2, sides)).double()
    convolution = layers[-1]
    assert isinstance(convolution, nn.Conv2d)
    assert convolution.bias is not None
    x = torch.randn(2, 3, *sides, dtype=torch.float64)
    expected = _same(x, convolution.weight) + convolution.bias.view(-1, 1, 1)
    torch.testing.assert_close(layers(x), expected)
    assert expected.shape[2:] == halved(sides)


@pytest.mark.parametrize("sides", SIDES)
def test_doubling_is_the_transpose_of_halving(sides: tuple[int, int]) -> None:
    there, back = (nn.Sequential(*make).double() for make in (halving(3, 2, sides), doubling(2, 3, sides)))
    convolution = there[-1]
    transposed = next(layer for layer in back if isinstance(layer, nn.ConvTranspose2d))
    with torch.no_grad():
        transposed.weight.copy_(convolution.weight)
        nn.init.zeros_(convolution.bias)
        nn.init.zeros_(transposed.bias)
    x = torch.randn(2, 3, *sides, dtype=torch.float64)
    y = torch.randn(2, 2, *halved(sides), dtype=torch.float64)
    torch.testing.assert_close((there(x) * y).sum(), (x * back(y)).sum())


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_a_shortcut_may_grow_after_its_convolution(upsampling: Upsampling) -> None:
    block = UpBlock(3, 5, 0, upsampling).double()
    x = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    larger = functional.interpolate(x, scale_factor=2, mode=upsampling)
    convolution = block.shortcut[0]
    torch.testing.assert_close(block(x), block.residual(x) + convolution(larger))
    assert block(x).shape == (2, 5, 8, 12)


@pytest.mark.parametrize("normalization", ["none", "batch", "layer", "spectral"])
def test_a_shortcut_may_shrink_before_its_convolution(normalization: Normalization) -> None:
    block = DownBlock(3, 5, normalization, halve=True).double()
    x = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    shortcut = functional.avg_pool2d(block.shortcut[-1](x), 2)
    torch.testing.assert_close(block(x), block.residual(x) + shortcut)
    assert block(x).shape == (2, 5, 2, 3)


def test_a_block_that_keeps_its_size_adds_its_input() -> None:
    block = DownBlock(3, 3, "none", halve=False)
    nn.init.zeros_(block.residual[-1].weight)
    nn.init.zeros_(block.residual[-1].bias)
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(block(x), x)


def test_a_first_block_sees_the_signs_of_its_input() -> None:
    # An activation before its first convolution would hide them.
    block = FirstBlock(1, 1)
    for layer in block.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
    dark = -torch.rand(1, 1, 4, 4)
    assert not torch.allclose(block(dark), block(2 * dark))


@pytest.mark.parametrize("flat", [False, True])
def test_normalisation_by_layer_is_of_each_sample(flat: bool) -> None:
    (layer,) = normalisation("layer", 6, flat=flat)
    x = torch.randn(3, 6) * 4 + 2 if flat else torch.randn(3, 6, 5, 5) * 4 + 2
    made = layer(x).flatten(1)
    torch.testing.assert_close(made.mean(1), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(made.std(1, correction=0), torch.ones(3), atol=1e-3, rtol=0)
    assert torch.equal(layer(x[:1]), layer(x)[:1])


def test_what_is_none_and_what_is_in_the_weights_adds_no_layer() -> None:
    assert normalisation("none", 4) == normalisation("spectral", 4) == []


@pytest.mark.parametrize("classes", [0, 3])
def test_decay_is_the_part_of_the_running_average_that_stays(classes: int) -> None:
    layer = batch_norm(2, classes, decay=0.75)
    x = torch.randn(8, 2, 4, 4) + 5
    inputs = (x, torch.zeros(8, dtype=torch.int64)) if classes else (x,)
    layer(*inputs)
    mean = next(tensor for name, tensor in layer.named_buffers() if name.endswith("running_mean"))
    torch.testing.assert_close(mean, 0.25 * x.mean((0, 2, 3)))
