"""Rounds that torch compiled, on the smallest nets there are: compiling takes seconds for each kernel."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from small_games import differing, interrupted, make_trainer, weights
from torch import Tensor, nn

from ganbench import Noise, Players, Samples, Signature
from ganbench.engines import compiled
from ganbench.engines.compiled import CompiledEngine
from ganbench.grid.optimizer_settings import SGD
from ganbench.training import Diverged, Trainer
from ganbench.training.eager import EagerEngine
from ganbench.zoo.losses.adversarial import NonSaturating

CPU = torch.device("cpu")


class Noisy(NonSaturating):
    """Draws, keeps a state, and is infinite from a step on."""

    def generator_loss(self, game: Any) -> Tensor:
        weight = game.state("weight", 1.0)
        weight *= 0.9
        ends = torch.where(game.step >= 30, torch.inf, 1.0)
        return super().generator_loss(game) * ends * (1 + weight * game.uniform(1).squeeze())


def _players() -> Players:
    return Players(generator=nn.Linear(1, 1), discriminator=nn.Linear(1, 1), noise=Noise(size=1))


def _trainer(engine: Any, scale: float = 1.0) -> Trainer:
    optimizer = SGD(lr=0.05, momentum=0.5)
    return make_trainer(
        {"precision": "float64", "d_optimizer": optimizer, "g_optimizer": optimizer, "schedule": "linear"},
        build=_players,
        loss=Noisy(),
        data=Samples(x=torch.arange(30.0).reshape(30, 1) / 30 * scale),
        signature=Signature(shape=(1,), kind="points"),
        engine=engine,
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ on this machine")
def test_compiled_rounds_are_the_eager_ones_to_rounding_and_go_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(compiled, "_COMPILED", {})
    eager, whole = (_trainer(engine) for engine in (EagerEngine, CompiledEngine))
    for trainer in (eager, whole):
        trainer.advance(25)
    wanted = weights(eager)
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(tensor, wanted[name], rtol=1e-9, atol=1e-12, equal_nan=True, msg=name)
    assert len(compiled._COMPILED) == 1
    assert len(list((tmp_path / "compiled").glob("torch-*-threads-*/*.lock"))) == 1
    assert differing(weights(whole), weights(interrupted(lambda: _trainer(CompiledEngine), [1, 8], 25))) == []
    # Other data of the same shape are played by the same function.
    _trainer(CompiledEngine, scale=2.0).advance(2)
    assert len(compiled._COMPILED) == 1
    # What is not finite is seen at the same step.
    for trainer in (eager, whole):
        with pytest.raises(Diverged, match="loss_g is not finite at step 31"):
            trainer.advance(40)


def test_without_a_compiler_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled._compiler_problem.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (run,) = _trainer(EagerEngine).seed_runs
    try:
        assert CompiledEngine.refuses(run.step, CPU).startswith("there is no C++ compiler (")
    finally:
        compiled._compiler_problem.cache_clear()
