"""A Swiss roll: a spiral in the plane, blurred."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval
from torch import Tensor

from ganbench.api.players import Samples
from ganbench.zoo.datasets.bounds import MAX_LENGTH, Length, SampleCount, Seed
from ganbench.zoo.datasets.point_sets import Points

# From one and a half half-turns to four and a half, as scikit-learn has it.
_BEGIN, _END = 1.5 * math.pi, 4.5 * math.pi
# Less noise than this needs more nodes for the density than are worth their time.
MIN_NOISE = 0.01
# Gauss-Legendre nodes on a piece of the spiral at most two deviations long: good to nine digits.
_NODES = 8
_PIECE = 2.0
_ENTRIES_AT_ONCE = 2_000_000


class SwissRoll(Points):
    """Points ((t cos t, t sin t) + noise · N(0, I)) / scale, t ~ U(1.5 π, 4.5 π)."""

    def __init__(
        self,
        *,
        noise: Annotated[float, Interval(ge=MIN_NOISE, le=MAX_LENGTH)] = 0.25,
        scale: Length = 7.5,
        samples: SampleCount = 100_000,
        seed: Seed = 0,
    ) -> None:
        """Draws both splits."""

        def draw(random: np.random.RandomState) -> Samples:
            t = _BEGIN + (_END - _BEGIN) * random.random_sample(samples)
            spiral = np.stack([t * np.cos(t), t * np.sin(t)], axis=1)
            points = (spiral + noise * random.standard_normal((samples, 2))) / scale
            return Samples(x=torch.from_numpy(points.astype(np.float32)))

        super().__init__(draw, seed=seed)
        self._noise, self._scale = noise, scale

    def density(self, x: Tensor) -> Tensor:
        """Compute the density: the noise's, averaged over the spiral by quadrature to nine digits.

        Args:
            x: float (N, 2).

        Returns:
            float (N,), of x's type; computed in float64.
        """
        nodes, log_weights = (part.to(x.device) for part in self._quadrature())
        parts = torch.split(x.to(torch.float64) * self._scale, max(1, _ENTRIES_AT_ONCE // len(nodes)))
        # The scale's square is that of an area.
        log_height = math.log(self._scale**2 / (2 * math.pi * self._noise**2))
        densities = [
            (log_weights - torch.cdist(part, nodes).square() / (2 * self._noise**2)).logsumexp(1)
            for part in parts
        ]
        return (torch.cat(densities) + log_height).exp().to(x.dtype)

    def _quadrature(self) -> tuple[Tensor, Tensor]:
        """Points on the spiral (n, 2), and the logarithms (n,) of their shares of it."""
        # The spiral is run through at most at this speed.
        fastest = math.hypot(1, _END)
        pieces = math.ceil((_END - _BEGIN) * fastest / (_PIECE * self._noise))
        roots, shares = np.polynomial.legendre.leggauss(_NODES)
        t = _BEGIN + (_END - _BEGIN) * (np.arange(pieces)[:, None] + (roots + 1) / 2) / pieces
        t = t.reshape(-1)
        weights = np.tile(shares / 2 / pieces, pieces)
        spiral = np.stack([t * np.cos(t), t * np.sin(t)], axis=1)
        return torch.from_numpy(spiral), torch.from_numpy(np.log(weights))
