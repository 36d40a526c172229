"""Training a small classifier: same recipe, data, processor and torch, same bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganbench.training.determinism import deterministic
from ganbench.zoo.extractors.networks import SmallClassifier


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a classifier is trained: AdamW, learning rate in one cycle, label smoothing.

    Attributes:
        epochs: passes over the train split.
        batch_size: at most the number of images; the last partial batch of an epoch is dropped.
        learning_rate: the cycle's highest.
        weight_decay: AdamW's.
        label_smoothing: share of the target spread over all classes.
        shift: images are moved by up to this many pixels, the border filled with black.
        flip: whether half of the images are mirrored.
        seed: of initial weights, order and augmentation.
    """

    epochs: int
    batch_size: int
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    shift: int = 1
    flip: bool = False
    seed: int = 0


@contextmanager
def same_bits(seed: int) -> Iterator[None]:
    """Use one thread, deterministic algorithms and an own random state; restore the caller's afterwards."""
    threads = torch.get_num_threads()
    with (
        torch.random.fork_rng(devices=[]),
        deterministic(),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
    ):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def fit(net: SmallClassifier, recipe: Recipe, images: Tensor, labels: Tensor) -> None:
    """Trains a network in place, and leaves it in eval mode.

    Args:
        net: in channels_last, or not: that decides the last bits.
        recipe: how.
        images: uint8 (N, C, H, W).
        labels: int64 (N,).
    """
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
    """Move each image and, where the recipe says so, mirror it by chance; the same shape and type."""
    count, _, height, width = images.shape
    rows = torch.arange(height).expand(count, height)
    columns = torch.arange(width).expand(count, width)
    if recipe.flip:
        mirrored = torch.rand((count, 1), generator=random) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    shifts = torch.randint(0, 2 * recipe.shift + 1, (2, count, 1), generator=random)
    padded = nn.functional.pad(images, [recipe.shift] * 4)
    which = torch.arange(count).view(-1, 1, 1)
    # A slice between index tensors: the pixels' axes come first, the channels last.
    moved = padded[which, :, (rows + shifts[0]).unsqueeze(2), (columns + shifts[1]).unsqueeze(1)]
    return moved.permute(0, 3, 1, 2)


@torch.no_grad()
def accuracy_of(net: SmallClassifier, images: Tensor, labels: Tensor) -> float:
    """Compute the share of images whose largest logit is that of their label."""
    right = 0
    for start in range(0, len(images), 500):
        _, logits = net(images[start : start + 500])
        right += int((logits.argmax(dim=1) == labels[start : start + 500]).sum())
    return right / len(images)
