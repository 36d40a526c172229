"""Density and coverage: precision and recall made robust against outliers."""

from __future__ import annotations

from collections.abc import Mapping

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.neighbours import coverage, density, fewest_samples


class Density:
    """How closely generated samples lie to real ones; prdc's."""

    needs: Needs = "features"

    def __init__(self, *, neighbours: int) -> None:
        """Takes the neighbour that a ball reaches to.

        Raises:
            ValueError: fewer than one.
        """
        self.minimum = fewest_samples(neighbours)
        self.neighbours = neighbours

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """`density`: at least 0, about 1 for equal distributions, higher is better."""
        if not isinstance(generated, Features) or not isinstance(reference, Features):
            raise TypeError("density takes features")
        return {"density": density(generated, reference, self.neighbours)}


class Coverage:
    """The share of real samples that have a generated one close by; prdc's."""

    needs: Needs = "features"

    def __init__(self, *, neighbours: int) -> None:
        """Takes the neighbour that a ball reaches to.

        Raises:
            ValueError: fewer than one.
        """
        self.minimum = fewest_samples(neighbours)
        self.neighbours = neighbours

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """`coverage`: from 0 to 1, higher is better."""
        if not isinstance(generated, Features) or not isinstance(reference, Features):
            raise TypeError("coverage takes features")
        return {"coverage": coverage(generated, reference, self.neighbours)}
