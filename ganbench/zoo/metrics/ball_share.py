"""Precision, recall, density and coverage: which samples lie in balls around those of the other side."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.neighbours import fewest_samples

# Of the generated side's features, the reference's, and the neighbour that a ball reaches to.
Share = Callable[[Features, Features, int], float]


class BallShare:
    """One of the four; what it counts, in what range and by whom is said at the function that it is given."""

    needs: Needs = "features"

    def __init__(self, share: Share, *, neighbours: int) -> None:
        """Takes the function, whose name is the value's, and the neighbour that a ball reaches to.

        Raises:
            ValueError: a neighbour below the first.
        """
        self.minimum = fewest_samples(neighbours)
        self.fewer_samples = f"{share.__name__}[neighbours=...]" if neighbours > 1 else ""
        self.neighbours = neighbours
        self._share = share

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """The value by the function's name.

        Raises:
            TypeError: a side that is not features.
        """
        name = self._share.__name__
        if not isinstance(generated, Features) or not isinstance(reference, Features):
            raise TypeError(f"{name} takes features")
        return {name: self._share(generated, reference, self.neighbours)}
