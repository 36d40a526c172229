"""A generator that is loaded to be sampled is the one that was scored, also where its state is no tensor."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_site import FakeSite, fake_site
from in_process import InProcess
from parts_here import parts

import ganbench
from ganbench.catalog import load_catalog
from ganbench.grid import read_grid
from ganbench.runner.best_generator import KeptBest
from ganbench.runner.checkpoint import load_generator
from ganbench.store import Store

# Nothing here looks at a picture.
pytestmark = pytest.mark.usefixtures("undrawn")

__all__ = ["fake_site"]

PLUGIN = """
import torch
from ganbench import ArchitectureSpec, Noise, Players, hookimpl


class Fading(torch.nn.Linear):
    share = 0.0

    def at_step(self, step, steps):
        self.share = step / steps

    def forward(self, noise):
        return super().forward(noise) * self.share


@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="fading", build=build)


def build(signature):
    return Players(generator=Fading(4, 2), discriminator=torch.nn.Linear(2, 1), noise=Noise(size=4))
"""


@pytest.mark.slow
def test_it_is_told_the_step_of_its_weights(fake_site: FakeSite, tmp_path: Path) -> None:
    fake_site.install("fake-fading", PLUGIN)
    table = {
        "name": "fading",
        "seeds": 1,
        "axes": {"dataset": ["gaussian_ring"], "architecture": ["fading"], "loss": ["non_saturating"]},
        "train": {"steps": 3, "batch_size": 8},
    }
    ganbench.run(table, out=tmp_path / "out", executor=InProcess())
    (cell,) = read_grid(table, load_catalog()).cells
    store = Store(tmp_path / "out")
    generator = load_generator(store, parts(cell))
    assert generator.share == pytest.approx(1.0)
    store.write_generator(cell.id, store.generator(cell.id), best=True)
    best = KeptBest(score="frechet", step=1, value=0.0, weights="")
    assert load_generator(store, parts(cell), best).share == pytest.approx(1 / 3)
