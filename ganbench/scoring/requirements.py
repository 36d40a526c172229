"""What metrics and extractors need of the data, and what to say where it is not so."""

from __future__ import annotations

from torch import Tensor

from ganbench.api.data import Extractor, Metric, Needs
from ganbench.api.players import Signature

# What a metric needs that is told of which class each sample is.
WITH_LABELS: Needs = "features+labels"


def extractor_problems(extractor: Extractor | None, label: str, signature: Signature) -> list[str]:
    """Say why an extractor cannot take some data, a line each; empty where it can, or where there is none.

    Args:
        extractor: what takes images.
        label: its name with options.
        signature: of the data.
    """
    if extractor is None:
        return []
    if signature.kind != "image":
        return [f"extractor {label!r} takes images, and the data are points: use a metric without one"]
    channels, height, width = signature.shape
    problems = []
    if channels not in extractor.channels or channels not in (1, 3):
        accepted = " or ".join(str(number) for number in extractor.channels)
        noun = "channel" if tuple(extractor.channels) == (1,) else "channels"
        problems.append(f"extractor {label!r} takes {accepted} {noun}, and the data have {channels}")
    if extractor.sizes is not None and (height, width) not in extractor.sizes:
        accepted = " or ".join(f"{rows}x{columns}" for rows, columns in extractor.sizes)
        problems.append(f"extractor {label!r} takes images of {accepted}, and the data have {height}x{width}")
    return problems


def too_few(labels: Tensor, classes: int, minimum: int) -> str:
    """Name the class that has fewer samples than the minimum; empty where none has.

    Args:
        labels: int64 (N,), from 0 to below `classes`.
        classes: how many there are.
        minimum: samples that each must have.
    """
    counts = labels.bincount(minlength=classes)
    rarest = int(counts.argmin())
    return f"class {rarest} has {int(counts[rarest])}" if counts[rarest] < minimum else ""


def extracted(metric: Metric) -> bool:
    """Tell whether a metric takes an extractor's output."""
    return metric.needs not in ("samples", "pairs")


def label_problems(name: str, minimum: int, labels: Tensor | None, classes: int | None) -> list[str]:
    """Say why a metric that needs labels cannot have them of some data; empty where it can.

    Args:
        name: the metric's.
        minimum: samples that it needs of each class.
        labels: of the data, int64 (N,).
        classes: how many there are.
    """
    if labels is None or classes is None:
        return [f"metric {name!r} needs labels, and the data have none"]
    rare = too_few(labels, classes, minimum)
    needs = f"metric {name!r} needs at least {minimum} reference samples of each class"
    return [f"{needs}: {rare}"] if rare else []
