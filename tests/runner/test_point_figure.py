"""A figure of points that is drawn again and again shows no trace of what it showed before."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from ganbench.runner.point_figure import PointFigure


def pixels(picture: Image.Image) -> bytes:
    return picture.convert("RGB").tobytes()


@pytest.mark.parametrize("frame", [[(-2.0, 2.0)], [(-2.0, 2.0), (-2.0, 2.0)], [(-2.0, 2.0), (-30.0, 10.0)]])
def test_a_picture_does_not_depend_on_those_before_it(frame: list[tuple[float, float]]) -> None:
    stream = torch.Generator().manual_seed(0)
    data = torch.randn(500, len(frame), generator=stream)
    # The narrow one's histogram is far higher than the wide one's and the data's.
    narrow, wide = 0.01 * data, torch.randn(500, len(frame), generator=stream)
    figure = PointFigure(data, frame)
    first = figure.draw(wide)
    between = figure.draw(narrow)
    again = figure.draw(wide)
    alone = PointFigure(data, frame).draw(narrow)
    assert pixels(first) == pixels(again)
    assert pixels(between) == pixels(alone)
    assert pixels(first) != pixels(between)
