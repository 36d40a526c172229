"""Methods with networks beside the players, with a loss that learns, with labels for one player alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from broken_plugins import RING, TINY, grid
from fake_site import FakeSite
from finished_cells import equal_files, finish
from interrupted_cells import differing, trained
from parts_here import parts, shared

from ganbench import Players
from ganbench.execution.grid_check import preflight
from ganbench.grid import Cell
from ganbench.runner.build import build_trainer, loss_outputs
from ganbench.testing.on_devices import play_on_meta, play_pretended

PLUGIN = '''
import math
from typing import Annotated

import torch
from torch import nn
from torch.nn.functional import cross_entropy, softplus

import ganbench
from ganbench import ArchitectureSpec, Choice, Extra, LossSpec, Noise, Players, Unsupported, hookimpl

WIDTH = 32


def net(inputs, outputs, *last):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, outputs), *last
    )


def generator(signature, noise):
    last = [nn.Tanh()] if signature.kind == "image" else []
    return net(noise, math.prod(signature.shape), *last, nn.Unflatten(1, signature.shape))


def bigan(signature, noise: int = 2, features: int = 8):
    entries = math.prod(signature.shape)
    return Players(
        generator=generator(signature, noise),
        discriminator=net(entries, features),
        noise=Noise(size=noise),
        extra={
            "encoder": Extra(net(entries, noise), learns_with="generator"),
            "joint": Extra(net(features + noise, 1), learns_with="discriminator"),
        },
    )


def coded(signature, noise: int = 4, discriminator_outputs: int = 1):
    entries = math.prod(signature.shape)
    return Players(
        generator=generator(signature, noise),
        discriminator=net(entries, discriminator_outputs),
        noise=Noise(size=noise, distribution="uniform"),
        extra={"q": Extra(net(entries, 1), "generator")},
    )


class BiGAN:
    """Donahue et al. (2017), Adversarial Feature Learning, equation 3."""

    logit = None

    def pairs(self, game):
        """Scores of (x, E(x)) and of (G(z), z)."""
        encoded = game.networks["encoder"](game.real)
        features = game.scores()
        codes = encoded, game.noise
        return [game.networks["joint"](torch.cat(pair, 1)) for pair in zip(features, codes)]

    def discriminator_loss(self, game):
        real, fake = self.pairs(game)
        return softplus(-real).mean() + softplus(fake).mean()

    def generator_loss(self, game):
        real, fake = self.pairs(game)
        return softplus(real).mean() + softplus(-fake).mean()


class Adversarial:
    def discriminator_loss(self, game):
        real, fake = map(self.logit, game.scores())
        return softplus(-real).mean() + softplus(fake).mean()

    def generator_loss(self, game):
        return softplus(-self.logit(game.score(game.fake))).mean()

    def logit(self, scores):
        return scores[:, 0]


class InfoGAN(Adversarial):
    """Chen et al. (2016), InfoGAN, equation 6, of a code with a normal distribution: the last entry of z."""

    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def generator_loss(self, game):
        missed = game.networks["q"](game.fake) - game.noise[:, -1:]
        return super().generator_loss(game) + self.weight * missed.square().mean()


class ACGAN(Adversarial):
    """Odena et al. (2017), Conditional Image Synthesis with Auxiliary Classifier GANs, section 3."""

    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def classified(self, game, x):
        return self.weight * cross_entropy(game.score(x)[:, 1:], game.condition)

    def discriminator_loss(self, game):
        both = self.classified(game, game.real) + self.classified(game, game.fake)
        return super().discriminator_loss(game) + both

    def generator_loss(self, game):
        return super().generator_loss(game) + self.classified(game, game.fake)


class Tempered(Adversarial, nn.Module):
    """Scores over a temperature that is learned with D."""

    learns_with = "discriminator"

    def __init__(self, initial: float = 2.0):
        super().__init__()
        self.log_temperature = nn.Parameter(torch.tensor(math.log(initial)))

    def logit(self, scores):
        return scores[:, 0] / self.log_temperature.exp()


class TemperedBiGAN(BiGAN, nn.Module):
    """Both at once: networks beside the players, and a loss that learns with the generator."""

    learns_with = "generator"

    def __init__(self):
        super().__init__()
        self.log_temperature = nn.Parameter(torch.tensor(0.5))

    def pairs(self, game):
        return [scores / self.log_temperature.exp() for scores in super().pairs(game)]


class Halved:
    """Half of another loss."""

    def __init__(self, base: Annotated[Choice, "loss"] = "acgan"):
        self.base = ganbench.build("loss", base)

    def discriminator_loss(self, game):
        return self.base.discriminator_loss(game) / 2

    def generator_loss(self, game):
        return self.base.generator_loss(game) / 2

    def logit(self, scores):
        return self.base.logit(scores)


def one_and_classes(signature, options):
    if signature.classes is None:
        raise Unsupported("acgan needs labels, and the data have none")
    return (1 + signature.classes) * (2 if options["weight"] == 2 else 1)


@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="bigan", build=bigan)
    yield ArchitectureSpec(name="coded", build=coded)


@hookimpl
def ganbench_losses():
    yield LossSpec(name="bigan", build=BiGAN, discriminator_outputs=None)
    yield LossSpec(name="bigan_tempered", build=TemperedBiGAN, discriminator_outputs=None)
    yield LossSpec(name="infogan", build=InfoGAN)
    yield LossSpec(name="acgan", build=ACGAN, discriminator_outputs=one_and_classes)
    yield LossSpec(name="halved", build=Halved, discriminator_outputs="base")
    yield LossSpec(name="tempered", build=Tempered)
'''
DIGITS = {"name": "digits", "size": 8}
CONDITIONAL = {**TINY, "conditional": "generator"}
METHODS: Mapping[str, Any] = {
    "bigan": "bigan",
    "bigan_tempered": "bigan",
    "infogan": "coded",
    "tempered": TINY,
    "acgan": CONDITIONAL,
}


@pytest.fixture
def site(fake_site: FakeSite) -> FakeSite:
    fake_site.install("fake-methods", PLUGIN)
    return fake_site


@pytest.mark.slow
def test_a_run_leaves_the_same_files_where_it_is_interrupted(site: FakeSite, tmp_path: Path) -> None:
    asked = {
        "name": "methods",
        "seeds": 1,
        "axes": {"dataset": [RING], "architecture": ["bigan"], "loss": ["bigan_tempered"]},
        "train": {"steps": 12, "batch_size": 8, "ema": 0.5, "diagnostics_every": 1},
        "score": {"metrics": ["wasserstein"], "samples": 32, "every": 4},
    }
    assert equal_files(finish(asked, tmp_path / "whole"), finish(asked, tmp_path / "parts", stops=(5, 2)))


@pytest.mark.slow
@pytest.mark.parametrize("loss", METHODS)
def test_each_goes_on_to_the_same_bits(site: FakeSite, loss: str) -> None:
    cell = cell_of(loss, steps=6, ema=0.5, gradient_clip=1.0, batch_size=8)
    assert differing(trained(cell), trained(cell, stops=(2, 3))) == []


@pytest.mark.slow
@pytest.mark.parametrize("loss", METHODS)
def test_each_plays_where_there_are_no_values_and_on_a_gpu_that_is_not_there(
    site: FakeSite, loss: str
) -> None:
    cell = cell_of(loss, steps=2, ema=0.5, batch_size=8)
    play_on_meta(parts(cell))
    play_pretended(parts(cell))


def cell_of(loss: str, dataset: Any = DIGITS, **train: Any) -> Cell:
    settings = {"steps": 150, "batch_size": 64, **train}
    asked = grid(dataset=[dataset], architecture=[METHODS[loss]], loss=[loss], train=settings)
    tried = preflight(asked, "cpu", shared())
    assert tried.skipped == {}
    return asked.cells[0]


def before_and_after(cell: Cell, steps: int, measure: Callable[[Players], float]) -> tuple[float, float]:
    trainer = build_trainer(parts(cell))
    found = []
    for step in (0, steps):
        trainer.advance(step)
        with torch.no_grad():
            found.append(measure(trainer.players))
    return found[0], found[1]


def draws(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.slow
def test_the_encoder_of_bigan_inverts_its_generator(site: FakeSite) -> None:
    def error(players: Players) -> float:
        noise = draws(500, 2)
        back = players.extra["encoder"].module(players.generator(noise))
        return float((back - noise).square().mean())

    cell = cell_of("bigan", {"name": "gaussian_grid", "samples": 500}, optimizer={"lr": 0.003})
    before, after = before_and_after(cell, 150, error)
    assert after < 0.3 < 0.8 < before


def test_q_reads_the_code(site: FakeSite) -> None:
    def error(players: Players) -> float:
        noise = draws(500, 4).clamp(-1, 1)
        read = players.extra["q"].module(players.generator(noise))
        return float((read - noise[:, -1:]).square().mean())

    before, after = before_and_after(cell_of("infogan", optimizer={"lr": 0.01}), 50, error)
    assert after < 0.03 < 0.3 < before


@pytest.mark.slow
def test_acgan_on_built_in_nets_tells_classes_and_makes_them(site: FakeSite) -> None:
    cell = cell_of("acgan", optimizer={"lr": 0.01})
    data = parts(cell).train
    assert data.labels is not None
    labels = torch.arange(500) % 10

    def told(players: Players, x: torch.Tensor, classes: torch.Tensor) -> float:
        scores = players.discriminator(x)
        assert scores.shape == (len(x), 11)
        return float((scores[:, 1:].argmax(1) == classes).float().mean())

    def of_both(players: Players) -> float:
        made = players.generator(draws(500, 4), labels)
        assert data.labels is not None
        return min(told(players, made, labels), told(players, data.x / 127.5 - 1, data.labels))

    before, after = before_and_after(cell, 100, of_both)
    assert before < 0.2 < 0.8 < after


def test_the_temperature_moves_along_the_discriminators_gradient(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = 0.5
    cell = cell_of("tempered", steps=3, optimizer={"name": "sgd", "lr": rate}, precision="float64")
    built = parts(cell)
    loss: Any = built.loss.loss
    asked, seen = loss.discriminator_loss, []

    def watched(game: Any) -> Any:
        seen.append([scores.detach()[:, 0] for scores in game.scores()])
        return asked(game)

    monkeypatch.setattr(loss, "discriminator_loss", watched)
    trainer = build_trainer(built)
    log = math.log(2)
    for step in (1, 2, 3):
        trainer.advance(step)
        real, fake = (scores / math.exp(log) for scores in seen[-1])
        # Of mean softplus(-r/T) + mean softplus(f/T), by log T.
        slope = (real * torch.sigmoid(-real)).mean() - (fake * torch.sigmoid(fake)).mean()
        log -= rate * float(slope)
        assert loss.log_temperature.item() == pytest.approx(log, rel=1e-6)
    assert abs(log - math.log(2)) > 1e-6


def test_a_loss_says_which_network_the_players_lack(site: FakeSite) -> None:
    asked = grid(loss=["bigan", "non_saturating"], architecture=["coded", TINY])
    tried = preflight(asked, "cpu", shared())
    who = r"loss 'bigan' \(plugin fake-methods 1.0\) needs a network 'encoder' beside the players"
    reasons = [tried.skipped.get(cell.id, "") for cell in asked.cells]
    assert re.fullmatch(
        rf"{who}: there are q \(architecture 'coded' \(plugin fake-methods 1.0\)\)", reasons[0]
    )
    assert re.fullmatch(rf"{who}: there is none \(architecture 'mlp.*'\)", reasons[2])
    assert reasons[1] == reasons[3] == ""


def test_a_loss_whose_outputs_the_data_decide_says_what_it_needs(site: FakeSite) -> None:
    asked = grid(loss=["acgan"], dataset=[{"name": "swiss_roll", "samples": 40}])
    assert list(preflight(asked, "cpu", shared()).skipped.values()) == [
        "acgan needs labels, and the data have none"
    ]
    # Also of a loss that another one wraps, with the options that it is given there.
    for weight, outputs in ((0.5, 11), (2, 22)):
        base = {"name": "acgan", "weight": weight}
        (cell,) = grid(loss=[{"name": "halved", "base": base}], dataset=[DIGITS]).cells
        assert loss_outputs(parts(cell), cell.loss) == outputs
        assert parts(cell).loss.outputs == outputs
        assert parts(cell).players.discriminator(torch.zeros(2, 1, 8, 8)).shape == (2, outputs)
    # A discriminator that takes the label is no other than the loss asks for.
    both = grid(loss=["acgan"], dataset=[DIGITS], architecture=[{**TINY, "conditional": True}])
    assert preflight(both, "cpu", shared()).skipped == {}
