"""What is left of G's gradient once D has learnt against a frozen G, from finished cells of `saturation`.

`python tests/theory/gradient_norms.py FOLDER [--out results/saturation]` writes gradient-norms.csv, a row a
cell, and gradient-norms.png: the norms over steps, a panel for each data set, a line for each cell.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

import ganbench
from ganbench.catalog import load_catalog
from ganbench.grid import Cell, read_grid
from ganbench.store import Store

COLOURS = {"minimax": "#0072b2", "non_saturating": "#d55e00"}
# Medians of so many steps, just after the freeze and at the end: single batches scatter.
SPAN = 50


def norms(store: Store, cell: str, frozen_at: int | None) -> pd.Series:
    """Norm of G's gradient by step, from the freeze on."""
    curves = store.curves(cell)
    if curves is None or frozen_at is None:
        raise SystemExit(f"{cell}: no curves, or a generator that is never frozen")
    return curves[curves["step"] > frozen_at].set_index("step")["grad_norm_g"]


def row(cell: Cell, series: pd.Series) -> dict[str, Any]:
    """One cell of the table: the norm after the freeze, at the end, and their ratio."""
    first, last = series.index[0] + SPAN, series.index[-1] - SPAN
    early, late = series.loc[:first].median(), series.loc[last:].median()
    return {
        "dataset": cell.dataset.label,
        "loss": cell.loss.label,
        "seed": cell.seed,
        "norm_after_freeze": early,
        "norm_at_end": late,
        "ratio": late / early,
    }


def draw(found: list[tuple[Cell, pd.Series]], path: Path) -> None:
    """The norms over steps, logarithmic."""
    names = list(dict.fromkeys(cell.dataset.label for cell, _ in found))
    figure = Figure(figsize=(5 * len(names), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for cell, series in found:
            if cell.dataset.label == name:
                axes.semilogy(series, color=COLOURS.get(cell.loss.name, "black"), alpha=0.6, linewidth=0.8)
        axes.set(title=name, xlabel="updates of D and G; G frozen", ylabel="norm of G's gradient")
    for name, colour in COLOURS.items():
        axes.plot([], color=colour, label=name)
    axes.legend(loc="center right")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results/saturation"))
    given = parser.parse_args()
    store = Store(given.folder)
    done = ganbench.load(given.folder).cells.query("status == 'ok'")["cell"].tolist()
    cells = [cell for cell in read_grid(store.grid(), load_catalog()).cells if cell.id in done]
    if not cells:
        raise SystemExit(f"{given.folder}: no finished cell")
    found = [(cell, norms(store, cell.id, cell.train.freeze_generator_at)) for cell in cells]
    given.out.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame([row(cell, series) for cell, series in found])
    table.to_csv(given.out / "gradient-norms.csv", index=False, float_format="%.4g")
    draw(found, given.out / "gradient-norms.png")
    print(table.groupby(["dataset", "loss"])["ratio"].describe()[["min", "50%", "max"]].to_string())


if __name__ == "__main__":
    main()
