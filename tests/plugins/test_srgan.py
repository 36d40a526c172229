"""SRGAN (Ledig et al., 2017): pictures from small ones, with a content loss by a frozen network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from finished_cells import equal_files, finish
from interrupted_cells import differing, trained
from parts_here import parts
from PIL import Image

from ganbench.catalog import load_catalog, plugins_given
from ganbench.grid import Cell, read_grid
from ganbench.runner.build import build_trainer

PLUGIN = '''
import torch
from torch import nn
from torch.nn.functional import interpolate, softplus

from ganbench import ArchitectureSpec, DatasetSpec, LossSpec, Noise, Players, Samples, Signature, hookimpl


class Content(nn.Module):
    """Features of a fixed network, in the place of VGG's."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())

    def forward(self, x):
        return self.layers(x)


class Perceptual:
    """Equation 3: the content loss, and the adversarial loss times a small weight."""

    def __init__(self, weight: float = 1e-3) -> None:
        self.weight = weight
        self.content = Content()

    def discriminator_loss(self, game):
        real, fake = game.scores()
        return softplus(-real).mean() + softplus(fake).mean()

    def generator_loss(self, game):
        apart = self.content(game.fake) - self.content(game.real)
        return apart.square().mean() + self.weight * softplus(-game.score(game.fake)).mean()


class Stripes:
    """Slanted stripes of 8 pixels a side, and what is left of them at 4."""

    signature = Signature(shape=(1, 8, 8), kind="image", condition=(1, 4, 4))
    fingerprint = "stripes 1"

    def load(self, split):
        stream = torch.Generator().manual_seed(len(split))
        slope, start = torch.rand(2, 64, 1, 1, 1, generator=stream)
        across = torch.arange(8.0) * slope + torch.arange(8.0)[:, None] / 8 + start
        x = ((torch.sin(3 * across) + 1) * 127.5).round()
        small = interpolate(x / 127.5 - 1, size=(4, 4), mode="area")
        return Samples(x=x.to(torch.uint8), condition=small)


class Generator(nn.Module):
    """Nearest neighbours, corrected by convolutions; there is no noise in it."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1)
        )

    def forward(self, noise, condition=None):
        large = interpolate(condition, scale_factor=2)
        return large + self.layers(large)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2), nn.LeakyReLU(0.2), nn.Flatten())
        self.last = nn.Linear(8 * 9, 1)

    def forward(self, x, condition=None):
        return self.last(self.layers(x))


def build(signature):
    return Players(
        generator=Generator(), discriminator=Discriminator(), noise=Noise(size=1), conditional=True
    )


@hookimpl
def ganbench_losses():
    yield LossSpec(name="perceptual", build=Perceptual)


@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="stripes", build=Stripes)


@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="upscaler", build=build)
'''


@pytest.fixture(autouse=True)
def given(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "srgan.py"
    path.write_text(PLUGIN)
    with plugins_given([path]):
        yield path


def document(**train: Any) -> dict[str, Any]:
    axes = {"dataset": ["stripes"], "architecture": ["upscaler"], "loss": ["perceptual"]}
    settings = {"steps": 20, "batch_size": 16, "diagnostics_every": 1, **train}
    score = {"metrics": ["psnr"], "samples": 64, "reference": "test", "every": 10}
    return {"name": "srgan", "seeds": 1, "axes": axes, "train": settings, "score": score}


def cell(**train: Any) -> Cell:
    (only,) = read_grid(document(**train), load_catalog()).cells
    return only


def test_the_content_network_stays_as_it_was_built_and_gives_gradients() -> None:
    mine = parts(cell())
    trainer = build_trainer(mine)
    content = mine.loss.loss.content  # type: ignore[attr-defined]
    before = {name: value.clone() for name, value in content.state_dict().items()}
    start = {name: value.clone() for name, value in mine.players.generator.state_dict().items()}
    trainer.advance(20)
    # Batch normalisation too: it is in eval mode.
    assert all(torch.equal(value, before[name]) for name, value in content.state_dict().items())
    assert not content.training
    assert not any(parameter.requires_grad for parameter in content.parameters())
    assert not torch.equal(start["layers.0.weight"], mine.players.generator.state_dict()["layers.0.weight"])
    # Its weights come from a stream of the loss's own: the same in each training of the cell.
    again = parts(cell()).loss.loss.content  # type: ignore[attr-defined]
    assert all(torch.equal(value, before[name]) for name, value in again.state_dict().items())


@pytest.mark.slow
def test_it_restores_more_than_nearest_neighbours_do() -> None:
    learnt = cell(steps=300, optimizer={"lr": 5e-3})
    mine = parts(learnt)
    data = mine.dataset.load("test")
    assert data.condition is not None
    wanted = data.x.float() / 127.5 - 1
    nearest = torch.nn.functional.interpolate(data.condition, scale_factor=2)
    build_trainer(mine).advance(300)
    generator = mine.players.generator.eval()
    with torch.no_grad():
        made = generator(torch.zeros(64, 1), data.condition)
    errors = [float((each - wanted).square().mean()) for each in (made, nearest)]
    assert errors[0] < 0.6 * errors[1]


def test_it_goes_on_to_the_same_bits() -> None:
    assert not differing(trained(cell()), trained(cell(), stops=(3, 11)))


@pytest.mark.slow
def test_its_cell_is_scored_by_pairs_and_leaves_the_same_files_when_interrupted(
    tmp_path: Path, given: Path
) -> None:
    whole = finish(document(), tmp_path / "whole", plugins=[given])
    assert equal_files(whole, finish(document(), tmp_path / "parts", plugins=[given], stops=(3, 9)))
    (only,) = whole.cells_on_disk()
    rows = whole.scores(only)
    assert [(row["step"], row["metric"]) for row in rows] == [(step, "psnr") for step in (10, 20)]
    # Input, output and target of the test split stand side by side.
    with Image.open(whole.sample_pictures(only)[20]) as picture:
        pixels = np.asarray(picture)
    targets = parts(cell()).dataset.load("test").x[[0, 12, 25, 37, 50, 63], 0].numpy()
    found = np.stack([pixels[9 * row : 9 * row + 8, 18:] for row in range(6)])
    assert (found == targets).all()
