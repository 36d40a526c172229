from __future__ import annotations

import math

from ganbench.api import Samples
from ganbench.zoo.metrics.mmd import Mmd

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)


def mmd(first, second, **options):
    return Mmd(**options)(Samples(x=first), Samples(x=second), None)["mmd"]


def by_loops(first, second, bandwidth):
    def kernel(a, b):
        return sum(math.exp(-0.5 * (math.dist(a, b) / (s * bandwidth)) ** 2) for s in SCALES) / 5

    def within(side):
        pairs = [kernel(a, b) for i, a in enumerate(side) for j, b in enumerate(side) if i != j]
        return sum(pairs) / len(pairs)

    across = [kernel(a, b) for a in first for b in second]
    return within(first) + within(second) - 2 * sum(across) / len(across)
