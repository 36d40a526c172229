"""A shipped classifier as an extractor."""

from __future__ import annotations

import hashlib

import torch
from safetensors.torch import load
from torch import Tensor

from ganbench.api.data import Features
from ganbench.errors import WeightsError
from ganbench.scoring.fidelity import register_extractor
from ganbench.zoo.extractors.card import WEIGHTS_FOLDER, card
from ganbench.zoo.extractors.networks import network


class Classifier:
    """`digits_cnn` or `fashion_cnn`, frozen, in eval mode, on the device of the images that it is given.

    Attributes:
        digest: SHA-256 of the weights' file.
        channels: grey only.
        sizes: the one size that it was trained on.
        resizing: none.
    """

    channels: tuple[int, ...] = (1,)
    resizing = ""

    def __init__(self, name: str) -> None:
        """Loads the weights, once their digest is what the card says.

        Raises:
            WeightsError: the installed file is not the one that was shipped.
        """
        facts = card(name)
        path = WEIGHTS_FOLDER / f"{name}.safetensors"
        content = path.read_bytes() if path.is_file() else b""
        self.digest = hashlib.sha256(content).hexdigest()
        if self.digest != facts["sha256"]:
            raise WeightsError(
                f"extractor {name!r}: {path} is not the file that was shipped: SHA-256 {self.digest}, "
                f"expected {facts['sha256']}; reinstall ganbench"
            )
        height, width = facts["size"]
        self.sizes: tuple[tuple[int, int], ...] | None = ((height, width),)
        # The initial weights are overwritten, but drawing them must not move the caller's random state.
        with torch.random.fork_rng(devices=[]):
            net = network(name)
        net.load_state_dict(load(content))
        net.to(memory_format=torch.channels_last)
        self._net = net.requires_grad_(False).eval()
        register_extractor(f"ganbench-{name.replace('_', '-')}", self)

    def __call__(self, images: Tensor) -> Features:
        """Features and logits of uint8 images (N, 3, H, W), which are grey: the channels' mean is taken."""
        self._net.to(images.device)
        features, logits = self._net(images.to(torch.float32).mean(dim=1, keepdim=True))
        return Features(features=features, logits=logits)
