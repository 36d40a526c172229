"""One batch through every part of a cell before anything trains, so that misfits are refused at the start."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from ganbench.api import Augmentation, Players, Samples
from ganbench.catalog.faults import Part, calling, device_errors_pass
from ganbench.errors import GridError, PluginError, PluginFault, Unsupported
from ganbench.grid import Cell, Choice
from ganbench.grid.seeds import score_seed
from ganbench.runner.augmentation_check import check_augmentation
from ganbench.runner.build import CellParts, build_loss
from ganbench.runner.sampling import drawn_rows
from ganbench.scoring import WITH_LABELS, seeded, too_few
from ganbench.training import (
    CellGame,
    Objective,
    PenaltyTerm,
    PlayersMisfit,
    batch_format,
    deterministic,
    laid_out,
    lay_out,
    networks_of,
    scores_hook,
    settle_networks,
    tell_step,
)
from ganbench.training.batches import of_type

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_Value = TypeVar("_Value")


def check_cell(parts: CellParts) -> None:
    """Build the parts and play one batch without a step.

    An error of the device itself (out of its memory, a failed kernel) is left to the run, as is exhausted
    memory.

    Args:
        parts: of the cell, freshly made, with the device where it will be trained; the CPU is taken where
            this process has no such device. They are of no use afterwards.

    Raises:
        Unsupported: the combination cannot be built; the cell is skipped.
        PluginError: code of plugins raised, or they break their contract; with every fault that was found.
        GridError: parts do not fit together: a wrong shape, a wrong width.
        DatasetError: the data is not there.
    """
    cell, count = parts.cell, len(parts.train)
    batch = cell.train.batch_size
    if batch > count:
        raise GridError(
            f"train.batch_size: must be at most {count}, the training samples of {cell.dataset.label}, "
            f"given {batch}"
        )
    if cell.train.memory_format != "contiguous" and parts.dataset.signature.kind != "image":
        raise GridError(
            f"train.memory_format: {cell.train.memory_format!r} is for images, and dataset "
            f"{cell.dataset.label!r} has points; leave it out, or set it in an [[override]] for the others"
        )
    place = device_here(parts.device)
    with device_errors_pass(), seeded(0, place), deterministic():
        _CellCheck(parts, place).play()


def device_here(device: str) -> torch.device:
    """Return the device by that name, or the CPU where this process has no such device."""
    wanted = torch.device(device)
    return wanted if wanted.type == "cpu" or torch.cuda.is_available() else torch.device("cpu")


def number_type(cell: Cell) -> torch.dtype:
    """Return the type of the networks' numbers in training."""
    return torch.float64 if cell.train.precision == "float64" else torch.float32


