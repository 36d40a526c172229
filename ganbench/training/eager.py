"""The plain engine: a round of Algorithm 1 (Goodfellow et al., 2014), operation by operation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ganbench.api.updates import Turn
from ganbench.training.cell_game import RULE_STATES
from ganbench.training.diagnostics import gradient_norm
from ganbench.training.feed import Draws
from ganbench.training.plain_optimizers import take_step
from ganbench.training.train_step import SeedRun, TrainStep
from ganbench.training.trained_networks import tell_step


@dataclass(frozen=True, kw_only=True)
class _Point:
    """What an update rule may come back to within a round.

    Attributes:
        weights: the parameters of all that is trained, with their values.
        optimizers: with the state of each parameter that has one.
        states: of the game.
    """

    weights: Sequence[tuple[nn.Parameter, Tensor]]
    optimizers: Sequence[tuple[torch.optim.Optimizer, Mapping[nn.Parameter, Mapping[str, Any]]]]
    states: Mapping[str, Tensor]


class EagerEngine:
    """Plays rounds operation by operation; runs everywhere, and is the reference for other engines.

    Learning rates stay Python numbers: fused Adam gives other bits with a rate that is a tensor.
    """

    name: ClassVar[str] = "eager"
    width: ClassVar[int] = 1
    rounds_per_call: ClassVar[int] = 1
    universal: ClassVar[bool] = True

    @classmethod
    def refuses(cls, step: TrainStep, device: torch.device) -> str:
        """Refuse nothing."""
        return ""

    @classmethod
    def attempt(cls, run: SeedRun) -> str:
        """Refuse nothing."""
        return ""

    def __init__(self, group: Sequence[SeedRun]) -> None:
        """Take the one run of a group."""
        (run,) = group
        self._step = run.step
        self._feed = run.feed
        self._log = run.log
        self._draws: Draws
        self._losses: dict[str, Tensor] = {}
        self._bare_loss_d: Tensor
        self._observed: dict[str, Tensor] | None = None
        # Of gradients that were clipped.
        self._norms: dict[str, Tensor] = {}

    def prepare(self) -> None:
        """Do nothing: there is nothing to make ready."""

    def advance(self, steps: int) -> None:
        """Play this many rounds."""
        for _ in range(steps):
            self._round()

    def synchronize(self) -> None:
        """Do nothing: the state is up to date after each round."""

    # For the update rule

    def gradient(self, player: Turn, draw: int) -> None:
        """Implement Turns.gradient."""
        if player == "generator":
            # Before the generator's turn forgets what the discriminator saw.
            self._observe_discriminator()
        elif self._observed is not None:
            # A rule that comes back to the discriminator: its last turn counts.
            self._observed.clear()
        # Not the optimizer's zero_grad: a frozen player has none, and its gradients are measured too.
        for parameter in self._step.learners[player].parameters:
            parameter.grad = None
        self._norms.pop(player, None)
        count = self._step.accumulate
        if count == 1:
            self._losses[player], bare = self._backward(player, draw, draw)
        else:
            parts = [self._backward(player, draw, draw * count + part) for part in range(count)]
            self._losses[player], bare = (torch.stack(values).mean() for values in zip(*parts, strict=True))
        if player == "discriminator":
            self._bare_loss_d = bare

    def _backward(self, player: Turn, draw: int, noise: int) -> tuple[Tensor, Tensor]:
        """Add the gradient of one batch, or its share where several are accumulated; return its losses."""
        count = self._step.accumulate
        loss, bare = self._turn(player, draw, noise)
        # Nothing learns in the turn of a generator that has no weights, as one that interpolates.
        if self._step.learners[player].parameters:
            (loss if count == 1 else loss / count).backward()  # type: ignore[no-untyped-call]
        if player == "discriminator":
            self._step.game.tell_augmentation()
        return loss.detach(), bare.detach()

    def _turn(self, player: Turn, draw: int, noise: int, *, joint: bool = False) -> tuple[Tensor, Tensor]:
        """Play a turn on one batch; return its losses, with and without penalties."""
        count, batches = self._step.accumulate, self._draws.batches
        # The generator's turn uses the batches of the discriminator's last one.
        last = len(batches) // count - 1
        batch = batches[min(draw, last) * count + noise % count]
        self._step.game.begin(player, *batch, self._draws.noises[noise], joint=joint)
        # Updates of this player before this one, in all rounds.
        update = self._log.step if player == "generator" else self._log.step * (last + 1) + draw
        return self._step.losses(player, update)

    def apply(self, player: Turn) -> None:
        """Implement Turns.apply."""
        learner = self._step.learners[player]
        if learner.optimizer is not None:
            if self._step.gradient_clip:
                # The curves tell the norm as it was before.
                self._norms[player] = nn.utils.clip_grad_norm_(learner.parameters, self._step.gradient_clip)
            take_step(learner.optimizer)
        after = self._step.objective.after_discriminator_step
        if player == "discriminator" and after is not None:
            with torch.no_grad():
                after(learner.module)

    def change_gradients(self, player: Turn, change: Callable[[int, Tensor], Tensor]) -> None:
        """Implement Turns.change_gradients."""
        with torch.no_grad():
            for index, parameter in enumerate(self._step.learners[player].parameters):
                if parameter.grad is not None:
                    parameter.grad = change(index, parameter.grad)

    def field(self, d_draw: int, g_draw: int) -> list[Tensor]:
        """Implement Turns.field."""
        field: list[Tensor] = []
        draws: tuple[tuple[Turn, int], ...] = (("discriminator", d_draw), ("generator", g_draw))
        for player, draw in draws:
            if player == "generator":
                self._observe_discriminator()
            learner = self._step.learners[player]
            self._norms.pop(player, None)
            gradients, self._losses[player], bare = self._differentiable(player, draw)
            if player == "discriminator":
                self._bare_loss_d = bare
            for parameter, gradient in zip(learner.parameters, gradients, strict=True):
                parameter.grad = None if gradient is None else gradient.detach().clone()
            if learner.optimizer is not None:
                field += [gradient for gradient in gradients if gradient is not None]
        return field

    def _differentiable(self, player: Turn, draw: int) -> tuple[list[Tensor | None], Tensor, Tensor]:
        """Compute a player's gradients with their graph, and its losses with and without penalties."""
        count, parameters = self._step.accumulate, self._step.learners[player].parameters
        totals: list[Tensor | None] = [None] * len(parameters)
        losses = []
        for part in range(count):
            loss, bare = self._turn(player, draw, draw * count + part, joint=True)
            losses.append((loss.detach(), bare.detach()))
            found = (
                torch.autograd.grad(loss / count, parameters, create_graph=True, allow_unused=True)
                if parameters
                else ()
            )
            if player == "discriminator":
                self._step.game.tell_augmentation()
            totals = [
                new if old is None else old if new is None else old + new
                for old, new in zip(totals, found, strict=True)
            ]
        mean, bare_mean = (torch.stack(values).mean() for values in zip(*losses, strict=True))
        return totals, mean, bare_mean

    def add_gradient(self, value: Tensor) -> None:
        """Implement Turns.add_gradient."""
        learners = [learner for learner in self._step.learners.values() if learner.optimizer is not None]
        parameters = [parameter for learner in learners for parameter in learner.parameters]
        if not value.requires_grad:
            # Gradients that do not depend on the weights, as those of a clipped linear game.
            return
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(value, parameters, allow_unused=True), strict=True
        ):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        if self._observed is not None and "grad_norm_d" in self._observed:
            self._observed["grad_norm_d"] = self._norm("discriminator")

    def save(self) -> _Point:
        """Implement Turns.save."""
        learners = self._step.learners.values()
        return _Point(
            weights=[
                (parameter, parameter.detach().clone())
                for learner in learners
                for network in learner.trained
                for _, parameter in network.tensors()
                if isinstance(parameter, nn.Parameter)
            ],
            optimizers=[
                (learner.optimizer, _copied(learner.optimizer.state))
                for learner in learners
                if learner.optimizer is not None
            ],
            states={name: state.clone() for name, state in self._step.game.states.items()},
        )

    def restore(self, point: object) -> None:
        """Implement Turns.restore."""
        assert isinstance(point, _Point)
        with torch.no_grad():
            for parameter, value in point.weights:
                parameter.copy_(value)
        for optimizer, state in point.optimizers:
            # Copied again, since a rule may come back more than once.
            optimizer.state.clear()
            optimizer.state.update(_copied(state))

    def restore_states(self, point: object) -> None:
        """Implement Turns.restore_states."""
        assert isinstance(point, _Point)
        game = self._step.game
        own = {name: state for name, state in game.states.items() if name.startswith(RULE_STATES)}
        game.reset_states(point.states)
        game.states.update(own)

    def state(self, name: str, initial: float | Tensor) -> Tensor:
        """Implement Turns.state."""
        return self._step.game.state(f"{RULE_STATES}{name}", initial)

    def _round(self) -> None:
        step, log = self._step, self._log
        self._follow_schedules()
        for learner in step.learners.values():
            for network in learner.trained:
                if network.is_network:
                    tell_step(network.module, log.step, step.game.steps)
        self._draws = self._feed.draw()
        log.write(self._play(observed=log.observes(log.step + 1)))
        if step.ema is not None:
            # The log has counted this round already.
            step.ema.update(log.step - 1)

    def _follow_schedules(self) -> None:
        for learner in self._step.learners.values():
            if learner.optimizer is not None:
                for name, schedule in learner.schedules.items():
                    for group in learner.optimizer.param_groups:
                        group[name] = schedule(self._log.step)

    def _play(self, *, observed: bool) -> dict[str, Tensor]:
        """Play a round with the draws that were made; return its values by the columns of the log.

        Args:
            observed: whether those of the curves are wanted, and not the losses alone.
        """
        step = self._step
        self._losses = {}
        self._observed = {} if observed else None
        step.update.play(self)
        for player in step.learners:
            if player not in self._losses:
                raise RuntimeError(f"the update rule {step.update.name!r} takes no gradient of the {player}")
        self._observe_discriminator()
        step.game.end_round()
        values = {"loss_d": self._losses["discriminator"], "loss_g": self._losses["generator"]}
        if self._observed is not None:
            values |= self._observed
            values["grad_norm_g"] = self._norm("generator")
        return values

    def _observe_discriminator(self) -> None:
        """Keep D(x), D(G(z)), the gradient norm and the JSD estimate of D's last turn, once."""
        step, seen = self._step, self._observed
        if seen is None or "grad_norm_d" in seen or "discriminator" not in self._losses:
            return
        for name, scores in zip(("d_real", "d_fake"), step.game.observed, strict=True):
            if scores is not None and step.game.has_logit:
                # A loss that learns may do so by its logit.
                seen[name] = torch.sigmoid(step.game.logit(scores)).mean().detach()
        seen["grad_norm_d"] = self._norm("discriminator")
        if step.objective.value:
            seen["jsd"] = (math.log(4) - self._bare_loss_d) / 2

    def _norm(self, player: Turn) -> Tensor:
        """Return the norm of a player's last gradient, before it was clipped."""
        clipped = self._norms.get(player)
        return gradient_norm(self._step.learners[player].parameters) if clipped is None else clipped


def _copied(state: Mapping[Any, Mapping[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Copy an optimizer's state, its tensors too."""
    return {
        parameter: {
            name: value.clone() if isinstance(value, Tensor) else value for name, value in values.items()
        }
        for parameter, values in state.items()
    }
