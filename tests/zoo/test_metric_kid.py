from __future__ import annotations

from ganbench.api import Features
from ganbench.zoo.metrics.feature_metrics import Kid


def kid(first, second, **options):
    return Kid(**options)(Features(features=first), Features(features=second), None)
