"""The recorder of rounds: a round is played once, and noted what it does to tensors (torch's `make_fx`).

This happens below autograd: the graph holds the forward passes, the gradients, double ones included, and the
optimizers' steps.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx, nn

from ganbench.api.updates import Turn
from ganbench.engines.recorded_round import (
    NotRecordable,
    RecordedRound,
    flat_draws,
    numbers_of_settings,
    refused_step,
    state_of,
)
from ganbench.engines.tensor_optimizers import create_optimizer_state, make_step
from ganbench.training.determinism import forked_generators
from ganbench.training.diagnostics import COLUMNS
from ganbench.training.eager import EagerEngine
from ganbench.training.game_draws import Draw, GivenDraws, NotedDraws
from ganbench.training.train_step import SeedRun


def record_round(run: SeedRun) -> RecordedRound:
    """Record the round that comes next, and change nothing but that optimizers and states are created.

    The values of the curves are computed in each round, also where none is kept: so there is one graph.

    Args:
        run: of one seed.

    Raises:
        NotRecordable: what a part does cannot be recorded, as a branch on the value of a tensor.
    """
    reason = refused_step(run.step)
    if reason:
        raise NotRecordable(reason)
    player = _RecordingPlayer(run)
    # Twice: an update rule may make a state of the gradients that follow the first steps.
    with _unchanged(run, player, created=False):
        player.note_learning()
    player.create_optimizer_states()
    with _unchanged(run, player, created=True):
        calls = player.rehearse()
    state = state_of(run)
    with _unchanged(run, player, created=True):
        return player.record(state, calls)


@contextmanager
def _unchanged(run: SeedRun, player: _RecordingPlayer, *, created: bool) -> Iterator[None]:
    """Draw the coming round's inputs, and put back all that a round changes.

    Args:
        run: of one seed.
        player: plays it.
        created: whether states that parts create stay, with their initial values.
    """
    step, game, feed = run.step, run.step.game, run.feed
    tensors = list(state_of(run).values())
    values = [tensor.detach().clone() for tensor in tensors]
    states = dict(game.states)
    streams = [(stream, stream.get_state()) for stream in step.generators.values()]
    inputs, cursor = {name: tensor.clone() for name, tensor in feed.state().items()}, feed.cursor
    draws = game.draws
    # As for the engine that plays the rounds: before a freeze the game has another loss.
    game.judge_by(step.objective.loss, step.objective.outputs)
    try:
        with forked_generators(step.game.step.device):
            player.draw()
            yield
    finally:
        game.end_turn()
        game.draws = draws
        with torch.no_grad():
            for tensor, value in zip(tensors, values, strict=True):
                tensor.copy_(value)
        for stream, kept in streams:
            stream.set_state(kept)
        feed.restore(inputs, cursor)
        game.keep_states(states, created=created)
        for learner in step.learners.values():
            for parameter in learner.parameters:
                parameter.grad = None


class _RecordingPlayer(EagerEngine):
    """Plays one round so that it consists of operations on tensors alone, and records it."""

    def __init__(self, run: SeedRun) -> None:
        super().__init__([run])
        self._settings: dict[str, Tensor] = {}
        self._learning: dict[Turn, list[nn.Parameter]] = {}
        self._without_steps = False
        # Players all of whose parameters make the same number of steps.
        self._equal_counts: set[Turn] = set()
        # Players some of whose updates leave out parameters that others have.
        self._uneven: set[Turn] = set()

    def draw(self) -> None:
        """Draw the coming round's inputs."""
        self._draws = self._feed.draw()

    def note_learning(self) -> None:
        """Play the round without a step, to see which parameters have gradients."""
        self._without_steps = True
        try:
            self._play(observed=True)
        finally:
            self._without_steps = False

    def create_optimizer_states(self) -> None:
        """Create what optimizers keep of the parameters that have gradients."""
        # What a penalty alone trains makes fewer steps where the penalty is not always added.
        lazy = any(term.every != 1 for term, _ in self._step.penalties)
        for name, parameters in self._learning.items():
            learner = self._step.learners[name]
            assert learner.optimizer is not None
            create_optimizer_state(learner.optimizer, learner.hyperparameters, parameters)
            counts = {float(learner.optimizer.state[one].get("step", 0.0)) for one in parameters}
            if len(counts) == 1 and name not in self._uneven and not lazy:
                self._equal_counts.add(name)

    def rehearse(self) -> list[Draw]:
        """Play the round; return the calls for random numbers."""
        game = self._step.game
        noted = NotedDraws(game.draws)
        game.draws = noted
        self._set_settings()
        self._play(observed=True)
        return noted.calls

    def _set_settings(self) -> None:
        device = self._step.game.step.device
        self._settings = {
            name: torch.tensor(value, dtype=torch.float64, device=device)
            for name, value in numbers_of_settings(self._step, self._log.step).items()
        }

    def record(self, state: Mapping[str, Tensor], calls: Sequence[Draw]) -> RecordedRound:
        """Play the round with the recorder."""
        from torch.fx.experimental.proxy_tensor import make_fx

        step, game = self._step, self._step.game
        device = game.step.device
        numbers = [draw.made_by(game.draws) for draw in calls]
        game.draws = GivenDraws(calls, numbers)
        self._set_settings()
        states = dict(game.states)

        def play(*_: Tensor) -> tuple[Tensor]:
            values = self._play(observed=True)
            if step.ema is not None:
                step.ema.follow(self._settings["ema"])
            with torch.no_grad():
                for name, tensor in game.states.items():
                    # Those that a rule of several passes put in the place of the first ones.
                    if name in states and tensor is not states[name]:
                        states[name].copy_(tensor)
                nothing = torch.full((), torch.nan, dtype=torch.float64, device=device)
                row = [values[name].detach().double() if name in values else nothing for name in COLUMNS]
                return (torch.stack(row),)

        given = [*flat_draws(self._draws), *numbers, *self._settings.values()]
        inputs = [*state.values(), *given]
        try:
            graph = make_fx(play)(*inputs)
        except Exception as error:
            raise NotRecordable(_reason(error)) from error
        for learner in step.learners.values():
            for network in learner.trained:
                for name, tensor in network.tensors():
                    if tensor is not state.get(f"{network.name}.{name}", tensor):
                        raise NotRecordable(
                            f"{network.name} replaces its {name} and does not change it in place"
                        )
        constants = _lift_constants(graph)
        shapes = [(tuple(t.shape), t.stride(), str(t.dtype)) for t in (*inputs, *constants)]
        code = f"{graph.code}\n{shapes}\n{device}"
        return RecordedRound(
            graph=graph,
            state=state,
            calls=calls,
            given=given,
            constants=constants,
            key=hashlib.sha256(code.encode()).hexdigest(),
        )

    def apply(self, player: Turn) -> None:
        """Implement Turns.apply in operations on tensors."""
        step = self._step
        learner = step.learners[player]
        if learner.optimizer is not None:
            if step.gradient_clip:
                self._norms[player] = nn.utils.clip_grad_norm_(learner.parameters, step.gradient_clip)
            having = [parameter for parameter in learner.parameters if parameter.grad is not None]
            known = self._learning.setdefault(player, [])
            if self._without_steps:
                new = [one for one in having if not any(one is other for other in known)]
                if known and (new or len(having) != len(known)):
                    self._uneven.add(player)
                known += new
            else:
                make_step(
                    learner.optimizer,
                    learner.hyperparameters,
                    having,
                    self._settings[f"{player}.lr"],
                    equal_counts=player in self._equal_counts,
                )
        after = step.objective.after_discriminator_step
        if player == "discriminator" and after is not None:
            with torch.no_grad():
                after(learner.module)

    def restore(self, point: object) -> None:
        """Implement Turns.restore; optimizers keep their tensors."""
        kept = {
            optimizer: {one: dict(values) for one, values in optimizer.state.items()}
            for optimizer, _ in point.optimizers  # type: ignore[attr-defined]
        }
        super().restore(point)
        with torch.no_grad():
            for optimizer, tensors in kept.items():
                for parameter, values in tensors.items():
                    noted = optimizer.state[parameter]
                    for name, tensor in values.items():
                        tensor.copy_(noted[name])
                        noted[name] = tensor


