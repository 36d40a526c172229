"""A ring of 2-D Gaussians."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ganbench.api.data import Split
from ganbench.api.players import Samples, Signature
from ganbench.errors import DatasetError
from ganbench.zoo.datasets.fingerprint import fingerprint_of

_MOST_SAMPLES = 10_000_000
_MOST_MODES = 10_000


class GaussianRing:
    """Equally likely Gaussians, evenly spaced on a circle about the origin.

    Attributes:
        modes: float32 (k, 2), the centres; the first at (radius, 0), all of them distinct.
        std: standard deviation of each coordinate about its centre.
    """

    def __init__(self, *, modes: int, radius: float, std: float, samples: int, seed: int) -> None:
        """Draws both splits.

        Raises:
            DatasetError: an option out of its range.
        """
        problems = [
            f"dataset 'gaussian_ring': {name} must be {wanted}, given {given!r}"
            for name, given, wanted, fits in (
                ("modes", modes, f"from 1 to {_MOST_MODES}", 1 <= modes <= _MOST_MODES),
                ("radius", radius, "above 0 and finite", 0 < radius < math.inf),
                ("std", std, "above 0 and finite", 0 < std < math.inf),
                ("samples", samples, f"from 1 to {_MOST_SAMPLES}", 1 <= samples <= _MOST_SAMPLES),
                ("seed", seed, "from 0 to 2^63-1", 0 <= seed < 2**63),
            )
            if not fits
        ]
        if problems:
            raise DatasetError(*problems)
        # Not linspace(0, 2 pi, k), which meets its own beginning and leaves k - 1 distinct modes.
        angles = 2 * np.pi * np.arange(modes) / modes
        centres = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        self.modes = torch.from_numpy(centres.astype(np.float32))
        self.std = float(std)

        def draw(stream: int) -> Samples:
            # RandomState's stream is frozen by NumPy's policy (NEP 19): the same points in every version.
            random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, stream])))
            labels = random.randint(modes, size=samples)
            points = centres[labels] + std * random.standard_normal((samples, 2))
            return Samples(
                x=torch.from_numpy(points.astype(np.float32)),
                labels=torch.from_numpy(labels.astype(np.int64)),
            )

        self._splits: dict[Split, Samples] = {"train": draw(0), "test": draw(1)}
        self.signature = Signature(shape=(2,), kind="points", classes=modes)
        self.fingerprint = fingerprint_of(self._splits.values())

    def load(self, split: Split) -> Samples:
        """Points float32 (N, 2) and the index of each one's mode, int64 (N,)."""
        return self._splits[split]

    def density(self, x: Tensor) -> Tensor:
        """The mixture's probability density.

        Args:
            x: float (N, 2).

        Returns:
            float (N,), of x's type; computed in float64.
        """
        centres = self.modes.to(device=x.device, dtype=torch.float64)
        squared = (x.to(torch.float64).unsqueeze(1) - centres).square().sum(dim=2)
        normaliser = math.log(2 * math.pi * self.std**2 * len(centres))
        return (torch.logsumexp(-squared / (2 * self.std**2), dim=1) - normaliser).exp().to(x.dtype)
