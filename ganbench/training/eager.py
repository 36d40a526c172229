"""The plain engine: a round of Algorithm 1 (Goodfellow et al., 2014), operation by operation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganbench.training.cell_game import Turn, tell_step
from ganbench.training.diagnostics import gradient_norm
from ganbench.training.feed import Draws
from ganbench.training.train_step import SeedRun, TrainStep


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
        count, batches = self._step.accumulate, self._draws.batches
        # The generator's turn uses the batches of the discriminator's last one.
        last = len(batches) // count - 1
        batch = batches[min(draw, last) * count + noise % count]
        self._step.game.begin(player, *batch, self._draws.noises[noise])
        # Updates of this player before this one, in all rounds.
        update = self._log.step if player == "generator" else self._log.step * (last + 1) + draw
        loss, bare = self._step.losses(player, update)
        (loss if count == 1 else loss / count).backward()  # type: ignore[no-untyped-call]
        return loss.detach(), bare.detach()

    def apply(self, player: Turn) -> None:
        """Implement Turns.apply."""
        learner = self._step.learners[player]
        if learner.optimizer is not None:
            if self._step.gradient_clip:
                # The curves tell the norm as it was before.
                self._norms[player] = nn.utils.clip_grad_norm_(learner.parameters, self._step.gradient_clip)
            learner.optimizer.step()
        after = self._step.objective.after_discriminator_step
        if player == "discriminator" and after is not None:
            with torch.no_grad():
                after(learner.module)

    def _round(self) -> None:
        step, log = self._step, self._log
        for learner in step.learners.values():
            if learner.optimizer is not None:
                for name, schedule in learner.schedules.items():
                    for group in learner.optimizer.param_groups:
                        group[name] = schedule(log.step)
        for learner in step.learners.values():
            tell_step(learner.module, log.step, step.game.steps)
        self._draws = self._feed.draw()
        self._losses = {}
        self._observed = {} if log.observes(log.step + 1) else None
        step.update.play(self)
        self._observe_discriminator()
        step.game.end_round()
        values = {"loss_d": self._losses["discriminator"], "loss_g": self._losses["generator"]}
        if self._observed is not None:
            values |= self._observed
            values["grad_norm_g"] = self._norm("generator")
        log.write(values)
        if step.ema is not None:
            # The log has counted this round already.
            step.ema.update(log.step - 1)

    def _observe_discriminator(self) -> None:
        """Keep D(x), D(G(z)), the gradient norm and the JSD estimate of D's last turn, once."""
        step, seen = self._step, self._observed
        if seen is None or "grad_norm_d" in seen or "discriminator" not in self._losses:
            return
        for name, scores in zip(("d_real", "d_fake"), step.game.observed, strict=True):
            if scores is not None and step.game.has_logit:
                seen[name] = torch.sigmoid(step.game.logit(scores)).mean()
        seen["grad_norm_d"] = self._norm("discriminator")
        if step.objective.value:
            seen["jsd"] = (math.log(4) - self._bare_loss_d) / 2

    def _norm(self, player: Turn) -> Tensor:
        """Return the norm of a player's last gradient, before it was clipped."""
        clipped = self._norms.get(player)
        return gradient_norm(self._step.learners[player].parameters) if clipped is None else clipped
