"""The plain engine: a round of Algorithm 1 (Goodfellow et al., 2014), operation by operation."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.training.diagnostics import gradient_norm
from ganbench.training.match import Match, Outcome, Side

Batch = tuple[Tensor, Tensor | None]


class EagerEngine:
    """Plays rounds as they are written down; runs everywhere, and is what other engines are held against."""

    name: ClassVar[str] = "eager"

    def __init__(self, match: Match) -> None:
        self._match = match

    def play(self, batches: Sequence[Batch], noises: Sequence[Tensor], *, observe: bool) -> Outcome:
        """One round: k discriminator updates on a batch and a noise each, one generator update.

        Args:
            batches: k batches.
            noises: k + 1 noises; the last one is the generator's.
            observe: whether to work out the diagnostics.
        """
        match = self._match
        steps_d = list(zip(batches, noises, strict=False))
        if match.order == "d_then_g":
            for batch, noise in steps_d:
                loss_d = self._turn_d(batch, noise)
                self._step_d()
            seen = self._observe_d(loss_d) if observe else ()
            loss_g = self._turn_g(batches[-1], noises[-1])
            _step(match.generator)
        elif match.order == "g_then_d":
            loss_g = self._turn_g(batches[-1], noises[-1])
            _step(match.generator)
            for batch, noise in steps_d:
                loss_d = self._turn_d(batch, noise)
                self._step_d()
            seen = self._observe_d(loss_d) if observe else ()
        else:
            loss_d = self._turn_d(*steps_d[0])
            seen = self._observe_d(loss_d) if observe else ()
            loss_g = self._turn_g(batches[-1], noises[-1])
            self._step_d()
            _step(match.generator)
        match.game.end_round()
        if not observe:
            return Outcome(loss_d=loss_d, loss_g=loss_g)
        d_real, d_fake, norm_d, jsd = seen
        norm_g = gradient_norm(match.generator.parameters)
        return Outcome(loss_d=loss_d, loss_g=loss_g, diagnostics=(d_real, d_fake, norm_d, norm_g, jsd))

    def _turn_d(self, batch: Batch, noise: Tensor) -> Tensor:
        """Work out D's gradients; the value of its loss, penalty included."""
        match = self._match
        match.game.begin("discriminator", *batch, noise)
        _clear(match.discriminator)
        with self._autocast():
            objective = match.loss.discriminator_loss(match.game)
            loss = objective + match.penalty(match.game)
        self._objective_d = objective.detach()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _turn_g(self, batch: Batch, noise: Tensor) -> Tensor:
        """Work out G's gradients; the value of its loss."""
        match = self._match
        match.game.begin("generator", *batch, noise)
        _clear(match.generator)
        with self._autocast():
            loss = match.loss.generator_loss(match.game)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _step_d(self) -> None:
        match = self._match
        _step(match.discriminator)
        if match.after_discriminator_step is not None:
            with torch.no_grad():
                match.after_discriminator_step(match.discriminator.module)

    def _observe_d(self, loss_d: Tensor) -> tuple[Tensor | float, ...]:
        """D(x), D(G(z)), D's gradient norm and the JSD estimate of the discriminator's last turn."""
        match = self._match
        means: list[Tensor | float] = []
        for scores in match.game.observed:
            known = scores is not None and match.game.has_logit
            means.append(
                torch.sigmoid(match.game.logit(scores)).mean() if known and scores is not None else math.nan
            )
        jsd = (math.log(4) - self._objective_d) / 2 if match.value else math.nan
        return means[0], means[1], gradient_norm(match.discriminator.parameters), jsd

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        match = self._match
        if match.autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(match.game.real.device.type, match.autocast)


def _clear(side: Side) -> None:
    # Not the optimizer's zero_grad: a frozen player has none, and its gradients are measured all the same.
    for parameter in side.parameters:
        parameter.grad = None


def _step(side: Side) -> None:
    if side.optimizer is not None:
        side.optimizer.step()
