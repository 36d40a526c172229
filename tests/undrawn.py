"""Results without what matplotlib draws, which takes most of the time of small runs.

Pages come without their figures, and points without a picture worth looking at. `tests/report` and
`tests/runner` look at both.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image


def _no_panels(*_: Any, **__: Any) -> list[Any]:
    return []


def leave_figures_out(patch: pytest.MonkeyPatch) -> None:
    """Write pages without their figures while the patch holds."""
    for panels in ("final_panels", "score_panels", "curve_panels"):
        patch.setattr(f"ganbench.report.context_figures.{panels}", _no_panels)
    patch.setattr("ganbench.report.page.overview_panels", _no_panels)


def undraw(patch: pytest.MonkeyPatch) -> None:
    """Draw neither figures nor points while the patch holds; pictures of images are drawn as ever."""
    from ganbench.runner import sample_pictures

    drawn = sample_pictures.draw_samples

    def draw_images(samples: Any, signature: Any, *others: Any, **named: Any) -> bytes:
        if signature.kind == "image":
            return drawn(samples, signature, *others, **named)
        # Other samples still make another file.
        target = io.BytesIO()
        shade = np.frombuffer(samples.x.numpy().tobytes()[:3], np.uint8)
        Image.fromarray(shade.reshape(1, 1, 3)).save(target, "png")
        return target.getvalue()

    patch.setattr("ganbench.runner.cell_pictures.draw_samples", draw_images)
    leave_figures_out(patch)
