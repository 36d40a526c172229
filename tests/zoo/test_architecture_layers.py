"""The layers that fully connected players are made of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from ganbench.zoo.architectures.layers import CentredSigmoid, Maxout, initialise, normalise_spectrally, stack


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_maxout_takes_the_largest_of_neighbours() -> None:
    x = torch.tensor([[3.0, -1.0, 5.0, -7.0, -2.0, -4.0]])
    assert Maxout(3)(x).tolist() == [[5.0, -2.0]]
    assert Maxout(2)(x).tolist() == [[3.0, 5.0, -2.0]]


def test_maxout_has_a_second_derivative_almost_everywhere() -> None:
    # What a gradient penalty needs of it.
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Maxout(3), x)
    assert torch.autograd.gradgradcheck(lambda x: Maxout(3)(x).square(), x)


def test_a_centred_sigmoid_is_a_sigmoid_on_another_scale() -> None:
    x = torch.linspace(-6, 6, 25)
    torch.testing.assert_close((CentredSigmoid()(x) + 1) / 2, torch.sigmoid(x))


def test_only_hidden_layers_are_followed_by_anything() -> None:
    layers = stack([4, 8, 8, 2], "maxout", pieces=3, normalization="layer", dropout=0.5)
    kinds = [type(layer).__name__ for layer in layers]
    assert kinds == ["Linear", "LayerNorm", "Maxout", "Dropout"] * 2 + ["Linear"]
    assert [layer.out_features for layer in layers if isinstance(layer, nn.Linear)] == [24, 24, 2]


@pytest.mark.parametrize("init", ["uniform", "normal", "default"])
def test_initial_weights(init: str) -> None:
    net = nn.Sequential(nn.Linear(200, 300), nn.BatchNorm1d(300), nn.Linear(300, 200, bias=False))
    before = [parameter.clone() for parameter in net.parameters()]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        initialise(net, init, 0.3)
    changed = [not torch.equal(was, now) for was, now in zip(before, net.parameters(), strict=True)]
    if init == "default":
        assert not any(changed)
        return
    # Weights and bias of the linear layers; the norm's scale and shift stay 1 and 0.
    assert changed == [True, True, False, False, True]
    assert torch.count_nonzero(net[0].bias) == 0
    for weight in (net[0].weight, net[2].weight):
        spread = weight.std().item()
        assert spread == pytest.approx(0.3 / 3**0.5 if init == "uniform" else 0.3, rel=0.01)
        assert (weight.abs().max() <= 0.3) == (init == "uniform")


def test_spectral_normalisation_keeps_the_first_weights_as_what_is_normalised() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 2), nn.LayerNorm(2))
    before = [net[0].weight.detach().clone(), net[2].weight.detach().clone()]
    normalise_spectrally(net)
    for _ in range(100):
        net(torch.zeros(2, 1, 4, 4))
    for layer, was in zip((net[0], net[2]), before, strict=True):
        original = layer.parametrizations.weight.original
        assert torch.equal(original, was)
        largest = torch.linalg.svdvals(was.flatten(1))[0]
        torch.testing.assert_close(layer.weight, was / largest)
