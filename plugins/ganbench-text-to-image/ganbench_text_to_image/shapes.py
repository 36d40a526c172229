"""Pictures of coloured shapes that are drawn to their captions, each time to the same bits."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from ganbench import Samples, Signature
from ganbench_text_to_image.captions import Captions
from ganbench_text_to_image.encoders import Encoder, Numbers, encoder_label

if TYPE_CHECKING:
    from torch import Tensor

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (50, 80, 235),
    "yellow": (235, 215, 50),
    "purple": (170, 60, 200),
    "white": (240, 240, 240),
}
SHAPES = ("circle", "square", "triangle", "cross")
SIZES: Mapping[str, float] = {"small": 0.14, "large": 0.23}
"""Radius, as a share of the picture's side."""
PLACES: Mapping[str, tuple[float, float]] = {
    "at the top left": (-0.25, -0.25),
    "at the top right": (0.25, -0.25),
    "at the bottom left": (-0.25, 0.25),
    "at the bottom right": (0.25, 0.25),
    "in the centre": (0.0, 0.0),
}
"""Distance from the centre to the right and down, as a share of the side."""
RELATIONS: Mapping[str, tuple[float, float]] = {
    "left of": (-0.22, 0.0),
    "right of": (0.22, 0.0),
    "above": (0.0, -0.22),
    "below": (0.0, 0.22),
}
"""Where the first of two shapes is; the second is opposite."""
_RADIUS_OF_TWO = 0.15
_BACKGROUND = 32
_JITTER = 0.04
"""Of a centre, as a share of the side; of a radius, relative to it, twice as much."""
_COLOUR_JITTER = 12
_READING = 1
"""To be raised where the same options come to other pictures or captions."""
_PHRASES_OF_ONE = (
    "a {size} {colour} {shape} {place}",
    "there is a {shape} {place}, {size} and {colour}",
    "{place} one sees a {size} {shape} in {colour}",
)
_PHRASES_OF_TWO = (
    "a {colour} {shape} {relation} a {colour_2} {shape_2}",
    "there is a {colour} {shape}, and it is {relation} a {colour_2} {shape_2}",
    "{relation} a {colour_2} {shape_2} one sees a {colour} {shape}",
)
_KEYS = ("colour", "shape", "size", "place", "colour_2", "shape_2", "relation")
_WORDS: Sequence[Sequence[str]] = (
    *(list(COLOURS), SHAPES, list(SIZES), list(PLACES)),
    *(list(COLOURS), SHAPES, list(RELATIONS)),
)
_SEEDS = {"train": 1, "test": 2}


class CaptionedShapes:
    """One shape (colour, size, place) or two (colours, and how the first lies to the second) with a caption.

    Attributes:
        attribute_names: of what `attributes` tells; two shapes have two colours.
    """

    attribute_names = ("colour", "shape", "size", "place", "colour", "shape", "place")

    def __init__(
        self,
        objects: Literal["one", "two", "both"] = "both",
        size: Literal[32, 64] = 32,
        colours: Annotated[int, Interval(ge=2, le=len(COLOURS))] = len(COLOURS),
        shapes: Annotated[int, Interval(ge=2, le=len(SHAPES))] = len(SHAPES),
        phrasings: Annotated[int, Interval(ge=1, le=len(_PHRASES_OF_ONE))] = len(_PHRASES_OF_ONE),
        samples: Annotated[int, Interval(ge=64, le=1_000_000)] = 8000,
        encoder: Encoder = "hashing",
        numbers: Numbers = 256,
    ) -> None:
        """List what can be said; draw nothing yet.

        Args:
            objects: one shape in each picture, two, or one in half of them.
            size: side in pixels.
            colours: how many there are.
            shapes: how many there are.
            phrasings: ways to say the same.
            samples: pictures of the train split; the test split has a quarter as many.
            encoder: of the captions.
            numbers: of an embedded caption.
        """
        self._size, self._samples, self._phrasings = size, samples, phrasings
        one = itertools.product(range(colours), range(shapes), range(len(SIZES)), range(len(PLACES)))
        pairs = itertools.product(range(colours), range(shapes))
        two = itertools.product(
            pairs, itertools.product(range(colours), range(shapes)), range(len(RELATIONS))
        )
        scenes_of_one = [(*each, -1, -1, -1) for each in one]
        # Two that are alike can lie either way.
        scenes_of_two = [(*a, -1, -1, *b, relation) for a, b, relation in two if a != b]
        self._kinds = [
            np.array(scenes, dtype=np.int64)
            for kind, scenes in (("one", scenes_of_one), ("two", scenes_of_two))
            if objects in (kind, "both")
        ]
        self._captions = Captions(encoder, numbers)
        self._told: dict[str, NDArray[np.int64]] = {}
        self.signature = Signature(shape=(3, size, size), kind="image", condition=(numbers,))
        self.fingerprint = (
            f"captioned_shapes {_READING}: {objects} {size} {colours} {shapes} {phrasings} {samples} "
            f"{encoder_label(encoder, numbers)}"
        )

    def load(self, split: Literal["train", "test"]) -> Samples:
        """Draw one split."""
        import torch

        # Its stream is the same in every version of numpy.
        random = np.random.RandomState(_SEEDS[split])
        count = self._samples if split == "train" else self._samples // 4
        scenes = np.empty((count, len(_KEYS)), dtype=np.int64)
        for place, kind in enumerate(self._kinds):
            rows = slice(place, None, len(self._kinds))
            scenes[rows] = kind[random.randint(len(kind), size=len(scenes[rows]))]
        ways = random.randint(self._phrasings, size=count)
        texts = [phrase(scene, way) for scene, way in zip(scenes, ways, strict=True)]
        self._told |= dict(zip(texts, _seen(scenes), strict=True))
        x = draw(scenes, self._size, random)
        return Samples(x=torch.from_numpy(x), condition=self._captions.embed(texts))

    def describe(self, condition: Tensor) -> str:
        """Give the caption of a condition that was loaded."""
        return self._captions.of(condition)

    def attributes(self, conditions: Tensor) -> Tensor:
        """Tell what conditions that were loaded say, by number; the left or upper one of two shapes first.

        Args:
            conditions: (N, numbers).

        Returns:
            int64 (N, 7), one column for each of `attribute_names`; -1 for what is not said.
        """
        import torch

        return torch.from_numpy(np.stack([self._told[self.describe(row)] for row in conditions]))


