"""Seeds in one batch of matrices: bits that do not depend on company, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from small_games import awkward_players, differing, make_trainer, plain_players, weights
from torch import Tensor

from ganbench import Players, Samples, Signature
from ganbench.engines import choose_engine, compiled, engine_named
from ganbench.engines.ensemble import EnsembleEngine, ensemble_of
from ganbench.engines.replaying import ReplayingEngine
from ganbench.engines.round_recorder import record_round
from ganbench.errors import GridError
from ganbench.training import Engine, Lockstep, PenaltyTerm, Stretch, Trainer
from ganbench.zoo.losses.adversarial import NonSaturating
from ganbench.zoo.penalties.gradient_penalties import R1

CPU = torch.device("cpu")
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ on this machine")


class OneByOne(EnsembleEngine):
    """Plays the batched operations one by one."""

    function = ReplayingEngine.function  # type: ignore[assignment]


class Drawing(NonSaturating):
    """Draws, and keeps a state."""

    def generator_loss(self, game: Any) -> Tensor:
        weight = game.state("weight", 1.0)
        weight *= 0.9
        return super().generator_loss(game) * (1 + weight * game.uniform(1).squeeze())


def trainers(
    engine: type[Engine], seeds: Sequence[int], build: Callable[[], Players] = plain_players
) -> list[Trainer]:
    """Trainings of other data, weights and seeds each."""

    def make(seed: int) -> Trainer:
        def players() -> Players:
            torch.manual_seed(100 + seed)
            return build()

        data = torch.randn(30, 2, generator=torch.Generator().manual_seed(seed))
        settings = {"precision": "float64", "ema": 0.9}
        return make_trainer(
            settings,
            build=players,
            loss=Drawing(),
            penalty=R1(weight=0.1),
            data=Samples(x=data),
            signature=Signature(shape=(2,), kind="points"),
            engine=engine,
            seed=seed,
        )

    return [make(seed) for seed in seeds]


def play(together: Sequence[Trainer], engine: type[Engine], until: int) -> None:
    lockstep, left = Lockstep(engine), [Stretch(member=trainer, until=until) for trainer in together]
    while left:
        for stretch, failure in lockstep.advance(left).ended:
            assert failure is None
            left.remove(stretch)


def ends(engine: type[Engine], seeds: Sequence[int], until: int = 20) -> dict[int, dict[str, Tensor]]:
    together = trainers(engine, seeds)
    play(together, engine, until)
    return {seed: weights(trainer) for seed, trainer in zip(seeds, together, strict=True)}


@pytest.mark.slow
@needs_compiler
def test_compiled_bits_do_not_depend_on_who_is_trained_with_a_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(compiled, "_COMPILED", {})
    engine = ensemble_of(EnsembleEngine, 3)
    whole = ends(engine, [0, 1, 2])
    for seeds in ([1], [2, 0]):
        for seed, found in ends(engine, seeds).items():
            assert differing(whole[seed], found) == []
    # All of them were played by one function.
    assert len(compiled._COMPILED) == 1
    # One alone, resumed, beside another that begins: it goes on to the same bits.
    first, other = trainers(engine, [1, 0])
    first.advance(13)
    tensors, record = first.state()
    kept = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    (again,) = trainers(engine, [1])
    again.restore(kept, record)
    play([other, again], engine, 20)
    assert differing(whole[1], weights(again)) == []
    assert differing(whole[0], weights(other)) == []
    # To rounding they are the eager engine's.
    for name, tensor in ends(engine_named("eager"), [2])[2].items():
        torch.testing.assert_close(whole[2][name], tensor, rtol=1e-9, atol=1e-12, equal_nan=True, msg=name)


@pytest.mark.slow
def test_a_training_that_goes_on_has_the_round_of_one_that_begins() -> None:
    (whole,), (begun,), (resumed,) = (trainers(OneByOne, [0]) for _ in range(3))
    whole.advance(2)
    begun.advance(1)
    resumed.restore({name: t.detach().clone() for name, t in begun.state()[0].items()}, begun.state()[1])
    resumed.advance(2)
    keys = {record_round(trainer.coming_run()).key for trainer in (whole, resumed)}
    assert len(keys) == 1


@pytest.mark.slow
def test_networks_that_draw_from_the_global_generator_are_refused() -> None:
    (trainer,) = trainers(EnsembleEngine, [0], awkward_players)
    reason = EnsembleEngine.attempt(trainer.seed_runs[0])
    assert reason.startswith("its networks draw from torch's global generator (aten.")
    with pytest.raises(
        GridError, match=r"train\.engine: 'ensemble' cannot train this cell on cpu: 'ensemble-5': its"
    ):
        choose_engine("ensemble", CPU, lambda: trainer.seed_runs)


def test_what_cannot_be_batched_is_refused_by_name() -> None:
    class Sorting(NonSaturating):
        def generator_loss(self, game: Any) -> Tensor:
            # Their number differs from seed to seed.
            return super().generator_loss(game) + game.real.nonzero().double().mean()

    trainer = make_trainer(loss=Sorting(), engine=EnsembleEngine)
    reason = EnsembleEngine.attempt(trainer.seed_runs[0])
    assert "several seeds at once" in reason
    assert "nonzero" in reason


def test_the_width_is_a_part_of_the_name() -> None:
    assert choose_engine("ensemble", CPU, lambda: make_trainer().seed_runs).name == "ensemble-5"
    for name, width in {"ensemble": 5, "ensemble-16": 16, "graph+ensemble-3": 3}.items():
        engine = engine_named(name)
        assert engine.width == width
        assert engine_named(engine.name) is engine
    for name in ("ensemble-", "ensemble-x", "eager-5", "ensembles"):
        with pytest.raises(KeyError):
            engine_named(name)


class Counted:
    """A penalty that is added seldom, and keeps a state that no other round knows."""

    def __call__(self, game: Any) -> Tensor:
        count = game.state("penalties", 1.0)
        count += 1
        return 0.01 * count * game.score(game.real).square().mean()


@pytest.mark.slow
def test_what_only_some_rounds_know_is_brought_up_to_date_too() -> None:
    def make(engine: type[Engine], seed: int) -> Trainer:
        return make_trainer(
            {"precision": "float64"},
            penalties=[PenaltyTerm(penalty=Counted(), every=3)],
            engine=engine,
            seed=seed,
        )

    together = [make(OneByOne, seed) for seed in (0, 1)]
    play(together, OneByOne, 10)
    for seed, trainer in enumerate(together):
        eager = make(engine_named("eager"), seed)
        eager.advance(10)
        found = weights(trainer)
        assert float(found["game.penalties"]) == 4.0
        for name, tensor in weights(eager).items():
            torch.testing.assert_close(found[name], tensor, rtol=1e-9, atol=1e-12, equal_nan=True, msg=name)


def test_tensors_that_share_memory_are_refused() -> None:
    def build() -> Players:
        players = plain_players()
        first = players.discriminator[0]
        first.register_buffer("row", first.weight.detach()[0])
        return players

    trainer = make_trainer(build=build, engine=EnsembleEngine)
    reason = EnsembleEngine.attempt(trainer.seed_runs[0])
    assert reason == (
        "discriminator.0.row and discriminator.0.weight share memory, which stacked copies of them would not"
    )


def test_where_no_round_is_to_be_played_no_engine_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    (trainer,) = trainers(EnsembleEngine, [0])
    monkeypatch.setattr(EnsembleEngine, "__init__", lambda *_: pytest.fail("an engine was made"))
    trainer.advance(0)
    assert trainer.step == 0


@pytest.mark.slow
def test_those_behind_catch_up_first() -> None:
    one, other = trainers(OneByOne, [0, 1])
    one.advance(3)
    lockstep = Lockstep(OneByOne)
    stretches = [Stretch(member=trainer, until=6) for trainer in (one, other)]
    played = lockstep.advance(stretches)
    assert (list(played.played), played.ended, one.step, other.step) == (stretches[1:], [], 3, 3)
    played = lockstep.advance(stretches)
    assert [stretch for stretch, _ in played.ended] == stretches
    assert (one.step, other.step) == (6, 6)
