"""The contracts of optimizers and update rules."""

from __future__ import annotations

import contextlib

import torch
from torch import nn

from ganbench.catalog.contracts import build_part
from ganbench.catalog.faults import calling
from ganbench.errors import GanbenchError
from ganbench.grid import Choice
from ganbench.runner import build_trainer, check_optimizers, check_update
from ganbench.runner.build import build_foreign
from ganbench.testing.findings import NotApplicable, contract_check
from ganbench.testing.stage import RATE
from ganbench.testing.trained_contract import TrainedContract
from ganbench.training import Diverged

_STATE = "Keep what lasts in self.state[parameter] and self.param_groups, as tensors, numbers and texts."
_STEPS = 200


class _PlayedContract(TrainedContract):
    """What optimizers and update rules have in common: they show in a training, not in a turn."""

    def require_playing(self) -> None:
        """Leave a check out where the thing cannot be built, which a check of its own tells.

        Raises:
            NotApplicable: it cannot be built.
        """
        try:
            self._build()
        except GanbenchError:
            raise NotApplicable("it cannot be built, see `it_plays`") from None

    @contract_check("Mend what it raises; ganbench's own networks and loss are played with it.")
    def test_it_plays(self) -> None:
        """Build it, and train one step with it."""
        _ = self.stage().around
        with contextlib.suppress(Diverged):
            build_trainer(self.trained()).advance(1)


class OptimizerContract(_PlayedContract):
    """What an optimizer must hold to."""

    kind = "optimizer"

    @contract_check(_STATE)
    def test_it_keeps_nothing_of_its_own(self) -> None:
        """Require the same steps of a fresh one that is given another's state."""
        self.require_playing()
        check_optimizers(self.trained())

    @contract_check("Step against the gradient: parameter.sub_(lr * gradient).")
    def test_steps_lower_what_they_minimise(self) -> None:
        """Minimise the square of a vector in two hundred steps at a learning rate of 0.01."""
        self.require_playing()
        start = torch.linspace(-1, 1, 6)
        after = self._stepped(start, RATE, _STEPS)
        begun, ended = float(start.square().sum()), float(after.square().sum())
        self.fail_if(
            [f"raises the square of a vector from {begun:.4g} to {ended:.4g}"] if not ended < begun else [],
            "step",
        )

    @contract_check('Read the rate in each step, from group["lr"]: schedules write it there.')
    def test_it_follows_the_learning_rate(self) -> None:
        """Require that nothing moves with a learning rate of 0 in its groups."""
        self.require_playing()
        start = torch.linspace(-1, 1, 6)
        moved = not torch.equal(start, self._stepped(start, 0.0, 3))
        self.fail_if(['moves with group["lr"] = 0: schedules have no effect'] if moved else [], "step")

    @contract_check("Pass over parameters whose `grad` is None.")
    def test_parameters_without_a_gradient_stay(self) -> None:
        """Require a parameter that is frozen, or took no part, to stay as it is."""
        self.require_playing()
        used, idle = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
        optimizer = self._built([used, idle])
        used.grad = torch.ones(2)
        with calling(self.part, "step"):
            optimizer.step()
        self.fail_if(
            [] if torch.equal(idle.detach(), torch.ones(2)) else ["moves a parameter that has no gradient"],
            "step",
        )

    def _stepped(self, start: torch.Tensor, rate: float, steps: int) -> torch.Tensor:
        parameter = nn.Parameter(start.clone())
        optimizer = self._built([parameter])
        for group in optimizer.param_groups:
            group["lr"] = rate
        for _ in range(steps):
            parameter.grad = 2 * parameter.detach()
            with calling(self.part, "step"):
                optimizer.step()
        return parameter.detach()

    def _built(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        stage = self.stage()
        choice = Choice(stage.part.name, stage.options)
        return build_foreign(stage.shared, choice, parameters, {"lr": RATE, **stage.options})

    def _build(self) -> object:
        return self._built([nn.Parameter(torch.ones(2))])


class UpdateContract(_PlayedContract):
    """What an update rule must hold to."""

    kind = "update"

    @contract_check("Keep what lasts in turns.state(name, initial), which checkpoints hold.")
    def test_it_keeps_nothing_of_its_own(self) -> None:
        """Play two rounds, and require its attributes to stay as they are."""
        self.require_playing()
        check_update(self.trained())

    def _build(self) -> object:
        stage = self.stage()
        return build_part(stage.part, stage.options, stage.catalog, order="d_then_g", d_steps=1)
