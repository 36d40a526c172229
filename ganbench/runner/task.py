"""What a worker is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganbench.api import AugmentationSpec, LossSpec, PenaltySpec
from ganbench.catalog import Catalog, GivenPlugin
from ganbench.grid import Cell, Choice
from ganbench.grid.choice import NONE
from ganbench.grid.environment import Environment, measured_by, parts_of, with_chosen
from ganbench.grid.history import History


@dataclass(frozen=True, kw_only=True)
class Task:
    """One cell to run.

    Attributes:
        cell: which.
        folder: the results folder.
        device: where, as torch names it.
        environment: what else decides the bits, as the planner worked it out; the worker checks it.
        rescore: the cell is trained; only scores of its stored weights are missing.
        keep_stale: a checkpoint of another environment is gone on from.
        data_paths: where data sets and weights are found, by the variables of `ganbench.files.data_paths`.
        plugins: files and modules that the catalog of the worker has beside the installed plugins.
    """

    cell: Cell
    folder: str
    device: str
    environment: Environment
    rescore: bool = False
    keep_stale: bool = False
    data_paths: Mapping[str, str] = field(default_factory=dict)
    plugins: tuple[GivenPlugin, ...] = ()

    @property
    def threads(self) -> int | None:
        """Threads for one operation on a CPU; they are a part of the environment, since they decide bits."""
        return self.environment.threads


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """How a cell ended.

    Attributes:
        cell: its id.
        status: ok, diverged, error, oom, skipped or unfinished.
        reason: why, where it is not ok.
        step: generator updates done.
        seconds: training and scoring, over all its runs.
        scores: the final step's values by extractor (empty where a metric needs none) and metric, each the
            mean over the repeats.
    """

    cell: str
    status: str
    reason: str = ""
    step: int = 0
    seconds: float = 0.0
    scores: Mapping[str, Mapping[str, float]]


def mean_scores(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Average the current scores of one step over repeats, by extractor and metric."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if row["current"]:
            found.setdefault(row["extractor"], {}).setdefault(row["metric"], []).append(row["value"])
    return {
        extractor: {metric: sum(values) / len(values) for metric, values in metrics.items()}
        for extractor, metrics in found.items()
    }


def record_of(cell: Cell, trained: Environment | History, catalog: Catalog, **outcome: Any) -> dict[str, Any]:
    """Make the record of a cell as the store keeps it.

    Args:
        cell: which.
        trained: where it is trained, or the list of environments in which it was.
        catalog: who provides its loss, penalty and augmentation.
        outcome: replaces what an untouched cell has.
    """
    history = trained if isinstance(trained, History) else History.of(trained)
    return {
        "cell": cell.id,
        "axes": dict(cell.axes),
        "varied": dict(cell.varied),
        "seed": cell.seed,
        "status": "unfinished",
        "reason": "",
        "warnings": [],
        "step": 0,
        "seconds": 0.0,
        "device": history.last.device,
        "engine": history.last.engine,
        **history.as_record(),
        "weights": "",
        "determinism": {},
        "formulas": formulas_of(cell, catalog),
        **({"plugins": given} if (given := _given(cell, catalog)) else {}),
        **outcome,
    }


def _given(cell: Cell, catalog: Catalog) -> dict[str, dict[str, str]]:
    """By their names, path and SHA-256 of the files that provide a part of the cell without a package."""
    parts = (*parts_of(cell), *measured_by(cell))
    plugins = [catalog.entry(kind, choice.name).plugin for kind, choice in with_chosen(parts, catalog)]
    return {
        plugin.name: {"path": plugin.given, "sha256": plugin.digest} for plugin in plugins if plugin.given
    }


def formulas_of(cell: Cell, catalog: Catalog) -> dict[str, dict[str, str]]:
    """By part, `loss` and `penalty`: `discriminator`, `generator`, `reference`; those that the plugin states.

    Of an augmentation, where there is one, `discriminator` is what the discriminator sees. A report is made
    where the plugin may be absent or another version, so the cell remembers.

    Raises:
        CatalogError: one of the parts is not provided.
    """
    loss = catalog.entry("loss", cell.loss.name).spec
    found: dict[str, dict[str, str]] = {"loss": {}, "penalty": {}}
    if isinstance(loss, LossSpec):
        found["loss"] = {
            "discriminator": loss.formula_d,
            "generator": loss.formula_g,
            "reference": loss.reference,
        }
    found["penalty"] = _penalty_formulas(cell.penalty, catalog)
    if cell.augmentation != NONE:
        augmentation = catalog.entry("augmentation", cell.augmentation.name).spec
        if isinstance(augmentation, AugmentationSpec):
            found["augmentation"] = {
                "discriminator": augmentation.formula,
                "reference": augmentation.reference,
            }
    return {part: {name: text for name, text in said.items() if text} for part, said in found.items()}


def _penalty_formulas(penalty: Choice, catalog: Catalog) -> dict[str, str]:
    """Add up the formulas of a penalty's terms, by the player whose loss they join."""
    added: dict[str, list[str]] = {"discriminator": [], "generator": [], "reference": []}
    for choice in penalty.parts:
        entry = catalog.entry("penalty", choice.name)
        if isinstance(entry.spec, PenaltySpec):
            every = 1 if "every" in entry.options else choice.options.get("every", 1)
            formula = entry.spec.formula
            if formula and every > 1:
                formula = f"{every} · ({formula}) once in {every} steps"
            added[entry.spec.player].append(formula)
            added["reference"].append(entry.spec.reference)
    return {
        name: ("; " if name == "reference" else " + ").join(filter(None, dict.fromkeys(texts)))
        for name, texts in added.items()
    }
