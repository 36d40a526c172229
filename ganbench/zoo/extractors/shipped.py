"""The classifiers whose weights come with ganbench."""

from __future__ import annotations

import hashlib

import torch
from safetensors.torch import load

from ganbench.errors import WeightsError
from ganbench.zoo.extractors.card import WEIGHTS_FOLDER, card
from ganbench.zoo.extractors.classifier import Classifier
from ganbench.zoo.extractors.networks import network


def shipped(name: str) -> Classifier:
    """`digits_cnn` or `fashion_cnn`, once the digest of its weights is what the card says.

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
