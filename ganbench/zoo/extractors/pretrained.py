"""Networks of torch-fidelity as extractors: Inception v3; VGG16, CLIP and DINOv2, which give no logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganbench.api.data import Features
from ganbench.errors import WeightsError
from ganbench.scoring.torch_fidelity import (
    clip_network,
    digest_of,
    fetched,
    inception_network,
    resize_by,
    vgg16_network,
)
from ganbench.zoo.extractors.inception_weights import find_inception_weights
from ganbench.zoo.extractors.pillow_resizing import WORDS, Resize, resized
from ganbench.zoo.extractors.pretrained_weights import HUB_FOLDER, HUB_REPOSITORY, PRETRAINED, Pretrained
from ganbench.zoo.extractors.weights_file import SECONDS_TO_CONNECT, WeightsFile, hub_folder


class PretrainedExtractor:
    """One of torch-fidelity's networks, with the layer that it scores with itself.

    Attributes:
        digest: SHA-256 of the weights' file; of the loaded weights where they come as no one file.
        channels: grey (tiled) or colour.
        sizes: None: any.
        resizing: how it brings images to its size.
    """

    channels: tuple[int, ...] = (1, 3)
    sizes: tuple[tuple[int, int], ...] | None = None

    def __init__(self, name: str, resize: Resize = "tf1") -> None:
        """Load the weights; torch-fidelity fetches them where they are nowhere.

        Args:
            name: one of PRETRAINED.
            resize: `tf1`, bilinear without antialiasing as TensorFlow 1.x; `clean`, Pillow's bicubic in float
                as clean-fid; `bicubic`, Pillow's bicubic in 8 bits.

        Raises:
            WeightsError: there are none, or not the expected ones.
        """
        network = PRETRAINED[name]
        self.resizing = WORDS[resize].format(network.size)
        if network.file is not None:
            self._net, self.digest = _from_file(network, network.file)
        else:
            self._net = _from_hub(network)
            self.digest = digest_of(self._net)
        _resize_by(self._net, resize)

    def __call__(self, images: Tensor) -> Features:
        """Features (N, d) of uint8 images (N, 3, H, W)."""
        self._net.to(images.device)
        (features,) = self._net(images)
        return Features(features=features)


def _from_file(network: Pretrained, file: WeightsFile) -> tuple[nn.Module, str]:
    path = file.find()
    if path is None:
        try:
            fetched(network.registered, SECONDS_TO_CONNECT)
        except ConnectionError as error:
            raise file.absent(error) from error
        path = file.cached
    digest = file.check(path)
    if network.registered == "vgg16":
        return vgg16_network(path), digest
    return clip_network(network.registered, path), digest


def _from_hub(network: Pretrained) -> nn.Module:
    try:
        return fetched(network.registered, SECONDS_TO_CONNECT)
    except ConnectionError as error:
        raise WeightsError(
            f"extractor {network.name!r}: its code and weights are not here, and torch-fidelity could not "
            f"load them ({error}); get them with: "
            f'python -c "import torch; torch.hub.load({HUB_REPOSITORY!r}, {network.hub!r})", '
            f"or from another machine copy {HUB_FOLDER} and checkpoints/{network.hub}_pretrain.pth "
            f"into {hub_folder()}"
        ) from error


def _resize_by(net: nn.Module, resize: Resize) -> None:
    """Have a network resize as it is asked to; `tf1` is its own way."""
    if resize != "tf1":
        resize_by(net, lambda images, size: resized(images, size, resize))


# What lies between the layers of more images than this leaves a CPU's caches, and costs page faults.
_AT_ONCE = 16


class InceptionV3:
    """torch-fidelity's inception-v3-compat: features are the last pooling, logits those without bias.

    Attributes:
        digest: SHA-256 of the weights' file.
        channels: grey (tiled) or colour.
        sizes: None: any.
        resizing: how it brings images to its size.
        unofficial: whether the weights are another file than torch-fidelity's.
    """

    channels: tuple[int, ...] = (1, 3)
    sizes: tuple[tuple[int, int], ...] | None = None

    def __init__(self, resize: Resize = "tf1") -> None:
        """Load the weights, after their digest was checked.

        Args:
            resize: `tf1`, bilinear without antialiasing as TensorFlow 1.x and the original FID; `clean`,
                Pillow's bicubic in float as clean-fid; `bicubic`, Pillow's bicubic in 8 bits.

        Raises:
            WeightsError: there are none, or not the expected ones.
        """
        weights = find_inception_weights()
        self.digest = weights.sha256
        self.unofficial = weights.unofficial
        self._net = inception_network(weights.path)
        self.resizing = WORDS[resize].format(299)
        _resize_by(self._net, resize)

    def __call__(self, images: Tensor) -> Features:
        """Features (N, 2048) and logits (N, 1008) of uint8 images (N, 3, H, W)."""
        self._net.to(images.device)
        at_once = _AT_ONCE if images.device.type == "cpu" else len(images)
        parts = [self._net(part) for part in torch.split(images, at_once)]
        features, logits = (torch.cat(part) for part in zip(*parts, strict=True))
        return Features(features=features, logits=logits)