def autocast(cell: Cell, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Make the context in which losses are computed."""
    if cell.train.precision != "bfloat16":
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def losses_of(cell: Cell) -> list[Choice]:
    """Compute the losses that a cell minimises, in the order of their turn."""
    before = cell.train.loss_before_freeze
    return [cell.loss] if before is None else [before, cell.loss]


def batch_of(
    data: Samples, rows: slice, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor | None]:
    """Give samples as the players see them, and their condition; copies, which a plugin may write to."""
    x = data.x[rows].to(device, dtype, copy=True)
    pool = data.condition if data.condition is not None else data.labels
    condition = None if pool is None else of_type(pool[rows].to(device, copy=True), dtype)
    return (x / 127.5 - 1 if data.x.dtype == torch.uint8 else x), condition


def players_misfit(refusal: PlayersMisfit, part: Part, architecture: Part) -> Unsupported:
    """Say why a cell is skipped whose loss or penalty asks of the players what they have not."""
    return Unsupported(f"{part.who} needs {refusal.needs}: {refusal} ({architecture.who})")


class _CellCheck:
    """One batch of one cell."""

    def __init__(self, parts: CellParts, device: torch.device) -> None:
        self._parts = parts
        self._cell = cell = parts.cell
        self._device = device
        self._architecture = parts.shared.part("architecture", cell.architecture)
        self._penalties = [parts.shared.part("penalty", choice) for choice in cell.penalty.parts]
        self._where = f"{self._architecture.who} on dataset {cell.dataset.label!r}"
        self._faults: list[PluginFault] = []

    def play(self) -> None:
        cell, parts, device, dtype = self._cell, self._parts, self._device, number_type(self._cell)
        shape, batch = parts.dataset.signature.shape, cell.train.batch_size
        players = self._attempt(lambda: parts.players)
        terms = self._attempt(lambda: parts.penalties)
        augmentation = self._attempt(lambda: parts.augmentation)
        objectives = [
            (parts.shared.part("loss", choice), self._attempt(functools.partial(build_loss, parts, choice)))
            for choice in losses_of(cell)
        ]
        self._raise_faults()
        assert players is not None
        assert terms is not None
        memory_format = batch_format(cell.train.memory_format, networks_of(players))
        real, condition = batch_of(parts.train, slice(batch), device, dtype)
        real = laid_out(real, memory_format)
        condition = None if condition is None else laid_out(condition, memory_format)
        if players.conditional and condition is None:
            takes = f"the {players.conditional} takes"
            who = "the players take" if players.conditional is True else takes
            raise Unsupported(f"{self._where}: {who} a condition and the data have none")
        _refuse_single_rows(players, f"{self._where}, train.batch_size = {batch}")
        noise = torch.rand(batch, players.noise.size).to(device, dtype)
        for part, objective in objectives:
            assert objective is not None
            for module in networks_of(players):
                module.to(device, dtype).train()
                lay_out(module, memory_format)
                with calling(self._architecture, "at_step"):
                    tell_step(module, 0, cell.train.steps)
            for held in (objective.loss, *(term.penalty for term in terms)):
                settle_networks(held, device, dtype, memory_format)
            begun = functools.partial(self._begun, players, objective, (real, condition, noise))
            if augmentation is not None:
                if scores_hook(augmentation) is not None and not begun(augmentation).has_logit:
                    raise Unsupported(
                        f"augmentation {cell.augmentation.label!r} looks at the loss's logit, and loss "
                        f"{part.label!r} has none"
                    )
                self._attempt(functools.partial(check_augmentation, parts, begun))
                self._raise_faults()
            game = begun(augmentation)
            for choice in cell.penalty.parts:
                if parts.shared.penalty_spec(choice).needs_logit and not game.has_logit:
                    raise Unsupported(
                        f"penalty {choice.label!r} uses the loss's logit, and loss {part.label!r} has none"
                    )
            with autocast(cell, device):
                self._check_shapes(game, shape, part, objective.outputs)
            self._turns(game, part, objective, terms, (real, condition, noise))
        self._raise_faults()

    def _begun(
        self,
        players: Players,
        objective: Objective,
        batch: tuple[Tensor, Tensor | None, Tensor],
        augmentation: Augmentation | None,
    ) -> CellGame:
        """Make a game in the discriminator's turn; draws are the same in each."""
        device, dtype = self._device, number_type(self._cell)
        settle_networks(augmentation, device, dtype)
        game = CellGame(
            players,
            objective.loss,
            couples_samples=True,
            loss_stream=torch.Generator(device).manual_seed(0),
            device=device,
            steps=self._cell.train.steps,
            dtype=dtype,
            outputs=objective.outputs,
            augmentation=augmentation,
            augmentation_stream=torch.Generator(device).manual_seed(1),
        )
        game.begin("discriminator", *batch)
        return game

    def _turns(
        self,
        game: CellGame,
        part: Part,
        objective: Objective,
        terms: Sequence[PenaltyTerm],
        batch: tuple[Tensor, Tensor | None, Tensor],
    ) -> None:
        """Ask loss and penalties for their values; note what is wrong with them."""
        loss, steered = objective.loss, scores_hook(self._parts.augmentation) is not None
        game.observed = (None, None)
        self._scalar(part, "discriminator_loss", lambda: loss.discriminator_loss(game))
        if steered and not self._faults and game.observed[0] is None:
            raise Unsupported(
                f"augmentation {self._cell.augmentation.label!r} looks at the scores of game.real, and loss "
                f"{part.label!r} asks for none"
            )
        self._add_penalties(game, terms, "discriminator")
        if hasattr(loss, "logit") and game.has_logit:
            self._attempt(lambda: self._called(part, "logit", lambda: game.logit(game.score(game.real))))
        game.begin("generator", *batch)
        self._scalar(part, "generator_loss", lambda: loss.generator_loss(game))
        self._add_penalties(game, terms, "generator")

    def _add_penalties(self, game: CellGame, terms: Sequence[PenaltyTerm], player: str) -> None:
        for part, term in zip(self._penalties, terms, strict=True):
            if term.player == player:
                self._scalar(part, "", functools.partial(term.penalty, game))

    def _scalar(self, part: Part, hook: str, value: Callable[[], object]) -> None:
        def checked() -> None:
            with autocast(self._cell, self._device):
                given = self._called(part, hook or "__call__", value)
            what = f"{hook} must give" if hook else "must give"
            if not isinstance(given, Tensor):
                raise _refusal(part, f"{what} a scalar tensor, given {type(given).__name__}")
            if given.ndim != 0:
                raise _refusal(part, f"{what} a scalar, given shape {tuple(given.shape)}")

        self._attempt(checked)

    def _called(self, part: Part, hook: str, function: Callable[[], _Value]) -> _Value:
        try:
            with calling(part, hook, self._parts.named):
                return function()
        except PlayersMisfit as refusal:
            raise players_misfit(refusal, part, self._architecture) from refusal

    def _attempt(self, function: Callable[[], _Value]) -> _Value | None:
        """Call a function; note a plugin's failure and return none, so that other parts are tried too."""
        try:
            return function()
        except PluginError as error:
            self._faults += error.faults
            return None

    def _raise_faults(self) -> None:
        if self._faults:
            raise PluginError(*{fault.key: fault for fault in self._faults}.values())

    def _check_shapes(self, game: CellGame, shape: tuple[int, ...], loss: Part, outputs: int | None) -> None:
        part, batch = self._architecture, len(game.real)
        made = self._called(part, "forward of the generator", lambda: game.fake)
        if made.shape != (batch, *shape):
            given = tuple(made.shape)
            raise self._misfit(f"the generator gives shape {given}, expected {(batch, *shape)}")
        scores = self._called(part, "forward of the discriminator", lambda: game.score(game.real))
        if scores.ndim != 2 or scores.shape[0] == 0 or batch % scores.shape[0]:
            given = tuple(scores.shape)
            raise self._misfit(f"the discriminator gives shape {given}, expected (batch, outputs)")
        if outputs is not None and scores.shape[1] != outputs:
            has = _outputs(scores.shape[1])
            raise GridError(
                f"{self._where}: the discriminator has {has}, loss {loss.label!r} needs {outputs}"
            )

    def _misfit(self, text: str) -> GridError | PluginError:
        if not self._architecture.foreign:
            return GridError(f"{self._where}: {text}")
        return PluginError(PluginFault(who=self._where, error=text, place=self._architecture.home))


def _refuse_single_rows(players: Players, where: str) -> None:
    """Let batch normalisation object to a batch of one, whose statistics are no batch's."""

    def needs_two(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if module.training and len(inputs[0]) < 2:
            raise Unsupported(
                f"{where}: batch normalisation needs a batch of at least 2 samples, or packs of them; given 1"
            )

    for player in (players.generator, players.discriminator):
        for module in player.modules():
            if isinstance(module, _BATCH_NORMS):
                module.register_forward_pre_hook(needs_two)


def _refusal(part: Part, text: str) -> GridError | PluginError:
    return PluginError(part.fault(text)) if part.foreign else GridError(f"{part.who}: {text}")


def _outputs(count: int) -> str:
    return "1 output" if count == 1 else f"{count} outputs"


def check_conditions(parts: CellParts) -> None:
    """Refuse metrics of a cell that its samples, drawn as they will be, are no good for.

    Data without labels or conditions are the scorer's to refuse.

    Raises:
        GridError: the generator takes no condition, or of a class too few samples will be drawn.
        Unsupported: the players cannot be built.
    """
    cell = parts.cell
    metrics = [(choice.name, parts.shared.build_metric(choice)) for choice in cell.score.metrics]
    asking = {name: metric for name, metric in metrics if metric.needs in ("pairs", WITH_LABELS)}
    if not asking:
        return
    players = parts.players
    if not players.takes_condition("generator"):
        raise GridError(
            *(
                f"metric {name!r} needs samples of a conditional architecture, and "
                f"{cell.architecture.label!r} is not: give its cells other metrics with [[override]]"
                for name in asking
            )
        )
    least = max((metric.minimum for metric in asking.values() if metric.needs == WITH_LABELS), default=0)
    data, classes = parts.reference, parts.dataset.signature.classes
    if not least or data.labels is None or classes is None:
        return
    for repeat in range(cell.score.repeats):
        rows = drawn_rows(players, data, cell.score.samples, score_seed(cell, repeat))
        rare = "" if rows is None else too_few(data.labels[rows], classes, least)
        if rare:
            names = ", ".join(name for name, metric in asking.items() if metric.needs == WITH_LABELS)
            raise GridError(
                f"metric {names!r} needs at least {least} samples of each class, and of the "
                f"{cell.score.samples} that seed {cell.seed} draws {rare}: raise score.samples"
            )
