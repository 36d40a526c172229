"""Whether what plugins provide goes on after a resume as if there had been none."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import torch
from torch import Tensor, nn

from ganbench.api.updates import Turn
from ganbench.catalog.faults import Part, calling, device_errors_pass
from ganbench.errors import PluginError, PluginFault, Unsupported
from ganbench.grid import Choice
from ganbench.grid.choice import NONE
from ganbench.grid.optimizer_settings import PluginOptimizer
from ganbench.runner.build import CellParts, build_trainer
from ganbench.runner.preflight import device_here, losses_of, number_type
from ganbench.runner.trial_rounds import TrialGame, TrialResult, Values
from ganbench.scoring import seeded
from ganbench.training import (
    BuildOptimizer,
    Diverged,
    deterministic,
    optimizer_state,
    plain_state,
    refused_state,
    restore_plugin_optimizer,
    trained_networks,
    values_of,
)
from ganbench.training.optimizers import optimizer_schedules

# Rounds that are played; more where attributes of a loss go on changing, which may show in its values later.
_ROUNDS, _MANY = 3, 33
# Packs in a batch: enough for statistics over it.
_PACKS = 8


def plugins_in_play(parts: CellParts) -> tuple[Part, ...]:
    """List the parts of a cell's game that distributions other than ganbench provide."""
    cell, part = parts.cell, parts.shared.part
    played = [part("architecture", cell.architecture)]
    played += [part("loss", loss) for loss in losses_of(cell)]
    played += [part("penalty", penalty) for penalty in cell.penalty.parts]
    if cell.augmentation != NONE:
        played.append(part("augmentation", cell.augmentation))
    return tuple(one for one in played if one.foreign)


def check_resumption(parts: CellParts) -> None:
    """Play a few small rounds with the plugins' parts, and again with fresh ones after the first round.

    A run that is resumed has fresh objects and the checkpoint's tensors: weights, buffers, `game.state`.
    Where losses then differ, a part keeps something elsewhere, or draws random numbers of no stream.
    Built-in parts alone are not played: ganbench's own tests hold them.

    Args:
        parts: of a cell that `check_cell` takes, with the device as it takes it.

    Raises:
        PluginError: values differ, code of a plugin raised, or a player cannot learn by what it gives.
        Unsupported: the combination turns out in a later round to be none.
    """
    cell, foreign = parts.cell, plugins_in_play(parts)
    if not foreign:
        return
    place = device_here(parts.device)
    with device_errors_pass(), deterministic():
        for choice in losses_of(cell):
            loss = parts.shared.part("loss", choice)
            played = [part for part in foreign if part.kind != "loss" or part == loss]
            batch = cell.train.batch_size
            small = (
                min(batch, _PACKS * TrialGame(parts, choice, played, place, batch).pack()) if played else 0
            )
            for size in sorted({small, batch} - {0}):
                try:
                    _compare(TrialGame(parts, choice, played, place, size), played)
                    break
                except (PluginError, Unsupported):
                    # A net may be made for batches of its own size alone.
                    if size == batch:
                        raise


def check_optimizers(parts: CellParts) -> None:
    """Take steps with the plugins' optimizers of a cell, and again with a fresh one that goes on after two.

    They change copies of the parameters that they would be given, on the CPU, along made-up gradients.

    Args:
        parts: of a cell that `check_cell` takes.

    Raises:
        PluginError: one cannot be built, raised something, or keeps something that no checkpoint holds.
    """
    train, players = parts.cell.train, parts.players
    trained = trained_networks(players, {"loss": parts.loss.loss})
    for player in get_args(Turn):
        key = f"{player[0]}_optimizer"
        settings = getattr(train, key)
        values = [
            each.detach().to(number_type(parts.cell))
            for one in trained
            if one.learns_with == player
            for each in one.parameters
        ]
        if isinstance(settings, PluginOptimizer) and values:
            part = parts.shared.part("optimizer", Choice(settings.name, settings.given))
            build = _bound(parts.optimizers[settings.name], settings.options())
            with device_errors_pass(), seeded(0, torch.device("cpu")), calling(part, "step"):
                _require_groups_with(part, build, values, optimizer_schedules(key, train))
                _resume_optimizer(part, build, values)


def _require_groups_with(
    part: Part,
    build: Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer],
    values: Sequence[Tensor],
    schedules: Iterable[str],
) -> None:
    groups = build([nn.Parameter(value.clone()) for value in values]).param_groups
    for name in schedules:
        if any(name not in group for group in groups):
            raise PluginError(
                part.fault(f"has no {name!r} in its param_groups, where train.schedules would change it")
            )


def _bound(
    build: BuildOptimizer, options: Mapping[str, Any]
) -> Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]:
    return lambda parameters: build(parameters, options)


