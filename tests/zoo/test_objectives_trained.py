"""Every loss with every penalty that fits: it trains and looks at no value; the rest is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from listed_objectives import BY_LABEL, FIT, Objective
from parts_here import shared
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from trained_objectives import (
    NOISE,
    make_trainer,
    noisy_players,
    packed_players,
    plain_players,
)

from ganbench import Players
from ganbench.catalog import load_catalog
from ganbench.errors import Unsupported
from ganbench.execution.grid_check import preflight
from ganbench.grid import read_grid
from ganbench.training import CellGame
from ganbench.zoo.losses.adversarial import NonSaturating


def build_trainer(objective: Objective, penalty: str, build: Callable[[int], Players]) -> Any:
    outputs = 2 * NOISE if objective.name == "elbo" else objective.outputs
    return make_trainer(
        lambda: build(outputs),
        objective.build(),
        load_catalog().build("penalty", penalty, {}),
        outputs=objective.spec.discriminator_outputs,
    )


@pytest.mark.slow
@pytest.mark.parametrize("build", [plain_players, noisy_players, packed_players])
@pytest.mark.parametrize(("label", "penalty"), FIT)
def test_any_loss_with_a_logit_trains_with_any_penalty(
    label: str, penalty: str, build: Callable[[int], Players]
) -> None:
    objective = BY_LABEL[label]
    trainer = build_trainer(objective, penalty, build)
    if build is packed_players and objective.name in ("began", "elbo"):
        with pytest.raises(Unsupported, match="shape"):
            trainer.advance(1)
        return
    trainer.advance(10)
    curves = trainer.diagnostics.tensor()
    assert torch.isfinite(curves[:, [1, 2, 5, 6]]).all()
    assert torch.isfinite(curves[:, [3, 4]]).all() == (objective.name not in ("began", "elbo"))


def play_without_values(loss: Any, penalty: Any, outputs: int, declared: int | None) -> None:
    """Both turns on tensors that have shapes and no values: asking for one raises."""
    with FakeTensorMode():
        players = plain_players(outputs)
        game = CellGame(
            players,
            loss,
            couples_samples=False,
            loss_stream=torch.Generator(),
            device=torch.device("cpu"),
            steps=100,
            dtype=torch.float32,
            outputs=declared,
        )
        real, noise = torch.randn(8, 2), torch.randn(8, NOISE)
        game.begin("discriminator", real, None, noise)
        (loss.discriminator_loss(game) + penalty(game)).backward()
        if hasattr(loss, "after_discriminator_step"):
            with torch.no_grad():
                loss.after_discriminator_step(players.discriminator)
        game.begin("generator", real, None, noise)
        loss.generator_loss(game).backward()


@pytest.mark.slow
@pytest.mark.parametrize(("label", "penalty"), FIT)
def test_nothing_is_decided_by_a_tensors_value(label: str, penalty: str) -> None:
    objective = BY_LABEL[label]
    outputs = 2 * NOISE if objective.name == "elbo" else objective.outputs
    built = load_catalog().build("penalty", penalty, {})
    play_without_values(objective.build(), built, outputs, objective.spec.discriminator_outputs)


def test_a_loss_that_branches_on_its_value_would_be_seen() -> None:
    class Branches(NonSaturating):
        def generator_loss(self, game: Any) -> Tensor:
            value = super().generator_loss(game)
            return value if value > 1 else value * 2

    with pytest.raises(DataDependentOutputException):
        play_without_values(Branches(), load_catalog().build("penalty", "none", {}), 1, 1)


# Before training

SMALL = {"generator_widths": [8], "noise": 4}
ARCHITECTURES = {
    "mlp": {"name": "mlp", **SMALL, "discriminator_widths": [8]},
    "autoencoder": {"name": "autoencoder", **SMALL, "encoder_widths": [8], "code": 2},
    "vae": {"name": "vae", "decoder_widths": [8], "encoder_widths": [8], "noise": 4},
}
SUITS = {"began": "autoencoder", "elbo": "vae"}


def test_what_does_not_fit_is_skipped_with_its_reason_before_anything_trains() -> None:
    grid = read_grid(
        {
            "name": "fits",
            "seeds": 1,
            "axes": {
                "dataset": ["gaussian_ring"],
                "architecture": list(ARCHITECTURES.values()),
                "loss": ["non_saturating", "softmax", "began", "elbo"],
                "penalty": ["none", "r1", "gradient_penalty"],
            },
            "train": {"steps": 10, "batch_size": 16},
        },
        load_catalog(),
    )
    skipped = preflight(grid, "cpu", shared()).skipped
    for cell in grid.cells:
        loss, reason = cell.loss.name, skipped.get(cell.id)
        if SUITS.get(loss, "mlp") != cell.architecture.name:
            assert reason is not None
        elif loss in SUITS and cell.penalty.name != "none":
            assert (
                reason == f"penalty '{cell.penalty.name}' uses the loss's logit, and loss '{loss}' has none"
            )
        else:
            assert reason is None
