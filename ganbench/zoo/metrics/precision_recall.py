"""Precision and recall: how good the samples are, and how much of the data they reach."""

from __future__ import annotations

from collections.abc import Mapping

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.scoring.neighbours import fewest_samples, precision, recall


class Precision:
    """The share of generated samples that lie among real ones; torch-fidelity's."""

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
        """`precision`: from 0 to 1, higher is better."""
        if not isinstance(generated, Features) or not isinstance(reference, Features):
            raise TypeError("precision takes features")
        return {"precision": precision(generated, reference, self.neighbours)}


class Recall:
    """The share of real samples that lie among generated ones; torch-fidelity's."""

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
        """`recall`: from 0 to 1, higher is better."""
        if not isinstance(generated, Features) or not isinstance(reference, Features):
            raise TypeError("recall takes features")
        return {"recall": recall(generated, reference, self.neighbours)}
