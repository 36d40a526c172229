"""R3GAN's recipe (Huang et al., 2024): a loss by a plugin, two penalties and four schedules in the grid."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_site import FakeSite
from finished_cells import equal_files, finish, weights_of

PLUGIN = """
import math

import torch
from torch.nn.functional import softplus

from ganbench import LossSpec, PenaltySpec, hookimpl


class Relativistic:
    def discriminator_loss(self, game):
        real, fake = game.scores()
        return softplus(fake - real).mean()

    def generator_loss(self, game):
        with torch.no_grad():
            real = game.score(game.real)
        return softplus(real - game.score(game.fake)).mean()


class ScheduledR1:
    def __init__(self, start: float = 2.0, end: float = 0.5):
        self.start, self.end = start, end

    def __call__(self, game):
        share = (1 + torch.cos(math.pi * game.progress)) / 2
        weight = self.end + (self.start - self.end) * share
        return weight / 2 * game.input_gradient(game.real).square().sum(1).mean()


@hookimpl
def ganbench_losses():
    yield LossSpec(name="relativistic_pairs", build=Relativistic, formula_d="E[softplus(s(G(z)) - s(x))]")


@hookimpl
def ganbench_penalties():
    yield PenaltySpec(name="scheduled_r1", build=ScheduledR1, formula="γ(t)/2 · E[|∇ s(x)|²]")
"""
STEPS = 24
GRID: dict[str, Any] = {
    "name": "recipe",
    "seeds": 1,
    "axes": {
        "dataset": ["gaussian_ring"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["relativistic_pairs"],
        "penalty": [["scheduled_r1", {"name": "r2", "weight": 0.5, "every": 2}]],
    },
    "train": {
        "steps": STEPS,
        "batch_size": 16,
        "diagnostics_every": 1,
        "optimizer": {"betas": [0.0, 0.9]},
        "schedule": {"name": "cosine", "final": 0.25, "warmup": 0.125},
        "schedules": {"optimizer.betas.1": {"name": "cosine", "from": 0.9, "to": 0.99, "until": 0.5}},
        "ema": {"half_life": 6, "ramp": 0.5},
        "gradient_clip": 10.0,
    },
    "score": {"metrics": ["wasserstein"], "samples": 64, "every": 8},
}


@pytest.mark.slow
def test_it_trains_and_goes_on_to_the_same_bits(fake_site: FakeSite, tmp_path: Path) -> None:
    fake_site.install("fake-recipe", PLUGIN)
    whole = finish(GRID, tmp_path / "whole")
    (cell,) = whole.cells_on_disk()
    assert whole.cell(cell)["axes"]["penalty"] == "r2[every=2,weight=0.5]+scheduled_r1"
    # Told to stop within a warm-up, a schedule and a ramp, and started again.
    assert equal_files(whole, finish(GRID, tmp_path / "parts", stops=(2, 9, 6)))


@pytest.mark.slow
def test_each_part_of_it_counts(fake_site: FakeSite, tmp_path: Path) -> None:
    fake_site.install("fake-recipe", PLUGIN)
    plain = {**GRID, "score": {}, "train": {**GRID["train"], "steps": 6}}
    without: dict[str, dict[str, Any]] = {
        "whole": {},
        "schedule": {"schedule": "constant"},
        "betas": {"schedules": {}},
        "ema": {"ema": 0.5},
    }
    found = {}
    for name, train in without.items():
        store = finish({**plain, "train": {**plain["train"], **train}}, tmp_path / name)
        found[name] = torch.cat([weight.flatten() for weight in weights_of(store).values()])
    assert all(math.isfinite(float(weight.sum())) for weight in found.values())
    assert not any(torch.equal(found["whole"], found[name]) for name in without if name != "whole")
