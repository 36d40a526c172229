"""The plain engine: a round of Algorithm 1 (Goodfellow et al., 2014), operation by operation."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.training.diagnostics import gradient_norm
from ganbench.training.train_step import Learner, StepResult, TrainStep

Batch = tuple[Tensor, Tensor | None]


class EagerEngine:
    """Plays rounds as they are written down; runs everywhere, and is what other engines are held against."""

    name: ClassVar[str] = "eager"

    def __init__(self, step: TrainStep) -> None:
        self._step = step

    def play(self, batches: Sequence[Batch], noises: Sequence[Tensor], *, observe: bool) -> StepResult:
        """One round: k discriminator updates on a batch and a noise each, one generator update.

        Args:
            batches: k batches.
            noises: k + 1 noises; the last one is the generator's.
            observe: whether to work out the diagnostics.
        """
        step = self._step
        steps_d = list(zip(batches, noises, strict=False))
        if step.order == "d_then_g":
            for batch, noise in steps_d:
                loss_d = self._turn_d(batch, noise)
                self._step_d()
            seen = self._observe_d(loss_d) if observe else ()
            loss_g = self._turn_g(batches[-1], noises[-1])
            _step(step.generator)
        elif step.order == "g_then_d":
            loss_g = self._turn_g(batches[-1], noises[-1])
            _step(step.generator)
            for batch, noise in steps_d:
                loss_d = self._turn_d(batch, noise)
                self._step_d()
            seen = self._observe_d(loss_d) if observe else ()
        else:
            loss_d = self._turn_d(*steps_d[0])
            seen = self._observe_d(loss_d) if observe else ()
            loss_g = self._turn_g(batches[-1], noises[-1])
            self._step_d()
            _step(step.generator)
        step.game.end_round()
        if not observe:
            return StepResult(loss_d=loss_d, loss_g=loss_g)
        d_real, d_fake, norm_d, jsd = seen
        norm_g = gradient_norm(step.generator.parameters)
        return StepResult(loss_d=loss_d, loss_g=loss_g, diagnostics=(d_real, d_fake, norm_d, norm_g, jsd))

    def _turn_d(self, batch: Batch, noise: Tensor) -> Tensor:
        """Work out D's gradients; the value of its loss, penalty included."""
        step = self._step
        step.game.begin("discriminator", *batch, noise)
        _clear(step.discriminator)
        with self._autocast():
            objective = step.loss.discriminator_loss(step.game)
            loss = objective + step.penalty(step.game)
        self._objective_d = objective.detach()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _turn_g(self, batch: Batch, noise: Tensor) -> Tensor:
        """Work out G's gradients; the value of its loss."""
        step = self._step
        step.game.begin("generator", *batch, noise)
        _clear(step.generator)
        with self._autocast():
            loss = step.loss.generator_loss(step.game)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _step_d(self) -> None:
        step = self._step
        _step(step.discriminator)
        if step.after_discriminator_step is not None:
            with torch.no_grad():
                step.after_discriminator_step(step.discriminator.module)

    def _observe_d(self, loss_d: Tensor) -> tuple[Tensor | float, ...]:
        """D(x), D(G(z)), D's gradient norm and the JSD estimate of the discriminator's last turn."""
        step = self._step
        means: list[Tensor | float] = []
        for scores in step.game.observed:
            known = scores is not None and step.game.has_logit
            means.append(
                torch.sigmoid(step.game.logit(scores)).mean() if known and scores is not None else math.nan
            )
        jsd = (math.log(4) - self._objective_d) / 2 if step.value else math.nan
        return means[0], means[1], gradient_norm(step.discriminator.parameters), jsd

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        step = self._step
        if step.autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(step.game.real.device.type, step.autocast)


def _clear(learner: Learner) -> None:
    # Not the optimizer's zero_grad: a frozen player has none, and its gradients are measured all the same.
    for parameter in learner.parameters:
        parameter.grad = None


def _step(learner: Learner) -> None:
    if learner.optimizer is not None:
        learner.optimizer.step()
