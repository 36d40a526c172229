"""`channel_classifier`: the small classifier of the data set that each channel is a picture of."""

from __future__ import annotations

from torch import Tensor

from ganbench.api.data import Dataset, Features
from ganbench.zoo.extractors.trained import Epochs, FeatureCount, TrainedClassifier, WeightSeed, trained

_CHANNELS = 3


def channel_classifier(
    scored_dataset: Dataset, epochs: Epochs | None = None, features: FeatureCount = 128, seed: WeightSeed = 0
) -> ChannelClassifier:
    """Load or train the classifier of stacked data.

    Args:
        scored_dataset: three channels, each a picture of its `channel_source`, a labelled grey data set.
        epochs: see `trained`.
        features: of one channel.
        seed: see `trained`.

    Raises:
        ValueError: the data are not stacked.
    """
    source = getattr(scored_dataset, "channel_source", None)
    if source is None:
        raise ValueError("needs stacked data, whose channels are pictures of their `channel_source`")
    shape, single = scored_dataset.signature.shape, source.signature.shape
    if shape != (_CHANNELS, *single[1:]) or single[0] != 1:
        raise ValueError(f"takes three channels of a grey data set, given {shape} of {single}")
    return ChannelClassifier(trained(source, epochs=epochs, features=features, flip=False, seed=seed))


class ChannelClassifier:
    """One classifier for each of three channels, as a classifier of all their combinations.

    Attributes:
        digest: SHA-256 of the weights.
        channels: 3.
        sizes: the one size that it was trained on.
        resizing: none.
    """

    resizing = ""

    def __init__(self, classifier: TrainedClassifier) -> None:
        """Bind the classifier of a single channel."""
        self._classifier = classifier
        self.digest = classifier.digest
        self.channels: tuple[int, ...] = (_CHANNELS,)
        self.sizes = classifier.sizes

    def __call__(self, images: Tensor) -> Features:
        """Features and logits of uint8 images (N, 3, H, W).

        Returns:
            The features of the three channels, one after the other; and a logit for each combination of
            classes, the first channel's slowest: the logarithm of its probability, the product of theirs.
        """
        single = images.flatten(0, 1).unsqueeze(1)
        found = self._classifier(single.expand(-1, 3, -1, -1))
        assert found.logits is not None
        red, green, blue = found.logits.log_softmax(dim=1).reshape(len(images), _CHANNELS, -1).unbind(dim=1)
        joint = red[:, :, None, None] + green[:, None, :, None] + blue[:, None, None, :]
        return Features(features=found.features.reshape(len(images), -1), logits=joint.flatten(1))
