"""What samples were made from stands with them in pictures: captions, inputs and targets."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_site import FakeSite
from finished_cells import equal_files, finish
from parts_here import parts, shared
from PIL import Image

from ganbench.api import Samples, Signature
from ganbench.catalog import load_catalog
from ganbench.files.png import PictureWords, read_words
from ganbench.grid import Choice, read_grid
from ganbench.runner.between_pictures import between_conditions
from ganbench.runner.captioned_pictures import (
    Block,
    Blocks,
    as_images,
    content_of,
    draw_blocks,
    draw_small,
    grouped,
    has_picture_conditions,
    paired,
)
from ganbench.runner.cell_pictures import fixed_conditions
from ganbench.runner.sample_pictures import draw_samples, shown

# Inputs are the mean shades of quarters of the images; words say which of four shades the first quarter has.
PLUGIN = """
import torch
from torch import nn
from ganbench import ArchitectureSpec, DatasetSpec, Noise, Players, Samples, Signature, hookimpl

class Quarters:
    fingerprint = "quarters 1"
    def __init__(self, words: bool = False, test: bool = True):
        self.words, self.test = words, test
        self.signature = Signature(shape=(1, 8, 8), kind="image", condition=(1,) if words else (3, 2, 2))
        if words:
            self.describe = lambda condition: f"shade {int(condition)} of four"
    def load(self, split):
        if split == "test" and not self.test:
            raise FileNotFoundError("no test split")
        shades = torch.randint(0, 4, (40, 1, 2, 2), generator=torch.Generator().manual_seed(len(split)))
        x = (60 * shades + 30).repeat_interleave(4, 2).repeat_interleave(4, 3).to(torch.uint8)
        if self.words:
            return Samples(x=x, condition=shades[:, 0, :1, 0].float())
        return Samples(x=x, condition=((60 * shades + 30) / 127.5 - 1).expand(-1, 3, -1, -1).contiguous())

class Generator(nn.Module):
    "Gives pictures as dark as the first entry of the condition, nearly."
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
    def forward(self, noise, condition=None):
        shade = condition.flatten(1)[:, :1] + 0.01 * torch.tanh(self.weight + noise[:, :1])
        return shade.clamp(-1, 1)[:, :, None, None].expand(-1, 1, 8, 8)

class Discriminator(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.layer = nn.Linear(size, 1)
    def forward(self, x, condition=None):
        return self.layer(torch.cat([x.flatten(1), condition.flatten(1)], 1))

def build(signature):
    discriminator = Discriminator(64 + torch.Size(signature.condition).numel())
    return Players(
        generator=Generator(), discriminator=discriminator, noise=Noise(size=2), conditional=True
    )

@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="quarters", build=Quarters)

