"""How many parameters an architecture's default options give, for `ganbench show`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from ganbench.api import Players, Signature
from ganbench.errors import Unsupported

_EXAMPLES = {
    "28x28 grey images": Signature(shape=(1, 28, 28), kind="image"),
    "2-D points": Signature(shape=(2,), kind="points"),
}


def sizes(build: Callable[..., Players]) -> Mapping[str, str]:
    """The parameters of both players, on each kind of data that the architecture takes.

    Args:
        build: an architecture's, every option at its default.
    """
    found: dict[str, str] = {}
    for data, signature in _EXAMPLES.items():
        try:
            with torch.random.fork_rng(devices=[]):
                players = build(signature)
        except Unsupported:
            continue
        counts = [f"{_parameters(module):,}" for module in (players.generator, players.discriminator)]
        found[f"parameters on {data}"] = f"generator {counts[0]}, discriminator {counts[1]}"
    return found


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
