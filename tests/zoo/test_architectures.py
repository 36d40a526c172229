"""The built-in nets: shapes for every signature they take, reasons for those they do not."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganbench import Players, Signature, Unsupported
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.training.coupling import couples_samples


def _image(size: int, channels: int = 1, width: int | None = None) -> Signature:
    return Signature(shape=(channels, size, width or size), kind="image", classes=10)


POINTS = Signature(shape=(2,), kind="points")


def _build(name: str, signature: Signature, outputs: int = 1, **options: Any) -> Players:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        players: Players = load_catalog().build(
            "architecture", name, options, signature=signature, discriminator_outputs=outputs
        )
    return players


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        *[("dcgan", _image(size)) for size in (8, 16, 28, 32, 64)],
        ("dcgan", _image(28, channels=3)),
        ("dcgan", _image(32, channels=3)),
        ("mlp", _image(8)),
        ("mlp", _image(5, channels=3, width=7)),
        ("mlp", POINTS),
    ],
)
@pytest.mark.parametrize("outputs", [1, 2])
def test_shapes(name: str, signature: Signature, outputs: int) -> None:
    players = _build(name, signature, outputs)
    made = players.generator(torch.randn(4, players.noise.size))
    assert made.shape == (4, *signature.shape)
    if signature.kind == "image":
        assert made.abs().max() <= 1
    assert players.discriminator(made).shape == (4, outputs)


@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_outputs_of_the_discriminator_leave_the_generator_alone(name: str) -> None:
    one, two = (_build(name, _image(28), outputs).generator.state_dict() for outputs in (1, 2))
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize(
    ("name", "options"),
    [("mlp", {}), ("dcgan", {}), ("dcgan", {"batch_norm": False})],
)
def test_what_they_say_of_coupling_is_true(name: str, options: dict[str, Any]) -> None:
    players = _build(name, _image(28), **options)
    said = players.couples_samples
    assert said is not None
    silent = Players(generator=players.generator, discriminator=players.discriminator, noise=players.noise)
    assert couples_samples(silent, _image(28), torch.device("cpu"), None) == said


@pytest.mark.parametrize("signature", [POINTS, _image(30), _image(28, width=32)])
def test_dcgan_says_what_it_cannot_make(signature: Signature) -> None:
    with pytest.raises(Unsupported, match="dcgan makes"):
        _build("dcgan", signature)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mlp", {"noise": 0}, "noise must be at least 1, given 0"),
        ("mlp", {"generator_widths": [64, -1]}, "generator_widths must be at least 1, given 64, -1"),
        ("dcgan", {"channels": 0}, "channels must be at least 1, given 0"),
    ],
)
def test_impossible_options_are_refused_by_name(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogError, match=f"architecture '{name}': {message}"):
        _build(name, _image(28), **options)
