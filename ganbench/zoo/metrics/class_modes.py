"""How many classes a classifier finds among the samples, and how evenly: the modes of Stacked MNIST."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.errors import GridError


class ClassModes:
    """Each sample belongs to the class of its largest logit; a class with a sample is a captured mode.

    With `channel_classifier` on `stacked_mnist`, PacGAN's measure of mode collapse (Lin et al., 2018, table
    2; 26,000 samples there): each channel is classified, and there are 1,000 modes.
    """

    needs: Needs = "logits"
    # A single sample always is of one class.
    minimum = 2

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the data have no labels, or only one class."""
        _shares(dataset)

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Count the modes, and compute their divergence.

        The real shares are those of the labels of the train split, whichever split is the reference: PacGAN's
        published code takes them as equal, which those of `stacked_mnist` tend to.

        Returns:
            `class_modes`: the number of captured classes, at most the number of samples; higher is better.
            `class_reverse_kl`: KL(q || p) in nats, q the generated and p the real shares of the classes;
                lower is better. Not 0 for perfect samples: n of them give about (classes - 1) / 2n. Infinite
                where a class is generated that the data do not have.

        Raises:
            GridError: the extractor tells other classes apart than those of the data.
        """
        if not isinstance(generated, Features) or generated.logits is None:
            raise TypeError("class_modes takes logits")
        real = _shares(dataset)
        if generated.logits.shape[1] != len(real):
            raise GridError(
                f"metric 'class_modes' needs a classifier of the data's {len(real)} classes, "
                f"and the extractor has {generated.logits.shape[1]}"
            )
        counts = torch.bincount(generated.logits.argmax(dim=1), minlength=len(real)).double()
        hit = counts > 0
        q, p = counts[hit] / counts.sum(), real[hit]
        # Rounding can leave a sum of terms that cancel just below zero.
        divergence = max(0.0, float((q * (q / p).log()).sum()))
        return {"class_modes": float(hit.sum()), "class_reverse_kl": divergence}


def _shares(dataset: Dataset) -> Tensor:
    """Compute the share of each class in the train split, float64 (classes,).

    Raises:
        ValueError: there are no labels, or one class only.
    """
    classes, labels = dataset.signature.classes, dataset.load("train").labels
    if classes is None or labels is None:
        raise ValueError("it needs data with labels, and the data have none")
    if classes < 2:
        raise ValueError("it counts classes, and the data have only one")
    return torch.bincount(labels, minlength=classes).double() / len(labels)
