"""What a plugin author imports (by way of `ganbench` itself): specs, hooks, and what they are made of."""

from ganbench.api.data import Dataset, Extractor, Features, Metric
from ganbench.api.game import Augmentation, Game, Loss, Penalty
from ganbench.api.hookspecs import hookimpl
from ganbench.api.players import Extra, Noise, Players, Samples, Signature
from ganbench.api.specs import (
    ArchitectureSpec,
    AugmentationSpec,
    Choice,
    DatasetSpec,
    ExtractorSpec,
    GridSpec,
    LossSpec,
    MetricSpec,
    OptimizerSpec,
    PenaltySpec,
    UpdateSpec,
)
from ganbench.api.updates import Turns, UpdateRule

__all__ = [
    "ArchitectureSpec",
    "Augmentation",
    "AugmentationSpec",
    "Choice",
    "Dataset",
    "DatasetSpec",
    "Extra",
    "Extractor",
    "ExtractorSpec",
    "Features",
    "Game",
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
    "Samples",
    "Signature",
    "Turns",
    "UpdateRule",
    "UpdateSpec",
    "hookimpl",
]
