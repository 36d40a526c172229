"""What a cell's players minimise, as formulas of the plugins: kept with the cell, for its readers."""

from __future__ import annotations

from ganbench.api import LossSpec, PenaltySpec
from ganbench.catalog import load_catalog
from ganbench.grid import Cell


def formulas_of(cell: Cell) -> dict[str, dict[str, str]]:
    """By part, `loss` and `penalty`: `discriminator`, `generator`, `reference`; those that the plugin states.

    A report is made where the plugin may be absent or another version, so the cell remembers.

    Raises:
        CatalogError: the loss or the penalty is not provided.
    """
    catalog = load_catalog()
    loss = catalog.entry("loss", cell.loss.name).spec
    penalty = catalog.entry("penalty", cell.penalty.name).spec
    found: dict[str, dict[str, str]] = {"loss": {}, "penalty": {}}
    if isinstance(loss, LossSpec):
        found["loss"] = {
            "discriminator": loss.formula_d,
            "generator": loss.formula_g,
            "reference": loss.reference,
        }
    if isinstance(penalty, PenaltySpec):
        found["penalty"] = {"discriminator": penalty.formula, "reference": penalty.reference}
    return {part: {name: text for name, text in said.items() if text} for part, said in found.items()}
