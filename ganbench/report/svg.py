"""Figures as SVG inside a page: their colours are the page's, light or dark."""

from __future__ import annotations

import io
import re
import warnings

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by people with any of the usual colour-vision deficiencies; each has
# a darker or lighter form in the page's style sheet, for contrast on either background.
ARM_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)
INK = "#3b4252"
RULE = "#d8dee5"

_VARIABLES = {
    INK: "var(--muted)",
    RULE: "var(--rule)",
    **{colour: f"var(--arm-{index})" for index, colour in enumerate(ARM_COLOURS)},
}
_PAINT = re.compile(r"(stroke|fill): (#[0-9a-f]{6})")


def colour(index: int) -> str:
    """The colour of the arm of this index; they come round again after the last."""
    return ARM_COLOURS[index % len(ARM_COLOURS)]


def inline(figure: Figure, description: str) -> Markup:
    """A figure as an SVG element, without metadata, time or scripts.

    Args:
        figure: drawn with this module's colours.
        description: what it shows, for those who cannot see it.
    """
    target = io.StringIO()
    settings = mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ganbench"})
    with settings, warnings.catch_warnings():
        # The browser has the glyphs that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(target, format="svg", metadata=metadata)
    text = target.getvalue()
    text = text[text.index("<svg") :]
    # Group names repeat from figure to figure; an id must not.
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = _PAINT.sub(lambda match: f"{match[1]}: {_VARIABLES.get(match[2], match[2])}", text)
    opening = Markup('<svg role="img" aria-label="{}"').format(description)
    return Markup(opening + Markup(text.removeprefix("<svg")))
