"""How a score was measured, and the short hash by which two measurements are told apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from ganbench.scoring.images import ROUNDING


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Everything that decides how a score is measured, beside the generated samples themselves.

    Attributes:
        metric: the metric's name.
        options: the metric's options that are not the default.
        extractor: the extractor's name with options; empty where the metric needs none.
        weights: SHA-256 of the extractor's weights; empty where there is none.
        dataset: the data set's fingerprint.
        reference: the split that is the real side, whole.
        reference_samples: how many there are in it.
        generated_samples: how many are generated.
        resizing: what happens to the images' size before the extractor; empty where there is none.
        rounding: how generated images become uint8; empty for points.
        torch_fidelity: its version.
    """

    metric: str
    options: Mapping[str, Any]
    extractor: str
    weights: str
    dataset: str
    reference: str
    reference_samples: int
    generated_samples: int
    resizing: str
    rounding: str
    torch_fidelity: str

    @property
    def details(self) -> dict[str, Any]:
        """The fields by name, so that a report can say in what two protocols differ."""
        return asdict(self)

    @property
    def hash(self) -> str:
        """12 hexadecimal digits of a SHA-256 over the canonical JSON of all fields."""
        text = json.dumps(self.details, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def protocol_of(
    *,
    metric: str,
    options: Mapping[str, Any],
    dataset: str,
    reference: str,
    reference_samples: int,
    generated_samples: int,
    images: bool,
    extractor: str = "",
    weights: str = "",
    resizing: str = "",
) -> Protocol:
    """The protocol of one metric; see Protocol for the fields.

    Args:
        metric: the metric's name.
        options: its options.
        dataset: the fingerprint.
        reference: the split.
        reference_samples: the split's size.
        generated_samples: the number to generate.
        images: whether the samples are images (rounded to uint8) or points.
        extractor: the label, where the metric needs one.
        weights: the digest, where the metric needs an extractor.
        resizing: what the extractor does to sizes.

    Returns:
        The protocol, with the rounding and torch-fidelity's version filled in.
    """
    return Protocol(
        metric=metric,
        options=dict(options),
        extractor=extractor,
        weights=weights,
        dataset=dataset,
        reference=reference,
        reference_samples=reference_samples,
        generated_samples=generated_samples,
        resizing=resizing,
        rounding=ROUNDING if images else "",
        torch_fidelity=version("torch-fidelity"),
    )
