"""The recipe of the shipped extractors: `python -m ganbench.zoo.extractors.recipe digits_cnn [FOLDER]`.

Deterministic: one thread, one seed, no augmentation beyond shifts and flips drawn from that seed.
The same torch on the same kind of processor gives the same file.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ganbench.api.data import Dataset
from ganbench.zoo.datasets import build_digits, build_fashion_mnist
from ganbench.zoo.extractors.card import WEIGHTS_FOLDER
from ganbench.zoo.extractors.networks import SmallClassifier, network


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one extractor is trained: AdamW, learning rate in one cycle, label smoothing.

    Attributes:
        dataset: its name.
        build: makes it.
        epochs: passes over the train split.
        batch_size: the last partial batch of an epoch is dropped.
        learning_rate: the cycle's highest.
        weight_decay: AdamW's.
        label_smoothing: share of the target spread over all classes.
        shift: images are moved by up to this many pixels, the border filled with black.
        flip: whether half of the images are mirrored.
        seed: of initial weights, order and augmentation.
    """

    dataset: str
    build: Callable[[], Dataset]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    shift: int
    flip: bool
    seed: int


RECIPES: Mapping[str, Recipe] = {
    "digits_cnn": Recipe(
        dataset="digits",
        build=build_digits,
        epochs=30,
        batch_size=64,
        learning_rate=4e-3,
        weight_decay=1e-2,
        label_smoothing=0.05,
        shift=1,
        flip=False,
        seed=0,
    ),
    "fashion_cnn": Recipe(
        dataset="fashion_mnist",
        build=build_fashion_mnist,
        epochs=8,
        batch_size=128,
        learning_rate=4e-3,
        weight_decay=1e-2,
        label_smoothing=0.05,
        shift=1,
        flip=True,
        seed=0,
    ),
}


def train(name: str, recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Trains an extractor and writes `name`.safetensors and `name`.json.

    Args:
        name: of the network.
        recipe: how.
        folder: where; must exist.

    Returns:
        The JSON's content: recipe, data fingerprint, test accuracy, SHA-256 of the weights' file.
    """
    torch.set_num_threads(1)
    dataset = recipe.build()
    data, test = dataset.load("train"), dataset.load("test")
    if data.labels is None or test.labels is None:
        raise ValueError(f"{recipe.dataset} has no labels")
    started = time.monotonic()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = network(name)
    net = net.to(memory_format=torch.channels_last)
    fit(net, recipe, data.x, data.labels)
    accuracy = accuracy_of(net, test.x, test.labels)
    content = save({key: value.contiguous() for key, value in net.state_dict().items()})
    card = {
        "format": 1,
        "extractor": name,
        "dataset": recipe.dataset,
        "fingerprint": dataset.fingerprint,
        "train_samples": len(data),
        "test_samples": len(test),
        "test_accuracy": accuracy,
        "size": list(dataset.signature.shape[1:]),
        "features": net.hidden.out_features,
        "classes": net.readout.out_features,
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "optimizer": "adamw, one cycle",
        **{key: getattr(recipe, key) for key in _SETTINGS},
        "torch": torch.__version__,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (folder / f"{name}.safetensors").write_bytes(content)
    (folder / f"{name}.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    print(f"{name}: test accuracy {accuracy:.2%}, {len(content)} bytes, {time.monotonic() - started:.0f} s")
    return card


_SETTINGS = (
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "label_smoothing",
    "shift",
    "flip",
    "seed",
)


def fit(net: SmallClassifier, recipe: Recipe, images: Tensor, labels: Tensor) -> None:
    """Trains a network in place on uint8 images (N, 1, H, W) and labels int64 (N,)."""
    random = torch.Generator().manual_seed(recipe.seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    batches = len(images) // recipe.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=recipe.learning_rate, epochs=recipe.epochs, steps_per_epoch=batches
    )
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    net.train()
    for _ in range(recipe.epochs):
        order = torch.randperm(len(images), generator=random)[: batches * recipe.batch_size]
        for chosen in torch.split(order, recipe.batch_size):
            optimizer.zero_grad(set_to_none=True)
            _, logits = net(augmented(images[chosen], recipe, random))
            criterion(logits, labels[chosen]).backward()
            optimizer.step()
            schedule.step()
    net.eval()


def augmented(images: Tensor, recipe: Recipe, random: torch.Generator) -> Tensor:
    """Each image moved and, where the recipe says so, mirrored by chance; the same shape and type."""
    count, _, height, width = images.shape
    rows = torch.arange(height).expand(count, height)
    columns = torch.arange(width).expand(count, width)
    if recipe.flip:
        mirrored = torch.rand((count, 1), generator=random) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    shifts = torch.randint(0, 2 * recipe.shift + 1, (2, count, 1), generator=random)
    padded = nn.functional.pad(images, [recipe.shift] * 4)
    which = torch.arange(count).view(-1, 1, 1)
    return padded[which, 0, (rows + shifts[0]).unsqueeze(2), (columns + shifts[1]).unsqueeze(1)].unsqueeze(1)


@torch.no_grad()
def accuracy_of(net: SmallClassifier, images: Tensor, labels: Tensor) -> float:
    """The share of images whose largest logit is that of their label."""
    right = 0
    for start in range(0, len(images), 500):
        _, logits = net(images[start : start + 500])
        right += int((logits.argmax(dim=1) == labels[start : start + 500]).sum())
    return right / len(images)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in RECIPES:
        sys.exit(f"usage: python -m ganbench.zoo.extractors.recipe {'|'.join(RECIPES)} [FOLDER]")
    train(sys.argv[1], RECIPES[sys.argv[1]], Path(sys.argv[2]) if len(sys.argv) == 3 else WEIGHTS_FOLDER)
