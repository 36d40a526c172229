"""The parts keep their contracts, and are what the paper and other programs say."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ganbench_super_resolution import ganbench_grids
from ganbench_super_resolution.architecture import sr_bicubic, sr_resnet
from ganbench_super_resolution.crops import FolderCrops, PhotographCrops
from ganbench_super_resolution.networks import Block
from ganbench_super_resolution.objective import PixelLoss, SrganLoss
from ganbench_super_resolution.pairs import Pairs
from ganbench_super_resolution.resampling import degraded, enlarged
from ganbench_super_resolution.sharpness import Sharpness
from PIL import Image

from ganbench import Features, GanbenchError, Samples, Signature, Unsupported
from ganbench.testing import ArchitectureContract, DatasetContract, LossContract, MetricContract

PLUGIN = "ganbench_super_resolution"
SMALL = {"width": 4, "blocks": 1, "d_width": 2}
UNCOUPLED = {"d_width": 2, "d_norm": "none"}
FEW = {"crop": 16, "crops": 40}
OF_DIGITS = {"source": {"name": "digits"}, "scale": 2}
LARGER = {"name": "sr_pairs", "scale": 2, "source": {"name": "sr_photographs", **FEW}}
WITH_SRGAN = {"dataset": LARGER, "loss": "srgan"}
WITH_PIXELS = {"dataset": LARGER, "loss": "sr_pixel"}
AXES = {"dataset": LARGER, "architecture": {"name": "sr_resnet", **SMALL}, "loss": "sr_pixel"}


class OfThisPackage:
    plugins = (PLUGIN,)


@pytest.mark.slow
class TestPixelLoss(OfThisPackage, LossContract):
    name = "sr_pixel"
    axes = AXES


@pytest.mark.slow
class TestSrganLoss(OfThisPackage, LossContract):
    name = "srgan"
    axes = AXES


@pytest.mark.slow
class TestResnet(OfThisPackage, ArchitectureContract):
    name = "sr_resnet"
    options = SMALL
    axes = WITH_SRGAN


@pytest.mark.slow
class TestBicubic(OfThisPackage, ArchitectureContract):
    name = "sr_bicubic"
    options = UNCOUPLED
    axes = WITH_PIXELS


@pytest.mark.slow
class TestPairs(OfThisPackage, DatasetContract):
    name = "sr_pairs"
    options = OF_DIGITS


@pytest.mark.slow
class TestPhotographs(OfThisPackage, DatasetContract):
    name = "sr_photographs"
    options = FEW


@pytest.mark.slow
class TestSharpness(OfThisPackage, MetricContract):
    name = "sr_sharpness"


def pillows(images: torch.Tensor, side: int) -> torch.Tensor:
    """Resize by Pillow, in float32."""
    channels = [
        np.asarray(Image.fromarray(channel.numpy()).resize((side, side), Image.Resampling.BICUBIC))
        for channel in images.float().flatten(0, 1)
    ]
    return torch.tensor(np.stack(channels)).reshape(*images.shape[:2], side, side)


def in_8_bits(x: torch.Tensor) -> torch.Tensor:
    return ((x + 1) * 127.5).round()


@pytest.mark.parametrize("scale", [2, 4])
def test_pictures_become_smaller_and_larger_as_pillow_makes_them(scale: int) -> None:
    images = PhotographCrops(crop=32, crops=6).load("test").x
    small = degraded(images, scale)
    assert (in_8_bits(small) - pillows(images, 32 // scale).round().clamp(0, 255)).abs().max() <= 1
    expected = pillows(small, 32).clamp(-1, 1)
    assert (enlarged(small, scale) - expected).abs().max() < 1e-5


def test_pairs_are_the_images_of_another_data_set_and_small_ones() -> None:
    pairs = Pairs(source={"name": "digits", "classes": [3]}, scale=2)
    train = pairs.load("train")
    assert pairs.signature == Signature(shape=(1, 8, 8), kind="image", condition=(1, 4, 4))
    assert train.labels is None
    assert train.condition is not None
    assert torch.equal(train.condition, degraded(train.x, 2))
    bicubic = pairs.baselines(train.condition)["bicubic"]
    assert bicubic.dtype == torch.uint8
    assert torch.equal(bicubic.float(), in_8_bits(enlarged(train.condition, 2)))
    assert len({Pairs(source="digits", scale=2).fingerprint, pairs.fingerprint}) == 2


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (
            Signature(shape=(2,), kind="points"),
            "must be a data set of images, and this one has points",
        ),
        (Signature(shape=(2, 8, 8), kind="image"), "images of 1 or 3 channels, and this one has 2"),
        (Signature(shape=(1, 8, 8), kind="image", condition=(2,)), "images without a condition"),
        (Signature(shape=(1, 8, 10), kind="image"), "scale must divide .* and 4 does not divide 8x10"),
    ],
)
def test_sources_that_are_no_such_images_are_refused(
    monkeypatch: pytest.MonkeyPatch, signature: Signature, words: str
) -> None:
    monkeypatch.setattr("ganbench.build", lambda *_: SimpleNamespace(signature=signature, fingerprint=""))
    with pytest.raises(ValueError, match=words):
        Pairs(scale=4)


def test_one_photograph_is_trained_on_and_the_other_tested_on() -> None:
    data = PhotographCrops(train="flower", crop=100, crops=30)
    train, test = data.load("train").x, data.load("test").x
    assert (tuple(train.shape), tuple(test.shape)) == ((30, 3, 100, 100), (4 * 6, 3, 100, 100))
    assert torch.equal(train, data.load("train").x)
    # Parts for testing stand side by side, in the picture's middle.
    rows = torch.cat(list(test.reshape(4, 6, 3, 100, 100).transpose(1, 2).transpose(2, 3).flatten(3)), 1)
    whole = PhotographCrops(train="flower", crop=400, crops=1).load("test").x[0]
    assert torch.equal(rows[:, :, 100:500], whole)
    other = PhotographCrops(train="china", crop=400, crops=1).load("test").x[0]
    # None of it is trained on: the flower is red, and the temple's sky blue.
    assert not torch.equal(other, whole)
    found = other.unfold(1, 100, 1).unfold(2, 100, 1)[:, ::50, ::50].flatten(1, 2).transpose(0, 1)
    assert not any(torch.equal(one, part) for one in train[:5] for part in found)


def folder(path: Path, *sizes: tuple[int, int]) -> Path:
    for place, size in enumerate(sizes):
        Image.new("L", size, 10 * place).save(path / f"{place}.png")
    return path


def test_whole_pictures_of_a_folder_are_kept_back(tmp_path: Path) -> None:
    data = FolderCrops(folder(tmp_path, *[(40, 30)] * 6), crop=10, crops=50, test_every=3)
    shades = {split: set(data.load(split).x.flatten().tolist()) for split in ("train", "test")}  # type: ignore[arg-type]
    assert shades == {"train": {0, 10, 30, 40}, "test": {20, 50}}
    assert tuple(data.load("test").x.shape) == (2 * 12, 3, 10, 10)
    assert len(FolderCrops(tmp_path, crop=10, crops=5, test_every=3).load("test")) == 5
    before = data.fingerprint
    Image.new("L", (40, 30), 99).save(tmp_path / "3.png")
    assert FolderCrops(tmp_path, crop=10, crops=50, test_every=3).fingerprint != before


def test_folders_that_give_no_crops_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(GanbenchError, match=r"^dataset 'sr_crops': \S+: holds no pictures"):
        FolderCrops(tmp_path)
    small = FolderCrops(folder(tmp_path, (40, 30), (40, 9)), crop=10, test_every=2)
    with pytest.raises(
        GanbenchError, match=r"^dataset 'sr_crops': crop = 10, and \S+1.png is smaller: 40x9$"
    ):
        small.load("test")
    with pytest.raises(
        GanbenchError, match=r"^dataset 'sr_crops': \S+: test_every = 10 keeps back none of 2 "
    ):
        FolderCrops(tmp_path)
    (tmp_path / "0.png").write_text("no picture")
    with pytest.raises(GanbenchError, match=r"^dataset 'sr_crops': .*0.png' is broken"):
        small.load("train")


PAIRS = {
    scale: Signature(shape=(3, 96, 96), kind="image", condition=(3, 96 // scale, 96 // scale))
    for scale in (2, 4)
}


def test_the_defaults_are_the_papers_nets() -> None:
    with torch.device("meta"):
        players = sr_resnet(PAIRS[4])
        assert players.generator(torch.zeros(2, 1), torch.zeros(2, 3, 24, 24)).shape == (2, 3, 96, 96)
        assert players.discriminator(torch.zeros(2, 3, 96, 96)).shape == (2, 1)
        twice = sr_resnet(PAIRS[2])
        assert twice.generator(torch.zeros(2, 1), torch.zeros(2, 3, 48, 48)).shape == (2, 3, 96, 96)
    assert sum(isinstance(module, Block) for module in players.generator.modules()) == 16
    # First layer, blocks, the layer after them, two doublings, last layer.
    generator = 15_617 + 16 * 73_985 + 36_992 + 2 * 147_713 + 15_555
    assert sum(each.numel() for each in players.generator.parameters()) == generator
    dense = [each for each in players.discriminator.modules() if isinstance(each, torch.nn.Linear)]
    assert [(each.in_features, each.out_features) for each in dense] == [(512 * 6 * 6, 1024), (1024, 1)]


def test_with_a_skip_the_generator_begins_as_bicubic_interpolation() -> None:
    small = torch.rand(2, 3, 24, 24) * 2 - 1
    noise = torch.zeros(2, 1)
    begun = sr_resnet(PAIRS[4], **SMALL, skip=True).generator(noise, small)
    bicubic = sr_bicubic(PAIRS[4], d_width=2).generator(noise, small)
    assert torch.equal(begun, bicubic)
    assert torch.equal(bicubic, enlarged(small, 4))
    assert not torch.equal(sr_resnet(PAIRS[4], **SMALL).generator(noise, small), bicubic)


@pytest.mark.parametrize("build", [sr_resnet, sr_bicubic])
@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (Signature(shape=(2,), kind="points"), "needs small pictures as conditions, .* the data are points"),
        (Signature(shape=(1, 8, 8), kind="image", classes=10), "and the data have labels"),
        (Signature(shape=(1, 8, 8), kind="image"), "and the data have none"),
        (Signature(shape=(3, 24, 24), kind="image", condition=(3, 8, 8)), r"conditions of \(3, 8, 8\)"),
        (Signature(shape=(3, 24, 24), kind="image", condition=(1, 6, 6)), r"conditions of \(1, 6, 6\)"),
    ],
)
def test_data_that_are_no_such_pairs_are_unsupported(build: Any, signature: Signature, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        build(signature)


def turn(**changes: Any) -> Any:
    real, fake = torch.full((2, 3, 16, 16), 0.5), torch.full((2, 3, 16, 16), 0.25, requires_grad=True)
    scores = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [4.0]])
    given = {"real": real, "fake": fake, "scores": lambda: scores, "score": lambda x: scores[1]}
    return SimpleNamespace(**{**given, **changes})


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_the_losses_are_the_papers() -> None:
    told = (softplus(-1) + softplus(-3) + softplus(0) + softplus(4)) / 2
    adversarial = (softplus(0) + softplus(-4)) / 2
    for loss in (PixelLoss(), SrganLoss()):
        assert loss.discriminator_loss(turn()).item() == pytest.approx(told)
    assert PixelLoss().generator_loss(turn()).item() == pytest.approx(0.0625)
    weighted = SrganLoss(weight=0.01, pixels=2.0).generator_loss(turn())
    assert weighted.item() == pytest.approx(2 * 0.0625 + 0.01 * adversarial)


class Mean:
    """Features of whole images: their mean in 8 bits."""

    digest, channels, sizes = "mean", (3,), None

    def __call__(self, images: torch.Tensor) -> Features:
        return Features(features=images.flatten(1).mean(1, keepdim=True))


def test_content_may_be_in_the_features_of_an_extractor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganbench.build", lambda kind, name: {"mean": Mean()}[name])
    loss = SrganLoss(weight=0.0, features="mean", features_weight=0.1, pixels=0.0)
    game = turn()
    value = loss.generator_loss(game)
    assert loss.digest == "mean"
    assert value.item() == pytest.approx(0.1 * (0.25 * 127.5) ** 2)
    value.backward()
    assert game.fake.grad.abs().min() > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": (1,)}, "does not take images of 3 channels and 16x16 pixels"),
        ({"sizes": ((8, 8),)}, "does not take images of 3 channels and 16x16 pixels"),
        (
            {"__call__": lambda self, images: Features(features=images.detach().flatten(1))},
            "gives no gradient",
        ),
    ],
)
def test_extractors_that_do_not_serve_are_unsupported(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    monkeypatch.setattr("ganbench.build", lambda *_: type("Changed", (Mean,), changes)())
    with pytest.raises(Unsupported, match=words):
        SrganLoss(features="mean").generator_loss(turn())


def test_content_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="pixels must be above 0 where no features are named"):
        SrganLoss(pixels=0.0)


def test_sharpness_is_the_share_of_the_gradients_energy() -> None:
    stripes = torch.zeros(2, 1, 12, 12, dtype=torch.uint8)
    stripes[..., ::2] = 100
    half = stripes // 2
    measure = Sharpness(border=2)

    def scores(made: torch.Tensor, wanted: torch.Tensor) -> dict[str, float]:
        return dict(measure(Samples(x=made), Samples(x=wanted), None))  # type: ignore[arg-type]

    assert scores(half, stripes) == pytest.approx({"sr_sharpness": 0.25, "sr_gradient_energy": 0.25})
    assert scores(stripes, half) == pytest.approx({"sr_sharpness": 0.25, "sr_gradient_energy": 4.0})
    assert scores(stripes * 0, stripes * 0) == {"sr_sharpness": 1.0, "sr_gradient_energy": 1.0}
    # In colour it is that of the luma, and what lies in the border does not count.
    red = torch.zeros(2, 3, 12, 12, dtype=torch.uint8)
    red[:, :1] = stripes
    grey = stripes.expand(-1, 3, -1, -1)
    assert scores(red, grey)["sr_gradient_energy"] == pytest.approx(0.299**2)
    framed = grey.clone()
    framed[:, :, :2], framed[..., :2] = 255, 255
    assert scores(framed, grey)["sr_sharpness"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (Signature(shape=(2,), kind="points"), "images of 1 or 3 channels"),
        (Signature(shape=(2, 16, 16), kind="image"), "images of 1 or 3 channels"),
        (Signature(shape=(3, 16, 9), kind="image"), r"at least 10x10 \(border = 4\), and the data have 16x9"),
    ],
)
def test_images_that_have_no_sharpness_are_refused(signature: Signature, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Sharpness().check(SimpleNamespace(signature=signature))  # type: ignore[arg-type]


def test_its_grid_lies_beside_it() -> None:
    (grid,) = ganbench_grids()
    assert (Path(sys.modules["ganbench_super_resolution"].__file__ or "").parent / grid.path).is_file()
