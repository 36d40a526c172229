"""GAN-CLS with INT (Reed et al., 2016): matched and mismatched texts, and texts between those of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from finished_cells import equal_files, finish
from interrupted_cells import differing, trained
from parts_here import parts
from torch.nn.functional import binary_cross_entropy

from ganbench.catalog import load_catalog, plugins_given
from ganbench.grid import Cell, read_grid
from ganbench.runner.build import build_trainer
from ganbench.training.batches import Batches
from ganbench.training.feed import Feed

PLUGIN = '''
import torch
from torch import nn
from torch.nn.functional import softplus

from ganbench import ArchitectureSpec, DatasetSpec, LossSpec, Noise, Players, Samples, Signature, hookimpl

WORDS = ("left", "right", "low", "high")


class MatchingAware:
    """Algorithm 1 and equation 5 of Reed et al., 2016; a loss of matching, mismatching and blended texts."""

    def __init__(self, between: float = 0.5) -> None:
        self.between = between

    def discriminator_loss(self, game):
        real, fake = game.scores()
        wrong = game.score(game.real, condition=self.other(game))
        return softplus(-real).mean() + (softplus(wrong).mean() + softplus(fake).mean()) / 2

    def generator_loss(self, game):
        blended = torch.lerp(game.condition, self.other(game), self.between)
        made = game.generate(game.noise, condition=blended)
        return (
            softplus(-game.score(game.fake)).mean() + softplus(-game.score(made, condition=blended)).mean()
        ) / 2

    def other(self, game):
        return game.condition.roll(1, 0)


class Corners:
    """Points about one of four places, each with its text as a vector."""

    signature = Signature(shape=(2,), kind="points", condition=(4,))
    fingerprint = "corners 1"

    def load(self, split):
        stream = torch.Generator().manual_seed(len(split))
        which = torch.arange(200) % 4
        places = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
        x = places[which] + 0.05 * torch.randn(200, 2, generator=stream)
        return Samples(x=x, condition=nn.functional.one_hot(which, 4).float())

    def describe(self, condition):
        return WORDS[int(condition.argmax())]


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.noise, self.text = nn.Linear(2, 2), nn.Linear(4, 2)

    def forward(self, noise, condition=None):
        return self.noise(0.1 * noise) + self.text(condition)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 + 4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

    def forward(self, x, condition=None):
        return self.layers(torch.cat([x, condition], 1))


def build(signature):
    return Players(
        generator=Generator(), discriminator=Discriminator(), noise=Noise(size=2), conditional=True
    )


@hookimpl
def ganbench_losses():
    yield LossSpec(name="matching_aware", build=MatchingAware)


@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="corners", build=Corners)


@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="texts", build=build)
'''


@pytest.fixture(autouse=True)
def given(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "gan_cls.py"
    path.write_text(PLUGIN)
    with plugins_given([path]):
        yield path


def document(**train: Any) -> dict[str, Any]:
    axes = {"dataset": ["corners"], "architecture": ["texts"], "loss": ["matching_aware"]}
    settings = {"steps": 30, "batch_size": 16, "diagnostics_every": 1, **train}
    return {"name": "texts", "seeds": 1, "axes": axes, "train": settings}


def cell(**train: Any) -> Cell:
    (only,) = read_grid(document(**train), load_catalog()).cells
    return only


def test_its_losses_are_those_of_the_paper() -> None:
    """Those of the first round, from the nets and batches alone, with D's probabilities as in the paper."""
    still = cell(optimizer={"lr": 1e-30}, steps=1)
    trainer = build_trainer(parts(still))
    trainer.advance(1)
    curves = trainer.diagnostics.columns()

    mine, cpu = parts(still), torch.device("cpu")
    players, streams = mine.players, mine.streams
    batches = Batches(mine.train, 16, streams.data, cpu, torch.float32)
    stream = torch.Generator().manual_seed(streams.noise)
    draws = Feed(batches, players.noise, stream, d_steps=1, device=cpu).draw()
    (x, text), (first, second) = draws.batches[0], draws.noises
    assert text is not None

    def judged(image: torch.Tensor, about: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(players.discriminator(image, about))

    one, nought, wrong = torch.ones(16, 1), torch.zeros(16, 1), text.roll(1, 0)
    with torch.no_grad():
        of_d = binary_cross_entropy(judged(x, text), one) + 0.5 * (
            binary_cross_entropy(judged(x, wrong), nought)
            + binary_cross_entropy(judged(players.generator(first, text), text), nought)
        )
        between = (text + wrong) / 2
        of_g = 0.5 * (
            binary_cross_entropy(judged(players.generator(second, text), text), one)
            + binary_cross_entropy(judged(players.generator(second, between), between), one)
        )
    assert float(curves["loss_g"][-1]) == pytest.approx(float(of_g), rel=1e-5)
    assert float(curves["loss_d"][-1]) == pytest.approx(float(of_d), rel=1e-5)


@pytest.mark.slow
def test_it_learns_what_texts_mean() -> None:
    learnt = cell(steps=600, batch_size=64, optimizer={"lr": 5e-3})
    mine = parts(learnt)
    trainer = build_trainer(mine)
    trainer.advance(600)
    generator, noise = mine.players.generator, torch.randn(400, 2)
    places = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    with torch.no_grad():
        for which, place in enumerate(places):
            made = generator(noise, torch.eye(4)[which].expand(400, -1))
            assert int(torch.cdist(made.mean(0)[None], places).argmin()) == which
            assert math.dist(made.mean(0).tolist(), place.tolist()) < 0.4


def test_it_goes_on_to_the_same_bits() -> None:
    assert not differing(trained(cell()), trained(cell(), stops=(7, 20)))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_cell_that_is_interrupted_leaves_the_same_files(
    precision: str, tmp_path: Path, given: Path
) -> None:
    # Texts are float32 in the data; the nets, which take no mixture, get them in their own type.
    played = document(precision=precision)
    whole = finish(played, tmp_path / "whole", plugins=[given])
    assert equal_files(whole, finish(played, tmp_path / "parts", plugins=[given], stops=(7, 13)))
