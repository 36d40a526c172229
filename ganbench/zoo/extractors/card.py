"""What is known of a shipped extractor: read from the JSON beside its weights, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WEIGHTS_FOLDER = Path(__file__).parent / "weights"


def card(name: str) -> dict[str, Any]:
    """The recipe and its outcome; see `recipe.train` for the fields."""
    content: dict[str, Any] = json.loads((WEIGHTS_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


def card_details(name: str) -> Mapping[str, str]:
    """The card in the words of `ganbench show`."""
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
