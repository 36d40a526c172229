"""Numbers of parameters at an architecture's default options, for `ganbench show`.

A module of its own, because the specs beside it are listed without importing torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import nn

from ganbench.api import Players, Signature
from ganbench.errors import Unsupported

_DATA = {
    "28x28 grey images": Signature(shape=(1, 28, 28), kind="image"),
    "32x32 RGB images": Signature(shape=(3, 32, 32), kind="image"),
    "64x64 RGB images": Signature(shape=(3, 64, 64), kind="image"),
    "2-D points": Signature(shape=(2,), kind="points"),
}
GENERAL = ("28x28 grey images", "2-D points")
"""The data on which architectures are counted that were published for no particular ones."""


def parameter_counts(build: Callable[..., Players], data: Iterable[str]) -> Mapping[str, str]:
    """Count the parameters of players and of networks beside them, on each kind of data that fits.

    Args:
        build: an architecture's, every option at its default.
        data: what to count them on, each as in the result.
    """
    found: dict[str, str] = {}
    for name in data:
        try:
            with torch.random.fork_rng(devices=[]):
                players = _build(build, _DATA[name])
        except Unsupported:
            continue
        modules = {"generator": players.generator, "discriminator": players.discriminator}
        modules |= {each: extra.module for each, extra in players.extra.items()}
        counts = (f"{each} {_parameters(module):,}" for each, module in modules.items())
        found[f"parameters on {name}"] = ", ".join(counts)
    return found


def _build(build: Callable[..., Players], signature: Signature) -> Players:
    # A discriminator with one score, except where there is none: an encoder's, an autoencoder's.
    if "discriminator_outputs" in inspect.signature(build).parameters:
        try:
            return build(signature, discriminator_outputs=1)
        except Unsupported:
            pass
    return build(signature)


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
