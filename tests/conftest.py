from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from fabricated_results import GRID, Folder, plant
from in_process import in_process, undrawn, words_only, workers
from parts_here import forget

__all__ = ["in_process", "undrawn", "words_only", "workers"]

# By default garbage is searched for so often that a fifth of the time of all tests goes into looking through
# what torch and pandas are made of.
gc.set_threshold(50_000, 20, 20)

# The first is for the tests of ganbench's own pytest plugin.
pytest_plugins = ["pytester", "marked_slow"]


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's cache is neither read nor written by the tests, nor by the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", autouse=True)
def own_parts() -> None:
    """No file of tests meets data that another has loaded from a path of the same name."""
    forget()


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Folder]:
    """Makes empty fabricated folders."""

    def make(name: str = "planted", grid: str = GRID) -> Folder:
        return Folder(tmp_path / name, grid)

    return make


@pytest.fixture
def planted(make_folder: Callable[..., Folder]) -> Folder:
    """Two losses × three seeds, non_saturating better by 2, 3 and 4; scores at two steps, two metrics."""
    return plant(make_folder())


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        # One of pytest-xdist's processes for each core: with more threads they wait for each other.
        torch.set_num_threads(1)


def pytest_collection_finish() -> None:
    # Modules and tests stay to the end: no collection has to look through them.
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    # What is frozen is never freed, and libraries of compiled code report it as leaked when the process ends.
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))
