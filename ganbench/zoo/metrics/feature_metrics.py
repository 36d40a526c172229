"""Metrics of an extractor's features or logits: fid, intra_fid, kid, is, and the shares of balls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

from annotated_types import Ge, Interval

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.features import ClassSubset
from ganbench.scoring.frechet import frechet_distance
from ganbench.scoring.inception_score import inception_score, min_samples_of_splits
from ganbench.scoring.kernel import kernel_distance
from ganbench.scoring.neighbours import coverage, density, fewest_samples, precision, recall


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
        """Compute the mean and, with `per_class`, the distance of each class.

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
            frechet_distance(ClassSubset(generated, label), ClassSubset(reference, label))
            for label in range(classes)
        ]
        values = {"intra_fid": sum(distances) / classes}
        if self._per_class:
            values |= {f"intra_fid_{label}": distance for label, distance in enumerate(distances)}
        return values


class Fid:
    """FID; with another extractor than Inception, the same formula on other features."""

    needs: Needs = "features"
    minimum = 2

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Compute `fid`: 0 for equal means and covariances, lower is better."""
        if not isinstance(generated, Features) or not isinstance(reference, Features):
            raise TypeError("fid takes features")
        return {"fid": frechet_distance(generated, reference)}


class Kid:
    """KID; with another extractor than Inception, the same formula on other features."""

    needs: Needs = "features"

    def __init__(
        self,
        subsets: Annotated[int, Interval(ge=1, le=10_000)] = 100,
        subset_size: Annotated[int, Ge(2)] = 1000,
    ) -> None:
        """Take the numbers.

        Args:
            subsets: how many are drawn, over which the distance is averaged.
            subset_size: samples in each.
        """
        self.subsets = subsets
        self.subset_size = subset_size
        self.minimum = subset_size
        self.fewer_samples = "kid[subset_size=...]" if subset_size > 2 else ""

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Measure the distance.

        Returns:
            `kid`: about 0 for equal distributions, lower is better.
            `kid_std`: deviation over the subsets, where they can differ.
        """
        if not isinstance(generated, Features) or not isinstance(reference, Features):
            raise TypeError("kid takes features")
        mean, deviation = kernel_distance(generated, reference, subsets=self.subsets, size=self.subset_size)
        most = max(len(generated.features), len(reference.features))
        differ = self.subsets > 1 and self.subset_size < most
        return {"kid": mean, "kid_std": deviation} if differ else {"kid": mean}


class InceptionScore:
    """IS on whatever logits the extractor gives; the reference plays no part."""

    needs: Needs = "logits"
    # With one class the score is 1, whatever the samples are.
    minimum_classes = 2

    def __init__(self, splits: Annotated[int, Interval(ge=1, le=1000)] = 10) -> None:
        """Take the number of parts.

        Args:
            splits: parts into which the samples are divided, over which the score is averaged.
        """
        self.splits = splits
        self.minimum = min_samples_of_splits(splits)
        self.fewer_samples = "is[splits=1]" if splits > 1 else ""

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Score the generated samples.

        Returns:
            `is`: from 1 to the number of classes, higher is better.
            `is_std`: deviation over the parts, where there are several.
        """
        if not isinstance(generated, Features) or generated.logits is None:
            raise TypeError("is takes logits")
        mean, deviation = inception_score(generated.logits, self.splits)
        return {"is": mean} if self.splits == 1 else {"is": mean, "is_std": deviation}


# Each takes the generated side's features, the reference's, and the neighbour that a ball reaches to.
SHARES: Mapping[str, Callable[[Features, Features, int], float]] = {
    "precision": precision,
    "recall": recall,
    "density": density,
    "coverage": coverage,
}


class BallShare:
    """Precision, recall, density or coverage; the function that it is given documents which."""

    needs: Needs = "features"

    def __init__(self, name: str, *, neighbours: Annotated[int, Ge(1)]) -> None:
        """Take the name of the share, and how far a ball reaches.

        Args:
            name: precision, recall, density or coverage.
            neighbours: a ball around an image reaches to the nearest of its own kind of this number.
        """
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
