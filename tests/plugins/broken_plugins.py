"""Plugins with one defect each, as sources, and grids that name them."""

from __future__ import annotations

from typing import Any

from ganbench.catalog import load_catalog
from ganbench.grid import Grid, read_grid

TINY = {"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}
RING = {"name": "gaussian_ring", "samples": 40}

_HEAD = """
import random

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

import ganbench
from ganbench import *
from ganbench.zoo.losses.adversarial import NonSaturating

"""


def loss(body: str, **spec: Any) -> str:
    """A plugin with the loss `odd`; the class is `Odd`."""
    return _plugin(body, "ganbench_losses", f"LossSpec(name='odd', build=Odd{_text(spec)})")


def penalty(body: str, **spec: Any) -> str:
    """A plugin with the penalty `odd`."""
    return _plugin(body, "ganbench_penalties", f"PenaltySpec(name='odd', build=Odd{_text(spec)})")


def augmentation(body: str) -> str:
    """A plugin with the augmentation `odd`."""
    return _plugin(body, "ganbench_augmentations", "AugmentationSpec(name='odd', build=Odd)")


def dataset(body: str) -> str:
    """A plugin with the data set `odd`."""
    return _plugin(body, "ganbench_datasets", "DatasetSpec(name='odd', build=Odd)")


def architecture(body: str) -> str:
    """A plugin with the architecture `odd`; `odd` is the function that builds it."""
    return _plugin(body, "ganbench_architectures", "ArchitectureSpec(name='odd', build=odd)")


def metric(body: str, **spec: Any) -> str:
    """A plugin with the metric `odd`."""
    return _plugin(body, "ganbench_metrics", f"MetricSpec(name='odd', build=Odd{_text(spec)})")


def extractor(body: str) -> str:
    """A plugin with the extractor `odd`."""
    return _plugin(body, "ganbench_extractors", "ExtractorSpec(name='odd', build=Odd)")


def optimizer(body: str, **spec: Any) -> str:
    """A plugin with the optimizer `odd`."""
    return _plugin(body, "ganbench_optimizers", f"OptimizerSpec(name='odd', build=Odd{_text(spec)})")


def update(body: str, **spec: Any) -> str:
    """A plugin with the update rule `odd`."""
    return _plugin(body, "ganbench_updates", f"UpdateSpec(name='odd', build=Odd{_text(spec)})")


def grid(**changes: Any) -> Grid:
    """A small grid of built-in parts; `score` and `train` are tables, the rest are axes."""
    train = {"steps": 4, "batch_size": 8, "diagnostics_every": 1, **changes.pop("train", {})}
    score = {"samples": 20, "every": 0, **changes.pop("score", {})}
    seeds = changes.pop("seeds", 1)
    axes = {"dataset": [RING], "architecture": [TINY], "loss": ["non_saturating"], **changes}
    return read_grid(
        {"name": "odd", "seeds": seeds, "axes": axes, "train": train, "score": score}, load_catalog()
    )


def _plugin(body: str, hook: str, spec: str) -> str:
    return f"{_HEAD}{body}\n\n@hookimpl\ndef {hook}():\n    yield {spec}\n"


def _text(spec: dict[str, Any]) -> str:
    return "".join(f", {name}={value!r}" for name, value in spec.items())
