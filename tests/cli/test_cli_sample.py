from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from parts_here import parts, shared
from PIL import Image

from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.execution import plan_run
from ganbench.grid import read_grid
from ganbench.grid.seeds import score_seed
from ganbench.runner import Task, run_cell
from ganbench.runner.external_samples import read_samples
from ganbench.runner.sample_pictures import write_images
from ganbench.store import Store
from ganbench.training import prepare_process

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {"dataset": ["labelled_shades"], "architecture": ["conditional"], "loss": ["minimax"]},
    "train": {"steps": 3, "batch_size": 16},
    "score": {"metrics": ["told"], "samples": 30, "reference": "test", "repeats": 2, "every": 0},
}
PLUGIN = """
import torch
from torch import nn
from ganbench import (
    ArchitectureSpec, DatasetSpec, MetricSpec, Noise, Players, Samples, Signature, hookimpl
)

class Labelled:
    signature = Signature(shape=(1, 4, 4), kind="image", classes=9, condition=(2,))
    fingerprint = "labelled 1"
    def load(self, split):
        count = 40 if split == "train" else 25
        stream = torch.Generator().manual_seed(count)
        labels = torch.randint(0, 9, (count,), generator=stream)
        shades = (labels * 25).to(torch.uint8).reshape(count, 1, 1, 1)
        condition = torch.rand(count, 2, generator=stream)
        return Samples(x=shades.expand(count, 1, 4, 4).contiguous(), labels=labels, condition=condition)

class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3 + 2, 16)
    def forward(self, noise, condition=None):
        return torch.tanh(self.layer(torch.cat([noise, condition], dim=1))).reshape(-1, 1, 4, 4)

class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(16 + 2, 1)
    def forward(self, x, condition=None):
        return self.layer(torch.cat([x.flatten(1), condition], dim=1))

def build(signature):
    players = Generator(), Discriminator()
    return Players(generator=players[0], discriminator=players[1], noise=Noise(size=3), conditional=True)

class Told:
    needs, minimum = "pairs", 2
    def __call__(self, generated, reference, dataset):
        apart = (generated.x.double() - reference.x.double()).square().mean()
        same = torch.equal(generated.condition, reference.condition)
        return {"told": float(apart) if same else -1.0}

@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="labelled_shades", build=Labelled)

@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="conditional", build=build)

@hookimpl
def ganbench_metrics():
    yield MetricSpec(name="told", build=Told, directions={"told": "lower"})
"""


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in a worker; the command sets it for its process, which is the tests' own here."""
    before = torch.get_num_threads()
    prepare_process(threads=1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def store(fake_site: Any, one_thread: None, tmp_path: Path) -> Store:
    """A finished cell of a conditional model, scored on two sample sets."""
    fake_site.install("fake-conditional", PLUGIN)
    plan, store = plan_run(read_grid(GRID, load_catalog()), tmp_path / "results", device="cpu")
    store.make()
    store.write_grid(plan.grid.to_toml())
    (planned,) = plan.cells
    task = Task(cell=planned.cell, folder=str(store.path), device="cpu", environment=planned.environment)
    assert run_cell(task, shared()).status == "ok"
    return store


def cell_of(store: Store) -> str:
    (cell,) = store.cells_on_disk()
    return cell


def sample(store: Store, *arguments: str | Path, count: int = 30) -> int:
    return main(["sample", str(store.path), cell_of(store), "--count", str(count), *map(str, arguments)])


def test_each_repeat_gives_the_images_that_were_scored(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []
    for repeat in (0, 1):
        out = tmp_path / f"{repeat}.npz"
        assert sample(store, "--repeat", str(repeat), "--out", out) == 0
        capsys.readouterr()
        # The metric compares each image with the real one of its condition, which the archive tells.
        wanted = ["--reference", "labelled_shades", "--split", "test", "--metrics", "told", "--json"]
        assert main(["score", str(out), *wanted]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        stored = store.scores(cell_of(store))[repeat]
        assert (row["value"], row["protocol"]) == (stored["value"], stored["protocol"])
        assert row["value"] > 0
        seen.append(read_samples(out).x)
    assert not torch.equal(*seen)


def test_an_archive_has_what_conditional_samples_were_made_from(store: Store, tmp_path: Path) -> None:
    (cell,) = read_grid(store.grid(), load_catalog()).cells
    assert sample(store, "--out", tmp_path / "a.npz") == 0
    with np.load(tmp_path / "a.npz") as stored:
        assert set(stored.files) == {"x", "labels", "condition", "index"}
        assert (stored["x"].dtype, stored["x"].shape) == (np.uint8, (30, 1, 4, 4))
        index = stored["index"]
        # From the split that is the real side, which here is the smaller one.
        data = parts(cell).dataset.load("test")
        assert data.labels is not None
        assert data.condition is not None
        assert index.max() < len(data)
        assert np.array_equal(stored["labels"], data.labels[index].numpy())
        assert np.array_equal(stored["condition"], data.condition[index].numpy())
        drawn = torch.Generator().manual_seed(score_seed(cell))
        torch.randn((250, 3), generator=drawn)
        assert index.tolist() == torch.randint(25, (250,), generator=drawn)[:30].tolist()


def test_the_three_forms_hold_the_same_images_and_fewer_are_the_first(store: Store, tmp_path: Path) -> None:
    for out in ("a.npz", "above/a.png", "folder"):
        assert sample(store, "--out", tmp_path / out) == 0
    assert sample(store, "--out", tmp_path / "few.npz", count=7) == 0
    x = np.load(tmp_path / "a.npz")["x"]
    assert np.array_equal(np.load(tmp_path / "few.npz")["x"], x[:7])
    names = sorted(path.name for path in (tmp_path / "folder").iterdir())
    assert names == [f"{index:05}.png" for index in range(30)]
    assert np.array_equal(read_samples(tmp_path / "folder").x.numpy(), x)
    with Image.open(tmp_path / "above" / "a.png") as picture:
        assert picture.mode == "L"
    again = (tmp_path / "a.npz").read_bytes()
    assert sample(store, "--out", tmp_path / "a.npz") == 0
    assert (tmp_path / "a.npz").read_bytes() == again


def test_names_of_many_images_sort_as_they_were_made(tmp_path: Path) -> None:
    class Many:
        """Samples that only claim to be many."""

        x = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)

        def __len__(self) -> int:
            return 100_001

    write_images(Many(), tmp_path)  # type: ignore[arg-type]
    assert sorted(os.listdir(tmp_path)) == ["000000.png", "000001.png", "000002.png"]


@pytest.mark.slow
@pytest.mark.parametrize("out", ["a.npz", "a.png", "folder", "above/a.npz"])
def test_a_full_disk_leaves_nothing_half_written(
    store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    out: str,
) -> None:
    place = tmp_path / "place"
    place.mkdir()

    class Full:
        """A stream whose disk takes so many bytes."""

        room = 300

        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def write(self, content: Any) -> int:
            Full.room -= len(content)
            if Full.room < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return int(self._stream.write(content))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self._stream.close()

    real = open

    def opened(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        stream = real(path, mode, *arguments, **options)
        return Full(stream) if str(path).startswith(str(place)) and mode != "r" else stream

    monkeypatch.setattr("builtins.open", opened)
    assert sample(store, "--out", place / out) == 2
    monkeypatch.undo()
    error = capsys.readouterr().err
    assert error == f"ganbench: error: {place / out}: cannot be written: {os.strerror(errno.ENOSPC)}\n"
    assert [path for path in place.rglob("*") if path.is_file() or path.name != "above"] == []


def test_a_folder_with_something_in_it_is_left_alone(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    assert sample(store, "--out", folder, count=3) == 0
    assert sample(store, "--out", folder, count=2) == 2
    assert "folder: is there already, and is not an empty folder; give another one" in capsys.readouterr().err
    assert len(list(folder.iterdir())) == 3


def test_no_samples_are_refused_in_a_line(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert sample(store, count=0) == 2
    assert capsys.readouterr().err == "ganbench: error: --count: must be from 1 to 1000000, given 0\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--out", "a.jpg"], "--out: must end in .png or .npz, or be a folder, given 'a.jpg'"),
        (["--repeat", "2"], "--repeat: must be from 0 to 1, as score.repeats of the grid is 2, given 2"),
        (["--repeat", "-1"], "--repeat: must be from 0 to 1, as score.repeats of the grid is 2, given -1"),
        (["--device", "tpu"], "--device: must be auto, cpu, cuda or cuda:N, given 'tpu'"),
        (["--device", "cuda:99"], "--device: 'cuda:99' is not on this machine"),
    ],
)
def test_what_cannot_be_sampled_is_refused_in_a_line(
    store: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    problem: str,
) -> None:
    monkeypatch.chdir(store.path)
    assert sample(store, *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"ganbench: error: {problem}")
    assert captured.err.count("\n") == 1
    assert not (store.path / "samples.png").exists()


def test_a_cell_that_is_none_is_refused(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    cell = cell_of(store)
    near = cell[:-1] + ("0" if cell[-1] != "0" else "1")
    for given, problem in (
        (near, f"no cell {near!r} in its grid; did you mean {cell!r}?"),
        ("../..", "no cell '../..' in its grid; see the first column of cells.csv"),
    ):
        assert main(["sample", str(store.path), given]) == 2
        assert problem in capsys.readouterr().err
    (store.folder(cell) / "generator.safetensors").unlink()
    assert main(["sample", str(store.path), cell]) == 2
    assert f"cell {cell} has no weights: it has not ended well, or not yet" in capsys.readouterr().err


def test_another_environment_is_said_on_stderr(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = cell_of(store)
    assert sample(store, "--out", tmp_path / "a.npz") == 0
    assert capsys.readouterr().err == ""
    record = store.cell(cell)
    recorded = record["environment"]
    elsewhere = {**recorded, "hash": "old", "device": "NVIDIA H200\x1b[2J"}
    store.write_cell(cell, {**record, "environment": elsewhere})
    for device in ("auto", "cpu"):
        assert sample(store, "--out", tmp_path / "b.npz", "--device", device) == 0
        captured = capsys.readouterr()
        assert captured.out == f"30 samples of {cell}: {tmp_path / 'b.npz'}\n"
        warning = f"ganbench: warning: {cell} was scored elsewhere (device NVIDIA H200\ufffd[2J -> "
        assert captured.err.startswith(warning)
        assert captured.err.endswith("): samples may differ from those that were scored\n")
        assert captured.err.count("\n") == 1
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    (store.folder(cell) / "cell.json").unlink()
    assert sample(store, "--out", tmp_path / "c.npz") == 0
    error = capsys.readouterr().err
    assert error.startswith(f"ganbench: warning: nothing says where {cell} was scored (")
    assert error.count("\n") == 1


@pytest.mark.gpu
def test_cells_scored_on_a_gpu_are_sampled_there(
    fake_site: Any, one_thread: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_site.install("fake-conditional", PLUGIN)
    plan, store = plan_run(read_grid(GRID, load_catalog()), tmp_path / "results", device="cuda")
    store.make()
    store.write_grid(plan.grid.to_toml())
    (planned,) = plan.cells
    task = Task(cell=planned.cell, folder=str(store.path), device="cuda", environment=planned.environment)
    assert run_cell(task, shared()).status == "ok"
    assert sample(store, "--out", tmp_path / "a.npz") == 0
    assert capsys.readouterr().err == ""
    scorer = parts(planned.cell, "cuda").scorer
    assert scorer is not None
    (row,) = scorer.score(read_samples(tmp_path / "a.npz"))
    assert row.value == store.scores(planned.cell.id)[0]["value"]
    assert sample(store, "--out", tmp_path / "b.npz", "--device", "cpu") == 0
    assert "was scored elsewhere (device " in capsys.readouterr().err
