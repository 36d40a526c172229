"""From a TOML file to cells: what is trained, its identity, and its seed streams.

Importing this package, or `ganbench.grid.bundled`, costs next to nothing; the rest waits until asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.grid.bundled import bundled_grids
    from ganbench.grid.cell import Cell
    from ganbench.grid.choice import Choice
    from ganbench.grid.environment import Environment, environment_of
    from ganbench.grid.grid import Compare, Grid
    from ganbench.grid.optimizer_settings import OptimizerSettings
    from ganbench.grid.reader import read_grid
    from ganbench.grid.scoring import check_scoring
    from ganbench.grid.seeds import Streams, stream_seed
    from ganbench.grid.settings import ScoreSettings, TrainSettings

__all__ = [
    "Cell",
    "Choice",
    "Compare",
    "Environment",
    "Grid",
    "OptimizerSettings",
    "ScoreSettings",
    "Streams",
    "TrainSettings",
    "bundled_grids",
    "check_scoring",
    "environment_of",
    "read_grid",
    "stream_seed",
]

_HOMES = {
    "Cell": "cell",
    "Choice": "choice",
    "Compare": "grid",
    "Environment": "environment",
    "Grid": "grid",
    "OptimizerSettings": "optimizer_settings",
    "ScoreSettings": "settings",
    "Streams": "seeds",
    "TrainSettings": "settings",
    "bundled_grids": "bundled",
    "check_scoring": "scoring",
    "environment_of": "environment",
    "read_grid": "reader",
    "stream_seed": "seeds",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"ganbench.grid.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ganbench.grid' has no attribute {name!r}")
