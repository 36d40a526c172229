"""The parts that each cell has of its own, built from the catalog by what the cell says."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import nn

from ganbench.api import Augmentation, Loss, Penalty, Players, Samples, UpdateRule
from ganbench.catalog import Kind
from ganbench.catalog.contracts import build_part
from ganbench.catalog.faults import Part, calling
from ganbench.catalog.options import first_parameter
from ganbench.engines import AUTO, ENGINES, EngineChoice, choose_engine, engine_named
from ganbench.errors import GridError, PluginError, shown
from ganbench.grid import Cell, Choice, environment
from ganbench.grid.choice import NONE
from ganbench.grid.seeds import Streams, build_seed
from ganbench.runner.shared_dataset import SharedDataset
from ganbench.runner.shared_parts import SharedParts
from ganbench.scoring import Scorer, seeded
from ganbench.training import (
    BuildOptimizer,
    Engine,
    Objective,
    PenaltyTerm,
    SeedRun,
    Trainer,
    learning_tensors,
)

_CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class CellParts:
    """The parts of one cell. Each is built when it is first asked for, and stays.

    Building draws from streams of its own (`init`, `loss_init` and the like), so the order is free.
    Training changes the players: whoever needs untrained ones takes those of `fresh()`.

    Attributes:
        cell: whose parts they are.
        shared: what it shares with other cells: data and scorers.
        device: where it is trained and scored, as torch names it.
    """

    cell: Cell
    shared: SharedParts
    device: str = "cpu"

    def fresh(self) -> CellParts:
        """Give the parts of the same cell with nothing built; data and scorers are shared as before."""
        return replace(self)

    @cached_property
    def dataset(self) -> SharedDataset:
        """The data set.

        Raises:
            DatasetError: it is not there.
            GridError: the plugin that provides it raised something else.
        """
        return self.shared.dataset(self.cell.dataset)

    @cached_property
    def train(self) -> Samples:
        """The samples that are trained on.

        Raises:
            DatasetError: they are not there.
        """
        return self.dataset.load("train")

    @cached_property
    def reference(self) -> Samples:
        """The split that scores are against, and that conditions of generated samples are drawn from.

        Raises:
            DatasetError: it is not there.
        """
        return self.dataset.load(self.cell.score.reference)

    @cached_property
    def streams(self) -> Streams:
        """The seeds of the cell's streams."""
        return Streams.of(self.cell)

    @cached_property
    def players(self) -> Players:
        """The players, on the CPU; their weights are drawn from the stream `init`.

        Raises:
            Unsupported: the architecture does not fit the data or the loss.
        """
        return _build_players(self)

    @cached_property
    def loss(self) -> Objective:
        """The loss; see `build_loss`.

        Raises:
            PluginError: it cannot be built, lacks a method, or holds parameters, which nothing would train.
        """
        return build_loss(self, self.cell.loss)

    @cached_property
    def loss_before_freeze(self) -> Objective | None:
        """The loss before a player is frozen; None where the cell has no other then.

        Raises:
            PluginError: as for `loss`.
        """
        before = self.cell.train.loss_before_freeze
        return None if before is None else build_loss(self, before)

    @cached_property
    def penalties(self) -> tuple[PenaltyTerm, ...]:
        """The penalty, or the terms of a sum; weights that they draw come from the streams `penalty_init`.

        Raises:
            PluginError: one cannot be built, or holds parameters, which nothing would train.
        """
        return tuple(_build_penalty(self, choice) for choice in self.cell.penalty.parts)

    @cached_property
    def update(self) -> UpdateRule:
        """The rule by which gradients become steps.

        Raises:
            PluginError: it cannot be built, or lacks what a rule must have.
        """
        train, shared = self.cell.train, self.shared
        part = shared.part("update", train.update)
        rule: UpdateRule = build_part(
            part, train.update.options, shared.catalog, order=train.order, d_steps=train.d_steps
        )
        return rule

    @cached_property
    def optimizers(self) -> Mapping[str, BuildOptimizer]:
        """Functions that build the plugins' optimizers of the cell, by name."""
        chosen = [choice for kind, choice in environment.parts_of(self.cell) if kind == "optimizer"]
        return {choice.name: functools.partial(build_foreign, self.shared, choice) for choice in chosen}

    @cached_property
    def augmentation(self) -> Augmentation | None:
        """The augmentation; weights that it draws come from the stream `augmentation_init`; None without one.

        Raises:
            PluginError: it cannot be built, or holds parameters, which nothing would train.
        """
        choice = self.cell.augmentation
        if choice == NONE:
            return None
        with seeded(build_seed(self.cell, "augmentation", choice.name), _CPU):
            augmentation: Augmentation = _build_frozen("augmentation", choice, self.shared)
        return augmentation

    @cached_property
    def scorer(self) -> Scorer | None:
        """The scorer of the cell's [score] on its data set; None without metrics.

        Raises:
            WeightsError: the extractor's weights are not there.
        """
        score = self.cell.score
        return self.shared.scorer(self.cell.dataset, score, self.device) if score.metrics else None

    @cached_property
    def named(self) -> tuple[Part, ...]:
        """Everything that takes part in training and scoring, as error messages name it."""
        cell, part = self.cell, self.shared.part
        extractor = [] if cell.score.extractor is None else [cell.score.extractor]
        return (
            *(
                part(kind, choice)
                for kind, choice in environment.parts_with_chosen(cell, self.shared.catalog)
            ),
            *(part("metric", metric) for metric in cell.score.metrics),
            *(part("extractor", chosen) for chosen in extractor),
        )


