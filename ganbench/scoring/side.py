"""One side of a comparison: features, and what several metrics derive from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from ganbench.api.data import Features

Derived = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Side(Features):
    """Features of generated samples, with what metrics have derived from them.

    A generated side meets one reference only, so what depends on both may be kept here too.
    """

    _derived: dict[str, Derived] = field(default_factory=dict, repr=False)

    def once(self, name: str, compute: Callable[[], Derived]) -> Derived:
        """What `compute` gives, computed the first time that this name is asked for.

        Args:
            name: what it is, with every option that decides it.
            compute: gives tensors by name.
        """
        if name not in self._derived:
            self._derived[name] = compute()
        return self._derived[name]


def once(features: Features, name: str, compute: Callable[[], Derived]) -> Derived:
    """`features.once` where there is such a thing, else what `compute` gives."""
    return features.once(name, compute) if isinstance(features, Side) else compute()
