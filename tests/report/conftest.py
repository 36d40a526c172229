"""Fabricated results folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fabricated_results import GRID, Folder


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Folder]:
    """Makes empty fabricated folders."""

    def make(name: str = "planted", grid: str = GRID) -> Folder:
        return Folder(tmp_path / name, grid)

    return make


@pytest.fixture
def planted(make_folder: Callable[..., Folder]) -> Folder:
    """Two losses × three seeds, non_saturating better by 2, 3 and 4; scores at two steps, two metrics."""
    folder = make_folder()
    for loss, finals in (("minimax", (10.0, 12.0, 14.0)), ("non_saturating", (8.0, 9.0, 10.0))):
        for seed, fid in enumerate(finals):
            rows = [
                {"metric": "fid", "value": 10 * fid, "step": 0},
                {"metric": "fid", "value": fid},
                {"metric": "is", "value": 5.0 + seed},
            ]
            folder.add(loss=loss, seed=seed, scores=rows)
    folder.index()
    return folder