def phrase(scene: Sequence[int] | NDArray[np.int64], way: int) -> str:
    """Say what is in a scene.

    Args:
        scene: seven numbers, -1 for what it has not.
        way: which of the phrasings.
    """
    said = {key: words[at] for key, words, at in zip(_KEYS, _WORDS, scene, strict=True) if at >= 0}
    return (_PHRASES_OF_TWO if "relation" in said else _PHRASES_OF_ONE)[way].format(**said)


def _seen(scenes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn "right of" into "left of" and "below" into "above", the shapes exchanged: the same picture."""
    turned = scenes[:, [4, 5, 2, 3, 0, 1, 6]] - np.array([0, 0, 0, 0, 0, 0, 1])
    return np.where(np.isin(scenes[:, 6:], (1, 3)), turned, scenes)


def draw(scenes: NDArray[np.int64], size: int, random: np.random.RandomState) -> NDArray[np.uint8]:
    """Draw scenes with smooth edges, by sums, products and square roots alone, which round alike everywhere.

    Args:
        scenes: (N, 7).
        size: side in pixels.
        random: moves centres, radii and colours a little.

    Returns:
        uint8 (N, 3, size, size).
    """
    count = len(scenes)
    two = scenes[:, 6] >= 0
    place = np.where(two[:, None], _table(RELATIONS)[scenes[:, 6]], _table(PLACES)[scenes[:, 3]])
    radius = np.where(two, _RADIUS_OF_TWO, _table(SIZES)[scenes[:, 2]])
    canvas = np.full((count, 3, size, size), float(_BACKGROUND))
    for colour, shape, centre, there in (
        (scenes[:, 0], scenes[:, 1], place, np.ones(count, dtype=bool)),
        (scenes[:, 4], scenes[:, 5], -place, two),
    ):
        moved = centre + random.uniform(-_JITTER, _JITTER, size=(count, 2))
        wide = radius * (1 + random.uniform(-2 * _JITTER, 2 * _JITTER, size=count))
        ink = _table(COLOURS)[colour] + random.uniform(-_COLOUR_JITTER, _COLOUR_JITTER, size=(count, 3))
        covered = _coverage(shape, (moved + 0.5) * size, wide * size, size) * there[:, None, None]
        canvas += covered[:, None] * (np.clip(ink, 0, 255)[:, :, None, None] - canvas)
    return np.floor(canvas + 0.5).astype(np.uint8)


def _coverage(
    shape: NDArray[np.int64], centre: NDArray[Any], radius: NDArray[Any], size: int
) -> NDArray[Any]:
    """Compute which share of each pixel a shape covers, from the distance to its edge."""
    at = np.arange(size) + 0.5
    right = at[None, None, :] - centre[:, 0, None, None]
    down = at[None, :, None] - centre[:, 1, None, None]
    r = radius[:, None, None]
    x, y = np.abs(right), np.abs(down)
    distances = (
        np.sqrt(x * x + y * y) - r,
        np.maximum(x, y) - 0.85 * r,
        np.maximum(down - 0.7 * r, (x - 0.5 * (down + r)) / 1.118),
        np.minimum(np.maximum(x - r, y - r / 3), np.maximum(x - r / 3, y - r)),
    )
    found = np.choose(shape[:, None, None], distances, mode="clip")
    return np.clip(0.5 - found, 0.0, 1.0)


def _table(values: Mapping[str, Any]) -> NDArray[np.float64]:
    return np.array(list(values.values()), dtype=np.float64)
