from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from small_games import awkward_players, differing, make_trainer, weights

from ganbench.grid.settings import TrainSettings
from ganbench.zoo.losses.adversarial import Minimax, NonSaturating


def parameters(trainer, player):
    return [parameter.detach().clone() for parameter in getattr(trainer.players, player).parameters()]


@pytest.mark.parametrize("order", ["d_then_g", "g_then_d", "simultaneous"])
@pytest.mark.parametrize("at", [0, 7])
def test_from_the_freeze_on_only_the_discriminator_learns(at, order):
    trainer = make_trainer({"freeze_generator_at": at, "order": order, "ema": 0.5})
    start = parameters(trainer, "generator")
    trainer.advance(at)
    frozen = parameters(trainer, "generator")
    average = [tensor.clone() for tensor in trainer.scored_generator.state_dict().values()]
    assert at == 0 or not all(map(torch.equal, start, frozen))
    other = parameters(trainer, "discriminator")
    trainer.advance(at + 10)
    assert all(map(torch.equal, frozen, parameters(trainer, "generator")))
    assert all(map(torch.equal, average, trainer.scored_generator.state_dict().values()))
    assert not any(map(torch.equal, other, parameters(trainer, "discriminator")))


def test_gradients_of_the_frozen_generator_are_measured_one_turn_at_a_time():
    trainer = make_trainer({"freeze_generator_at": 0, "diagnostics_every": 1, "d_optimizer": still()})
    trainer.advance(30)
    norms = trainer.diagnostics.columns()["grad_norm_g"]
    # Were they never cleared, they would add up: nothing else changes from round to round.
    assert min(norms) > 0
    assert max(norms) < 5 * min(norms)


def still():
    from ganbench.grid.optimizer_settings import OPTIMIZERS

    return OPTIMIZERS["sgd"](lr=1e-12)


def test_both_objectives_meet_on_the_same_frozen_generator():
    settings = {"freeze_generator_at": 10, "diagnostics_every": 1}
    minimax = make_trainer(settings, loss=Minimax(), loss_before_freeze=NonSaturating())
    other = make_trainer(settings, loss=NonSaturating(), loss_before_freeze=NonSaturating())
    plain = make_trainer(settings, loss=NonSaturating())
    for trainer in (minimax, other, plain):
        trainer.advance(40)
    assert not differing(weights(other), weights(plain))
    # D's loss is the same in both, so D stays the same too, and so does what it says.
    changed = differing(weights(minimax), weights(other))
    assert set(changed) == {"diagnostics"}
    one, two = minimax.diagnostics.columns(), other.diagnostics.columns()
    for same in ("step", "loss_d", "d_real", "d_fake", "grad_norm_d", "jsd"):
        assert one[same] == two[same]
    assert one["grad_norm_g"][:10] == two["grad_norm_g"][:10]
    assert all(a != b for a, b in zip(one["grad_norm_g"][10:], two["grad_norm_g"][10:], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("stop", [3, 10, 11, 25])
def test_resuming_around_the_freeze_gives_the_same_bits(stop):
    def make():
        return make_trainer(
            {"freeze_generator_at": 10},
            build=awkward_players,
            loss=Minimax(),
            loss_before_freeze=NonSaturating(),
        )

    whole, first, second = make(), make(), make()
    whole.advance(30)
    first.advance(stop)
    tensors, record = first.state()
    second.restore({name: tensor.clone() for name, tensor in tensors.items()}, record)
    second.advance(30)
    assert not differing(weights(whole), weights(second))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"steps": 10, "freeze_generator_at": 10}, "must be below steps = 10, given 10"),
        ({"loss_before_freeze": "x"}, "loss_before_freeze"),
    ],
)
def test_a_freeze_that_cannot_be_is_refused(settings, words):
    with pytest.raises(ValidationError, match=words):
        TrainSettings(**settings)
