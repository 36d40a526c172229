"""What an exported generator says of itself: inputs, output, data, scores, versions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ganbench.catalog.distributions import ganbench_version
from ganbench.runner.cell_generator import CellGenerator
from ganbench.runner.data_notes import recorded_names, recorded_notes

CARD_FILE = "ganbench.json"
INPUTS = ("noise", "condition")
OUTPUT = "samples"

_DISTRIBUTIONS = {
    "normal": "independent entries from N(0, 1)",
    "uniform": "independent entries from U(-1, 1)",
}
_USES = {
    "torch": (
        "torch.export.load(FILE).module()(noise{condition}); an archive may hold pickled parts, which torch "
        "runs when it loads them: load only what you trust; ganbench itself never reads one"
    ),
    "onnx": "onnxruntime.InferenceSession(FILE).run(['samples'], {{'noise': noise{given}}})",
}
_TO_UINT8 = (
    "round((samples + 1) * 127.5), halves to even, then limited to 0 to 255: 0 is black, 255 white, as data "
    "and scores have it"
)


def generator_card(
    generator: CellGenerator, inputs: Sequence[Tensor], form: str, difference: float
) -> dict[str, Any]:
    """Describe an exported generator in JSON's values.

    Args:
        generator: which.
        inputs: examples of what it takes.
        form: of the file, `torch` or `onnx`.
        difference: the largest between its samples and those of `ganbench sample` before they are rounded.

    Raises:
        StoreError: the cell's record or scores are damaged.
    """
    cell, store, parts = generator.parts.cell, generator.store, generator.parts
    record = store.cell(cell.id)
    conditional = len(inputs) > 1
    given = (", condition", ", 'condition': condition") if conditional else ("", "")
    use = _USES[form].format(condition=given[0], given=given[1])
    best = generator.best
    name = cell.score.best_score if best is None else f"{best.score}_best"
    of_best = (name, f"{name}_chosen", f"{name}_step")
    final = [
        row
        for row in store.scores(cell.id)
        if row["step"] == record["step"]
        and row["current"]
        and (row["metric"] in of_best) == (best is not None)
    ]
    return {
        "format": {"torch": "torch.export archive", "onnx": "ONNX"}[form],
        "use": use,
        "inputs": {
            "noise": {
                "shape": ["batch", generator.noise.size],
                "dtype": "float32",
                "distribution": generator.noise.distribution,
                "meaning": _DISTRIBUTIONS[generator.noise.distribution],
                "scored_seed": generator.scored_seed,
                "scored": "each 250 samples: torch.randn, or 2 * torch.rand - 1, of (250, size), drawn from "
                "torch.Generator().manual_seed(scored_seed)",
            },
            **({"condition": _condition(generator, inputs[1])} if conditional else {}),
        },
        "output": _output(generator),
        "cell": {
            "id": cell.id,
            **cell.axes,
            "varied": dict(cell.varied),
            "seed": cell.seed,
            "step": record["step"] if best is None else best.step,
            "weights": "final" if best is None else best.words,
            "weights_sha256": (record.get("weights") or "") if best is None else best.weights,
        },
        "data": {
            "name": cell.dataset.label,
            "fingerprint": str(parts.dataset.fingerprint),
            "notes": recorded_notes(parts.dataset),
        },
        "scores": [{**row, "value": _number(row["value"])} for row in final],
        "versions": {"ganbench": ganbench_version(), "torch": torch.__version__, **_onnx_versions(form)},
        "trained_with": record["environment"].get("versions") or {},
        "largest_difference": difference,
    }


def _number(value: float) -> float | str:
    """Write a number that JSON has not as a text."""
    return value if math.isfinite(value) else str(value)


def _condition(generator: CellGenerator, example: Tensor) -> dict[str, Any]:
    names = recorded_names(generator.parts.dataset)
    labels = {"classes": generator.classes, **({"class_names": names} if names else {})}
    return {
        "shape": ["batch", *example.shape[1:]],
        "dtype": str(example.dtype).removeprefix("torch."),
        "meaning": "labels from 0" if generator.classes is not None else "conditions as the data have them",
        **(labels if generator.classes is not None else {}),
    }


def _output(generator: CellGenerator) -> dict[str, Any]:
    """Describe the samples."""
    found: dict[str, Any] = {
        "name": OUTPUT,
        "shape": ["batch", *generator.signature.shape],
        "dtype": "float32",
        "kind": generator.signature.kind,
    }
    if generator.range is None:
        return found
    bounded = generator.parts.players.bounded
    return {**found, "range": list(generator.range), "stays_in_range": bounded, "to_uint8": _TO_UINT8}


def _onnx_versions(form: str) -> dict[str, str]:
    if form != "onnx":
        return {}
    from importlib.metadata import version

    return {name: version(name) for name in ("onnx", "onnxscript", "onnxruntime")}
