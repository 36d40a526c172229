"""A training round as one graph of tensor operations, and what it takes.

Its inputs are the tensors that training changes, which it changes in place, and what a round is given:
batches, noises, the parts' random numbers, learning rates, and the average's decay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor, fx

from ganbench.engines.tensor_optimizers import refused_optimizer
from ganbench.training.feed import Draws
from ganbench.training.game_draws import Draw
from ganbench.training.train_step import SeedRun, TrainStep


class NotRecordable(Exception):
    """A round cannot be recorded; the message says which code does what."""


# What makes one round consist of other operations than another: whether a penalty is added, update by update,
# for those that are not added each time.
RoundKind = tuple[bool, ...]


@dataclass(frozen=True, kw_only=True)
class RecordedRound:
    """A round as a graph.

    Attributes:
        graph: takes the state, then batches, noises, random numbers, and settings as 0-dimensional tensors
            of float64; returns the row of the log, alone in a tuple. It changes the state in place.
        state: the tensors that training changes, by name; the graph's first inputs.
        calls: for the parts' random numbers, in the order in which the graph takes them.
        given: what the recorded round was given, in this order; other rounds get tensors of the same kinds.
        constants: further inputs that never change, at the end.
        key: equal for graphs that compute the same on inputs of the same kind.
    """

    graph: fx.GraphModule
    state: Mapping[str, Tensor]
    calls: Sequence[Draw]
    given: Sequence[Tensor]
    constants: Sequence[Tensor]
    key: str = field(compare=False)


def flat_draws(draws: Draws) -> list[Tensor]:
    """List the tensors of a round's batches and noises."""
    batches = [tensor for batch in draws.batches for tensor in batch if tensor is not None]
    return [*batches, *draws.noises]


def kind_of_round(step: TrainStep, done: int, d_steps: int) -> RoundKind:
    """Tell what a round consists of.

    Args:
        step: of the training.
        done: rounds before this one.
        d_steps: discriminator updates in a round.
    """
    return tuple(
        term.is_due(update)
        for term, _ in step.penalties
        if term.every != 1
        for update in ([done] if term.player == "generator" else range(done * d_steps, (done + 1) * d_steps))
    )


def refused_step(step: TrainStep) -> str:
    """Say what of a step cannot be recorded, as far as it can be told without playing it."""
    for learner in step.learners.values():
        for network in learner.trained:
            if network.is_network and callable(getattr(network.module, "at_step", None)):
                return f"{network.name} has at_step, so that each round may be another one"
        if learner.optimizer is None:
            continue
        reason = refused_optimizer(learner.optimizer, learner.hyperparameters, list(learner.schedules))
        if reason:
            return reason
    return ""


def numbers_of_settings(step: TrainStep, done: int) -> dict[str, float]:
    """Return the settings that a recorded round is given, so that it serves other values of them.

    Args:
        step: of the training.
        done: rounds before the one for which they are.
    """
    values = {
        f"{name}.lr": float(
            learner.schedules["lr"](done) if "lr" in learner.schedules else learner.hyperparameters["lr"]
        )
        for name, learner in step.learners.items()
        if learner.optimizer is not None
    }
    if step.ema is not None:
        values["ema"] = float(step.ema.decay(done) if callable(step.ema.decay) else step.ema.decay)
    return values


def settings_change(step: TrainStep) -> bool:
    """Tell whether the settings that a recorded round is given change in the course of training."""
    rates = any(learner.schedules for learner in step.learners.values() if learner.optimizer is not None)
    return rates or (step.ema is not None and callable(step.ema.decay))


def state_of(run: SeedRun) -> dict[str, Tensor]:
    """Return every tensor that a round changes, and frozen weights, by name; no tensor twice.

    The order is that of the names: a training that goes on from a checkpoint has created its states in
    another one, and has the same round nevertheless.
    """
    step = run.step
    found: dict[str, Tensor] = {}
    for learner in step.learners.values():
        for network in learner.trained:
            found |= {f"{network.name}.{name}": tensor for name, tensor in network.tensors()}
    for name, learner in step.learners.items():
        if learner.optimizer is not None:
            for index, parameter in enumerate(learner.parameters):
                kept = learner.optimizer.state.get(parameter, {})
                found |= {
                    f"optimizer.{name}.{index}.{key}": value
                    for key, value in kept.items()
                    if isinstance(value, Tensor)
                }
    if step.ema is not None:
        found |= {f"average.{name}": tensor for name, tensor in step.ema.tensors()}
    found |= {f"game.{name}": tensor for name, tensor in step.game.states.items()}
    found["game.step counted"] = step.game.step
    seen: set[int] = set()
    return {
        name: tensor
        for name, tensor in sorted(found.items())
        if not (id(tensor) in seen or seen.add(id(tensor)))  # type: ignore[func-returns-value]
    }
