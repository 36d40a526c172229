from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from parts_here import parts, shared
from PIL import Image

from ganbench.catalog import load_catalog
from ganbench.grid import environment_of, read_grid
from ganbench.runner import Task, cell_pictures, run_cell
from ganbench.runner.cell_pictures import frame_for, nearest_rows
from ganbench.runner.point_pictures import GENERATED, PIXELS, draw_plane, frame_of, shares, surface_of
from ganbench.store import Store

ARCHITECTURE = {"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}
GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {"dataset": ["gaussian_ring"], "architecture": [ARCHITECTURE], "loss": ["non_saturating"]},
    "train": {"steps": 20, "batch_size": 16},
    "score": {"metrics": ["wasserstein"], "samples": 64, "every": 10, "initial": True},
}


CHOOSY = """
NOISY = False
import torch
from torch import nn
from ganbench import ArchitectureSpec, Noise, Players, hookimpl

class Discriminator(nn.Module):
    "Takes batches of training only."
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)
    def forward(self, x, condition=None):
        if len(x) > 64 and not NOISY:
            raise RuntimeError("too many")
        return self.layer(x + torch.randn_like(x) if NOISY else x)

def build(signature):
    return Players(generator=nn.Linear(2, 2), discriminator=Discriminator(), noise=Noise(size=2))

@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="choosy", build=build)
"""


def finished(folder: Path, document: dict[str, Any] = GRID, stops: Sequence[int] = ()) -> tuple[Store, str]:
    """A cell run to its end; before that it is told to stop when it has asked so often."""
    (cell,) = read_grid(document, load_catalog()).cells
    environment = environment_of(cell, load_catalog(), device="cpu", engine="eager", threads=1)
    store = Store(folder)
    store.make()
    task = Task(cell=cell, folder=str(folder), device="cpu", environment=environment)
    for steps in stops:
        asked = iter(range(steps))
        result = run_cell(task, shared(), lambda asked=asked: next(asked, None) is None)
        assert result.status == "unfinished"
    result = run_cell(task, shared())
    assert (result.status, result.reason) == ("ok", "")
    return store, cell.id


def pixels(content: bytes) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.slow
def test_points_have_a_picture_of_each_step_with_the_discriminator(tmp_path: Path, monkeypatch: Any) -> None:
    store, cell = finished(tmp_path / "with")
    pictures = store.sample_pictures(cell)
    assert list(pictures) == [0, 10, 20]
    contents = [path.read_bytes() for path in pictures.values()]
    assert len(set(contents)) == 3
    for content in contents:
        assert pixels(content).shape == (PIXELS, PIXELS, 3)
        assert len(content) < 4_000
        # The surface leaves no corner white.
        assert pixels(content)[0, 0].min() < 255
    reference = store.reference_png("gaussian_ring")
    assert reference is not None
    assert (pixels(reference.read_bytes())[0, 0] == 255).all()
    assert store.neighbours_png(cell) is None
    weights = store.weights(cell)
    monkeypatch.setattr(cell_pictures, "surface_of", lambda *_: None)
    store, cell = finished(tmp_path / "without")
    assert store.weights(cell) == weights != ""


@pytest.mark.slow
def test_a_cell_stopped_on_the_way_leaves_the_same_pictures(tmp_path: Path) -> None:
    store, cell = finished(tmp_path / "whole")
    stopped, _ = finished(tmp_path / "stopped", stops=(3, 9, 1))
    for step, path in store.sample_pictures(cell).items():
        assert stopped.sample_pictures(cell)[step].read_bytes() == path.read_bytes()
    for picture in (Store.samples_png, lambda store, _: store.reference_png("gaussian_ring")):
        assert picture(stopped, cell).read_bytes() == picture(store, cell).read_bytes()


def test_a_surface_is_what_the_discriminator_says_and_changes_nothing() -> None:
    batch_norm = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1)).train()
    before = {name: tensor.clone() for name, tensor in batch_norm.state_dict().items()}
    with torch.no_grad():
        batch_norm[1].weight.copy_(torch.tensor([[0.0, 100.0]]))
        batch_norm[1].bias.zero_()
    surface = surface_of(batch_norm, lambda s: s.squeeze(1), [(-1.0, 1.0)] * 2, torch.device("cpu"))
    assert surface is not None
    assert (surface[0] > 0.99).all()
    assert (surface[-1] < 0.01).all()
    assert batch_norm.training
    assert torch.equal(batch_norm.state_dict()["0.running_mean"], before["0.running_mean"])
    packed = torch.nn.Sequential(torch.nn.Unflatten(0, (-1, 2)), torch.nn.Flatten(), torch.nn.Linear(4, 1))
    assert surface_of(packed, lambda s: s.squeeze(1), [(-1.0, 1.0)] * 2, torch.device("cpu")) is None


