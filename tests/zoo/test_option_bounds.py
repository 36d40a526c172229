"""Options out of their bounds are refused when a grid is read, before anything is built."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from ganbench.catalog import KINDS, Kind, load_catalog
from ganbench.errors import CatalogError, GridError
from ganbench.grid import read_grid

OUT_OF_BOUNDS: list[tuple[Kind, str, dict[str, Any], str]] = [
    ("update", "consensus", {"weight": -1.0}, "at least 0, given -1.0"),
    ("metric", "is", {"splits": 0}, "at least 1 and at most 1000, given 0"),
    ("metric", "is", {"splits": 1001}, "at least 1 and at most 1000, given 1001"),
    ("metric", "jsd", {"bins": 1}, "at least 2 and at most 100000, given 1"),
    ("metric", "jsd", {"bins": 100_001}, "at least 2 and at most 100000, given 100001"),
    ("metric", "kid", {"subsets": 0}, "at least 1 and at most 10000, given 0"),
    ("metric", "kid", {"subsets": 10_001}, "at least 1 and at most 10000, given 10001"),
    ("metric", "kid", {"subset_size": 1}, "at least 2, given 1"),
    ("metric", "mmd", {"samples": 1}, "at least 2 and at most 100000, given 1"),
    ("metric", "mmd", {"bandwidth": 0.0}, "above 0, given 0.0"),
    ("metric", "mmd", {"bandwidth": -1.0}, "above 0, given -1.0"),
    ("metric", "modes", {"stds": 0.0}, "above 0, given 0.0"),
    ("metric", "high_quality", {"stds": -1.0}, "above 0, given -1.0"),
    ("metric", "reverse_kl", {"stds": 0}, "above 0, given 0"),
    ("metric", "precision", {"neighbours": 0}, "at least 1, given 0"),
    ("metric", "coverage", {"neighbours": -2}, "at least 1, given -2"),
    ("metric", "wasserstein", {"samples": 0}, "at least 1 and at most 1000000, given 0"),
    ("metric", "wasserstein", {"projections": 0}, "at least 1 and at most 10000, given 0"),
    ("augmentation", "flip", {"probability": 1.5}, "at least 0 and at most 1, given 1.5"),
    ("dataset", "gaussian_1d", {"means": ()}, "at least 1 long and at most 10000 long, given ()"),
    ("dataset", "gaussian_1d", {"means": (0.0, math.nan)}, "item 1 must be a finite float, given nan"),
    ("dataset", "gaussian_1d", {"means": (0.0, 1e7)}, "at least -1e+06 and at most 1e+06, given 10000000.0"),
    (
        "dataset",
        "gaussian_1d",
        {"stds": (0.0,)},
        "item 0 must be at least 1e-06 and at most",
    ),
    ("dataset", "gaussian_1d", {"weights": (1.0, 0.0)}, "item 1 must be at least 1e-06"),
    ("dataset", "gaussian_grid", {"side": 0}, "at least 1 and at most 100, given 0"),
    ("dataset", "gaussian_grid", {"side": 10**6}, "at least 1 and at most 100, given 1000000"),
    ("dataset", "gaussian_grid", {"spacing": 0.0}, "at least 1e-06 and at most 1e+06, given 0.0"),
    ("dataset", "gaussian_grid", {"spacing": math.inf}, "must be a finite float, given inf"),
    ("dataset", "gaussian_grid", {"std": 1e-200}, "at least 1e-06 and at most 1e+06, given 1e-200"),
    ("dataset", "gaussian_ring", {"modes": 10**9}, "at least 1 and at most 10000, given 1000000000"),
    ("dataset", "gaussian_ring", {"radius": -1.0}, "at least 1e-06 and at most 1e+06, given -1.0"),
    ("dataset", "gaussian_ring", {"samples": 10**12}, "at least 1 and at most 10000000"),
    ("dataset", "gaussian_ring", {"seed": -1}, "at least 0, given -1"),
    ("dataset", "gaussian_ring", {"seed": 2**63}, "an int of at most 64 bits"),
    ("dataset", "point_mass", {"d": 0}, "at least 1 and at most 1000, given 0"),
    ("dataset", "point_mass", {"location": 1e39}, "at least -1e+06 and at most 1e+06, given 1e+39"),
    ("dataset", "parallel_lines", {"offset": math.nan}, "must be a finite float, given nan"),
    ("dataset", "parallel_lines", {"length": -1.0}, "at least 1e-06 and at most 1e+06, given -1.0"),
    ("dataset", "swiss_roll", {"noise": 0.001}, "at least 0.01 and at most 1e+06, given 0.001"),
    ("dataset", "swiss_roll", {"scale": 0.0}, "at least 1e-06 and at most 1e+06, given 0.0"),
    ("dataset", "stacked_mnist", {"samples": 0}, "at least 1 and at most 3500000, given 0"),
    ("dataset", "mnist", {"size": 3}, "at least 4 and at most 1024, given 3"),
    ("dataset", "mnist", {"size": 1025}, "at least 4 and at most 1024, given 1025"),
    ("dataset", "cifar10", {"limit": 0}, "at least 1, given 0"),
    ("dataset", "svhn", {"classes": []}, "at least 1 long, given []"),
    ("dataset", "stl10", {"classes": [0, -1]}, "item 1 must be at least 0, given -1"),
    ("dataset", "celeba", {"crop": 179}, "at least 4 and at most 178, given 179"),
    ("dataset", "celeba", {"size": 2000}, "at least 4 and at most 1024, given 2000"),
    ("dataset", "image_folder", {"path": "x", "crop": 0}, "at least 4 and at most 16384, given 0"),
    ("dataset", "image_folder", {"path": "x", "test_every": -2}, "at least 0 and at most 1000000, given -2"),
]


@pytest.mark.parametrize(("kind", "name", "options", "problem"), OUT_OF_BOUNDS)
def test_an_option_out_of_its_bounds_is_refused_by_name(
    kind: Kind, name: str, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        load_catalog().coerce(kind, name, options)
    assert f"option {list(options)[-1]!r} of {kind} {name!r} " in str(caught.value)
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1


def test_all_that_are_out_of_bounds_are_named_at_once() -> None:
    with pytest.raises(CatalogError) as caught:
        load_catalog().coerce("dataset", "gaussian_grid", {"side": 0, "std": -1.0, "seed": -1})
    assert len(caught.value.problems) == 3


def test_every_number_of_a_built_in_says_its_bounds() -> None:
    unbounded = {
        f"{kind} {entry.name}: {option.name}"
        for kind in KINDS
        for entry in load_catalog().entries(kind)
        for option in entry.options.values()
        if entry.plugin.builtin and option.type.text in ("int", "float") and not option.type.bounds
    }
    # A target is any number; its relation to the other one is what is checked.
    assert unbounded == {"loss least_squares: fake_target", "loss least_squares: real_target"}


def test_a_grid_is_refused_when_it_is_read_by_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\nseeds = 1\n[axes]\ndataset = ["gaussian_ring"]\narchitecture = ["mlp"]\n'
        'loss = ["minimax"]\n'
        'penalty = ["none", { name = "r1", weight = [0.5, -1.0] }]\n[train]\nsteps = 1\n'
    )
    with pytest.raises(GridError) as caught:
        read_grid(file, load_catalog())
    assert caught.value.problems == (f"{file}: axes.penalty[1].weight: must be at least 0, given -1.0",)
