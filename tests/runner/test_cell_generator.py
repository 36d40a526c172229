"""The generator of a finished cell in Python: its samples are those that `ganbench sample` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from finished_cells import finish

import ganbench
from ganbench.__main__ import main
from ganbench.errors import GridError, StoreError
from ganbench.store import Store

NET = {"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 3}
GRID: dict[str, Any] = {
    "name": "small",
    "seeds": [5],
    "axes": {
        "dataset": ["digits", "gaussian_ring"],
        "architecture": [
            {**NET, "conditional": True},
            {**NET, "noise_distribution": "uniform", "generator_batch_norm": True},
        ],
        "loss": ["non_saturating"],
    },
    "exclude": [{"when": {"dataset": "gaussian_ring", "architecture": {**NET, "conditional": True}}}],
    "train": {"steps": 4, "batch_size": 16},
    "score": {"samples": 300, "repeats": 2},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> ganbench.Results:
    folder = tmp_path_factory.mktemp("generators") / "out"
    finish(GRID, folder)
    return ganbench.load(folder)


def cell_of(results: ganbench.Results, dataset: str, conditional: bool) -> str:
    cells = results.cells
    asked = (cells["dataset"] == dataset) & (cells["architecture"].str.contains("conditional") == conditional)
    (cell,) = cells.loc[asked, "cell"]
    return str(cell)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "conditional", "options", "given"),
    [
        ("digits", True, [], {}),
        ("digits", True, ["--seed", 7, "--class", 3], {"seed": 7, "class_": 3}),
        ("digits", True, ["--class", 3, "--class", 0], {"class_": [3, 0]}),
        ("digits", False, ["--repeat", 1], {"repeat": 1}),
        ("gaussian_ring", False, ["--seed", 9], {"seed": 9}),
    ],
)
def test_samples_are_those_of_the_command_bit_for_bit(
    results: ganbench.Results,
    tmp_path: Path,
    dataset: str,
    conditional: bool,
    options: list[object],
    given: dict[str, Any],
) -> None:
    cell, out = cell_of(results, dataset, conditional), tmp_path / "samples.npz"
    arguments = ["--count", "260", "--out", str(out), *map(str, options)]
    assert main(["sample", str(results.path), cell, *arguments]) == 0
    threads = torch.get_num_threads()
    made = results.generator(cell).sample(260, **given)
    assert torch.get_num_threads() == threads
    with np.load(out) as stored:
        assert np.array_equal(stored["x"], made.x.numpy())
        assert ("labels" in stored) == (made.labels is not None) == conditional
        if made.labels is not None:
            assert np.array_equal(stored["labels"], made.labels.numpy())


def test_it_is_a_module_that_says_what_it_takes(results: ganbench.Results) -> None:
    cell = cell_of(results, "digits", True)
    generator = results.generator(cell)
    assert isinstance(generator, ganbench.CellGenerator)
    assert not any(module.training for module in generator.modules())
    assert (generator.cell, generator.noise) == (cell, ganbench.Noise(size=3))
    assert (generator.range, generator.classes, generator.condition) == ((-1.0, 1.0), 10, None)
    stored = Store(results.path).generator(cell)
    assert all(torch.equal(stored[name], tensor) for name, tensor in generator.module.state_dict().items())
    noise = torch.randn(5, 3, requires_grad=True)
    generator(noise, torch.arange(5)).sum().backward()
    assert noise.grad is not None
    points = results.generator(cell_of(results, "gaussian_ring", False))
    assert (points.range, points.classes, points.noise.distribution) == (None, None, "uniform")
    assert points(torch.zeros(2, 3)).shape == (2, 2)


def test_fewer_samples_are_the_first_and_all_are_those_that_were_scored(results: ganbench.Results) -> None:
    cell = cell_of(results, "gaussian_ring", False)
    every = results.samples(cell)
    assert len(every) == 300
    assert torch.equal(results.samples(cell, 3).x, every.x[:3])
    assert not torch.equal(results.samples(cell, 3, repeat=1).x, every.x[:3])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"n": 0}, "n: must be a whole number from 1 to 1000000, given 0"),
        ({"n": 3, "seed": -1}, "seed: must be a whole number from 0 to 2147483647, given -1"),
        ({"n": 3, "repeat": 2}, "repeat: must be a whole number from 0 to 1, given 2"),
        ({"n": 3, "class_": 10}, "--class: must be from 0 to 9, given 10"),
        ({"n": 1, "class_": [1, 2]}, "class_: must be 1 to 1 classes, as n is 1, given 2"),
        ({"n": 3, "class_": [1.5]}, "class_: must be a whole number or a list of them, given [1.5]"),
        ({"n": 3, "class_": True}, "class_: must be a whole number or a list of them, given True"),
        ({"n": 3, "class_": 1.5}, "class_: must be a whole number or a list of them, given 1.5"),
        (
            {"n": 3, "class_": np.array(1.5)},
            "class_: must be a whole number or a list of them, given array(1.5)",
        ),
    ],
)
def test_what_cannot_be_sampled_is_refused(
    results: ganbench.Results, given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(GridError) as caught:
        results.generator(cell_of(results, "digits", True)).sample(**given)
    assert str(caught.value) == problem


def test_numbers_of_numpy_and_torch_are_numbers(results: ganbench.Results) -> None:
    generator = results.generator(cell_of(results, "digits", True))
    wanted = generator.sample(3, seed=7, class_=[2, 1])
    for n, seed, classes in (
        (np.int64(3), np.uint8(7), np.array([2, 1])),
        (torch.tensor(3), torch.tensor(7), torch.tensor([2, 1])),
    ):
        made = generator.sample(n, seed, classes)
        assert torch.equal(made.x, wanted.x)
        assert made.labels is not None
        assert made.labels.tolist() == [2, 1, 2]
    for class_ in (np.int64(2), torch.tensor(2)):
        made = generator.sample(1, seed=7, class_=class_)
        assert torch.equal(made.x, wanted.x[:1])


def test_a_generator_without_classes_and_a_cell_that_is_none_are_refused(results: ganbench.Results) -> None:
    cell = cell_of(results, "digits", False)
    with pytest.raises(GridError, match=f"--class: the generator of {cell} takes no condition"):
        results.generator(cell).sample(3, class_=1)
    near = cell[:-1] + ("0" if cell[-1] != "0" else "1")
    with pytest.raises(StoreError, match=rf"no cell '{near}'; did you mean '{cell}'\?"):
        results.generator(near)
