"""Samples -> features -> scores; the only layer that imports torch-fidelity."""

from ganbench.scoring.asking_metrics import ARGUMENT, Discriminator, asks_discriminator, stand_in
from ganbench.scoring.extraction import extract
from ganbench.scoring.frechet import features_of_gaussian, frechet_distance, mean_and_covariance
from ganbench.scoring.images import NonFiniteSamples, to_rgb, to_uint8
from ganbench.scoring.protocol import Protocol, protocol_of
from ganbench.scoring.requirements import WITH_LABELS, extractor_problems, too_few
from ganbench.scoring.scorer import Scorer, ScoreRow
from ganbench.scoring.seeded import seeded
from ganbench.scoring.values import checked_values

__all__ = [
    "ARGUMENT",
    "WITH_LABELS",
    "Discriminator",
    "NonFiniteSamples",
    "Protocol",
    "ScoreRow",
    "Scorer",
    "asks_discriminator",
    "checked_values",
    "extract",
    "extractor_problems",
    "features_of_gaussian",
    "frechet_distance",
    "mean_and_covariance",
    "protocol_of",
    "seeded",
    "stand_in",
    "to_rgb",
    "to_uint8",
    "too_few",
]
