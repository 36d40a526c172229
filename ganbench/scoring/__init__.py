"""Samples -> features -> scores; the only layer that imports torch-fidelity."""

from ganbench.scoring.images import NonFiniteSamples, to_rgb, to_uint8
from ganbench.scoring.protocol import Protocol, protocol_of
from ganbench.scoring.scorer import WITH_LABELS, Scorer, ScoreRow, too_few
from ganbench.scoring.seeded import seeded

__all__ = [
    "WITH_LABELS",
    "NonFiniteSamples",
    "Protocol",
    "ScoreRow",
    "Scorer",
    "protocol_of",
    "seeded",
    "to_rgb",
    "to_uint8",
    "too_few",
]
