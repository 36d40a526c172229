"""`classifier`: a small network trained on the data set that is scored."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
from annotated_types import Interval
from torch import Tensor

from ganbench.api.data import Dataset, Split
from ganbench.catalog.switches import set_variables
from ganbench.errors import StoreError
from ganbench.files.atomic import write_bytes
from ganbench.files.cache import Cache
from ganbench.files.tensors import serialise
from ganbench.grid.environment import device_model
from ganbench.zoo.extractors.card import CLASSIFIERS
from ganbench.zoo.extractors.classifier import Classifier
from ganbench.zoo.extractors.fitting import Recipe, accuracy_of, fit, same_bits
from ganbench.zoo.extractors.networks import SmallClassifier, stages_for

Epochs = Annotated[int, Interval(ge=1, le=10_000)]
FeatureCount = Annotated[int, Interval(ge=1, le=65_536)]
WeightSeed = Annotated[int, Interval(ge=0, le=2**31 - 1)]

MIN_SIDE, MAX_SIDE = 8, 64
# To be raised where networks or training change: older weights are then never read.
_FORMAT = 1
_ACCURACY = "test_accuracy"
# Where `epochs` is not set: the number of images seen in all, between a least and a most number of passes.
_SEEN = 50_000
_MIN_EPOCHS, _MAX_EPOCHS = 5, 50


def trained(
    scored_dataset: Dataset,
    epochs: Epochs | None = None,
    features: FeatureCount = 128,
    flip: bool = False,
    seed: WeightSeed = 0,
) -> TrainedClassifier:
    """Load or train the classifier of a data set.

    It is trained on a CPU with one thread, whatever device scores, from the content of the train split: the
    same bits in every process, on the same kind of processor with the same torch.

    Args:
        scored_dataset: images of 8 to 64 pixels, grey or colour, with labels in both splits.
        epochs: passes over the train split; None for as many as show 50,000 images, at least 5, at most 50.
        features: width of the layer that gives the features.
        flip: whether half of the images are mirrored while it is trained.
        seed: of initial weights, order and augmentation.

    Raises:
        ValueError: a classifier cannot be trained on such data.
    """
    shape, classes = _image_shape(scored_dataset), scored_dataset.signature.classes
    if classes is None or classes < 2:
        raise ValueError("needs a data set with labels of at least 2 classes")
    images, labels = _labelled(scored_dataset, "train", classes)
    recipe = Recipe(
        epochs=default_epochs(len(images)) if epochs is None else epochs,
        batch_size=min(64 if len(images) < 10_000 else 128, max(1, len(images) // 2)),
        flip=flip,
        seed=seed,
    )
    key = {
        "format": _FORMAT,
        "dataset": scored_dataset.fingerprint,
        "shape": list(shape),
        "classes": classes,
        "features": features,
        "recipe": asdict(recipe),
        "torch": torch.__version__,
        "processor": device_model("cpu"),
    }
    if variables := set_variables():
        key["variables"] = variables
    with same_bits(seed):
        net = SmallClassifier(
            shape=shape, stages=stages_for(*shape[1:]), features=features, classes=classes
        ).to(memory_format=torch.channels_last)
        cache = Cache(CLASSIFIERS)
        found = cache.get(key)
        if found is None:
            test = _labelled(scored_dataset, "test", classes)
            fit(net, recipe, images, labels)
            accuracy = torch.tensor(accuracy_of(net, *test), dtype=torch.float64)
            found = {**net.state_dict(), _ACCURACY: accuracy}
            cache.put(key, found)
        weights = {name: value for name, value in found.items() if name != _ACCURACY}
        net.load_state_dict(weights)
    digest = hashlib.sha256(serialise(weights)).hexdigest()
    card = {**key, "sha256": digest, "test_accuracy": float(found[_ACCURACY])}
    if (place := cache.path(key)) is not None:
        _write_card(place.with_suffix(".json"), card)
    return TrainedClassifier(net, shape=shape, digest=digest, card=card)


class TrainedClassifier(Classifier):
    """A classifier that was trained here.

    Attributes:
        card: the recipe and its outcome, `test_accuracy` (0..1) among it.
    """

    def __init__(
        self, net: SmallClassifier, *, shape: tuple[int, int, int], digest: str, card: Mapping[str, Any]
    ) -> None:
        """Register under a name with the digest in it: torch-fidelity's caches go by names alone."""
        super().__init__(net, shape=shape, digest=digest, registered=f"ganbench-classifier-{digest[:16]}")
        self.card = card


def _image_shape(dataset: Dataset) -> tuple[int, int, int]:
    signature = dataset.signature
    if signature.kind != "image":
        raise ValueError("takes images, and the data are points")
    channels, height, width = signature.shape
    if channels not in (1, 3):
        raise ValueError(f"takes images of 1 or 3 channels, and the data have {channels}")
    if min(height, width) < MIN_SIDE or max(height, width) > MAX_SIDE:
        raise ValueError(
            f"takes images of {MIN_SIDE} to {MAX_SIDE} pixels a side, and the data have {height}x{width}"
        )
    return channels, height, width


def _labelled(dataset: Dataset, split: Split, classes: int) -> tuple[Tensor, Tensor]:
    samples = dataset.load(split)
    if samples.labels is None:
        raise ValueError(f"needs labels, and the {split} split has none")
    if len(samples) < 2:
        raise ValueError(f"needs at least 2 labelled images, and the {split} split has {len(samples)}")
    lowest, highest = int(samples.labels.min()), int(samples.labels.max())
    if lowest < 0 or highest >= classes:
        raise ValueError(
            f"needs labels from 0 to {classes - 1}, and the {split} split has {lowest} to {highest}"
        )
    return samples.x, samples.labels


def default_epochs(images: int) -> int:
    """Choose epochs such that enough images are seen in training, however many there are."""
    return min(max(_MIN_EPOCHS, math.ceil(_SEEN / images)), _MAX_EPOCHS)


def _write_card(path: Path, card: Mapping[str, Any]) -> None:
    """Write what `ganbench show classifier` reads without torch; the weights' entry is what counts."""
    content = (json.dumps(card, indent=2) + "\n").encode()
    with contextlib.suppress(StoreError, OSError):
        if not path.is_file() or path.read_bytes() != content:
            write_bytes(path, content)
