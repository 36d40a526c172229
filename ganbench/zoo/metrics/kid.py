"""Kernel distance between features."""

from __future__ import annotations

from collections.abc import Mapping

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.kernel import kernel_distance


class Kid:
    """KID; with another extractor than Inception, the same formula on other features."""

    needs: Needs = "features"

    def __init__(self, *, subsets: int, subset_size: int) -> None:
        """Takes how many subsets there are, and of how many samples.

        Raises:
            ValueError: a number that no estimate can be made with.
        """
        if not 1 <= subsets <= 10_000:
            raise ValueError(f"subsets must be from 1 to 10000, given {subsets}")
        if subset_size < 2:
            raise ValueError(f"subset_size must be at least 2, given {subset_size}")
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
