"""Everything that one round of the game needs, in one place for the engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ganbench.api import Loss, Penalty
from ganbench.training.game import CellGame


@dataclass(frozen=True, kw_only=True)
class Learner:
    """One player with what trains it.

    Attributes:
        module: the network.
        parameters: those of its parameters that have a gradient.
        optimizer: None where nothing learns.
        learning_rate: what a schedule multiplies.
    """

    module: nn.Module
    parameters: list[nn.Parameter]
    optimizer: torch.optim.Optimizer | None
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A loss with what its spec says of it.

    Attributes:
        loss: the plugin's.
        outputs: raw scores that it takes for each sample, or None for any number.
        value: whether V(G, D) = -discriminator_loss.
    """

    loss: Loss
    outputs: int | None
    value: bool


@dataclass(frozen=True, kw_only=True)
class TrainStep:
    """A cell's game, ready to be played.

    Attributes:
        order: which player moves first, or `simultaneous`.
        value: whether V(G, D) = -discriminator_loss, for the JSD estimate.
        after_discriminator_step: the loss's own change of D's weights, or None.
        autocast: type of autocast, or None.
    """

    game: CellGame
    loss: Loss
    penalty: Penalty
    discriminator: Learner
    generator: Learner
    order: Literal["d_then_g", "g_then_d", "simultaneous"]
    value: bool
    after_discriminator_step: Callable[[nn.Module], None] | None
    autocast: torch.dtype | None


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What a round leaves behind.

    Attributes:
        loss_d: the discriminator's last loss, penalty included; a scalar.
        loss_g: the generator's loss; a scalar.
        diagnostics: d_real, d_fake, grad_norm_d, grad_norm_g, jsd, where they were asked for.
    """

    loss_d: Tensor
    loss_g: Tensor
    diagnostics: tuple[Tensor | float, ...] | None = None
