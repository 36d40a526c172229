"""Fréchet distance between features."""

from __future__ import annotations

from collections.abc import Mapping

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.frechet import frechet_distance


class Fid:
    """FID; with another extractor than Inception, the same formula on other features."""

    needs: Needs = "features"
    minimum = 2

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """`fid`: 0 for equal means and covariances, lower is better."""
        if not isinstance(generated, Features) or not isinstance(reference, Features):
            raise TypeError("fid takes features")
        return {"fid": frechet_distance(generated, reference)}
