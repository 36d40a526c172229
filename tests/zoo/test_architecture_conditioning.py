"""Labels in the built-in nets: both players heed them, and data without labels are refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ganbench import Players, Signature, Unsupported
from ganbench.catalog import load_catalog
from ganbench.training.batch_dependence import couples_samples
from ganbench.zoo.architectures.conditioning import (
    ConditionalBatchNorm,
    Labelled,
    Layers,
    ProjectionHead,
    join_labels,
)
from ganbench.zoo.architectures.layers import normalise_spectrally


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


CLASSES = 3
IMAGES = Signature(shape=(2, 8, 8), kind="image", classes=CLASSES)
NETS: dict[str, dict[str, Any]] = {
    "mlp": {"generator_widths": [6], "discriminator_widths": [6], "noise": 5, "init": "default"},
    "dcgan": {"channels": 4, "noise": 5},
    "infogan": {"channels": 4, "units": 8, "noise": 5},
    "sndcgan": {"channels": 4, "noise": 5},
    "resnet32": {"generator_channels": 4, "discriminator_channels": 4, "noise": 5},
}
PROJECTING = ["sndcgan", "resnet32"]


def _players(name: str, signature: Signature = IMAGES, **options: Any) -> Players:
    players: Players = load_catalog().build(
        "architecture",
        name,
        {**NETS[name], "conditional": True, **options},
        signature=signature,
        discriminator_outputs=1,
    )
    players.generator.eval()
    players.discriminator.eval()
    return players


def test_labels_become_entries_and_planes() -> None:
    labels = torch.tensor([2, 0])
    vector = join_labels(torch.tensor([[7.0], [8.0]]), labels, 3)
    assert vector.tolist() == [[7, 0, 0, 1], [8, 1, 0, 0]]
    images = torch.randn(2, 1, 2, 2, dtype=torch.float64)
    joined = join_labels(images, labels, 3)
    assert joined.dtype == torch.float64
    assert torch.equal(joined[:, :1], images)
    assert joined[0, 1:].flatten(1).tolist() == [[0] * 4, [0] * 4, [1] * 4]
    assert joined[1, 1:].flatten(1).tolist() == [[1] * 4, [0] * 4, [0] * 4]


def _spread(player: nn.Module) -> None:
    """Give each class a gain and bias of its own, where all begin alike."""
    for layer in player.modules():
        if isinstance(layer, ConditionalBatchNorm):
            nn.init.normal_(layer.gain.weight)
            nn.init.normal_(layer.bias.weight)


@pytest.mark.parametrize("pack", [1, 2])
@pytest.mark.parametrize("name", NETS)
def test_both_players_heed_the_label_of_each_sample(name: str, pack: int) -> None:
    players = _players(name, pack=pack)
    assert players.conditional
    _spread(players.generator)
    # One sample four times, the last one with another label.
    noise = torch.randn(1, players.noise.size).expand(4, -1)
    x = torch.randn(1, *IMAGES.shape).expand(4, -1, -1, -1)
    labels = torch.tensor([1, 1, 1, 2])
    made = players.generator(noise, labels)
    assert torch.equal(made[0], made[2])
    assert not torch.allclose(made[0], made[3])
    scores = players.discriminator(x, labels)
    assert scores.shape == (4 // pack, 1)
    assert not torch.isclose(scores[0], scores[-1])


@pytest.mark.parametrize("player", ["generator", "discriminator"])
@pytest.mark.parametrize("name", NETS)
def test_one_player_alone_may_be_given_labels(name: str, player: str) -> None:
    players = _players(name, conditional=player, normalization="none")
    assert players.conditional == player
    # The probe of the discriminator gives labels to one that takes them, and to no other.
    unsaid, labels = replace(players, couples_samples=None), torch.arange(8) % CLASSES
    assert players.couples_samples is False
    assert couples_samples(unsaid, IMAGES, torch.device("cpu"), labels) is False
    made = {"generator": torch.randn(2, 5), "discriminator": torch.randn(2, *IMAGES.shape)}
    plain, both = (_players(name, conditional=each, normalization="none") for each in (False, True))
    for each in ("generator", "discriminator"):
        net = getattr(players, each)
        labels = [torch.tensor([0, 2])] if each == player else []
        assert len(net(made[each], *labels)) == 2
        # It is the net that it is where both players take labels, or none.
        like = getattr(both if each == player else plain, each)
        shapes = {key: value.shape for key, value in net.state_dict().items()}
        assert shapes == {key: value.shape for key, value in like.state_dict().items()}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (Signature(shape=(1, 8, 8), kind="image"), "conditional needs labels, and the data have none"),
        (
            Signature(shape=(1, 8, 8), kind="image", classes=3, condition=(5,)),
            r"conditional takes labels, the data's condition has shape \(5,\)",
        ),
    ],
)
def test_without_labels_it_is_unsupported(name: str, signature: Signature, reason: str) -> None:
    with pytest.raises(Unsupported, match=f"{name}: {reason}"):
        _players(name, signature)
    assert not _players(name, signature, conditional=False).conditional


def test_batch_normalisation_is_each_classs_own() -> None:
    layer = ConditionalBatchNorm(nn.BatchNorm2d(2, affine=False), CLASSES)
    x, labels = torch.randn(6, 2, 3, 3), torch.tensor([0, 2, 1, 1, 0, 2])
    plain = nn.BatchNorm2d(2, affine=False)(x)
    torch.testing.assert_close(layer(x, labels), plain)
    nn.init.normal_(layer.gain.weight)
    nn.init.normal_(layer.bias.weight)
    for row, label in enumerate(labels):
        gain, bias = (table.weight[label].view(2, 1, 1) for table in (layer.gain, layer.bias))
        torch.testing.assert_close(layer(x, labels)[row], plain[row] * gain + bias)


def test_only_layers_that_take_labels_are_given_them() -> None:
    class Adds(Labelled):
        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return x + labels.view(-1, 1)

    layers = Layers(nn.ReLU(), Adds(), nn.ReLU())
    made = layers(torch.tensor([[-1.0], [1.0]]), torch.tensor([2, -7]))
    assert made.tolist() == [[2], [0]]


@pytest.mark.parametrize("outputs", [1, 2])
def test_projection_is_an_inner_product_with_the_classs_vector(outputs: int) -> None:
    head = ProjectionHead(4, outputs, CLASSES)
    features, labels = torch.randn(5, 4), torch.tensor([0, 2, 1, 1, 0])
    scores = head(features, labels)
    assert scores.shape == (5, outputs)
    for row, label in enumerate(labels):
        vectors = head.embedding.weight[label].view(outputs, 4)
        torch.testing.assert_close(scores[row], head.linear(features[row]) + vectors @ features[row])


def test_in_a_pack_each_place_has_vectors_of_its_own() -> None:
    head = ProjectionHead(4, 1, CLASSES, pack=2)
    features, labels = torch.randn(3, 4), torch.tensor([0, 2, 1, 1, 2, 0])
    scores = head(features, labels)
    assert scores.shape == (3, 1)
    first, second = head.embedding.weight.split(CLASSES)
    for row, (one, other) in enumerate(labels.view(3, 2).tolist()):
        expected = head.linear(features[row]) + (first[one] + second[other]) @ features[row]
        torch.testing.assert_close(scores[row], expected)


def test_spectral_normalisation_holds_the_vectors_too() -> None:
    head = ProjectionHead(4, 1, CLASSES)
    nn.init.normal_(head.embedding.weight, std=9)
    normalise_spectrally(head)
    for _ in range(50):
        head(torch.randn(1, 4), torch.tensor([0]))
    head.eval()
    assert torch.linalg.svdvals(head.embedding.weight.detach())[0].item() == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_labels_are_not_looked_at(name: str) -> None:
    # On tensors that have shapes and no values; asking for one raises.
    players = _players(name)
    with FakeTensorMode(allow_non_fake_inputs=True):
        labels = torch.randint(0, CLASSES, (4,))
        made = players.generator(torch.randn(4, 5), labels)
        assert players.discriminator(made, labels).shape == (4, 1)


@pytest.mark.parametrize("name", PROJECTING)
def test_gradients_reach_every_class_that_is_there_and_no_other(name: str) -> None:
    players = _players(name, normalization="none")
    players.generator.train()
    labels = torch.tensor([0, 2, 2, 0])
    players.discriminator(players.generator(torch.randn(4, 5), labels), labels).sum().backward()
    tables = [
        layer.weight
        for player in (players.generator, players.discriminator)
        for layer in player.modules()
        if isinstance(layer, nn.Embedding)
    ]
    assert len(tables) > 2
    for weight in tables:
        assert weight.grad is not None
        assert weight.grad.any(1).tolist() == [True, False, True]


def test_vectors_that_no_machine_would_hold_are_refused() -> None:
    with pytest.raises(ValueError, match=r"from 1024000 to 512 units .* widths and pack must be smaller"):
        ProjectionHead(512, 1, 1000, pack=1024)
