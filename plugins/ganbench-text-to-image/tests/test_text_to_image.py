"""Losses, nets, data and metrics keep their contracts, and are what the paper and the captions say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ganbench_text_to_image import encoders, ganbench_grids, metrics, reader
from ganbench_text_to_image.architecture import text_gan_nets
from ganbench_text_to_image.encoders import embed
from ganbench_text_to_image.losses import (
    Interpolated,
    InterpolatedMatchingAware,
    MatchingAware,
    TextGAN,
)
from ganbench_text_to_image.shapes import CaptionedShapes
from torch.nn.functional import softplus

from ganbench import GanbenchError, Samples, Signature, Unsupported
from ganbench.testing import ArchitectureContract, DatasetContract, LossContract, MetricContract

PACKAGE = ["ganbench_text_to_image"]
DATA = {"name": "captioned_shapes", "objects": "one", "samples": 400, "numbers": 32}
SMALL_SHAPES = {"objects": "both", "samples": 64, "numbers": 32}
NETS = {"width": 4, "text": 8, "noise": 4}
AROUND = {"dataset": DATA, "architecture": {"name": "text_gan_nets", **NETS}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of this run's own, and readers that are trained for a moment only."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setattr(reader, "_STEPS", 40)
    yield
    reader.attribute_reader.cache_clear()
    reader.matcher.cache_clear()


@pytest.mark.slow
class TestPlain(LossContract):
    name, plugins, axes = "text_gan", PACKAGE, AROUND


@pytest.mark.slow
class TestInterpolatedMatchingAware(LossContract):
    name, plugins, axes = "text_gan_int_cls", PACKAGE, AROUND


@pytest.mark.slow
class TestNets(ArchitectureContract):
    name, plugins, options, axes = "text_gan_nets", PACKAGE, NETS, {"dataset": DATA}


@pytest.mark.slow
class TestShapes(DatasetContract):
    name, plugins = "captioned_shapes", PACKAGE
    options = SMALL_SHAPES


@pytest.mark.slow
class TestMatch(MetricContract):
    name, plugins, axes = "caption_match", PACKAGE, {"dataset": DATA}


@pytest.mark.slow
class TestRecall(MetricContract):
    name, plugins, axes = "caption_recall", PACKAGE, {"dataset": DATA}


@pytest.mark.slow
class TestMargin(MetricContract):
    name, plugins, axes = "caption_margin", PACKAGE, {"dataset": DATA}


class Turn:
    """A turn with players that are products and differences, so that a score tells what met which text."""

    real, noise = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[0.1], [0.2], [0.3]])
    condition: Any = torch.tensor([[0.5], [-1.0], [3.0]])

    @property
    def fake(self) -> torch.Tensor:
        return self.generate(self.noise, self.condition)

    def generate(self, noise: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return noise - condition

    def score(self, x: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        return x * (self.condition if condition is None else condition)

    def scores(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.score(self.real), self.score(self.fake)


@pytest.mark.parametrize("build", [TextGAN, MatchingAware, Interpolated, InterpolatedMatchingAware])
def test_losses_are_those_of_the_paper(build: type[TextGAN]) -> None:
    turn: Any = Turn()
    text, wrong = turn.condition, turn.condition[[2, 0, 1]]
    real, fake = turn.real * text, (turn.noise - text) * text
    of_d = softplus(-real).mean() + softplus(fake).mean()
    if issubclass(build, MatchingAware):
        mismatched = softplus(turn.real * wrong).mean()
        of_d = softplus(-real).mean() + 0.5 * (mismatched + softplus(fake).mean())
    of_g = softplus(-fake).mean()
    if issubclass(build, Interpolated):
        between = (text + wrong) / 2
        of_g = 0.5 * (of_g + softplus(-(turn.noise - between) * between).mean())
    loss = build()
    assert loss.discriminator_loss(turn).item() == pytest.approx(of_d.item())
    assert loss.generator_loss(turn).item() == pytest.approx(of_g.item())


def test_losses_of_texts_refuse_labels() -> None:
    turn: Any = Turn()
    turn.condition = torch.tensor([1, 2, 3])
    with pytest.raises(Unsupported, match="need embedded captions as conditions"):
        Interpolated().generator_loss(turn)


@pytest.mark.parametrize("side", [32, 64])
def test_nets_have_the_sizes_of_the_authors(side: int) -> None:
    with torch.device("meta"):
        players = text_gan_nets(Signature(shape=(3, side, side), kind="image", condition=(1024,)))
        text = torch.empty(2, 1024)
        images = players.generator(torch.empty(2, 100), text)
        assert images.shape == (2, 3, side, side)
        assert players.discriminator(images, text).shape == (2, 1)
    first = next(each for each in players.generator.modules() if isinstance(each, torch.nn.ConvTranspose2d))
    assert (first.in_channels, first.out_channels) == (100 + 128, 128 * side // 8)


def test_nets_refuse_what_does_not_fit() -> None:
    with pytest.raises(Unsupported, match="square images of 32 or 64 pixels"):
        text_gan_nets(Signature(shape=(3, 28, 28), kind="image", condition=(8,)))
    with pytest.raises(Unsupported, match="the data have no condition"):
        text_gan_nets(Signature(shape=(3, 32, 32), kind="image", classes=3))


def test_hashed_texts_differ_by_their_words_and_their_order() -> None:
    texts = ["a red square above a blue square", "a blue square above a red square", "A red circle!"]
    one = embed(texts, "hashing", 64)
    assert torch.equal(one, embed(texts, "hashing", 64))
    assert torch.allclose(one.norm(dim=1), torch.full((3,), 8.0))
    assert len(one.unique(dim=0)) == 3
    assert torch.equal(one[2:], embed(["a RED circle !"], "hashing", 64))


@pytest.mark.slow
def test_wordllama_finds_texts_alike_that_mean_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tokenizers", reason=f"needs wordllama: {encoders.COMMAND}")
    texts = ["a small dog", "a little puppy", "the national debt"]
    dog, puppy, debt = embed(texts, "wordllama", 128)
    assert dog @ puppy > dog @ debt
    # From the cache, by content: no encoder is asked.
    monkeypatch.setattr(encoders, "_wordllama", None)
    assert torch.equal(embed(texts, "wordllama", 128), torch.stack([dog, puppy, debt]))


def test_an_encoder_that_is_not_installed_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise encoders.PackageNotFoundError(name)

    monkeypatch.setattr(encoders, "version", version)
    with pytest.raises(GanbenchError, match=r"get it with: pip install ganbench-text-to-image\[wordllama\]"):
        CaptionedShapes(encoder="wordllama")


def test_wordllama_has_so_many_numbers_at_most() -> None:
    with pytest.raises(ValueError, match="numbers must be at most 256 with wordllama, given 512"):
        CaptionedShapes(encoder="wordllama", numbers=512)


def test_one_shape_is_drawn_as_its_caption_says() -> None:
    shapes = CaptionedShapes("one", samples=256)
    data = shapes.load("train")
    assert data.condition is not None
    said = shapes.attributes(data.condition)
    x = data.x.float()
    ink = (x - 32).abs().sum(1)
    for image, mask, condition, row in zip(x, ink, data.condition, said, strict=True):
        down, right = ((mask.sum(axis) @ (torch.arange(32) - 15.5) / mask.sum()).item() for axis in (1, 0))
        place = "top" if down < -4 else "bottom" if down > 4 else "centre"
        place += " left" if right < -4 else " right" if right > 4 else ""
        caption = shapes.describe(condition)
        assert place in caption
        red, green, blue = image[:, round(15.5 + down), round(15.5 + right)].tolist()
        assert ("blue" in caption) == (blue > 180 and green < 120 and red < 90)
        assert row[4:].tolist() == [-1, -1, -1]
    covered = (ink > 60).sum((1, 2)).float()
    assert covered[said[:, 2] == 1].mean() > 2 * covered[said[:, 2] == 0].mean()


def test_two_shapes_lie_as_their_caption_says_whichever_is_named_first() -> None:
    shapes = CaptionedShapes("two", samples=400, shapes=2, colours=2, phrasings=1)
    data = shapes.load("train")
    assert data.condition is not None
    said = shapes.attributes(data.condition)
    assert set(said[:, 6].tolist()) == {0, 2}  # left of, above
    red_left = (said[:, 0] == 0) & (said[:, 4] == 1) & (said[:, 6] == 0)
    captions = [shapes.describe(condition) for condition in data.condition[red_left]]
    assert {caption.split()[1] for caption in captions} == {"red", "green"}
    x = data.x[red_left].float()
    left, right = x[..., :16].mean((2, 3)), x[..., 16:].mean((2, 3))
    assert (left[:, 0] > left[:, 1]).all()
    assert (right[:, 1] > right[:, 0]).all()


def test_the_margin_is_that_of_pairs_whose_texts_differ() -> None:
    texts = torch.tensor([[1.0], [1.0], [3.0], [2.0]])
    data: Any = Samples(x=torch.zeros(4, 1, 2, 2, dtype=torch.uint8), condition=texts)
    found = metrics.CaptionMargin()(data, data, data, lambda x, text: text[:, 0])
    # The wrong texts are 2, 1, 1, 3: that of the second row is the right one.
    assert found == {"caption_margin": pytest.approx(0.0), "caption_margin_share": pytest.approx(1 / 3)}


@pytest.mark.slow
def test_real_pictures_match_their_captions_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_STEPS", 100)
    shapes = CaptionedShapes("one", samples=800, numbers=64)
    real = shapes.load("test")
    good = replace(real, index=torch.arange(len(real)))
    bad = replace(good, x=good.x.roll(1, 0))
    match = metrics.CaptionMatch()
    assert match(good, real, shapes)["caption_match_place"] > 0.9
    assert match(bad, real, shapes)["caption_match_place"] < 0.4
    assert match(bad, real, shapes)["caption_match_real"] == match(good, real, shapes)["caption_match"]
    recall = metrics.CaptionRecall()
    assert recall(good, real, shapes)["caption_recall"] > 0.5
    assert recall(bad, real, shapes)["caption_recall"] < 0.1


def test_metrics_refuse_data_that_say_too_little() -> None:
    points: Any = SimpleNamespace(signature=Signature(shape=(2,), kind="points"))
    for metric in (metrics.CaptionMatch(), metrics.CaptionRecall(), metrics.CaptionMargin()):
        with pytest.raises(ValueError, match=r"^needs "):
            metric.check(points)
    few = CaptionedShapes("one", samples=200, colours=2, shapes=2, phrasings=1)
    with pytest.raises(ValueError, match="needs 100 different captions, the train split has 40"):
        metrics.CaptionRecall().check(few)


def test_its_grid_lies_beside_it() -> None:
    (grid,) = ganbench_grids()
    assert (Path(sys.modules["ganbench_text_to_image"].__file__ or "").parent / grid.path).is_file()
