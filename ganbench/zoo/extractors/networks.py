"""The small classifiers behind `digits_cnn`, `fashion_cnn` and `classifier`."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Stages = tuple[tuple[int, int, bool], ...]


class SmallClassifier(nn.Module):
    """Convolutions, one hidden layer, a linear read-out: features are the hidden layer after its ReLU.

    Each stage is a convolution without bias, batch normalisation, ReLU and, where the stage says so, a 2x2
    max pooling. Pixels are scaled to [-1, 1].
    """

    def __init__(self, *, shape: tuple[int, int, int], stages: Stages, features: int, classes: int) -> None:
        """Lays out the layers.

        Args:
            shape: channels, height and width of the images.
            stages: (channels, kernel size, whether it ends in a pooling).
            features: width of the hidden layer.
            classes: number of logits.
        """
        super().__init__()
        layers: list[nn.Module] = []
        channels, height, width = shape
        widths = (channels, *(outputs for outputs, _, _ in stages))
        for (inputs, outputs), (_, kernel, pooled) in zip(pairwise(widths), stages, strict=True):
            layers += [
                nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            if pooled:
                layers.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
        self.body = nn.Sequential(*layers)
        self.hidden = nn.Linear(widths[-1] * height * width, features)
        self.readout = nn.Linear(features, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (N, channels, H, W) with values 0..255, of any type, to features and logits, float32."""
        x = images.to(torch.float32) / 127.5 - 1
        features = torch.relu(self.hidden(self.body(x).flatten(1)))
        return features, self.readout(features)

    def fold(self) -> None:
        """Put the batch normalisations into the weights before them: for eval mode, a fifth faster.

        What the state_dict held is gone, and the features move by a few units of float32's last place.
        """
        layers = list(self.body)
        for place, layer in enumerate(layers):
            if isinstance(layer, nn.BatchNorm2d):
                convolution = layers[place - 1]
                assert isinstance(convolution, nn.Conv2d)
                self.body[place - 1] = fuse_conv_bn_eval(convolution, layer)
                self.body[place] = nn.Identity()


def network(name: str) -> SmallClassifier:
    """Build the network of a shipped extractor, freshly initialised from torch's random state.

    Args:
        name: `digits_cnn` (8x8, 64 features) or `fashion_cnn` (28x28, 128 features).
    """
    if name == "digits_cnn":
        stages: Stages = ((32, 3, False), (64, 3, True), (64, 3, False))
        return SmallClassifier(shape=(1, 8, 8), stages=stages, features=64, classes=10)
    if name == "fashion_cnn":
        stages = ((24, 5, True), (48, 3, True), (80, 3, False), (96, 3, True))
        return SmallClassifier(shape=(1, 28, 28), stages=stages, features=128, classes=10)
    raise KeyError(name)


def stages_for(height: int, width: int) -> Stages:
    """Choose convolutions for images of any size: poolings bring the shorter side to about 4 pixels.

    Args:
        height: of the images, at least 4.
        width: of the images, at least 4.
    """
    poolings = max(1, round(math.log2(min(height, width) / 4)))
    widths = [min(24 * 2**depth, 96) for depth in range(poolings)]
    return (*((channels, 3, True) for channels in widths), (96, 3, False))