def build_loss(parts: CellParts, choice: Choice) -> Objective:
    """Build one of a cell's losses, anew; weights that it draws come from the stream `loss_init`.

    Args:
        parts: of the cell.
        choice: the loss, or that before a player is frozen.

    Raises:
        PluginError: it cannot be built, lacks a method, or holds parameters, which nothing would train.
    """
    spec = parts.shared.loss_spec(choice)
    with seeded(build_seed(parts.cell, "loss", choice.name), _CPU):
        loss: Loss = _build_frozen("loss", choice, parts.shared)
    return Objective(loss=loss, outputs=loss_outputs(parts, choice), value=bool(spec.value))


def loss_outputs(parts: CellParts, choice: Choice) -> int | None:
    """Return the outputs that one of a cell's losses wants of the discriminator; None where it takes any.

    Args:
        parts: of the cell.
        choice: the loss; of a wrapper it is the loss within that tells.

    Raises:
        PluginError: a plugin's function raised, or gives no such number.
        Unsupported: the loss does not fit the data.
    """
    shared = parts.shared
    choice = shared.telling(choice, "discriminator_outputs")
    given = shared.loss_spec(choice).discriminator_outputs
    if not callable(given):
        assert not isinstance(given, str)
        return given
    part = shared.part("loss", choice)
    known = shared.catalog.options("loss", choice.name).values()
    options = {option.name: option.default for option in known if not option.required}
    options |= shared.catalog.coerce("loss", choice.name, choice.options)
    with calling(part, "discriminator_outputs"):
        outputs: Any = given(parts.dataset.signature, options)
    if not isinstance(outputs, int) or isinstance(outputs, bool) or outputs < 1:
        raise PluginError(
            part.fault(f"must give an int of at least 1, given {shown(outputs)}", "discriminator_outputs")
        )
    return outputs


def build_foreign(
    shared: SharedParts, choice: Choice, parameters: Sequence[nn.Parameter], options: Mapping[str, Any]
) -> torch.optim.Optimizer:
    """Build a plugin's optimizer.

    Args:
        shared: knows the catalog.
        choice: the optimizer, by which messages name it.
        parameters: what it changes.
        options: for `build`, `lr` among them.

    Raises:
        PluginError: it cannot be built, or is no optimizer of torch's.
    """
    part = shared.part("optimizer", choice)
    first = first_parameter(shared.catalog.entry("optimizer", choice.name).spec.build)
    given = {name: value for name, value in options.items() if name != "lr"}
    passed = {first: parameters, "lr": options["lr"]}
    built: torch.optim.Optimizer = build_part(part, given, shared.catalog, **passed)
    return built


def build_trainer(parts: CellParts, engine: str = "eager") -> Trainer:
    """Build a cell's training at step 0, with everything that decides its bits.

    Args:
        parts: of the cell; untrained. From then on its players, losses, penalties and augmentation are the
            trainer's.
        engine: resolved, as `settle_engine` gives it.

    Raises:
        DatasetError: the data is not there.
        Unsupported: the combination cannot be built.
    """
    return Trainer(**trainer_arguments(parts), device=torch.device(parts.device), engine=engine_named(engine))


