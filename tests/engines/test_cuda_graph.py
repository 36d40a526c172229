"""Rounds in CUDA graphs: on a GPU against the eager engine, and without one the copies around the capture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_games import awkward_players, differing, interrupted, make_trainer, plain_players, weights
from torch import Tensor

from ganbench import Players
from ganbench.engines import ENGINES
from ganbench.engines.cuda_graph import GraphEngine
from ganbench.engines.replaying import ReplayingEngine
from ganbench.training import Trainer, TrainStep
from ganbench.zoo.penalties.gradient_penalties import R1, GradientPenalty


class PretendedGraph(GraphEngine):
    """Plays the function again where a GPU would replay its kernels, into the same result."""

    @classmethod
    def refuses(cls, step: TrainStep, device: torch.device) -> str:
        return ReplayingEngine.refuses(step, device)

    def capture(self, play: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        for _ in range(3):
            row = play()

        def replay() -> None:
            row.copy_(play())

        return replay, row


def _trainer(engine: Any, build: Callable[[], Players] = plain_players, device: str = "cpu") -> Trainer:
    return make_trainer(
        {"precision": "float64", "ema": 0.9, "schedule": "cosine", "d_steps": 2},
        build=build,
        penalty=GradientPenalty() if build is plain_players else R1(weight=0.1),
        engine=engine,
        device=device,
    )


@pytest.mark.slow
def test_each_round_gets_its_own_inputs_and_warming_up_leaves_the_state_alone() -> None:
    ends = []
    for engine in (ReplayingEngine, PretendedGraph):
        trainer = _trainer(engine)
        trainer.advance(12)
        ends.append(weights(trainer))
    assert differing(*ends) == []
    assert differing(ends[1], weights(interrupted(lambda: _trainer(PretendedGraph), [5], 12))) == []


@pytest.mark.parametrize("name", ["graph", "compiled_graph"])
def test_other_devices_are_refused(name: str) -> None:
    (run,) = _trainer(ENGINES["eager"]).seed_runs
    reason = ENGINES[name].refuses(run.step, torch.device("cpu"))
    assert reason == "CUDA graphs need a CUDA device, and this is cpu"


@pytest.mark.gpu
@pytest.mark.parametrize("build", [plain_players, awkward_players])
@pytest.mark.parametrize("name", ["compiled", "graph", "compiled_graph"])
def test_on_a_gpu_engines_agree_with_the_eager_one_and_go_on_to_the_same_bits(
    name: str, build: Callable[[], Players]
) -> None:
    def end(engine: str) -> dict[str, Tensor]:
        trainer = _trainer(ENGINES[engine], build, "cuda")
        trainer.advance(40)
        return {key: tensor.cpu() for key, tensor in weights(trainer).items()}

    wanted, found = end("eager"), end(name)
    for key, tensor in wanted.items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-6, atol=1e-6, equal_nan=True, msg=key)
    whole = interrupted(lambda: _trainer(ENGINES[name], build, "cuda"), [13], 40)
    again = {key: tensor.cpu() for key, tensor in weights(whole).items()}
    assert differing(found, again) == []
