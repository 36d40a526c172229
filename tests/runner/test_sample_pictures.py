"""Pictures of generated points over the data."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench import Samples, Signature
from ganbench.runner.point_pictures import DATA, GENERATED
from ganbench.runner.sample_pictures import draw_samples

# Well within each quadrant of the axes, in pixels, rows before columns.
QUADRANTS = {
    (1, 1): (slice(60, 190), slice(230, 370)),
    (1, -1): (slice(220, 350), slice(230, 370)),
    (-1, 1): (slice(60, 190), slice(70, 200)),
    (-1, -1): (slice(220, 350), slice(70, 200)),
}


def cluster(*place: float) -> Samples:
    stream = torch.Generator().manual_seed(0)
    return Samples(x=torch.tensor([place]) + 0.01 * torch.randn(100, len(place), generator=stream))


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.size == (400, 400)
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.mark.parametrize(
    ("generated", "data"), [((1, 1), (-1, -1)), ((1, -1), (-1, 1)), ((-1, 1), (1, 1)), ((-1, -1), (1, -1))]
)
def test_points_are_where_they_are_in_the_colours_of_their_side(
    generated: tuple[int, int], data: tuple[int, int]
) -> None:
    picture = pixels(
        draw_samples(
            cluster(*generated), Signature(shape=(2,), kind="points"), cluster(*data), [(-2, 2), (-2, 2)]
        )
    )
    for place, part in QUADRANTS.items():
        for shade, here in ((GENERATED, generated), (DATA, data)):
            near = (np.abs(picture[part] - np.array(shade)) < 8).all(axis=-1)
            assert near.any() == (place == here), (place, shade)


def test_points_on_a_line_are_histograms_of_both_sides() -> None:
    signature, frame = Signature(shape=(1,), kind="points"), [(-2.0, 2.0)]
    # The outline of the generated side's only bar and the data's filled one, at either end.
    left, right = slice(60, 200), slice(240, 380)
    picture = pixels(draw_samples(cluster(1), signature, cluster(-1), frame))[60:350]
    for columns, shade, there in (
        (left, DATA, True),
        (right, DATA, False),
        (right, GENERATED, True),
        (left, GENERATED, False),
    ):
        near = (np.abs(picture[:300, columns] - np.array(shade)) < 8).all(axis=-1)
        # Lines of the axes are thin; bars are not.
        assert (near.sum() > 150) == there, (columns, shade)
