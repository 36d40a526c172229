"""Data sets made of whatever a test gives, and the grid files' way of refusing them."""

from __future__ import annotations

from typing import Any

import torch

from ganbench.api import Samples, Signature


class PlainData:
    """What a data set has: splits, a signature, a fingerprint, and what else is given."""

    def __init__(
        self,
        train: torch.Tensor,
        test: torch.Tensor | None = None,
        *,
        classes: int | None = None,
        condition: torch.Tensor | None = None,
        fingerprint: str = "plain",
        **known: Any,
    ) -> None:
        self.splits = {
            "train": Samples(x=train, condition=condition),
            "test": Samples(x=train if test is None else test, condition=condition),
        }
        self.signature = Signature(
            shape=tuple(train.shape[1:]),
            kind="image" if train.dtype == torch.uint8 else "points",
            classes=classes,
            condition=None if condition is None else tuple(condition.shape[1:]),
        )
        self.fingerprint = fingerprint
        for name, value in known.items():
            setattr(self, name, value)

    def load(self, split: str) -> Samples:
        return self.splits[split]


def stream(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(seed))


def pixels(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(256, shape, dtype=torch.uint8, generator=stream(seed))
