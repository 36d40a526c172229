"""The Inception Score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Interval

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.inception_score import fewest_samples, inception_score


class InceptionScore:
    """IS on whatever logits the extractor gives; the reference plays no part."""

    needs: Needs = "logits"
    # With one class the score is 1, whatever the samples are.
    minimum_classes = 2

    def __init__(self, splits: Annotated[int, Interval(ge=1, le=1000)] = 10) -> None:
        """Take the number of parts."""
        self.splits = splits
        self.minimum = fewest_samples(splits)
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
