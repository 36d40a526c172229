"""Rounds in CUDA graphs: on a GPU against the eager engine, and without one the copies around the capture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_games import awkward_players, differing, interrupted, make_trainer, plain_players, weights
from torch import Tensor

from ganbench import Players
from ganbench.engines import engine_named
from ganbench.engines.cuda_graph import GraphEngine
from ganbench.engines.ensemble import EnsembleEngine, EnsembleGraphEngine
from ganbench.engines.replaying import ReplayingEngine
from ganbench.training import Lockstep, Stretch, Trainer, TrainStep
from ganbench.zoo.penalties.gradient_penalties import R1, GradientPenalty

SINGLE = ("compiled", "graph", "graph+compiled")


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


def _trainer(
    engine: Any, build: Callable[[], Players] = plain_players, device: str = "cpu", seed: int = 0
) -> Trainer:
    return make_trainer(
        {"precision": "float64", "ema": 0.9, "schedule": "cosine", "d_steps": 2},
        build=build,
        penalty=GradientPenalty() if build is plain_players else R1(weight=0.1),
        engine=engine,
        device=device,
        seed=seed,
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


class PretendedEnsemble(EnsembleGraphEngine):
    """Likewise, with the operations of three seeds uncompiled."""

    width = 3
    refuses = PretendedGraph.refuses
    capture = PretendedGraph.capture
    inner = GraphEngine.inner


class OneByOne(EnsembleEngine):
    """Plays the batched operations one by one, uncaptured."""

    width = 3
    function = ReplayingEngine.function


@pytest.mark.slow
def test_a_group_is_captured_as_one_round() -> None:
    ends = []
    for engine in (OneByOne, PretendedEnsemble):
        group = [_trainer(engine, seed=seed) for seed in (0, 1)]
        lockstep, left = Lockstep(engine), [Stretch(member=trainer, until=12) for trainer in group]
        while left:
            for stretch, failure in lockstep.advance(left).ended:
                assert failure is None
                left.remove(stretch)
        ends.append([weights(trainer) for trainer in group])
    for one, other in zip(*ends, strict=True):
        assert differing(one, other) == []


@pytest.mark.parametrize("name", ["graph", "graph+compiled", "graph+ensemble"])
def test_other_devices_are_refused(name: str) -> None:
    (run,) = _trainer(engine_named("eager")).seed_runs
    reason = engine_named(name).refuses(run.step, torch.device("cpu"))
    assert reason == "CUDA graphs need a CUDA device, and this is cpu"


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("name", "build"),
    [
        *((name, build) for name in SINGLE for build in (plain_players, awkward_players)),
        # Networks that draw from the global generator are not for groups.
        *((name, plain_players) for name in ("ensemble-3", "graph+ensemble-3")),
    ],
)
def test_on_a_gpu_engines_agree_with_the_eager_one_and_go_on_to_the_same_bits(
    name: str, build: Callable[[], Players]
) -> None:
    def end(engine: str) -> dict[str, Tensor]:
        trainer = _trainer(engine_named(engine), build, "cuda")
        trainer.advance(40)
        return {key: tensor.cpu() for key, tensor in weights(trainer).items()}

    wanted, found = end("eager"), end(name)
    for key, tensor in wanted.items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-6, atol=1e-6, equal_nan=True, msg=key)
    whole = interrupted(lambda: _trainer(engine_named(name), build, "cuda"), [13], 40)
    again = {key: tensor.cpu() for key, tensor in weights(whole).items()}
    assert differing(found, again) == []
