"""The contracts of optimizers and update rules: each check fails on a planted defect."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from planted import Defect, contract_of, hold

from ganbench import OptimizerSpec, UpdateSpec
from ganbench.testing import OptimizerContract, UpdateContract


class Base(torch.optim.Optimizer):
    """Steps against the gradient."""

    sign = 1.0

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})
        self.steps = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.steps += 1
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.sub_(self.rate(group) * parameter.grad)

    def rate(self, group: Any) -> float:
        return float(group["lr"]) * self.sign


class Untold(Base):
    def __init__(self, params: Any, lr: float, decay: float = 0.0) -> None:
        super().__init__(params, lr)


class Seeding(Base):
    def __init__(self, params: Any, lr: float) -> None:
        torch.manual_seed(0)
        super().__init__(params, lr)


class Raising(Base):
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        raise LookupError("a bug")


class Counting(Base):
    def rate(self, group: Any) -> float:
        return super().rate(group) / self.steps


class Looking(Base):
    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and bool(parameter.grad.any()):
                    parameter.sub_(self.rate(group) * parameter.grad)


class Uphill(Base):
    sign = -1.0


class Stubborn(Base):
    def rate(self, group: Any) -> float:
        return 0.01


class Restless(Base):
    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.mul_(1 - group["lr"])


DEFECTS = [
    Defect("options_are_typed_and_documented", Untold, "option 'decay' is in no docstring"),
    Defect("build_seeds_nothing", Seeding, "build seeds torch's global generator"),
    Defect("it_plays", Raising, "LookupError: a bug"),
    Defect("it_keeps_nothing_of_its_own", Counting, "steps otherwise after a resume"),
    Defect("training_goes_on_from_a_checkpoint", Counting, "a resumed training ends otherwise"),
    Defect("it_plays_on_any_device", Looking, "reads a tensor's value"),
    Defect("steps_lower_what_they_minimise", Uphill, "raises the square of a vector from 2.8 to "),
    Defect("it_follows_the_learning_rate", Stubborn, 'moves with group."lr". = 0'),
    Defect("parameters_without_a_gradient_stay", Restless, "moves a parameter that has no gradient"),
]


class Rule:
    """Turns one after another."""

    name = "planted"

    def play(self, turns: Any) -> None:
        turns.gradient("discriminator", 0)
        turns.apply("discriminator")
        turns.gradient("generator", 1)
        turns.apply("generator")


class UntoldRule(Rule):
    def __init__(self, pull: float = 0.0) -> None:
        pass


class SeedingRule(Rule):
    def __init__(self) -> None:
        torch.manual_seed(0)


class Half(Rule):
    def play(self, turns: Any) -> None:
        turns.gradient("discriminator", 0)
        turns.apply("discriminator")


class Waxing(Rule):
    factor = 1.0

    def play(self, turns: Any) -> None:
        turns.gradient("discriminator", 0)
        self.factor *= 0.5
        turns.change_gradients("discriminator", lambda _, gradient: gradient * self.factor)
        turns.apply("discriminator")
        turns.gradient("generator", 1)
        turns.apply("generator")


class LookingRule(Rule):
    def play(self, turns: Any) -> None:
        turns.gradient("discriminator", 0)
        turns.change_gradients("discriminator", lambda _, gradient: gradient / (1 + gradient.norm().item()))
        turns.apply("discriminator")
        turns.gradient("generator", 1)
        turns.apply("generator")


RULES = [
    Defect("options_are_typed_and_documented", UntoldRule, "option 'pull' is in no docstring"),
    Defect("build_seeds_nothing", SeedingRule, "build seeds torch's global generator"),
    Defect("it_plays", Half, "takes no gradient of the generator"),
    Defect("it_keeps_nothing_of_its_own", Waxing, r"keeps something between rounds .*\(factor\)"),
    Defect("training_goes_on_from_a_checkpoint", Waxing, "a resumed training ends otherwise"),
    Defect("it_plays_on_any_device", LookingRule, "reads a tensor's value"),
]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.check)
def test_a_planted_defect_of_an_optimizer_fails_its_check(defect: Defect) -> None:
    hold(OptimizerContract, OptimizerSpec, defect)


@pytest.mark.parametrize("defect", RULES, ids=lambda defect: defect.check)
def test_a_planted_defect_of_a_rule_fails_its_check(defect: Defect) -> None:
    hold(UpdateContract, UpdateSpec, defect)


def test_each_check_has_a_defect() -> None:
    assert {defect.check for defect in DEFECTS} == set(OptimizerContract.checks())
    assert {defect.check for defect in RULES} == set(UpdateContract.checks())


@pytest.mark.slow
def test_sound_ones_pass_all() -> None:
    optimizer = contract_of(OptimizerContract, OptimizerSpec, Base, {})
    assert [finding for finding in optimizer.findings() if finding.status != "passed"] == []
    rule = contract_of(UpdateContract, UpdateSpec, Rule, {})
    assert [finding for finding in rule.findings() if finding.status != "passed"] == []
