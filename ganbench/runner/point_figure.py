"""A figure of points: samples over the data they should look like, with axes and a legend."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from torch import Tensor

from ganbench.runner.point_pictures import DATA, GENERATED, Span, shares, within

if TYPE_CHECKING:
    from matplotlib.artist import Artist


class PointFigure:
    """A figure of 400 pixels per side whose samples change, while data, axes and their places stay."""

    def __init__(self, data: Tensor, frame: list[Span]) -> None:
        """Draw what stays.

        Args:
            data: (N, d), the first 2,000 of which are drawn, of one coordinate all.
            frame: the part of the plane, or of the line, that is shown.
        """
        # Loading it takes a third of a second, which cells of images need not wait.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._frame = frame
        self._figure = Figure(figsize=(4, 4), dpi=100, layout="constrained")
        self._canvas = FigureCanvasAgg(self._figure)
        self._axes = self._figure.add_subplot()
        self._generated: Artist | None = None
        self._add(data, DATA, "data", fill=True)
        self._axes.set_xlim(*frame[0])
        if len(frame) == 1:
            self._axes.set_ylabel("share of all")
        else:
            self._axes.set_ylim(*frame[1])
            if math.isclose(frame[0][1] - frame[0][0], frame[1][1] - frame[1][0]):
                self._axes.set_aspect("equal")

    def draw(self, samples: Tensor) -> Image.Image:
        """Draw samples over the data, in at most 64 colours.

        Args:
            samples: (n, d), the first 2,000 of which are drawn, of one coordinate all.
        """
        if self._generated is not None:
            self._generated.remove()
        self._generated = self._add(samples, GENERATED, "generated", fill=False)
        # Heights that are gone leave the scale's limits as they were.
        self._axes.relim()
        self._axes.autoscale_view()
        if not self._figure.legends:
            self._figure.legend(
                loc="outside upper center", ncols=2, markerscale=3, fontsize="small", frameon=False
            )
        self._canvas.draw()  # type: ignore[no-untyped-call]
        if len(self._frame) == 2:
            # Finding room for axes and legend is half of the work, and they stay where they are.
            self._figure.set_layout_engine("none")
        pixels = np.asarray(self._canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
        return Image.fromarray(pixels).quantize(64)

    def _add(self, points: Tensor, colour: tuple[int, int, int], label: str, *, fill: bool) -> Artist:
        shade = [level / 255 for level in colour]
        if len(self._frame) == 1:
            heights, edges = shares(points, self._frame[0])
            return self._axes.stairs(heights, edges, fill=fill, color=shade, label=label)
        across, up = within(points, self._frame).T
        return self._axes.scatter(across, up, s=3, color=shade, label=label, linewidths=0, clip_on=False)
