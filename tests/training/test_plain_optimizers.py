from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ganbench.training import plain_optimizers
from ganbench.training.plain_optimizers import take_step, without_compiler

NOTE = "__dynamo_disable"
KINDS: list[tuple[Any, dict[str, Any]]] = [
    (torch.optim.Adam, {"fused": True, "amsgrad": True}),
    (torch.optim.AdamW, {"fused": True}),
    (torch.optim.SGD, {"fused": True, "momentum": 0.9}),
    (torch.optim.RMSprop, {"foreach": True, "centered": True}),
]


def trained(kind: Any, options: dict[str, Any], *, plain: bool) -> list[bytes]:
    stream = torch.Generator().manual_seed(0)
    parameters = [nn.Parameter(torch.randn(4, 3, generator=stream)) for _ in range(2)]
    optimizer = kind(parameters, lr=0.1, **options)
    for _ in range(3):
        for parameter in parameters:
            parameter.grad = torch.randn(4, 3, generator=stream)
        if plain:
            take_step(optimizer)
        else:
            optimizer.step()
    assert all(parameter.requires_grad for parameter in parameters)
    return [parameter.detach().numpy().tobytes() for parameter in parameters]


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_plain_step_has_the_bits_of_torchs(kind: Any, options: dict[str, Any]) -> None:
    assert trained(kind, options, plain=True) == trained(kind, options, plain=False)
    assert torch.is_grad_enabled()


def test_an_optimizer_that_is_not_torchs_takes_its_own_step() -> None:
    taken = []

    class Own(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            taken.append(torch.is_grad_enabled())

    take_step(Own([nn.Parameter(torch.zeros(1))], lr=0.1))
    assert taken == [True]


def test_torchs_classes_are_as_they_were_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_optimizers, "_COMPILER", "not imported")
    plain = torch.optim.Optimizer.add_param_group.__wrapped__  # type: ignore[attr-defined]
    monkeypatch.delattr(plain, NOTE, raising=False)
    with without_compiler():
        assert getattr(plain, NOTE) is plain
        with without_compiler():
            torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
        assert getattr(plain, NOTE) is plain
    assert not hasattr(plain, NOTE)
