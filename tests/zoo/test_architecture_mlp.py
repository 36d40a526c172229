"""What the options of `mlp` make, and the published nets that its presets are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganbench import Players, Signature
from ganbench.catalog import load_catalog


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


IMAGES = Signature(shape=(1, 28, 28), kind="image")
POINTS = Signature(shape=(2,), kind="points")


def _build(name: str, signature: Signature, **options: Any) -> Players:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        players: Players = load_catalog().build("architecture", name, options, signature=signature)
    return players


def _linear(module: nn.Module) -> list[nn.Linear]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _maxout(x: Tensor, layer: nn.Linear, pieces: int) -> Tensor:
    """Unit by unit, as the paper writes it: the largest of its pieces."""
    columns = [
        torch.stack([x @ layer.weight[row] + layer.bias[row] for row in range(unit, unit + pieces)]).amax(0)
        for unit in range(0, layer.out_features, pieces)
    ]
    return torch.stack(columns, dim=1)


def test_goodfellow_has_the_paper_s_sizes() -> None:
    players = _build("mlp_goodfellow", IMAGES)
    assert _size(players.generator) == (100 + 1) * 1200 + (1200 + 1) * 1200 + (1200 + 1) * 784
    # 240 units of 5 pieces, twice, and a logit.
    assert _size(players.discriminator) == (784 + 1) * 1200 + (240 + 1) * 1200 + 240 + 1
    assert (players.noise.size, players.noise.distribution) == (100, "uniform")


def test_goodfellow_s_generator_is_its_formula() -> None:
    players = _build("mlp_goodfellow", IMAGES)
    first, second, third = _linear(players.generator)
    noise = torch.rand(6, 100) * 2 - 1
    hidden = torch.relu(torch.relu(math.sqrt(3) * noise @ first.weight.t()) @ second.weight.t())
    expected = 2 * torch.sigmoid(hidden @ third.weight.t()) - 1
    torch.testing.assert_close(players.generator(noise).flatten(1), expected, rtol=1e-4, atol=1e-5)


def test_goodfellow_s_discriminator_is_its_formula() -> None:
    players = _build("mlp_goodfellow", POINTS)
    x = torch.randn(3, 2)
    first, second, last = _linear(players.discriminator)
    hidden = _maxout(_maxout(x, first, 5), second, 5)
    expected = hidden @ last.weight.t() + last.bias
    torch.testing.assert_close(players.discriminator.eval()(x), expected, rtol=1e-4, atol=1e-6)


def test_goodfellow_s_dropout_keeps_four_fifths_of_the_input_and_half_of_the_hidden() -> None:
    net = _build("mlp_goodfellow", IMAGES).discriminator.net
    kinds = [type(layer).__name__ for layer in net]
    assert kinds == [
        "Flatten", "Dropout", "Linear", "Maxout", "Dropout", "Linear", "Maxout", "Dropout", "Linear",
    ]  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for index, kept in ((1, 0.8), (4, 0.5), (7, 0.5)):
            dropped = net[index](torch.ones(200, 500))
            assert (dropped != 0).float().mean().item() == pytest.approx(kept, abs=0.01)
            # Scaled up, so that the expectation stays.
            assert dropped.mean().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("player", "bound"), [("generator", 0.05), ("discriminator", 0.005)])
def test_goodfellow_s_weights_are_uniform_with_zero_biases(player: str, bound: float) -> None:
    for layer in _linear(getattr(_build("mlp_goodfellow", IMAGES), player)):
        assert torch.count_nonzero(layer.bias) == 0
        assert layer.weight.abs().max() <= bound
        if layer.weight.numel() > 10_000:
            assert layer.weight.abs().max() > 0.999 * bound
            assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
            assert abs(layer.weight.mean().item()) < 0.01 * bound


@pytest.mark.parametrize("pack", [1, 2, 3, 4])
def test_pacgan_has_the_paper_s_sizes(pack: int) -> None:
    players = _build("mlp_pacgan", POINTS, pack=pack)
    # Four layers of 400 with a scale and a shift each in place of a bias, as its code has them.
    assert _size(players.generator) == 2 * 400 + 3 * 400 * 400 + 4 * 2 * 400 + (400 + 1) * 2
    # Three of 200 units with 5 pieces.
    assert _size(players.discriminator) == (2 * pack + 1) * 1000 + 2 * (200 + 1) * 1000 + 200 + 1
    assert (players.noise.size, players.noise.distribution) == (2, "normal")


def test_pacgan_s_weights_are_normal_with_zero_biases() -> None:
    players = _build("mlp_pacgan", POINTS)
    for layer in _linear(players.generator) + _linear(players.discriminator):
        assert layer.bias is None or torch.count_nonzero(layer.bias) == 0
        if layer.weight.numel() > 10_000:
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.01)
            assert layer.weight.abs().max() > 3 * 0.02
    norms = [layer for layer in players.generator.modules() if isinstance(layer, nn.BatchNorm1d)]
    assert len(norms) == 4
    assert all(torch.equal(norm.weight, torch.ones(400)) for norm in norms)


def test_an_option_beside_a_preset_counts() -> None:
    players = _build("mlp_goodfellow", POINTS, noise=7, hidden_dropout=0, input_dropout=0, pack=2)
    assert players.noise.size == 7
    assert not any(isinstance(layer, nn.Dropout) for layer in players.discriminator.modules())
    assert players.discriminator(torch.randn(6, 2)).shape == (3, 1)


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("relu", torch.relu),
        ("leaky_relu", lambda x: torch.where(x > 0, x, 0.2 * x)),
        ("elu", lambda x: torch.where(x > 0, x, torch.expm1(x))),
        ("tanh", torch.tanh),
    ],
)
def test_activations_are_what_they_are_called(activation: str, function: Any) -> None:
    players = _build(
        "mlp", POINTS, generator_activation=activation, discriminator_activation=activation, noise=3
    )
    for player, x in ((players.generator, torch.randn(5, 3)), (players.discriminator, torch.randn(5, 2))):
        first, second, last = _linear(player)
        torch.testing.assert_close(player(x), last(function(second(function(first(x))))))


@pytest.mark.parametrize(
    ("signature", "activation", "function"),
    [
        (POINTS, "auto", lambda x: x),
        (POINTS, "linear", lambda x: x),
        (POINTS, "tanh", torch.tanh),
        (POINTS, "sigmoid", lambda x: torch.tanh(x / 2)),
        (IMAGES, "auto", torch.tanh),
        (IMAGES, "sigmoid", lambda x: torch.tanh(x / 2)),
    ],
)
def test_output_activations(signature: Signature, activation: str, function: Any) -> None:
    generator = _build("mlp", signature, output_activation=activation, noise=3).generator
    first, second, last = _linear(generator)
    x = torch.randn(5, 3)
    expected = function(last(torch.relu(second(torch.relu(first(x))))))
    torch.testing.assert_close(generator(x).flatten(1), expected)


@pytest.mark.parametrize("activation", ["relu", "maxout"])
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_each_hidden_layer_is_normalised_before_its_activation(normalization: str, activation: str) -> None:
    net = _build(
        "mlp", POINTS, normalization=normalization, discriminator_activation=activation
    ).discriminator
    x = torch.randn(64, 2) * 5 + 3
    dim = {"batch": 0, "layer": 1}[normalization]
    seen = 0
    for layer in net.net:
        x = layer(x)
        if isinstance(layer, nn.BatchNorm1d | nn.LayerNorm):
            seen += 1
            assert x.mean(dim).abs().max() < 1e-4
            torch.testing.assert_close(
                x.var(dim, correction=0), torch.ones(x.shape[1 - dim]), rtol=0, atol=0.01
            )
    assert seen == 2


def test_batch_normalisation_of_the_generator_uses_its_averages_in_eval_mode() -> None:
    generator = _build("mlp", POINTS, generator_batch_norm=True, noise=3).generator
    noise = torch.randn(32, 3)
    for _ in range(3):
        generator(noise)
    generator.eval()
    torch.testing.assert_close(generator(noise)[:4], generator(noise[:4]))


def test_no_hidden_layer_is_a_linear_map() -> None:
    players = _build("mlp", POINTS, generator_widths=[], discriminator_widths=[], noise=3)
    assert _size(players.generator) == 3 * 2 + 2
    assert _size(players.discriminator) == 2 + 1