def _resume_optimizer(
    part: Part,
    build: Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer],
    values: Sequence[Tensor],
) -> None:
    def begin(start: Sequence[Tensor]) -> tuple[list[nn.Parameter], torch.optim.Optimizer]:
        parameters = [nn.Parameter(value.clone()) for value in start]
        return parameters, build(parameters)

    def play(parameters: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            for parameter in parameters:
                places = torch.arange(parameter.numel(), dtype=parameter.dtype).reshape(parameter.shape)
                parameter.grad = torch.sin(places + step)
            optimizer.step()

    whole, optimizer = begin(values)
    play(whole, optimizer, range(2))
    if refused := refused_state(optimizer):
        raise PluginError(
            part.fault(
                f"keeps {refused}, which no checkpoint holds; keep tensors, numbers and texts by parameter"
            )
        )
    tensors = {name: tensor.clone() for name, tensor in optimizer_state(optimizer).items()}
    plain = json.loads(json.dumps(plain_state(optimizer)))
    resumed, fresh = begin([parameter.detach() for parameter in whole])
    restore_plugin_optimizer(fresh, tensors, plain)
    play(whole, optimizer, range(2, 5))
    play(resumed, fresh, range(2, 5))
    if not all(torch.equal(one, other) for one, other in zip(whole, resumed, strict=True)):
        raise PluginError(
            part.fault(
                "steps otherwise after a resume: it keeps something outside its state and param_groups, "
                "which checkpoints hold, or draws random numbers"
            )
        )


def check_update(parts: CellParts) -> None:
    """Build a cell's update rule and, where a plugin provides it, play two rounds with it.

    Args:
        parts: of a cell that `check_cell` takes, with the device as it takes it.

    Raises:
        CatalogError: an option is wrong.
        PluginError: the rule raised something, or keeps something that no checkpoint holds.
    """
    part = parts.shared.part("update", parts.cell.train.update)
    if not part.foreign:
        # Built-in rules are held by ganbench's own tests; this only checks the options.
        _ = parts.update
        return
    place = device_here(parts.device)
    with device_errors_pass(), seeded(0, place), calling(part, "play"):
        here = replace(parts.fresh(), device=str(place))
        before = values_of(here.update)
        with contextlib.suppress(Diverged):
            build_trainer(here).advance(min(2, here.cell.train.steps))
        after = values_of(here.update)
    if changed := [name for name, value in after.items() if before.get(name) != value]:
        raise PluginError(
            part.fault(
                f"keeps something between rounds in its own attributes ({', '.join(changed[:3])}), which a "
                "resumed run has not; keep it in turns.state(name, initial), which checkpoints hold"
            )
        )


def _compare(game: TrialGame, plugins: Sequence[Part]) -> None:
    whole = game.play(_ROUNDS)
    if whole.changing:
        whole = game.play(_MANY)
    rounds = len(whole.values)
    everything = frozenset(part.kind for part in plugins)
    at = _first_difference(whole.values, game.play(rounds, everything).values)
    if at is None:
        return
    if whole.drew:
        raise PluginError(*(part.fault(_drew(part, names)) for part, names in whole.drew.items()))
    if at[0] == 0:
        raise PluginError(
            PluginFault(
                who=" or ".join(part.who for part in plugins),
                error="gives other values each time that it is built and played: it keeps something in its "
                "class or module, or draws random numbers of no stream of the cell (there are torch's global "
                "generator in build, and game.uniform and game.normal in a turn)",
                place=plugins[0].home,
            )
        )
    guilty = [part for part in plugins if _is_guilty(game, whole, part)] if len(plugins) > 1 else plugins
    raise PluginError(*(part.fault(_kept(part, at, whole)) for part in guilty or plugins))


def _is_guilty(game: TrialGame, whole: TrialResult, part: Part) -> bool:
    """Tell whether values differ where this part alone is built anew."""
    alone = game.play(len(whole.values), frozenset({part.kind}))
    return _first_difference(whole.values, alone.values) is not None


def _drew(part: Part, generators: str) -> str:
    right = (
        "torch's own generator, which checkpoints hold"
        if part.kind == "architecture"
        else "game.uniform and game.normal"
    )
    return (
        f"draws random numbers from {generators} in a turn: another run, or one that is resumed, would draw "
        f"others; use {right}"
    )


def _kept(part: Part, at: tuple[int, int, float, float], whole: TrialResult) -> str:
    number, which, one, other = at
    names = whole.changing.get(part.kind, [])
    attributes = f" ({', '.join(names[:3])})" if names else ""
    way = (
        "keep it in a registered buffer"
        if part.kind == "architecture"
        else "keep it in game.state(name, initial), which checkpoints hold"
    )
    return (
        f"keeps something between turns in its own attributes{attributes}, which a resumed run has not: "
        f"{whole.names[which]} in round {number + 1} is {one:.6g}, and {other:.6g} with a fresh object; {way}"
    )


def _first_difference(one: Values, other: Values) -> tuple[int, int, float, float] | None:
    """Round, which of its values, and both numbers, where two plays differ in a bit first."""
    for number, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        for which, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            if a.numpy().tobytes() != b.numpy().tobytes():
                return number, which, float(a), float(b)
    return None
