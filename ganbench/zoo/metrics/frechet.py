"""The Fréchet distance on raw coordinates."""

from __future__ import annotations

from collections.abc import Mapping

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.frechet import frechet_distance
from ganbench.zoo.metrics.points import coordinates, require_points


class PointFrechet:
    """The formula of FID with the points themselves as features."""

    needs: Needs = "samples"
    minimum = 2

    def check(self, dataset: Dataset) -> None:
        """Raises ValueError where the data are images."""
        require_points(dataset)

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """`frechet`: 0 for equal means and covariances, lower is better; blind to anything else.

        In the squared unit of the coordinates; can come out negative by rounding where both sides are equal.
        """
        return {
            "frechet": frechet_distance(
                Features(features=coordinates(generated).float()),
                Features(features=coordinates(reference).float()),
            )
        }
