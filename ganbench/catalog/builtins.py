"""The modules through which ganbench provides its own things, by the hooks that a third party uses."""

from __future__ import annotations

BUILTINS: tuple[str, ...] = (
    "ganbench.zoo.architectures",
    "ganbench.zoo.losses",
    "ganbench.zoo.penalties",
    "ganbench.zoo.datasets",
    "ganbench.zoo.metrics",
    "ganbench.zoo.extractors",
)
