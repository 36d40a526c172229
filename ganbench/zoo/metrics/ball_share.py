"""Precision, recall, density and coverage: which samples lie in balls around those of the other side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

from annotated_types import Ge

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.neighbours import coverage, density, fewest_samples, precision, recall

# Each takes the generated side's features, the reference's, and the neighbour that a ball reaches to.
SHARES: Mapping[str, Callable[[Features, Features, int], float]] = {
    "precision": precision,
    "recall": recall,
    "density": density,
    "coverage": coverage,
}


class BallShare:
    """One of the four; what it counts, in what range and by whom is said at the function that it is given."""

    needs: Needs = "features"

    def __init__(self, name: str, *, neighbours: Annotated[int, Ge(1)]) -> None:
        """Take the name of the share, and the neighbour that a ball reaches to."""
        self.minimum = fewest_samples(neighbours)
        self.fewer_samples = f"{name}[neighbours=...]" if neighbours > 1 else ""
        self.neighbours = neighbours
        self._name = name

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Return the share by its name.

        Raises:
            TypeError: a side that is not features.
        """
        name = self._name
        if not isinstance(generated, Features) or not isinstance(reference, Features):
            raise TypeError(f"{name} takes features")
        return {name: SHARES[name](generated, reference, self.neighbours)}