def _reason(error: Exception) -> str:
    """Say in one line what stopped the recorder, and where in the code of parts."""
    text = str(error).strip().split("\n")[0] or type(error).__name__
    if "value out of a tracing tensor" in str(error):
        text = "the value of a tensor is read (as .item() or a branch on it does)"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/torch/" not in frame.filename and "/ganbench/training/" not in frame.filename
    ]
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{text}{where}"


def _lift_constants(graph: fx.GraphModule) -> list[Tensor]:
    """Make inputs of the tensors that a graph holds; return these."""
    found: dict[str, tuple[fx.Node, Tensor]] = {}
    last = [node for node in graph.graph.nodes if node.op == "placeholder"][-1]
    for node in list(graph.graph.nodes):
        if node.op != "get_attr":
            continue
        name = str(node.target)
        if name not in found:
            value: Any = graph
            for part in name.split("."):
                value = getattr(value, part)
            with graph.graph.inserting_after(last):
                last = graph.graph.placeholder(f"constant_{len(found)}")
            found[name] = last, value
        node.replace_all_uses_with(found[name][0])
        graph.graph.erase_node(node)
    for node in graph.graph.nodes:
        # What the recorder noted of values belongs to the tensors of this one round.
        node.meta.clear()
    graph.recompile()
    return [value.detach() for _, value in found.values()]
