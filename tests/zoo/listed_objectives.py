"""The built-in losses with the options that matter, as the tests of all of them go through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ganbench import LossSpec
from ganbench.catalog import load_catalog

ROWS = 3
REAL = torch.tensor([[1.0, -1.5], [0.25, 0.5], [-2.0, 0.75]], dtype=torch.float64)
FAKE = torch.tensor([[0.1, 0.3], [-0.6, 1.25], [0.9, -0.4]], dtype=torch.float64)


def nowhere(real: Tensor, fake: Tensor) -> Tensor:
    """A loss without kinks."""
    return torch.ones(1)


@dataclass(frozen=True)
class Objective:
    """A built-in loss with some options, and what its scores are like.

    Attributes:
        name: in the catalog.
        options: as a grid gives them.
        outputs: raw scores of one sample, for the two-entry points and the one-entry noise of these tests.
        bound: how large scores may be; beyond 20 torch takes softplus(s) for s, a jump of 2e-9.
        kinks: distances of (real, fake) scores from where the loss has no derivative.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    bound: float = 19.0
    kinks: Callable[[Tensor, Tensor], Tensor] = nowhere

    @property
    def label(self) -> str:
        listed = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}[{listed}]" if listed else self.name

    @property
    def spec(self) -> LossSpec:
        spec = load_catalog().entry("loss", self.name).spec
        assert isinstance(spec, LossSpec)
        return spec

    def build(self) -> Any:
        return load_catalog().build("loss", self.name, self.options)


def beyond_margin(real: Tensor, fake: Tensor) -> Tensor:
    return torch.cat(((real - 1).abs(), (fake + 1).abs()))


def from_data(real: Tensor, fake: Tensor) -> Tensor:
    return torch.cat(((real - REAL).abs(), (fake - FAKE).abs()))


OBJECTIVES = [
    Objective("minimax"),
    Objective("non_saturating"),
    Objective("softmax", outputs=2),
    Objective("softmax", {"form": "minimax"}, outputs=2),
    Objective("switched", kinks=lambda real, fake: fake.abs()),
    Objective("switched", {"threshold": 0.25}, kinks=lambda real, fake: (fake + 1.0986123).abs()),
    Objective("least_squares"),
    Objective("least_squares", {"fake_target": -1.0, "generator_target": 0.0}),
    Objective("wasserstein"),
    Objective("wasserstein", {"clip": 0.0}),
    Objective("hinge", kinks=beyond_margin),
    Objective("began", outputs=2, kinks=from_data),
    Objective("began", {"exponent": 2}, outputs=2),
    Objective("elbo", outputs=2, bound=3.0),
    Objective("elbo", {"variance": 0.5}, outputs=2, bound=3.0),
]
BY_LABEL = {objective.label: objective for objective in OBJECTIVES}
PENALTIES = ["none", "r1", "r2", "gradient_penalty", "dragan"]

FIT = [
    (label, penalty)
    for label, objective in BY_LABEL.items()
    for penalty in PENALTIES
    if penalty == "none" or objective.name not in ("began", "elbo")
]
