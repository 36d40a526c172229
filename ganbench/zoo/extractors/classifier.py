"""A small classifier as an extractor."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench.api.data import Features
from ganbench.scoring.fidelity import register_extractor
from ganbench.zoo.extractors.networks import SmallClassifier


class Classifier:
    """A trained network, frozen, in eval mode, on the device of the images that it is given.

    Attributes:
        digest: SHA-256 of the weights.
        channels: those that it was trained on.
        sizes: the one size that it was trained on.
        resizing: none.
        registered: its name in torch-fidelity: `calculate_metrics(feature_extractor=registered, ...)`.
    """

    resizing = ""

    def __init__(
        self, net: SmallClassifier, *, shape: tuple[int, int, int], digest: str, registered: str
    ) -> None:
        """Freezes the network and makes it known to torch-fidelity.

        Args:
            net: with its weights, which are folded.
            shape: channels (1 or 3), height and width of the images that it takes.
            digest: SHA-256 of the weights.
            registered: without slashes.
        """
        self._grey = shape[0] == 1
        self.channels: tuple[int, ...] = shape[:1]
        self.sizes: tuple[tuple[int, int], ...] | None = (shape[1:],)
        self.digest = digest
        self.registered = registered
        net.eval().fold()
        self._net = net.to(memory_format=torch.channels_last).requires_grad_(False)
        register_extractor(registered, self)

    def __call__(self, images: Tensor) -> Features:
        """Features and logits of uint8 images (N, 3, H, W); of grey ones the channels' mean is taken."""
        self._net.to(images.device)
        pixels = images.to(torch.float32)
        features, logits = self._net(pixels.mean(dim=1, keepdim=True) if self._grey else pixels)
        return Features(features=features, logits=logits)
