"""The objects that architectures and data sets return: players, noise, signatures, samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The generator's input.

    Attributes:
        size: number of entries of one noise vector, at least 1.
        distribution: `normal` is N(0, 1); `uniform` is U(-1, 1).
    """

    size: int
    distribution: Literal["normal", "uniform"] = "normal"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"Noise.size must be at least 1, given {self.size}")
        if self.distribution not in ("normal", "uniform"):
            raise ValueError(f"Noise.distribution must be 'normal' or 'uniform', given {self.distribution!r}")


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a data set looks like to an architecture.

    Attributes:
        shape: shape of one sample: (channels, height, width) of an image, (d,) of a point.
        kind: `image` (uint8 in memory, float32 in [-1, 1] for the players) or `points` (float32).
        classes: number of classes where the samples have labels.
        condition: shape of one condition where the samples have one that is not the label.
    """

    shape: tuple[int, ...]
    kind: Literal["image", "points"]
    classes: int | None = None
    condition: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Samples:
    """One split of a data set.

    Attributes:
        x: uint8 (N, C, H, W) for images, float32 (N, d) for points; in memory or memory-mapped.
        labels: int64 (N,), or None.
        condition: (N, *shape), or None; where given it takes the labels' place as the game's condition.
        index: of generated samples, int64 (N,): the row of the data that each one's condition was taken from.

    Raises:
        TypeError: an attribute is not a tensor, or labels or index are not int64.
        ValueError: `x` has fewer than two dimensions, another attribute has not N rows, or labels or index
            have more than one dimension.
    """

    x: Tensor
    labels: Tensor | None = None
    condition: Tensor | None = None
    index: Tensor | None = None

    def __post_init__(self) -> None:
        _require_tensor("x", self.x)
        if self.x.ndim < 2:
            raise ValueError(
                f"Samples.x must be (N, C, H, W) for images or (N, d) for points, given {_shape(self.x)}"
            )
        if self.condition is not None:
            _require_tensor("condition", self.condition)
            if self.condition.ndim < 1 or len(self.condition) != len(self):
                raise ValueError(
                    f"Samples.condition must have a row for each of the {len(self)} samples of x, "
                    f"given {_shape(self.condition)}"
                )
        for name, rows in (("labels", self.labels), ("index", self.index)):
            if rows is None:
                continue
            _require_tensor(name, rows)
            if str(rows.dtype) != "torch.int64":
                raise TypeError(f"Samples.{name} must be int64, given {_dtype(rows)}")
            if tuple(rows.shape) != (len(self),):
                raise ValueError(
                    f"Samples.{name} must be ({len(self)},), one for each sample of x, given {_shape(rows)}"
                )

    def __len__(self) -> int:
        return int(self.x.shape[0])


@dataclass(frozen=True)
class Extra:
    """A network beside the two players, as BiGAN's encoder or InfoGAN's Q; see `Players.extra`.

    Attributes:
        module: freshly initialised; it shares no parameter with a player or another extra, and has at least
            one that learns.
        learns_with: in whose turn it is trained, by that player's optimizer; in the other's it is frozen.
    """

    module: nn.Module
    learns_with: Literal["generator", "discriminator"]


@dataclass(frozen=True, kw_only=True)
class Players:
    """A generator and a discriminator, freshly initialised, and networks beside them.

    Attributes:
        generator: `generator(noise, condition=None) -> (batch, *shape)`; images in [-1, 1], unless `bounded`
            is False.
        discriminator: `discriminator(x, condition=None) -> (batch, outputs)` raw scores;
            `(batch / m, outputs)` where it packs m samples.
        noise: what the generator takes.
        couples_samples: whether the discriminator's score of one sample depends on the others in its
            batch (batch normalisation, packing); None lets ganbench find out by trying.
        conditional: which players take a condition as their second argument: True for both, False for none,
            `generator` or `discriminator` for one. `loss` is for neither, where the loss looks at
            `game.condition`. All but False need data that have labels or conditions.
        extra: networks beside the players, by names of lower-case letters, digits and underscores that begin
            with a letter; not `generator` or `discriminator`. Losses find their modules in `game.networks`;
            `at_step` is called on them too. They are checkpointed, and those that learn with the generator
            are averaged where it is; what is scored and stored is the generator alone. Built after G and D
            in `build`, they leave the players' initial weights alone.
        bounded: whether the generator's images are sure to lie in [-1, 1]. Where its last layer is linear,
            values beyond are cut when samples are scored and shown; the discriminator sees them as they are.
    """

    generator: nn.Module
    discriminator: nn.Module
    noise: Noise
    couples_samples: bool | None = None
    conditional: bool | Literal["generator", "discriminator", "loss"] = False
    extra: Mapping[str, Extra] = field(default_factory=dict)
    bounded: bool = True

    def takes_condition(self, player: Literal["generator", "discriminator"]) -> bool:
        """Tell whether a player takes a condition as its second argument.

        Args:
            player: which one.
        """
        return self.conditional is True or self.conditional == player


def _require_tensor(name: str, value: object) -> None:
    # Not by isinstance: ganbench is imported without torch.
    if not str(getattr(value, "dtype", "")).startswith("torch."):
        raise TypeError(f"Samples.{name} must be a tensor, given {type(value).__name__}")


def _shape(tensor: Tensor) -> str:
    return f"shape {tuple(tensor.shape)}"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
