"""The facts of a small classifier, read from the JSON beside its weights, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganbench.files.cache import cache_folder

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
CLASSIFIERS = "classifiers"
"""The cache's folder of those that were trained here."""


def card(name: str) -> dict[str, Any]:
    """Read the recipe of a shipped extractor and its outcome; see `recipe.train` for the fields."""
    content: dict[str, Any] = json.loads((WEIGHTS_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


def card_details(name: str) -> Mapping[str, str]:
    """Describe a shipped extractor in the words of `ganbench show`."""
    facts = card(name)
    height, width = facts["size"]
    return {
        "test accuracy": f"{facts['test_accuracy']:.2%} ({facts['dataset']}, {facts['test_samples']} images)",
        "takes": f"uint8 images of {height}x{width}, grey tiled to three channels",
        "gives": f"{facts['features']} features, {facts['classes']} logits",
        "weights": f"{facts['parameters']} parameters, SHA-256 {facts['sha256']}",
        "recipe": f"python -m ganbench.zoo.extractors.recipe {name}"
        f" ({facts['epochs']} epochs, seed {facts['seed']}, torch {facts['torch']})",
    }


def classifier_details() -> Mapping[str, str]:
    """Describe `classifier`, with the classifiers that have been trained here."""
    folder = cache_folder()
    kept = [] if folder is None else sorted((folder / CLASSIFIERS).glob("*.json"))
    here = "; ".join(map(_trained, kept))
    return {
        "takes": "uint8 images as those that are scored: labelled, 8 to 64 pixels a side, 1 or 3 channels",
        "gives": "as many features as the option says, a logit for each class",
        "weights": "trained when first needed, on a CPU with one thread; their SHA-256 is in the protocol",
        "found": here or f"none trained yet ({f'kept in {folder}' if folder else 'nothing is kept here'})",
    }


def channel_classifier_details() -> Mapping[str, str]:
    """Describe `channel_classifier`, which is a `classifier` of a single channel."""
    return {
        **classifier_details(),
        "takes": "uint8 images of three channels, each a picture of one labelled grey data set",
        "gives": "as many features a channel as the option says, a logit for each combination of classes",
    }


def _trained(path: Path) -> str:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        shape = "x".join(str(size) for size in facts["shape"])
        return (
            f"{facts['classes']} classes of {shape}: test accuracy {facts['test_accuracy']:.2%} after "
            f"{facts['recipe']['epochs']} epochs, SHA-256 {facts['sha256'][:12]}"
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{path.name}: not readable: {error!r}"
