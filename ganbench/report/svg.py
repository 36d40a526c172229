"""Figures as SVG inside a page: their colours are the page's, light or dark."""

from __future__ import annotations

import io
import re
import warnings

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.scale import SymmetricalLogTransform

# Okabe and Ito's colours, told apart by people with any of the usual colour-vision deficiencies, and two
# more; each has a darker or lighter form in the page's style sheet, for contrast on either background.
GROUP_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7b4fb5",
    "#66722d",
)
INK = "#3b4252"
RULE = "#d8dee5"

# A hollow mark is filled with what is behind it.
BEHIND = "#ffffff"

_VARIABLES = {
    INK: "var(--muted)",
    BEHIND: "var(--panel)",
    RULE: "var(--rule)",
    **{colour: f"var(--group-{index})" for index, colour in enumerate(GROUP_COLOURS)},
}
_PAINT = re.compile(r"(stroke|fill): (#[0-9a-f]{6})")
# A group with the `gid` of a mark; the text is escaped already.
_GROUP = re.compile(r'<g id="(?:(tip|seed|failed|median|mean|spread|join):)?([^"]*)"([^>]*)>')
_PATH, _DECIMALS = re.compile(r' d="[^"]*"'), re.compile(r"(\.\d\d)\d+")


def colour(index: int) -> str:
    """Pick the colour of the group of this index; they come round again after the last."""
    return GROUP_COLOURS[index % len(GROUP_COLOURS)]


def inline(figure: Figure, description: str) -> Markup:
    """Write a figure as an SVG element, without metadata, time or scripts.

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
    text = _GROUP.sub(_named, text)
    # A hundredth of a point is finer than any screen.
    text = _PATH.sub(lambda path: _DECIMALS.sub(r"\1", path[0]), text)
    text = _PAINT.sub(lambda match: f"{match[1]}: {_VARIABLES.get(match[2], match[2])}", text)
    opening = Markup('<svg role="img" aria-label="{}"{}').format(description, _scales(figure))
    return Markup(opening + Markup(text.removeprefix("<svg")))


def _named(match: re.Match[str]) -> str:
    """Write the group of a mark with what the page says of it; other names repeat, and an id must not."""
    kind, name, rest = match.groups()
    if kind is None:
        return f"<g{rest}>"
    # A title is shown by every browser; values along a curve are read off by the page's script.
    if kind == "tip":
        return f'<g class="tip"{rest}><title>{name}</title>'
    return f'<g class="{kind}" data-name="{name}"{rest}>'


def _scales(figure: Figure) -> Markup:
    """Write what turns a place in the picture into values: both ends of each axis, in points and units.

    Beside them the label of the horizontal one.
    """
    if len(figure.axes) != 1:
        return Markup("")
    axes = figure.axes[0]
    box = axes.get_window_extent()
    points = 72 / figure.dpi
    height = figure.get_size_inches()[1] * 72
    x = (box.x0 * points, box.x1 * points, *axes.get_xlim())
    y = (height - box.y0 * points, height - box.y1 * points, *axes.get_ylim())
    return Markup(' data-x="{}" data-y="{}" data-scale="{}" data-along="{}"').format(
        *(" ".join(f"{number:.6g}" for number in axis) for axis in (x, y)),
        _scale(axes),
        axes.get_xlabel(),
    )


def _scale(axes: Axes) -> str:
    """Name the kind of the vertical axis; behind `symlog` the value up to which it is linear."""
    transform = axes.yaxis.get_transform()
    if isinstance(transform, SymmetricalLogTransform):
        return f"symlog {transform.linthresh:.6g}"
    return axes.get_yscale()