@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="told", build=build)
"""


def document(dataset: dict[str, Any], **changes: Any) -> dict[str, Any]:
    axes = {"dataset": [{"name": "quarters", **dataset}], "architecture": ["told"], "loss": ["minimax"]}
    return {
        "name": "tiny",
        "seeds": 1,
        "axes": axes,
        "train": {"steps": 4, "batch_size": 16},
        **changes,
    }


def pixels(content: bytes) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def words(content: bytes) -> PictureWords:
    with Image.open(io.BytesIO(content)) as image:
        return read_words(image)


def shades(*levels: int) -> torch.Tensor:
    return torch.tensor(levels, dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8).contiguous()


def test_pairs_stand_beside_each_other_with_heads() -> None:
    x, condition, targets = shades(10, 20), torch.rand(2, 3, 2, 2), shades(110, 120)
    content = paired(Samples(x=x, condition=condition), ["", ""], targets)
    assert (content.heads, content.per_line) == (["input", "output", "target"], 1)
    small = pixels(draw_small(content))
    assert small.shape == (2 * 9 - 1, 3 * 9 - 1, 3)
    for row in range(2):
        found = small[9 * row : 9 * row + 8]
        # Each pixel of the input is a square of four.
        expected = (condition[row].permute(1, 2, 0).numpy() + 1) * 127.5
        assert np.abs(found[:, :8].reshape(2, 4, 2, 4, 3).mean((1, 3)) - expected).max() < 1
        assert (found[:, 9:17] == 10 * (row + 1)).all()
        assert (found[:, 18:] == 100 + 10 * (row + 1)).all()
    assert words(draw_small(content)) == PictureWords(heads=("input", "output", "target"))
    # With words in it images are enlarged by a whole factor; heads stand above.
    large = pixels(draw_blocks(content))
    assert large.shape[1] == 4 + 3 * 64 + 2 * 2 + 4
    assert (large[-6:-4, 4 + 66 : 4 + 66 + 64] == 20).all()
    assert (large[:20] == 255).any()
    without = paired(Samples(x=x, condition=condition), ["", ""], None)
    assert without.heads == ["input", "output"]


def chequered(height: int, width: int) -> torch.Tensor:
    return (torch.arange(height)[:, None] + torch.arange(width)) % 2


def test_baselines_stand_between_input_and_output_and_large_images_have_a_zoom() -> None:
    x = torch.zeros(2, 1, 48, 36, dtype=torch.uint8)
    targets = x + 128
    lively = (255 * chequered(16, 12)).to(torch.uint8)
    targets[0, 0, 20:36, 5:17] = lively
    content = paired(Samples(x=x, condition=torch.zeros(2, 1, 12, 9)), ["", ""], targets, {"guess": x + 7})
    assert content.heads == ["input", "guess", "output", "target"]
    assert [len(block.images) for block in content.blocks] == [4] * 4
    whole, part = (block.images[:, 0] for block in content.blocks[:2])
    assert (whole[1] == 7).all()
    assert torch.equal(whole[3], targets[0, 0])
    # Each pixel nine times, of the part of the target where most happens, and of the same part of the others.
    assert torch.equal(part[3], lively.repeat_interleave(3, 0).repeat_interleave(3, 1))
    assert (part[1] == 7).all()
    assert [bool(block.caption) for block in content.blocks] == [False, False, False, True]
    assert "12 x 16 pixels" in content.blocks[-1].caption


def test_a_zoom_shows_no_more_than_a_page_can_and_depends_on_no_output() -> None:
    stream = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (1, 1, 256, 256), dtype=torch.uint8, generator=stream)
    condition = torch.zeros(1, 1, 64, 64)
    condition[0, 0, 8:16, 0:8] = 2.0 * chequered(8, 8) - 1
    (_, part) = paired(Samples(x=x, condition=condition), [""], None).blocks
    # 32 pixels of the input where it varies.
    expected = x[0, 0, 32:64, 0:32].repeat_interleave(8, 0).repeat_interleave(8, 1)
    assert torch.equal(part.images[1, 0], expected)


def test_many_pairs_stand_side_by_side() -> None:
    samples = Samples(x=shades(*range(20)), condition=torch.rand(20, 1, 3, 5))
    content = paired(samples, [""] * 20, None)
    assert content.per_line == 4
    assert pixels(draw_blocks(content)).shape[1] == 4 + 4 * (2 * 64 + 2 + 4)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (torch.tensor([[0, 255]], dtype=torch.uint8), [0, 255]),
        (torch.tensor([[-1.0, 1.0]]), [0, 255]),
        (torch.tensor([[0.0, 1.0]]), [128, 255]),
        (torch.tensor([[0.0, 5.0]]), [0, 255]),
        (torch.tensor([[False, True]]), [0, 255]),
        (torch.tensor([[3, 7]]), [0, 255]),
        (torch.tensor([[7.0, 7.0]]), [0, 0]),
    ],
)
def test_inputs_of_all_types_are_shown(condition: torch.Tensor, expected: list[int]) -> None:
    found = as_images(condition.reshape(1, 1, 1, 2), torch.zeros(1, 3, 4, 4))
    assert (found.dtype, tuple(found.shape)) == (torch.uint8, (1, 1, 4, 4))
    assert found[0, 0, 0, [0, 3]].tolist() == expected


def test_samples_of_one_caption_are_a_row_and_classes_are_in_order() -> None:
    x = shades(*range(20))
    told = grouped(Samples(x=x, condition=torch.zeros(20, 2)), ["b", "a"] * 10)
    assert [(block.caption, block.images[:, 0, 0, 0].tolist()) for block in told.blocks] == [
        ("", list(range(0, 16, 2))),
        ("b", [16, 18]),
        ("", list(range(1, 17, 2))),
        ("a", [17, 19]),
    ]
    classes = grouped(Samples(x=x, labels=torch.tensor([11, 2] * 10)), ["coat", "shirt"] * 10)
    assert [(block.number, block.caption) for block in classes.blocks] == [
        ("2", ""),
        ("2", "shirt"),
        ("11", ""),
        ("11", "coat"),
    ]


def test_captions_that_all_differ_stand_under_their_samples() -> None:
    captions = [f"number {place}" for place in range(10)]
    content = grouped(Samples(x=shades(*range(10)), condition=torch.zeros(10, 2)), captions)
    assert [block.caption for block in content.blocks] == captions
    small = pixels(draw_small(content))
    assert small.shape[:2] == (2 * 9 - 1, 8 * 9 - 1)
    assert small[4::9, 4::9, 0].flatten().tolist() == [*range(10), *[96] * 6]
    assert words(draw_small(content)).rows == tuple(
        (str(place), caption) for place, caption in enumerate(captions, start=1)
    )


@pytest.mark.parametrize("caption", ["x" * 200, "two words " * 20, "ein Wort, 漢字, 🙂", " "])
def test_no_caption_is_wider_than_its_images(caption: str) -> None:
    content = Blocks(blocks=[Block(images=shades(0), caption=caption)] * 2, per_line=8)
    found = pixels(draw_blocks(content))
    assert found.shape[1] == 4 + 2 * (128 + 4)
    # Nothing is written between the samples, nor at the edges.
    for columns in (slice(0, 4), slice(132, 136), slice(264, 268)):
        assert (found[:, columns] == 96).all()


def test_labels_without_names_are_drawn_as_ever_and_plain_samples_too(fake_site: FakeSite) -> None:
    digits = shared().dataset(Choice("digits"))
    data = digits.load("test")
    assert content_of(shown(data, digits.signature), digits) is None
    assert content_of(Samples(x=data.x), digits) is None
    with Image.open(io.BytesIO(draw_samples(Samples(x=data.x), digits.signature, data))) as picture:
        assert picture.text == {}  # type: ignore[attr-defined]
    fake_site.install("fake-quarters", PLUGIN)
    load_catalog(refresh=True)
    quarters = shared().dataset(Choice("quarters", {"words": True}))
    assert content_of(Samples(x=data.x), quarters) is None


def test_only_pictures_are_pictures() -> None:
    image = {"shape": (1, 8, 8), "kind": "image"}
    assert has_picture_conditions(Signature(**image, condition=(3, 2, 2)))
    assert not has_picture_conditions(Signature(**image, condition=(12, 8, 8)))
    assert not has_picture_conditions(Signature(**image, condition=(64,)))
    assert not has_picture_conditions(Signature(**image, classes=3))
    assert not has_picture_conditions(Signature(shape=(2,), kind="points", condition=(3, 2, 2)))


@pytest.mark.slow
def test_pictures_of_pairs_show_the_same_conditions_of_the_test_split_in_all_cells(
    fake_site: FakeSite, tmp_path: Path
) -> None:
    fake_site.install("fake-quarters", PLUGIN)
    asked = document({}, seeds=2)
    store = finish(asked, tmp_path / "whole")
    cells = store.cells_on_disk()
    small = [pixels(store.sample_pictures(cell)[4].read_bytes()) for cell in cells]
    assert len(cells) == 2
    data = shared().dataset(Choice("quarters")).load("test")
    rows = [0, 7, 15, 23, 31, 39]
    for found in small:
        assert found.shape == (6 * 9 - 1, 3 * 9 - 1, 3)
        for place, row in enumerate(rows):
            line = found[9 * place : 9 * place + 8]
            assert (line[:, :8, 0] == data.x[row, 0].numpy()).all()
            assert (line[:, 18:, 0] == data.x[row, 0].numpy()).all()
            # The generator's own shade is that of its input, within what its weight does.
            assert abs(line[:, 9:17].mean() - int(data.x[row, 0, 0, 0])) < 4
    # A cell that is interrupted leaves the same pictures.
    assert equal_files(store, finish(asked, tmp_path / "parts", stops=(2,)))
    for cell in cells:
        picture = store.samples_png(cell)
        assert picture is not None
        assert words(picture.read_bytes()).heads == ("input", "output", "target")


@pytest.mark.slow
def test_pictures_of_described_conditions_have_a_condition_a_row(fake_site: FakeSite, tmp_path: Path) -> None:
    fake_site.install("fake-quarters", PLUGIN)
    store = finish(document({"words": True}), tmp_path / "out")
    (cell,) = store.cells_on_disk()
    content = store.sample_pictures(cell)[4].read_bytes()
    told = words(content)
    assert sorted(caption for _, caption in told.rows) == [f"shade {shade} of four" for shade in range(4)]
    assert [number for number, _ in told.rows] == ["1", "2", "3", "4"]
    picture = store.samples_png(cell)
    assert picture is not None
    assert words(picture.read_bytes()) == told
    # Each row's samples are as bright as its caption says, as far as a picture can be.
    found = pixels(content)
    margin = found.shape[1] - (8 * 9 - 1)
    for row, (_, caption) in enumerate(told.rows):
        shade = found[9 * row : 9 * row + 8, margin : margin + 8].mean()
        assert abs(shade - {0: 127.5}.get(int(caption[6]), 255)) < 4
    # Strips lead from the first caption to the second, and from the third to the fourth, in equal steps.
    between = store.between_png(cell)
    assert between is not None
    strips = pixels(between.read_bytes())
    assert strips.shape == (2 * 9 - 1, found.shape[1], 3)
    levels = [int(caption[6]) for _, caption in told.rows]
    for row, (start, end) in enumerate(zip(levels[::2], levels[1::2], strict=True)):
        shades = strips[9 * row : 9 * row + 8, margin:][4, 4::9, 0]
        expected = 127.5 * (1 + np.linspace(start, end, 8).clip(-1, 1))
        assert np.abs(shades - expected).max() < 4


@pytest.mark.parametrize("given", [{}, {"test": False}])
def test_pictures_as_conditions_have_nothing_between_them(
    fake_site: FakeSite, given: dict[str, bool]
) -> None:
    fake_site.install("fake-quarters", PLUGIN)
    mine = parts(next(iter(read_grid(document(given), load_catalog()).cells)))
    fixed = fixed_conditions(mine)
    assert fixed is not None
    assert between_conditions(mine, fixed[0]) is None
    assert between_conditions(mine, None) is None


def test_without_a_test_split_conditions_are_of_the_reference(fake_site: FakeSite) -> None:
    fake_site.install("fake-quarters", PLUGIN)
    (cell,) = read_grid(document({"test": False}), load_catalog()).cells
    chosen = fixed_conditions(parts(cell))
    assert chosen is not None
    conditions, targets = chosen
    data = parts(cell).train
    assert data.condition is not None
    assert targets is not None
    assert torch.equal(conditions, data.condition[[0, 7, 15, 23, 31, 39]])
    assert torch.equal(targets, data.x[[0, 7, 15, 23, 31, 39]])
