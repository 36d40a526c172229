from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

# For the tests of ganbench's own pytest plugin.
pytest_plugins = ["pytester"]


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's cache is neither read nor written by the tests, nor by the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))
