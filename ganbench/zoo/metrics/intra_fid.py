"""Fréchet distance within each class: what a conditional generator makes of one class against that class."""

from __future__ import annotations

from collections.abc import Mapping

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.frechet import frechet_distance
from ganbench.scoring.side import OfClass


class IntraFid:
    """The mean over classes of the Fréchet distance between generated and real images of one class.

    Miyato and Koyama (2018), cGANs with projection discriminator, section 4. A generator that makes good
    images of the wrong class, or the same few images of each, has a good FID and a bad one of these.

    Args:
        per_class: whether the distance of each class is given too.
    """

    needs: Needs = "features+labels"
    # Of each class: a covariance takes two.
    minimum = 2

    def __init__(self, per_class: bool = False) -> None:
        self._per_class = per_class

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """The mean, and with `per_class` what it is the mean of.

        Returns:
            `intra_fid`: every class counts alike, however often it occurs; lower is better.
            `intra_fid_0`, ...: of each class.

        Raises:
            ValueError: a class has fewer than two samples on a side.
        """
        if not isinstance(generated, Features) or not isinstance(reference, Features):
            raise TypeError("intra_fid takes features")
        classes = dataset.signature.classes
        if classes is None or generated.labels is None:
            raise TypeError("intra_fid takes features with labels")
        distances = [
            frechet_distance(OfClass(generated, label), OfClass(reference, label)) for label in range(classes)
        ]
        values = {"intra_fid": sum(distances) / classes}
        if self._per_class:
            values |= {f"intra_fid_{label}": distance for label, distance in enumerate(distances)}
        return values
