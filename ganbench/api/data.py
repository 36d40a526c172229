"""The interfaces of data sets, metrics and extractors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench.api.players import Samples, Signature

Split = Literal["train", "test"]
Needs = Literal["samples", "pairs", "features", "logits", "features+logits", "features+labels"]


@runtime_checkable
class Dataset(Protocol):
    """Data for one signature.

    It may also have `modes` (k, d), `std`, `density(x)`, `class_names`, `describe` and `notes`.

    `baselines(condition) -> Mapping[str, Tensor]` is for data whose conditions are pictures. It gives what
    simple methods make of conditions (N, *shape), by the name of each method, at most four: uint8 images
    (N, C, H, W), as large as the samples. Pictures show them between input and output.

    `class_names` is a name for each class, in the order of the labels, or None; it is shown on the report's
    page.

    `describe(condition) -> str` says what a condition means, in one line of at most 200 characters: the
    caption of samples made from it. It is given one condition of the data, or a label as an int where the
    samples have labels and no condition. Without it a label is described by its class's name, else by its
    number. It must say the same of the same condition each time.

    `notes` are phrases on how the data were read, as "12 laid over white; 3 files passed over": whatever was
    changed or left out, with its number. They are shown before a run and on the report's page.

    Attributes:
        signature: what one sample looks like.
        fingerprint: a string that changes when the content does.
    """

    signature: Signature
    fingerprint: str

    def load(self, split: Split) -> Samples:
        """Load the samples of one split, all of them.

        Raises:
            DatasetError: the data is not there; the message says how to get it.
        """


@dataclass(frozen=True, kw_only=True)
class Features:
    """What an extractor makes of N images.

    Attributes:
        features: float32 (N, d).
        logits: float32 (N, classes) where the extractor classifies, else None.
        labels: int64 (N,), the class that each image is of, or was generated as; not the extractor's to give,
            and there only for a metric that needs it.
    """

    features: Tensor
    logits: Tensor | None = None
    labels: Tensor | None = None


@runtime_checkable
class Extractor(Protocol):
    """A fixed network that turns images into features.

    Attributes:
        digest: SHA-256 of its weights, hexadecimal.
        channels: numbers of channels of the data that it accepts; grey data is tiled to three channels first.
        sizes: (height, width) pairs that it accepts, or None where it resizes whatever comes.
    """

    digest: str
    channels: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...] | None

    def __call__(self, images: Tensor) -> Features:
        """Features of uint8 images (N, 3, H, W), on the device where the images are."""


@runtime_checkable
class Metric(Protocol):
    """A score of generated against reference samples.

    It may have `check(dataset)`, called before anything is trained: it raises ValueError with what the metric
    lacks of this data set (no modes, no density, images where it takes points). It may have `fewer_samples`,
    what to write in a grid to have it of fewer samples, as `is[splits=1]`, for messages; and
    `minimum_classes`, the fewest classes that an extractor must tell apart for its logits to be of use.

    Where `__call__` has a further parameter `discriminator`, it is given the cell's discriminator there as a
    function `(x, condition=None) -> logits`: x and condition as in `Samples`, the logits that the loss
    defines, float32 (N,) or one per pack. It is asked in eval mode. Samples that were not made by a run have
    no discriminator, and no such score.

    Attributes:
        needs: what it is given: the samples themselves (uint8 images or points, the reference split whole);
            `pairs`, the samples beside those of the reference split that their conditions were taken from, in
            the same order and number; or an extractor's Features (`features`, `logits`, `features+logits` or
            `features+labels` say which parts must be there; with labels, the generator must be conditional).
        minimum: the fewest samples on either side, of each class where it needs labels, for which it is
            defined and can vary.
    """

    needs: Needs
    minimum: int

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Compute the values by name; those in the spec's `directions` are compared."""
