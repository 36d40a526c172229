"""Kernel distance between features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge, Interval

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.kernel import kernel_distance


class Kid:
    """KID; with another extractor than Inception, the same formula on other features."""

    needs: Needs = "features"

    def __init__(
        self,
        subsets: Annotated[int, Interval(ge=1, le=10_000)] = 100,
        subset_size: Annotated[int, Ge(2)] = 1000,
    ) -> None:
        """Take the number of subsets, and of samples in each."""
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
