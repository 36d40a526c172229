"""The recipes of the shipped extractors: `python -m ganbench.zoo.extractors.recipe digits_cnn [FOLDER]`.

The same torch on the same kind of processor gives the same file.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ganbench.api.data import Dataset
from ganbench.files.tensors import serialise
from ganbench.zoo.datasets.digits import Digits
from ganbench.zoo.datasets.mnist import MnistLike
from ganbench.zoo.extractors.card import WEIGHTS_FOLDER
from ganbench.zoo.extractors.fitting import Recipe, accuracy_of, fit, same_bits
from ganbench.zoo.extractors.networks import network

RECIPES: Mapping[str, Recipe] = {
    "digits_cnn": Recipe(epochs=30, batch_size=64),
    "fashion_cnn": Recipe(epochs=8, batch_size=128, flip=True),
}
DATASETS: Mapping[str, tuple[str, Callable[[], Dataset]]] = {
    "digits_cnn": ("digits", Digits),
    "fashion_cnn": ("fashion_mnist", lambda: MnistLike("fashion_mnist")),
}


def train(name: str, recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Trains a shipped extractor and writes `name`.safetensors and `name`.json.

    Args:
        name: of the network.
        recipe: how.
        folder: where; must exist.

    Returns:
        The JSON's content: recipe, data fingerprint, test accuracy, SHA-256 of the weights' file.
    """
    named, build = DATASETS[name]
    dataset = build()
    data, test = dataset.load("train"), dataset.load("test")
    if data.labels is None or test.labels is None:
        raise ValueError(f"{named} has no labels")
    started = time.monotonic()
    with same_bits(recipe.seed):
        net = network(name).to(memory_format=torch.channels_last)
        fit(net, recipe, data.x, data.labels)
        accuracy = accuracy_of(net, test.x, test.labels)
    content = serialise(net.state_dict())
    card = {
        "format": 1,
        "extractor": name,
        "dataset": named,
        "fingerprint": dataset.fingerprint,
        "train_samples": len(data),
        "test_samples": len(test),
        "test_accuracy": accuracy,
        "size": list(dataset.signature.shape[1:]),
        "features": net.hidden.out_features,
        "classes": net.readout.out_features,
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "optimizer": "adamw, one cycle",
        **asdict(recipe),
        "torch": torch.__version__,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (folder / f"{name}.safetensors").write_bytes(content)
    (folder / f"{name}.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    print(f"{name}: test accuracy {accuracy:.2%}, {len(content)} bytes, {time.monotonic() - started:.0f} s")
    return card


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in RECIPES:
        sys.exit(f"usage: python -m ganbench.zoo.extractors.recipe {'|'.join(RECIPES)} [FOLDER]")
    train(sys.argv[1], RECIPES[sys.argv[1]], Path(sys.argv[2]) if len(sys.argv) == 3 else WEIGHTS_FOLDER)
