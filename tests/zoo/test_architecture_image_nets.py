"""The convolutional nets together: every size they take, every option of D, reasons for what they do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from parts_here import shared
from PIL import Image
from torch import nn

from ganbench import Players, Signature, Unsupported
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.execution.grid_check import preflight
from ganbench.grid import read_grid
from ganbench.training.batch_dependence import couples_samples
from ganbench.zoo.architectures.layers import CentredSigmoid

SMALL: dict[str, dict[str, Any]] = {
    "dcgan": {"channels": 4, "noise": 6},
    "infogan": {"channels": 4, "units": 8, "noise": 6},
    "sndcgan": {"channels": 4, "noise": 6},
    "resnet32": {"generator_channels": 16, "discriminator_channels": 16, "noise": 6},
}
NEW = ["infogan", "sndcgan", "resnet32"]
OF_THE_DISCRIMINATOR: dict[str, list[dict[str, Any]]] = {
    "infogan": [{"normalization": "none"}, {"normalization": "layer"}, {"normalization": "spectral"}],
    "sndcgan": [
        {"discriminator_channels": 3},
        {"normalization": "none"},
        {"normalization": "batch"},
        {"normalization": "layer"},
    ],
    "resnet32": [
        {"discriminator_channels": 3},
        {"normalization": "none"},
        {"normalization": "batch"},
        {"normalization": "layer"},
    ],
}
TRIED = [(name, options) for name, many in OF_THE_DISCRIMINATOR.items() for options in [*many, {"pack": 2}]]


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _image(height: int, channels: int = 1, width: int | None = None, classes: int | None = 10) -> Signature:
    return Signature(shape=(channels, height, width or height), kind="image", classes=classes)


def _build(name: str, signature: Signature, outputs: int | None = 1, **options: Any) -> Players:
    context = {} if outputs is None else {"discriminator_outputs": outputs}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        players: Players = load_catalog().build(
            "architecture", name, {**SMALL[name], **options}, signature=signature, **context
        )
    return players


@pytest.mark.slow
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("name", "size"), [(name, size) for name in SMALL for size in (8, 16, 28, 32, 64)])
def test_shapes(name: str, size: int, channels: int, conditional: bool, outputs: int) -> None:
    signature = _image(size, channels)
    players = _build(name, signature, outputs, conditional=conditional)
    labels = [torch.tensor([0, 9])] if conditional else []
    made = players.generator(torch.randn(2, 6), *labels)
    assert made.shape == (2, *signature.shape)
    assert made.abs().max() <= 1
    assert players.discriminator(made, *labels).shape == (2, outputs)


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("infogan", _image(12, width=20)),
        ("infogan", _image(128)),
        ("sndcgan", _image(9, width=15)),
        ("sndcgan", _image(96, 3)),
    ],
)
def test_shapes_beside_the_usual(name: str, signature: Signature) -> None:
    players = _build(name, signature)
    made = players.generator(torch.randn(2, 6))
    assert made.shape == (2, *signature.shape)
    assert players.discriminator(made).shape == (2, 1)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), TRIED, ids=str)
def test_options_of_the_discriminator_leave_the_generator_alone(name: str, options: dict[str, Any]) -> None:
    plain, changed = _build(name, _image(8)), _build(name, _image(8), **options)
    one, two = plain.generator.state_dict(), changed.generator.state_dict()
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert str(plain.discriminator) != str(changed.discriminator)


@pytest.mark.parametrize("name", NEW)
def test_outputs_of_the_discriminator_leave_the_generator_alone(name: str) -> None:
    one, two = (_build(name, _image(8), outputs).generator.state_dict() for outputs in (1, 2))
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("name", NEW)
def test_every_option_is_among_those_tried(name: str) -> None:
    tried = {option for row in OF_THE_DISCRIMINATOR[name] for option in row} | {"pack", "conditional"}
    elsewhere = {*SMALL[name], "noise_distribution", "batch_norm_decay", "upsampling"}
    assert set(load_catalog().entry("architecture", name).options) - elsewhere == tried - elsewhere


@pytest.mark.slow
@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize(("name", "options"), [*TRIED, *((name, {}) for name in NEW)], ids=str)
def test_what_they_say_of_coupling_is_true(name: str, options: dict[str, Any], conditional: bool) -> None:
    players = _build(name, _image(8), **options, conditional=conditional)
    said = players.couples_samples
    assert said is not None
    silent = Players(
        generator=players.generator,
        discriminator=players.discriminator,
        noise=players.noise,
        conditional=conditional,
    )
    labels = torch.arange(8)
    assert couples_samples(silent, _image(8), torch.device("cpu"), labels) == said


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("pack", [2, 3])
def test_a_pack_is_scored_as_its_concatenation(name: str, pack: int) -> None:
    discriminator = _build(name, _image(8, 3), pack=pack).discriminator.eval()
    x = torch.randn(4 * pack, 3, 8, 8)
    scores = discriminator(x)
    assert scores.shape == (4, 1)
    convolution = next(layer for layer in discriminator.modules() if isinstance(layer, nn.Conv2d))
    assert convolution.weight.shape[1] == 3 * pack
    torch.testing.assert_close(discriminator(x[pack : 2 * pack]), scores[1:2])
    # Order matters within a pack.
    swapped = x.clone()
    swapped[[0, 1]] = x[[1, 0]]
    assert not torch.isclose(discriminator(swapped)[0], scores[0], rtol=1e-4, atol=0)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", SMALL)
def test_a_batch_that_does_not_divide_is_unsupported(name: str, conditional: bool) -> None:
    discriminator = _build(name, _image(8), pack=4, conditional=conditional).discriminator
    labels = [torch.zeros(6, dtype=torch.int64)] if conditional else []
    with pytest.raises(Unsupported, match="pack must divide the batch, given pack = 4 and a batch of 6"):
        discriminator(torch.randn(6, 1, 8, 8), *labels)


@pytest.mark.parametrize("name", NEW)
def test_normalisation_by_layer_judges_each_image_by_itself(name: str) -> None:
    discriminator = _build(name, _image(8), normalization="layer").discriminator
    x = torch.randn(4, 1, 8, 8)
    torch.testing.assert_close(discriminator(x)[1:2], discriminator(x[1:2]))
    kinds = {type(layer) for layer in discriminator.modules()}
    assert nn.GroupNorm in kinds
    assert not kinds & {nn.BatchNorm1d, nn.BatchNorm2d}


def test_upsampling_is_as_chosen() -> None:
    copied, between = (
        _build("resnet32", _image(8), upsampling=how).generator.eval() for how in ("nearest", "bilinear")
    )
    noise = torch.randn(2, 6)
    assert copied.state_dict().keys() == between.state_dict().keys()
    assert not torch.allclose(copied(noise), between(noise))


# An encoder, for losses that take any number of outputs


def test_infogan_is_an_encoder_where_any_number_of_outputs_will_do() -> None:
    players = _build("infogan", _image(8), None)
    assert players.discriminator(torch.randn(2, 1, 8, 8)).shape == (2, 2 * 6)
    # Its code is what the generator is sampled with.
    assert players.noise.distribution == "normal"
    game = _build("infogan", _image(8))
    assert game.noise.distribution == "uniform"
    one, two = players.generator.state_dict(), game.generator.state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert any(isinstance(layer, CentredSigmoid) for layer in players.generator.modules())


# What cannot be


@pytest.mark.parametrize("name", SMALL)
def test_points_are_unsupported(name: str) -> None:
    with pytest.raises(Unsupported, match=f"{name} makes images, the data are points"):
        _build(name, Signature(shape=(2,), kind="points"))


@pytest.mark.parametrize(
    ("name", "signature", "reason"),
    [
        (
            "infogan",
            _image(30),
            "infogan makes images with sides that are multiples of 4, from 8 to 128; the data have 30x30",
        ),
        ("infogan", _image(4), "from 8 to 128; the data have 4x4"),
        ("infogan", _image(28, width=132), "from 8 to 128; the data have 28x132"),
        ("sndcgan", _image(7), "sndcgan makes images with sides from 8 to 128, the data have 7x7"),
        ("sndcgan", _image(64, width=200), "sides from 8 to 128, the data have 64x200"),
        ("resnet32", _image(48), "makes square images of 8, 16, 28, 32, 64 pixels, the data have 48x48"),
        ("resnet32", _image(28, width=32), "resnet32 makes square images .* the data have 28x32"),
    ],
)
def test_sizes_that_they_cannot_make_are_unsupported(name: str, signature: Signature, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        _build(name, signature)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "dcgan",
            {"discriminator_channels": 0},
            "'discriminator_channels' .* at least 1.*, given 0",
        ),
        ("infogan", {"channels": 0}, "'channels' .* at least 1.*, given 0"),
        ("infogan", {"channels": 5000}, "'channels' .* at most 1024, given 5000"),
        ("infogan", {"units": 0}, "'units' .* at least 1.*, given 0"),
        ("infogan", {"noise": 0}, "'noise' .* at least 1.*, given 0"),
        ("infogan", {"pack": 0}, "'pack' .* at least 1.*, given 0"),
        (
            "infogan",
            {"batch_norm_decay": 1.0},
            "'batch_norm_decay' .* at least 0 and below 1, given 1",
        ),
        (
            "infogan",
            {"units": 16_384, "channels": 1024},
            "a layer from 16384 to 131072 units has more than 268435456 weights; units and channels must be",
        ),
        ("sndcgan", {"channels": 0}, "'channels' .* at least 1.*, given 0"),
        (
            "sndcgan",
            {"discriminator_channels": 513},
            "'discriminator_channels' .* at most 512, given 513",
        ),
        ("sndcgan", {"noise": -1}, "'noise' .* at least 1.*, given -1"),
        ("sndcgan", {"pack": 2000}, "'pack' .* at most 1024, given 2000"),
        (
            "sndcgan",
            {"noise": 16_384, "channels": 512},
            "a layer from 16384 to 65536 units has more than .* noise and channels must be smaller",
        ),
        ("resnet32", {"generator_channels": 0}, "'generator_channels' .* at least 1.*, given 0"),
        (
            "resnet32",
            {"discriminator_channels": 9999},
            "'discriminator_channels' .* at most 4096",
        ),
        (
            "resnet32",
            {"generator_channels": 24},
            "generator_channels must be a multiple of 16 at 64x64 .* 24",
        ),
        ("resnet32", {"discriminator_channels": 8}, "discriminator_channels must be a multiple of 16 .* 8"),
        ("resnet32", {"noise": 0}, "'noise' .* at least 1.*, given 0"),
        ("resnet32", {"pack": -1}, "'pack' .* at least 1.*, given -1"),
    ],
)
def test_impossible_options_are_refused_by_name(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogError, match=message) as caught:
        _build(name, _image(64 if name == "resnet32" else 32), **options)
    assert f"architecture '{name}'" in str(caught.value)


def test_what_cannot_be_is_known_before_anything_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "pictures").mkdir()
    for index in range(12):
        pixels = np.full((12, 12), 9 * index, dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{index}.png")
    unlabelled = {"name": "image_folder", "path": str(tmp_path / "pictures")}
    sndcgan = {"name": "sndcgan", **SMALL["sndcgan"]}
    reasons = {
        "conditional=true": "sndcgan: conditional needs labels, and the data have none",
        "pack=3": "pack must divide the batch, given pack = 3 and a batch of 8",
        "resnet32": "resnet32 makes square images of 8, 16, 28, 32, 64 pixels, the data have 12x12",
    }
    grid = read_grid(
        {
            "name": "misfits",
            "seeds": 1,
            "axes": {
                "dataset": [unlabelled],
                "architecture": [
                    {**sndcgan, "conditional": True},
                    {**sndcgan, "pack": 3},
                    {"name": "resnet32", **SMALL["resnet32"]},
                    sndcgan,
                ],
                "loss": ["hinge"],
            },
            "train": {"steps": 1, "batch_size": 8},
        },
        load_catalog(),
    )
    skipped = preflight(grid, "cpu", shared()).skipped
    found = {cell.architecture.label: skipped.get(cell.id) for cell in grid.cells}
    for part, reason in reasons.items():
        (told,) = (found[label] for label in found if part in label)
        assert told == reason
    assert list(found.values()).count(None) == 1
