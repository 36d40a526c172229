from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
import torch
from small_games import Counting, awkward_players, differing, make_trainer, weights

from ganbench.engines import AUTO, ENGINES, choose_engine
from ganbench.errors import GridError
from ganbench.grid.settings import ENGINES as NAMES
from ganbench.training import TrainStep
from ganbench.training.eager import EagerEngine
from ganbench.training.train_step import SeedRun
from ganbench.zoo.losses.adversarial import Minimax, NonSaturating
from ganbench.zoo.penalties.gradient_penalties import R1

CPU = torch.device("cpu")


class Choosy(EagerEngine):
    """Refuses losses that are not minimax."""

    name: ClassVar[str] = "choosy"
    universal: ClassVar[bool] = False

    @classmethod
    def refuses(cls, step: TrainStep, device: torch.device) -> str:
        return "" if isinstance(step.objective.loss, Minimax) else f"only minimax on {device}"


class Sevens(EagerEngine):
    """Plays up to seven rounds at a time."""

    name: ClassVar[str] = "sevens"
    rounds_per_call: ClassVar[int] = 7


def runs_of(*losses: Any) -> list[SeedRun]:
    return [make_trainer(loss=loss).seed_runs[0] for loss in losses]


def never() -> list[SeedRun]:
    raise AssertionError("nothing has to be built")


def test_the_names_that_grids_accept_are_those_of_the_engines() -> None:
    assert tuple(ENGINES) == NAMES
    for name, engine in ENGINES.items():
        assert engine.name.partition("-")[0] == name
    for names in AUTO.values():
        assert set(names) <= ENGINES.keys()
        # What auto comes to in the end plays everything.
        assert ENGINES[names[-1]].universal


def test_auto_takes_the_first_engine_that_does_not_refuse_and_says_why_not_the_others() -> None:
    engines = {"choosy": Choosy, "eager": EagerEngine}
    auto = {"cpu": ("choosy", "eager")}
    choice = choose_engine("auto", CPU, lambda: runs_of(Minimax()), engines=engines, auto=auto)
    assert (choice.name, choice.refusals) == ("choosy", {})
    # One of the steps is enough: both are played.
    runs = runs_of(Minimax(), NonSaturating())
    choice = choose_engine("auto", CPU, lambda: runs, engines=engines, auto=auto)
    assert (choice.name, choice.refusals) == ("eager", {"choosy": "only minimax on cpu"})


def test_an_engine_that_is_asked_for_and_refuses_is_an_error() -> None:
    with pytest.raises(GridError, match=r"train\.engine: 'choosy' cannot train this cell on cpu") as caught:
        choose_engine("choosy", CPU, lambda: runs_of(NonSaturating()), engines={"choosy": Choosy})
    assert "only minimax on cpu" in str(caught.value)


@pytest.mark.parametrize("setting", ["auto", "eager"])
def test_networks_are_not_built_for_an_engine_that_plays_everything(setting: str) -> None:
    assert choose_engine(setting, CPU, never).name == "eager"


def test_an_engine_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(
        GridError, match=re.escape(f"must be one of auto, {', '.join(ENGINES)}, given 'warp'")
    ):
        choose_engine("warp", CPU, never)


def test_a_trainer_whose_engine_refuses_does_not_train() -> None:
    trainer = make_trainer(engine=Choosy)
    with pytest.raises(RuntimeError, match="engine 'choosy' cannot train this cell: only minimax"):
        trainer.advance(1)
    assert trainer.step == 0


def test_the_steps_of_a_freeze_are_both_shown() -> None:
    chosen = {"loss": Minimax(), "loss_before_freeze": NonSaturating()}
    trainer = make_trainer({"freeze_generator_at": 7, "ema": 0.5}, **chosen)
    both = [run.step for run in trainer.seed_runs]
    assert [type(step.objective.loss) for step in both] == [NonSaturating, Minimax]
    assert [step.learners["generator"].optimizer is None for step in both] == [False, True]
    assert [step.ema is None for step in both] == [False, True]
    (only,) = make_trainer({"freeze_generator_at": 0}, **chosen).seed_runs
    assert isinstance(only.step.objective.loss, Minimax)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["d_then_g", "g_then_d", "simultaneous"])
def test_several_rounds_at_a_time_are_the_same_rounds(order: str) -> None:
    settings = {"order": order, "freeze_generator_at": 110, "ema": 0.9, "schedule": "cosine", "steps": 120}
    ends, pauses = [], []
    for engine in (EagerEngine, Sevens):
        asked: list[int] = []
        trainer = make_trainer(
            settings, build=awkward_players, loss=Counting(), penalty=R1(weight=0.1), engine=engine
        )
        # No whole number of sevens; blocks of the log and the freeze cut them too.
        trainer.advance(33)
        trainer.advance(120, lambda trainer=trainer, asked=asked: bool(asked.append(trainer.step)))
        ends.append(weights(trainer))
        pauses.append(asked)
    assert differing(*ends) == []
    assert pauses[0] == list(range(34, 121))
    assert pauses[1] == [40, 47, 54, 61, 68, 75, 82, 89, 96, 100, 107, 110, 117, 120]
