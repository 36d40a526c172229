"""A small classifier as an extractor, and those whose weights come with ganbench."""

from __future__ import annotations

import hashlib

import torch
from safetensors.torch import load
from torch import Tensor

from ganbench.api.data import Features
from ganbench.errors import WeightsError
from ganbench.scoring.torch_fidelity import register_extractor
from ganbench.zoo.extractors.card import WEIGHTS_FOLDER, card
from ganbench.zoo.extractors.networks import SmallClassifier, network


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


def shipped(name: str) -> Classifier:
    """Load `digits_cnn` or `fashion_cnn`, after the digest of its weights was checked.

    Raises:
        WeightsError: the installed file is not the one that was shipped.
    """
    facts = card(name)
    path = WEIGHTS_FOLDER / f"{name}.safetensors"
    content = path.read_bytes() if path.is_file() else b""
    digest = hashlib.sha256(content).hexdigest()
    if digest != facts["sha256"]:
        raise WeightsError(
            f"extractor {name!r}: {path} is not the file that was shipped: SHA-256 {digest}, "
            f"expected {facts['sha256']}; reinstall ganbench"
        )
    # The initial weights are overwritten, but drawing them must not move the caller's random state.
    with torch.random.fork_rng(devices=[]):
        net = network(name)
    net.load_state_dict(load(content))
    height, width = facts["size"]
    return Classifier(
        net, shape=(1, height, width), digest=digest, registered=f"ganbench-{name.replace('_', '-')}"
    )
