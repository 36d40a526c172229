"""Inception v3 as torch-fidelity has it."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench.api.data import Features
from ganbench.scoring.pretrained import inception_network
from ganbench.zoo.extractors.inception_weights import find_inception_weights

# What lies between the layers of more images than this leaves a CPU's caches, and costs page faults.
_AT_ONCE = 16


class InceptionV3:
    """torch-fidelity's inception-v3-compat: features are the last pooling, logits those without bias.

    Attributes:
        digest: SHA-256 of the weights' file.
        channels: grey (tiled) or colour.
        sizes: None: any.
        resizing: as TensorFlow 1.x did it for the original FID.
        unofficial: whether the weights are another file than torch-fidelity's.
    """

    channels: tuple[int, ...] = (1, 3)
    sizes: tuple[tuple[int, int], ...] | None = None
    resizing = "bilinear to 299x299 as in TensorFlow 1.x"

    def __init__(self) -> None:
        """Loads the weights, once their digest is the expected one.

        Raises:
            WeightsError: there are none, or not the expected ones.
        """
        weights = find_inception_weights()
        self.digest = weights.sha256
        self.unofficial = weights.unofficial
        self._net = inception_network(weights.path)

    def __call__(self, images: Tensor) -> Features:
        """Features (N, 2048) and logits (N, 1008) of uint8 images (N, 3, H, W)."""
        self._net.to(images.device)
        at_once = _AT_ONCE if images.device.type == "cpu" else len(images)
        parts = [self._net(part) for part in torch.split(images, at_once)]
        features, logits = (torch.cat(part) for part in zip(*parts, strict=True))
        return Features(features=features, logits=logits)
