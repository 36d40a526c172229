from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from fake_site import fake_site

__all__ = ["fake_site", "one_thread"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker: the number of threads decides bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
