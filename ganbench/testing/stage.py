"""The cells in which a contract plays what it checks, among built-in parts or those that an author names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch

from ganbench.api.specs import Spec
from ganbench.catalog import Catalog, Kind
from ganbench.catalog.faults import Part
from ganbench.catalog.record import Entry, PluginRecord
from ganbench.errors import GridError, PluginError, Unsupported
from ganbench.grid import Cell, read_grid
from ganbench.grid.choice import label_of
from ganbench.runner import CellParts, SharedParts, check_cell
from ganbench.runner.trial_rounds import TrialGame
from ganbench.testing.made_up_data import NAME, made_up_spec
from ganbench.training import CellGame

BATCH = 8
STEPS = 4
RATE = 0.01
CPU = torch.device("cpu")

TINY: Mapping[str, Any] = {
    "name": "mlp",
    "generator_widths": [8],
    "discriminator_widths": [8],
    "noise": 4,
}
POINTS: Mapping[str, Any] = {"name": NAME, "shape": [2]}
IMAGES: Mapping[str, Any] = {"name": NAME, "shape": [3, 8, 8], "classes": 3}
LARGER_IMAGES: Mapping[str, Any] = {"name": NAME, "shape": [3, 32, 32], "classes": 3}
_CONDITIONAL = {"name": "dcgan", "channels": 4, "noise": 4, "conditional": True}
_CODERS = {"noise": 4}

# Where a loss, a penalty or an augmentation is tried, in this order, until it fits.
SURROUNDINGS: tuple[Mapping[str, Any], ...] = (
    {"dataset": POINTS, "architecture": TINY},
    {"dataset": IMAGES, "architecture": TINY},
    {"dataset": IMAGES, "architecture": _CONDITIONAL},
    {"dataset": POINTS, "architecture": {"name": "autoencoder", "code": 2, **_CODERS}},
    {"dataset": POINTS, "architecture": {"name": "vae", **_CODERS}},
    {"dataset": LARGER_IMAGES, "architecture": TINY},
)
# Where an architecture is.
SIGNATURES: tuple[Mapping[str, Any], ...] = (
    {"dataset": IMAGES},
    {"dataset": LARGER_IMAGES},
    {"dataset": {"name": NAME, "shape": [1, 28, 28], "classes": 3}},
    {"dataset": POINTS},
    {"dataset": {"name": NAME, "shape": [1]}},
    *({"dataset": data, "loss": loss} for data in (POINTS, IMAGES) for loss in ("began", "elbo")),
)
_OF_KIND: Mapping[Kind, tuple[Mapping[str, Any], ...]] = {"architecture": SIGNATURES}
_AXES = ("dataset", "architecture", "loss", "penalty", "augmentation")


@dataclass(frozen=True, eq=False)
class Stage:
    """Everything around the thing that is checked.

    Attributes:
        catalog: has the thing, as a plugin's even where it is a built-in one, and made-up data.
        part: the thing.
        options: that it is checked with.
        axes: what an author wants it to be played with, as the axes of a grid with one value each.
    """

    catalog: Catalog
    part: Part
    options: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, catalog: Catalog, entry: Entry, options: Mapping[str, Any], axes: Mapping[str, Any]) -> Stage:
        """Set a stage for a thing.

        Args:
            catalog: what is registered.
            entry: the thing.
            options: that it is checked with.
            axes: what it is to be played with.
        """
        # What is built in is checked like a plugin's; and no digest of a source is needed here.
        plugin = replace(entry.plugin, builtin=False, digest=entry.plugin.digest or "contract")
        data = Entry(kind="dataset", name=NAME, spec=made_up_spec(), plugin=_BUILT_IN)
        known = catalog.with_entries(data, replace(entry, plugin=plugin))
        label = label_of({**options, "name": entry.name})
        return cls(known, Part.of(known, entry.kind, entry.name, label), dict(options), dict(axes))

    @property
    def kind(self) -> Kind:
        """What the thing is."""
        return self.part.kind

    @property
    def itself(self) -> dict[str, Any]:
        """The thing as a grid names it."""
        return {"name": self.part.name, **self.options}

    @cached_property
    def shared(self) -> SharedParts:
        """Data of all cells of this stage."""
        return SharedParts(self.catalog)

    def cell(
        self,
        around: Mapping[str, Any],
        axes: Mapping[str, Any] | None = None,
        *,
        train: Mapping[str, Any] | None = None,
    ) -> Cell:
        """Make a cell.

        Args:
            around: its data and architecture, unless the thing or the author's axes are those.
            axes: values that win over all others.
            train: settings that differ from those of other cells here.
        """
        own: dict[str, Any] = {self.kind: self.itself} if self.kind in _AXES else {}
        values: dict[str, Any] = {"loss": "non_saturating", **around, **self.axes, **own, **(axes or {})}
        settings: dict[str, Any] = {"steps": STEPS, "batch_size": BATCH, "diagnostics_every": 1}
        if self.kind == "optimizer":
            settings["optimizer"] = {"lr": RATE, **self.itself}
        elif self.kind == "update":
            settings["update"] = self.itself
        settings |= train or {}
        grid = read_grid(
            {
                "name": "contract",
                "seeds": 1,
                "axes": {axis: [value] for axis, value in values.items()},
                "train": settings,
                "score": {"metrics": [], "every": 0},
            },
            self.catalog,
        )
        return grid.cells[0]

    def parts(self, cell: Cell) -> CellParts:
        """Give the parts of a cell, with nothing built."""
        return CellParts(cell, self.shared, "cpu")

    @cached_property
    def around(self) -> Mapping[str, Any]:
        """The surroundings that the thing fits; the first that it plays in.

        Raises:
            PluginError: it plays in none, and raises or breaks its contract in at least one.
            GridError, Unsupported: it fits none.
        """
        refusals: list[Exception] = []
        for around in self._candidates:
            try:
                check_cell(self.parts(self.cell(around)))
                return around
            except (PluginError, GridError, Unsupported) as error:
                refusals.append(error)
        # What it does wrong in the first tells more than that it is not made for the second.
        raise next((error for error in refusals if isinstance(error, PluginError)), refusals[0])

    @property
    def _candidates(self) -> Sequence[Mapping[str, Any]]:
        candidates = [*_OF_KIND.get(self.kind, SURROUNDINGS), *self._of_the_same_plugin]
        # Where the author names them, the rest makes no difference.
        distinct = {repr({**around, **self.axes}): around for around in reversed(candidates)}
        return list(reversed(distinct.values()))

    @property
    def _of_the_same_plugin(self) -> Iterator[Mapping[str, Any]]:
        """Surroundings from the plugin itself: a loss may be made for networks or data that come with it."""
        losses, nets, data = self._beside("loss"), self._beside("architecture"), self._beside("dataset")
        for dataset in (*data, POINTS, IMAGES):
            if self.kind == "architecture":
                yield from ({"dataset": dataset, "loss": loss} for loss in losses)
            else:
                yield from ({"dataset": dataset, "architecture": net} for net in (*nets, TINY))

    def _beside(self, kind: Kind) -> list[str]:
        """List the names that the same plugin provides of another kind, and that need no option."""
        assert self.part.entry is not None
        own = self.part.entry.plugin.name
        return [
            entry.name
            for entry in self.catalog.entries(kind)
            if entry.plugin.name == own and not any(option.required for option in entry.options.values())
        ]

    def trial(
        self,
        axes: Mapping[str, Any] | None = None,
        *,
        game_type: type[CellGame] = CellGame,
        train: Mapping[str, Any] | None = None,
    ) -> TrialGame:
        """Make a game that can be played from the start as often as asked.

        Args:
            axes: values that win over all others.
            game_type: of the game.
            train: settings of the cell.
        """
        cell = self.cell(self.around, axes, train=train)
        trial = TrialGame(self.parts(cell), cell.loss, [self.part], CPU, BATCH)
        trial.game_type = game_type
        return trial


_BUILT_IN = PluginRecord(name="ganbench.testing", distribution="ganbench", version="", builtin=True)


def entry_of_spec(kind: Kind, spec: Spec) -> Entry:
    """Make the entry of a spec that no plugin has registered."""
    module = getattr(spec.build, "__module__", "") or "unregistered"
    record = PluginRecord(name=module, distribution=module, version="", given=module, digest="contract")
    return Entry(kind=kind, name=spec.name, spec=spec, plugin=record)