def test_points_stand_where_they_are_and_those_beyond_the_frame_on_its_edge() -> None:
    data = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    frame = frame_of(data)
    assert frame[0][0] < -1.4
    samples = torch.tensor([[0.9, 0.9], [9.0, 0.0]])
    picture = np.asarray(draw_plane(data, samples, None, frame).convert("RGB"))
    rows, columns = np.nonzero((picture == GENERATED).all(2))
    dots = sorted({(int(row) // 4, int(column) // 4) for row, column in zip(rows, columns, strict=True)})
    assert len(rows) == 8
    assert dots == [(9, 38), (23, 47), (24, 47)]
    line = draw_plane(torch.zeros(5, 1), torch.ones(5, 1) / 2, np.linspace(0, 1, PIXELS), [(-1.0, 1.0)])
    assert line.size == (PIXELS, PIXELS)


def test_what_lies_beyond_a_span_is_counted_in_its_outermost_bins() -> None:
    found, edges = shares(torch.tensor([[-9.0], [0.1], [0.1], [9.0]]), (-1.0, 1.0))
    assert found.sum() == 1
    assert found[[0, -1]].tolist() == [0.25, 0.25]
    assert edges[[0, -1]].tolist() == [-1.0, 1.0]


def test_a_frame_holds_the_data_in_its_middle_and_where_the_generator_begins() -> None:
    stream = torch.Generator().manual_seed(0)
    square = torch.rand(1000, 2, generator=stream) * 2 - 1
    (left, right), up = frame_of(square)
    assert right - left == pytest.approx(up[1] - up[0])
    assert np.allclose((left, right), (-1.5, 1.5), atol=0.1)
    # A few points far away change little, in the data and at the beginning.
    far = torch.cat([square, torch.tensor([[1e6, -1e6]] * 3)])
    assert np.allclose(frame_of(far), frame_of(square), atol=0.1)
    assert np.allclose(frame_of(square, far / 2), frame_of(square), atol=0.1)
    # Where a generator begins elsewhere, both are seen; coordinates of other extents keep their own scale.
    across, up = frame_of(square + torch.tensor([8.0, 0.0]), square / 10)
    assert across[0] < -1
    assert across[1] > 17
    assert up[1] - up[0] < 4
    # A line has no width of its own; a point neither.
    across, up = frame_of(square * torch.tensor([0.0, 1.0]))
    assert across[1] - across[0] == pytest.approx(up[1] - up[0])
    assert frame_of(torch.zeros(5, 1)) == [(-1.0, 1.0)]
    assert frame_of(torch.zeros(5, 1), torch.ones(5, 1))[0][1] > 1.2


def test_arms_have_one_frame() -> None:
    axes = {"dataset": [{"name": "parallel_lines", "offset": 4.0}], "loss": ["minimax", "non_saturating"]}
    cells = read_grid(GRID | {"axes": GRID["axes"] | axes}, load_catalog()).cells
    across, up = frame_for(parts(cells[0]))
    assert across[0] < 0 < 8 < across[1]
    assert frame_for(parts(cells[1])) == [across, up]


def test_the_nearest_training_images_are_found_whatever_the_parts() -> None:
    stream = torch.Generator().manual_seed(0)
    data = torch.randint(0, 256, (50, 1, 4, 4), dtype=torch.uint8, generator=stream)
    x = data[[7, 31]].clone()
    x[:, 0, 0, 0] ^= 1
    expected = torch.cdist(x.flatten(1).double(), data.flatten(1).double()).argsort(1)[:, :3]
    for at_once in (16, 100, 10_000):
        assert torch.equal(nearest_rows(x, data, 3, at_once), expected)
    assert expected[:, 0].tolist() == [7, 31]
    assert nearest_rows(x, data[:2], 3).shape == (2, 2)


@pytest.mark.slow
def test_a_discriminator_that_cannot_be_asked_costs_the_surface_only(fake_site: Any, tmp_path: Path) -> None:
    fake_site.install("fake-choosy", CHOOSY)
    document = GRID | {"axes": GRID["axes"] | {"architecture": ["choosy"]}}
    store, cell = finished(tmp_path / "out", document)
    assert list(store.sample_pictures(cell)) == [0, 10, 20]


@pytest.mark.slow
def test_what_training_draws_does_not_depend_on_pictures(
    fake_site: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    fake_site.install("fake-noisy", CHOOSY.replace("NOISY = False", "NOISY = True"))
    document = GRID | {"axes": GRID["axes"] | {"architecture": ["choosy"]}}
    store, cell = finished(tmp_path / "with", document)
    weights = store.weights(cell)
    monkeypatch.setattr(cell_pictures, "surface_of", lambda *_: None)
    store, cell = finished(tmp_path / "without", document)
    assert store.weights(cell) == weights
