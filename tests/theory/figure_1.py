"""Figure 1 of Goodfellow et al. (2014), drawn from the bundled grid `optimal-discriminator`.

`python tests/theory/figure_1.py [--out results/figure-1] [--set train.steps=300 ...]`

A row for each data set, a column for each moment at which G was frozen: p of the data (dotted), p_g (solid),
what D says of every point (dashed) and p/(p + p_g), which it tends to; below, where G takes its noise.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from parts_here import parts
from torch import Tensor

from ganbench.catalog import load_catalog
from ganbench.grid import Cell, read_grid
from ganbench.runner import build_trainer
from ganbench.training import Trainer

GRID = "optimal-discriminator"
SAMPLES = 400_000
BINS = 160
ARROWS = 15


def line(cell: Cell) -> tuple[Tensor, float]:
    """The middles of bins over the data and as much again, (BINS, 1), and their width."""
    x = parts(cell).train.x
    centre, half = (x.max() + x.min()) / 2, x.max() - x.min()
    edges = torch.linspace(float(centre - half), float(centre + half), BINS + 1)
    return ((edges[1:] + edges[:-1]) / 2).unsqueeze(1), float(edges[1] - edges[0])


@torch.no_grad()
def draw(axes: Axes, cell: Cell, trainer: Trainer) -> None:
    """Draw how things stand at the end of a cell's training."""
    generator, discriminator = (
        player.eval() for player in (trainer.players.generator, trainer.players.discriminator)
    )
    middles, width = line(cell)
    p = parts(cell).dataset.density(middles)
    noise = torch.randn(SAMPLES, trainer.players.noise.size, generator=torch.Generator().manual_seed(0))
    low, high = float(middles[0]) - width / 2, float(middles[-1]) + width / 2
    p_g = torch.histc(generator(noise)[:, 0], BINS, low, high) / SAMPLES / width
    x, judged = middles[:, 0], torch.sigmoid(discriminator(middles)[:, 0])
    top = float(torch.cat([p, p_g, torch.ones(1)]).max()) * 1.05
    known = (p + p_g) > 1e-3
    axes.plot(x, (p / (p + p_g)).where(known, math.nan), color="0.7", linewidth=4, label="p / (p + p$_g$)")
    axes.plot(x, p, "k:", label="p")
    axes.plot(x, p_g, color="tab:green", label="p$_g$")
    axes.plot(x, judged, "--", color="tab:blue", label="D(x)")
    # Noise at even steps of its probability, on a line of its own, and where G takes each.
    z = torch.special.ndtri((torch.arange(ARROWS) + 0.5) / ARROWS).unsqueeze(1)
    reached = generator(z)[:, 0]
    begin = float(x.mean()) + z[:, 0] * (high - low) / 8
    for start, end in zip(begin.tolist(), reached.tolist(), strict=True):
        axes.annotate(
            "", (end, -0.05 * top), (start, -0.3 * top), arrowprops={"arrowstyle": "->", "linewidth": 0.5}
        )
    axes.axhline(-0.05 * top, color="k", linewidth=0.5)
    axes.axhline(-0.3 * top, color="k", linewidth=0.5)
    jsd = np.mean(trainer.diagnostics.columns()["jsd"][-30:])
    frozen = cell.train.freeze_generator_at
    axes.set_title(f"G after {frozen} updates; JSD {max(0, jsd):.3f}", fontsize="small")
    axes.set_ylim(-0.35 * top, top)
    axes.set_yticks([0, 0.5, 1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figure into the folder that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/figure-1"))
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    cells = read_grid(GRID, load_catalog(), ["seeds=1", *asked.set]).cells
    rows = list(dict.fromkeys(cell.dataset.label for cell in cells))
    columns = len(cells) // len(rows)
    figure = Figure(figsize=(3.2 * columns, 3 * len(rows)), dpi=100, layout="constrained")
    panels = figure.subplots(len(rows), columns, squeeze=False)
    for panel, cell in zip(panels.flat, cells, strict=True):
        trainer = build_trainer(parts(cell))
        trainer.advance(cell.train.steps)
        draw(panel, cell, trainer)
    panels[0, 0].legend(fontsize="x-small", loc="upper left")
    asked.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(asked.out / "figure_1.png", metadata={"Software": None})


if __name__ == "__main__":
    main()
