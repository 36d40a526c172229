"""ganbench: benchmarks for generative adversarial networks.

All that a plugin author or a script needs. Importing it does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ganbench.api import (
    ArchitectureSpec,
    Augmentation,
    AugmentationSpec,
    Choice,
    Dataset,
    DatasetSpec,
    Extra,
    Extractor,
    ExtractorSpec,
    Features,
    Game,
    GridSpec,
    Loss,
    LossSpec,
    Metric,
    MetricSpec,
    Noise,
    OptimizerSpec,
    Penalty,
    PenaltySpec,
    Players,
    Samples,
    Signature,
    Turns,
    UpdateRule,
    UpdateSpec,
    hookimpl,
)
from ganbench.errors import GanbenchError, Unsupported

if TYPE_CHECKING:
    from ganbench.catalog.contracts import build
    from ganbench.execution import merge, run
    from ganbench.files.cache import Cache
    from ganbench.files.picture_sets import read_images
    from ganbench.grid.environment import NUMERICS
    from ganbench.report import Results, load
    from ganbench.runner.cell_generator import CellGenerator

__all__ = [
    "NUMERICS",
    "ArchitectureSpec",
    "Augmentation",
    "AugmentationSpec",
    "Cache",
    "CellGenerator",
    "Choice",
    "Dataset",
    "DatasetSpec",
    "Extra",
    "Extractor",
    "ExtractorSpec",
    "Features",
    "Game",
    "GanbenchError",
    "GridSpec",
    "Loss",
    "LossSpec",
    "Metric",
    "MetricSpec",
    "Noise",
    "OptimizerSpec",
    "Penalty",
    "PenaltySpec",
    "Players",
    "Results",
    "Samples",
    "Signature",
    "Turns",
    "Unsupported",
    "UpdateRule",
    "UpdateSpec",
    "build",
    "hookimpl",
    "load",
    "merge",
    "read_images",
    "run",
]

# Running and loading need torch and pandas: fetched when first asked for, so that a plugin's import is cheap.
_LAZY = {
    "Cache": "ganbench.files.cache",
    "CellGenerator": "ganbench.runner.cell_generator",
    "NUMERICS": "ganbench.grid.environment",
    "Results": "ganbench.report",
    "build": "ganbench.catalog.contracts",
    "load": "ganbench.report",
    "merge": "ganbench.execution.merging",
    "read_images": "ganbench.files.picture_sets",
    "run": "ganbench.execution",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib
        import random

        # rich draws a number when it is imported; the caller may have set a seed.
        state = random.getstate()
        try:
            return getattr(importlib.import_module(_LAZY[name]), name)
        finally:
            random.setstate(state)
    raise AttributeError(f"module 'ganbench' has no attribute {name!r}")
