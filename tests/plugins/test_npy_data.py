"""Data of .npy files by a plugin: read from disk, memory-mapped, and known by their content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from finished_cells import equal_files, finish
from interrupted_cells import differing, trained
from parts_here import forget, parts

from ganbench.catalog import load_catalog, plugins_given
from ganbench.errors import GanbenchError
from ganbench.execution import plan_run
from ganbench.grid import Cell, read_grid
from ganbench.runner.environment_here import environment_here

PLUGIN = '''
import hashlib
import os
import warnings
from pathlib import Path

import numpy as np
import torch

from ganbench import DatasetSpec, Samples, Signature, hookimpl


class Arrays:
    """Images uint8 (N, C, H, W) in `train.npy` and `test.npy` of one folder, mapped and never copied."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.environ.get("GANBENCH_DATA", ".")) / folder
        digest = hashlib.sha256()
        for split in ("train", "test"):
            digest.update(self.mapped(split))
        self.signature = Signature(shape=self.mapped("train").shape[1:], kind="image")
        self.fingerprint = digest.hexdigest()

    def load(self, split):
        with warnings.catch_warnings():
            # Nothing writes to it, so that it may lie in a file that is mapped for reading only.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return Samples(x=torch.from_numpy(self.mapped(split)))

    def mapped(self, split):
        return np.load(self.folder / f"{split}.npy", mmap_mode="r", allow_pickle=False)


@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="npy_files", build=Arrays)
'''
SMALL = {"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}


@pytest.fixture(autouse=True)
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The plugin, given; its arrays, in the folder of data."""
    folder = tmp_path / "data" / "shades"
    folder.mkdir(parents=True)
    for seed, (split, count) in enumerate((("train", 90), ("test", 30))):
        drawn = np.random.default_rng(seed).integers(0, 256, (count, 1, 4, 4), dtype=np.uint8)
        np.save(folder / f"{split}.npy", drawn)
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))
    path = tmp_path / "arrays.py"
    path.write_text(PLUGIN)
    forget()
    with plugins_given([path]):
        yield path


def document(**train: Any) -> dict[str, Any]:
    axes = {
        "dataset": [{"name": "npy_files", "folder": "shades"}],
        "architecture": [SMALL],
        "loss": ["non_saturating"],
    }
    return {"name": "npy", "seeds": 1, "axes": axes, "train": {"steps": 20, "batch_size": 16, **train}}


def only_cell() -> Cell:
    (cell,) = read_grid(document(), load_catalog()).cells
    return cell


def test_the_samples_are_those_of_the_files_and_lie_there(tmp_path: Path) -> None:
    x = parts(only_cell()).train.x
    stored = np.load(tmp_path / "data" / "shades" / "train.npy", mmap_mode="r+")
    assert np.array_equal(x.numpy(), stored)
    # What is written to the file is seen: nothing was copied.
    stored[3, 0, 1, 2] = stored[3, 0, 1, 2] ^ 255
    stored.flush()
    assert x[3, 0, 1, 2] == stored[3, 0, 1, 2]


def test_they_train_as_samples_in_memory_do_and_go_on_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mapped = trained(only_cell())
    assert not differing(mapped, trained(only_cell(), stops=(4, 13)))
    copied = parts(only_cell()).train.x.clone()
    monkeypatch.setattr("torch.from_numpy", lambda _: copied)
    forget()
    assert not differing(mapped, trained(only_cell()))


@pytest.mark.slow
def test_a_cell_that_is_interrupted_leaves_the_same_files(tmp_path: Path, given: Path) -> None:
    whole = finish(document(), tmp_path / "whole", plugins=[given])
    assert equal_files(whole, finish(document(), tmp_path / "parts", plugins=[given], stops=(5, 6)))


def test_other_content_is_another_environment(tmp_path: Path) -> None:
    before = environment_here(parts(only_cell()), threads=1)
    path = tmp_path / "data" / "shades" / "test.npy"
    forget()
    assert environment_here(parts(only_cell()), threads=1).hash == before.hash
    np.save(path, np.load(path) // 2)
    forget()
    (change,) = before.differences(environment_here(parts(only_cell()), threads=1))
    assert "data" in change


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "data" / "shades" / "test.npy").unlink()
    with pytest.raises(
        GanbenchError, match=r"dataset 'npy_files\[folder=shades\]' \(plugin arrays\.py\): FileNot"
    ):
        plan_run(read_grid(document(), load_catalog()), tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()
