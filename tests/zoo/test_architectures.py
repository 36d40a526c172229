"""The built-in nets together: shapes for every signature they take, reasons for those they do not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from ganbench import Players, Signature, Unsupported
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.training.batch_dependence import couples_samples


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _image(size: int, channels: int = 1, width: int | None = None) -> Signature:
    return Signature(shape=(channels, size, width or size), kind="image", classes=10)


POINTS = Signature(shape=(2,), kind="points")
SCORING = ["mlp", "mlp_goodfellow", "mlp_pacgan", "rbf"]
# Each once, with a value that is not its default.
OF_THE_DISCRIMINATOR: dict[str, list[dict[str, Any]]] = {
    "mlp": [
        {"discriminator_widths": [7]},
        {"discriminator_activation": "tanh"},
        {"discriminator_activation": "maxout", "pieces": 3},
        {"normalization": "batch"},
        {"normalization": "layer"},
        {"normalization": "spectral"},
        {"input_dropout": 0.2},
        {"hidden_dropout": 0.5},
        {"pack": 2},
        {"discriminator_init_scale": 0.5},
    ],
    "mlp_pacgan": [{"pack": 4}, {"normalization": "spectral"}, {"discriminator_init_scale": 0.5}],
    "dcgan": [
        {"discriminator_channels": 7},
        {"batch_norm": False},
        {"normalization": "none"},
        {"normalization": "layer"},
        {"normalization": "spectral"},
        {"pack": 2},
    ],
    "rbf": [{"discriminator_widths": [7]}, {"normalization": "spectral"}, {"pack": 2}],
    "dirac": [{"psi": 0.25}],
    "vae": [{"encoder_widths": [7]}],
    "autoencoder": [{"encoder_widths": [7]}, {"code": 3}],
}


def _build(name: str, signature: Signature, outputs: int | None = None, **options: Any) -> Players:
    context = {} if outputs is None else {"discriminator_outputs": outputs}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        players: Players = load_catalog().build("architecture", name, options, signature=signature, **context)
    return players


def _data_of(name: str) -> Signature:
    return _image(16) if name == "dcgan" else POINTS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "signature"),
    [
        *[("dcgan", _image(size)) for size in (8, 16, 28, 32, 64)],
        ("dcgan", _image(28, channels=3)),
        ("dcgan", _image(32, channels=3)),
        *[
            (name, signature)
            for name in SCORING
            for signature in (_image(8), _image(5, channels=3, width=7), POINTS)
        ],
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


@pytest.mark.parametrize("name", ["dcgan", *SCORING])
def test_outputs_of_the_discriminator_leave_the_generator_alone(name: str) -> None:
    one, two = (_build(name, _image(28), outputs).generator.state_dict() for outputs in (1, 2))
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, options) for name, many in OF_THE_DISCRIMINATOR.items() for options in many],
    ids=str,
)
def test_options_of_the_discriminator_leave_the_generator_alone(name: str, options: dict[str, Any]) -> None:
    if "discriminator_init_scale" in options:
        options = {**options, "init": "normal"}
    plain = _build(name, _data_of(name), **({"init": "normal"} if "init" in options else {}))
    changed = _build(name, _data_of(name), **options)
    one, two = plain.generator.state_dict(), changed.generator.state_dict()
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert plain.noise == changed.noise
    # And they do change the discriminator: its layers, or what it starts from.
    was, now = plain.discriminator, changed.discriminator
    same = str(was) == str(now) and all(
        torch.equal(mine, theirs)
        for mine, theirs in zip(was.state_dict().values(), now.state_dict().values(), strict=True)
    )
    assert not same


def test_every_option_of_a_discriminator_is_among_those_tried() -> None:
    of_the_generator = {
        "generator_widths",
        "generator_activation",
        "generator_batch_norm",
        "generator_init_scale",
        "output_activation",
        "noise",
        "noise_distribution",
        "noise_scale",
        "init",
        "channels",
        "conditional",
        "centres",
        "bandwidth",
        "theta",
        "decoder_widths",
    }
    of_both = {"activation", "pieces"}
    for name, tried in OF_THE_DISCRIMINATOR.items():
        known = set(load_catalog().entry("architecture", name).options)
        if name != "mlp_pacgan":
            assert known - of_the_generator - of_both == {option for row in tried for option in row} - of_both


@pytest.mark.parametrize("signature", [POINTS, _image(8)])
def test_a_default_mlp_is_plain_torch(signature: Signature) -> None:
    # Old results pair with new ones only while these are the same bits under the same names.
    entries = signature.shape[0] * (64 if signature.kind == "image" else 1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        linear = [nn.Linear(*sizes) for sizes in pairwise((64, 256, 256, entries))]
        linear += [nn.Linear(*sizes) for sizes in pairwise((entries, 256, 256, 1))]
    players = _build("mlp", signature)
    for player, layers, first in ((players.generator, linear[:3], 0), (players.discriminator, linear[3:], 1)):
        expected = {
            f"net.{first + 2 * index}.{key}": tensor
            for index, layer in enumerate(layers)
            for key, tensor in layer.state_dict().items()
        }
        state = player.state_dict()
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[key], expected[key]) for key in state)


def test_a_default_dcgan_is_plain_torch() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = [
            nn.Linear(64, 64 * 16, bias=False),
            nn.BatchNorm2d(64),
            nn.ConvTranspose2d(64, 32, 4, bias=False),
            nn.BatchNorm2d(32),
            nn.ConvTranspose2d(32, 1, 4),
        ]
        _normal(generator)
        discriminator = [
            nn.Conv2d(1, 32, 4),
            nn.Conv2d(32, 64, 4, bias=False),
            nn.BatchNorm2d(64),
            nn.Linear(64 * 16, 1),
        ]
        _normal(discriminator)
    players = _build("dcgan", _image(16))
    for player, layers in ((players.generator, generator), (players.discriminator, discriminator)):
        expected = [tensor for layer in layers for tensor in layer.state_dict().values()]
        state = list(player.state_dict().values())
        assert len(state) == len(expected)
        assert all(torch.equal(mine, theirs) for mine, theirs in zip(state, expected, strict=True))


def _normal(layers: list[nn.Module]) -> None:
    for layer in layers:
        nn.init.normal_(layer.weight, 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, options) for name, many in OF_THE_DISCRIMINATOR.items() for options in [{}, *many]]
    + [("mlp_goodfellow", {}), ("dcgan", {"batch_norm": False, "normalization": "spectral"})],
    ids=str,
)
def test_what_they_say_of_coupling_is_true(name: str, options: dict[str, Any]) -> None:
    signature = _data_of(name)
    players = _build(name, signature, **options)
    said = players.couples_samples
    assert said is not None
    silent = Players(generator=players.generator, discriminator=players.discriminator, noise=players.noise)
    assert couples_samples(silent, signature, torch.device("cpu"), None) == said


def test_one_pass_is_kept_where_samples_are_judged_alone() -> None:
    for options in ({}, {"normalization": "layer"}, {"discriminator_activation": "maxout"}):
        assert _build("mlp", POINTS, **options).couples_samples is False
    for options in ({"pack": 2}, {"normalization": "batch"}, {"hidden_dropout": 0.1}):
        assert _build("mlp", POINTS, **options).couples_samples is True


@pytest.mark.parametrize("signature", [POINTS, _image(30), _image(28, width=32)])
def test_dcgan_says_what_it_cannot_make(signature: Signature) -> None:
    with pytest.raises(Unsupported, match="dcgan makes"):
        _build("dcgan", signature)


@pytest.mark.parametrize(
    ("name", "signature", "outputs", "options", "reason"),
    [
        ("dirac", _image(8), 1, {}, "dirac plays with points, the data are images"),
        ("dirac", POINTS, 2, {}, "dirac's discriminator has 1 output, the loss needs 2"),
        ("vae", POINTS, 1, {}, "vae has an encoder .* needs a discriminator with 1"),
        ("autoencoder", POINTS, 2, {}, "autoencoder has a discriminator .* reconstructions; .* with 2"),
        ("mlp", _image(8), 1, {"output_activation": "linear"}, "images lie in .* output_activation = linear"),
        ("dcgan", _image(8), 1, {"normalization": "layer"}, "one convolution for 8x8 images"),
    ],
)
def test_what_does_not_fit_is_unsupported(
    name: str, signature: Signature, outputs: int, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Unsupported, match=reason):
        _build(name, signature, outputs, **options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mlp", {"noise": 0}, "'noise' .* at least 1.*, given 0"),
        ("mlp", {"noise": 100_000}, "'noise' .* at most 16384, given 100000"),
        ("mlp", {"generator_widths": [64, -1]}, "'generator_widths' .* at least 1.*, given -1"),
        (
            "mlp",
            {"discriminator_widths": [99_999]},
            "'discriminator_widths' .* at most 16384, given 99999",
        ),
        ("mlp", {"generator_widths": [1] * 65}, "'generator_widths' .* at most 64 long"),
        ("mlp", {"pieces": 1}, "'pieces' .* at least 2.*, given 1"),
        ("mlp", {"pack": 0}, "'pack' .* at least 1.*, given 0"),
        ("mlp", {"pack": 2000}, "'pack' .* at most 1024, given 2000"),
        ("mlp", {"input_dropout": 1.0}, "'input_dropout' .* at least 0 and below 1, given 1"),
        (
            "mlp",
            {"hidden_dropout": -0.1},
            "'hidden_dropout' .* at least 0 and below 1, given -0.1",
        ),
        ("mlp", {"noise_scale": 0}, "'noise_scale' .* above 0 and at most 1e\\+06, given 0"),
        ("mlp", {"generator_init_scale": -1}, "'generator_init_scale' .* above 0"),
        (
            "mlp",
            {"discriminator_init_scale": 1e9},
            "'discriminator_init_scale' .* above 0 and at most",
        ),
        (
            "mlp",
            {"discriminator_widths": [16_384], "pack": 1024},
            "a layer from 802816 to 16384 units has more than 268435456 weights; widths, pieces and pack",
        ),
        ("dcgan", {"channels": 0}, "'channels' .* at least 1.*, given 0"),
        ("dcgan", {"channels": 5000}, "'channels' .* at most 1024, given 5000"),
        ("dcgan", {"pack": -2}, "'pack' .* at least 1.*, given -2"),
        ("rbf", {"centres": 0}, "'centres' .* at least 1.*, given 0"),
        ("rbf", {"bandwidth": 0}, "'bandwidth' .* above 0"),
        (
            "rbf",
            {"centres": 9999, "noise": 99},
            "centres times noise must be at most 262144, given 9999 times",
        ),
        ("rbf", {"pack": 0}, "'pack' .* at least 1"),
        ("rbf", {"discriminator_widths": [0]}, "'discriminator_widths' .* at least 1"),
        ("vae", {"encoder_widths": [0]}, "'encoder_widths' .* at least 1.*, given 0"),
        ("vae", {"decoder_widths": [-3]}, "'decoder_widths' .* at least 1.*, given -3"),
        ("vae", {"noise": -1}, "'noise' .* at least 1.*, given -1"),
        ("autoencoder", {"code": 0}, "'code' .* at least 1.*, given 0"),
        ("autoencoder", {"encoder_widths": [0]}, "'encoder_widths' .* at least 1.*, given 0"),
    ],
)
def test_impossible_options_are_refused_by_name(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogError, match=message) as caught:
        _build(name, _image(28), **options)
    assert f"architecture '{name}'" in str(caught.value)


def test_show_tells_how_large_they_are() -> None:
    before = torch.get_rng_state()
    details = load_catalog().entry("architecture", "dcgan").spec.details
    assert details is not None
    # dcgan makes images alone: 28x28 from two deconvolutions of 64 and 32 channels.
    generator = 64 * 64 * 49 + 2 * 64 + 64 * 32 * 16 + 2 * 32 + 32 * 16 + 1
    discriminator = 32 * 16 + 32 + 32 * 64 * 16 + 2 * 64 + 64 * 49 + 1
    assert details() == {
        "parameters on 28x28 grey images": f"generator {generator:,}, discriminator {discriminator:,}"
    }
    assert torch.equal(torch.get_rng_state(), before)