def trainer_arguments(parts: CellParts) -> dict[str, Any]:
    """Give what a `Trainer` takes of a cell, by name; the device and the engine are left to the caller.

    Args:
        parts: of the cell, as for `build_trainer`.
    """
    return {
        "settings": parts.cell.train,
        "players": parts.players,
        "objective": parts.loss,
        "loss_before_freeze": parts.loss_before_freeze,
        "penalties": parts.penalties,
        "update": parts.update,
        "optimizers": parts.optimizers,
        "augmentation": parts.augmentation,
        "signature": parts.dataset.signature,
        "samples": parts.train,
        "streams": parts.streams,
        "seed": parts.cell.seed,
    }


def settle_engine(
    parts: CellParts,
    *,
    engines: Mapping[str, type[Engine]] = ENGINES,
    auto: Mapping[str, tuple[str, ...]] = AUTO,
) -> EngineChoice:
    """Choose the engine of a cell; its networks are built only where an engine has to be asked.

    Args:
        parts: of the cell, with the device where it is to be trained.
        engines: by name.
        auto: names that `auto` tries, by type of device.

    Raises:
        GridError: the engine that the cell asks for refuses it.
    """

    def make_runs() -> list[SeedRun]:
        try:
            return build_trainer(parts.fresh()).seed_runs
        except Exception:
            # The cell is skipped or fails, and preflight says why: no engine will train it.
            return []

    def choose() -> EngineChoice | GridError:
        device = torch.device(parts.device)
        try:
            return choose_engine(parts.cell.train.engine, device, make_runs, engines=engines, auto=auto)
        except GridError as error:
            return error

    # A round may have to be played, and what is refused does not depend on the seed.
    alike = replace(parts.cell, seed=0).id, parts.device, tuple(engines.items()), tuple(auto.items())
    choice = parts.shared.engine_choice(alike, choose)
    if isinstance(choice, GridError):
        raise GridError(*choice.problems)
    return choice


def _build_players(parts: CellParts) -> Players:
    outputs = loss_outputs(parts, parts.cell.loss)
    context: dict[str, Any] = {"signature": parts.dataset.signature}
    if outputs is not None:
        context["discriminator_outputs"] = outputs
    choice, shared = parts.cell.architecture, parts.shared
    with seeded(parts.streams.init, _CPU):
        players: Players = build_part(
            shared.part("architecture", choice), choice.options, shared.catalog, **context
        )
    return players


def _build_penalty(parts: CellParts, choice: Choice) -> PenaltyTerm:
    shared = parts.shared
    options = dict(choice.options)
    own = shared.catalog.entry("penalty", choice.name).options
    # Without an option of that name, it is ganbench that adds the penalty at some steps only.
    every = 1 if "every" in own else options.pop("every", 1)
    with seeded(build_seed(parts.cell, "penalty", choice.name), _CPU):
        penalty: Penalty = _build_frozen("penalty", choice, shared, options)
    return PenaltyTerm(penalty=penalty, player=shared.penalty_spec(choice).player, every=every)


def _build_frozen(
    kind: Kind, choice: Choice, shared: SharedParts, options: Mapping[str, Any] | None = None
) -> Any:
    """Build a loss, penalty or augmentation, with nothing in it that would have to be trained.

    Args:
        kind: what it is.
        choice: by which messages name it.
        shared: knows the catalog.
        options: for `build`; those of the choice unless given.

    Raises:
        PluginError: it holds parameters, or tensors that require a gradient.
    """
    part = shared.part(kind, choice)
    built = build_part(part, choice.options if options is None else options, shared.catalog)
    found = learning_tensors(built)
    if found and part.foreign:
        listed = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        way = (
            "freeze them with requires_grad_(False), or hold the network in a class that is none"
            if isinstance(built, nn.Module)
            else "use numbers or tensors without a gradient, or hold a torch.nn.Module, which stays frozen"
        )
        article = "an" if kind == "augmentation" else "a"
        learns = (
            "a loss that learns is a torch.nn.Module that has them itself, and learns_with"
            if kind == "loss"
            else f"{article} {kind} that learns is not supported"
        )
        raise PluginError(
            part.fault(f"holds parameters that nothing would train ({listed}); {learns}; {way}")
        )
    return built
