"""Sums of penalties: each term at its steps, in its player's loss, with draws and states of its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_games import differing, interrupted, make_trainer, weights

from ganbench.training import PenaltyTerm
from ganbench.zoo.losses.adversarial import NonSaturating
from ganbench.zoo.penalties.gradient_penalties import R1, R2, Dragan, GradientPenalty


class Spy:
    """A penalty of a fixed value that keeps what it drew, at which step, and a count in the game."""

    def __init__(self, value: float = 0.0) -> None:
        self._value = value
        self.draws: list[float] = []
        self.steps: list[int] = []
        self.counts: list[float] = []

    def __call__(self, game: Any) -> torch.Tensor:
        self.steps.append(int(game.step))
        self.draws.append(float(game.uniform(1)))
        self.draws.append(float(game.normal(1)))
        count = game.state("count", 0.0)
        count += 1
        self.counts.append(float(count))
        return 0 * game.score(game.fake).mean() + self._value


class Drawing(NonSaturating):
    """A loss that draws, and keeps a state by the same name as the spies'."""

    def __init__(self) -> None:
        self.draws: list[float] = []

    def discriminator_loss(self, game: Any) -> torch.Tensor:
        self.draws.append(float(game.uniform(1)))
        game.state("count", 100.0)
        return super().discriminator_loss(game)


def test_each_term_has_draws_and_states_of_its_own() -> None:
    first, second, alone, loss = Spy(), Spy(), Spy(), Drawing()
    make_trainer(penalties=[PenaltyTerm(penalty=first), PenaltyTerm(penalty=second)], loss=loss).advance(3)
    assert first.counts == second.counts == [1.0, 2.0, 3.0]
    assert len({*first.draws, *second.draws, *loss.draws}) == 15
    # Without the second one, the first one's draws stay: here with another in its place.
    again, other = Spy(), Dragan(weight=1.0)
    terms = [PenaltyTerm(penalty=again), PenaltyTerm(penalty=other)]
    make_trainer(penalties=terms, loss=Drawing()).advance(3)
    assert again.draws == first.draws
    # A single penalty draws from the stream that the loss draws from, as it always did.
    single = Drawing()
    make_trainer(penalty=alone, loss=single).advance(3)
    assert not {*alone.draws} & {*first.draws}
    assert single.draws[0] == loss.draws[0]


def test_a_sum_is_the_sum_of_its_terms() -> None:
    def loss_of(*terms: Any) -> float:
        trainer = make_trainer({"steps": 1}, penalties=[PenaltyTerm(penalty=term) for term in terms])
        trainer.advance(1)
        return float(trainer.diagnostics.columns()["loss_d"][0])

    bare = make_trainer({"steps": 1})
    bare.advance(1)
    base = float(bare.diagnostics.columns()["loss_d"][0])
    first, second = loss_of(R1(weight=3.0)) - base, loss_of(R2(weight=2.0)) - base
    assert first > 1e-4
    assert second > 1e-4
    assert loss_of(R1(weight=3.0), R2(weight=2.0)) - base == pytest.approx(first + second, rel=1e-4)


@pytest.mark.parametrize("order", ["d_then_g", "g_then_d"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_every_counts_the_updates_of_its_player(order: str, accumulate: int) -> None:
    lazy, always, generators = Spy(), Spy(), Spy()
    settings = {"order": order, "d_steps": 2, "accumulate": accumulate, "batch_size": 4, "steps": 6}
    terms = [
        PenaltyTerm(penalty=lazy, every=3),
        PenaltyTerm(penalty=always),
        PenaltyTerm(penalty=generators, player="generator", every=2),
    ]
    make_trainer(settings, penalties=terms).advance(6)
    # Updates 3, 6, 9 and 12 of D fall into rounds 1, 2, 4 and 5; updates 2, 4 and 6 of G into 1, 3 and 5.
    assert lazy.steps == [step for step in (1, 2, 4, 5) for _ in range(accumulate)]
    assert always.steps == [step for step in range(6) for _ in range(2 * accumulate)]
    assert generators.steps == [step for step in (1, 3, 5) for _ in range(accumulate)]


def test_a_lazy_term_is_added_times_its_interval_and_only_when_due() -> None:
    def curve(term: PenaltyTerm | None) -> list[float]:
        terms = {} if term is None else {"penalties": [term]}
        trainer = make_trainer({"steps": 4, "diagnostics_every": 1}, **terms)
        trainer.advance(4)
        return trainer.diagnostics.columns()["loss_d"]

    bare = curve(None)
    # The spy's value has no gradient, so that all games go the same way.
    lazy = curve(PenaltyTerm(penalty=Spy(0.5), every=2))
    assert [after - before for after, before in zip(lazy, bare, strict=True)] == pytest.approx(
        [0, 1, 0, 1], abs=1e-6
    )


def test_a_penalty_of_the_generators_moves_the_generator_alone() -> None:
    class Size:
        def __call__(self, game: Any) -> torch.Tensor:
            return game.fake.square().mean()

    term = PenaltyTerm(penalty=Size(), player="generator")
    free, held = (
        make_trainer({"order": "simultaneous"}),
        make_trainer({"order": "simultaneous"}, penalties=[term]),
    )
    free.advance(1)
    held.advance(1)
    changed = differing(weights(free), weights(held))
    assert any(name.startswith("generator.") for name in changed)
    assert not any(name.startswith("discriminator.") for name in changed)


def test_interrupted_it_goes_on_to_the_same_bits() -> None:
    def trainer() -> Any:
        terms = [
            PenaltyTerm(penalty=GradientPenalty(weight=1.0), every=3),
            PenaltyTerm(penalty=Dragan(weight=0.5)),
            PenaltyTerm(penalty=Spy(), player="generator"),
        ]
        return make_trainer(penalties=terms, loss=Drawing())

    whole = trainer()
    whole.advance(40)
    broken = interrupted(trainer, (7, 20), 40)
    assert differing(weights(whole), weights(broken)) == []
