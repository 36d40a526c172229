"""The protocol of a score: how it was measured, and a short hash that tells two protocols apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from importlib.metadata import version
from typing import Any

from ganbench.files.canonical import sha256_of
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
        precision: of the extractor's arithmetic.
        plugins: name, version and digest of the source of each distribution, beside ganbench, that provides
            the metric or the extractor.
        generated_images: of images from files: their size where it is not the reference's, and how they were
            changed.
        selection: how the generator was chosen, where it is not the final one.
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
    precision: str = "float32"
    plugins: tuple[str, ...] = ()
    generated_images: str = ""
    selection: str = ""

    @property
    def details(self) -> dict[str, Any]:
        """The fields by name, so that a report can say in what two protocols differ.

        A field that ganbench got later is left out while it has its default: scores made before it pair with
        those of today.
        """
        later = {field.name: field.default for field in fields(self) if field.default is not MISSING}
        return {name: value for name, value in asdict(self).items() if later.get(name, MISSING) != value}

    @property
    def hash(self) -> str:
        """12 hexadecimal digits of a SHA-256 over the canonical JSON of the details."""
        return sha256_of(self.details)[:12]


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
    precision: str = "float32",
    plugins: tuple[str, ...] = (),
    generated_images: str = "",
) -> Protocol:
    """Describe how one metric measures; see Protocol for the fields.

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
        precision: of the extractor's arithmetic.
        plugins: what provides the metric or the extractor, beside ganbench.
        generated_images: their size and changes, of images from files.

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
        precision=precision,
        plugins=plugins,
        generated_images=generated_images,
    )
