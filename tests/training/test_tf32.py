from __future__ import annotations

from typing import Any

import pytest
import torch
from small_games import differing, make_trainer, weights

from ganbench.catalog import load_catalog
from ganbench.catalog.switches import read_switches
from ganbench.engines.replaying import ReplayingEngine
from ganbench.grid import read_grid
from ganbench.training import determinism_record
from ganbench.training.determinism import deterministic
from ganbench.zoo.losses.adversarial import NonSaturating


class Looking(NonSaturating):
    """Notes the switches as they are while a round is played."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def generator_loss(self, game: Any) -> torch.Tensor:
        self.seen.append(read_switches())
        return super().generator_loss(game)


def test_only_a_gpus_rounding_changes_and_only_while_rounds_are_played() -> None:
    seen, states = [], []
    before = read_switches()
    for tf32 in (False, True):
        loss = Looking()
        trainer = make_trainer({"tf32": tf32}, loss=loss)
        trainer.advance(3)
        assert read_switches() == before
        seen.append(loss.seen[-1])
        states.append(weights(trainer))
    changed = {name: seen[1][name] for name in seen[0] if seen[0][name] != seen[1][name]}
    assert changed["float32_matmul_precision"] == "high"
    assert len(changed) > 1
    assert all(name.startswith(("cuda", "cudnn", "float32_matmul")) for name in changed)
    # On a CPU the bits are the same.
    assert differing(*states) == []


def test_a_round_is_made_ready_with_the_rounding_that_it_is_played_with() -> None:
    seen = set()

    class Asking(NonSaturating):
        def generator_loss(self, game: Any) -> torch.Tensor:
            seen.add(torch.get_float32_matmul_precision())
            return super().generator_loss(game)

    make_trainer({"tf32": True}, loss=Asking(), engine=ReplayingEngine).advance(1)
    assert seen == {"high"}


@pytest.mark.parametrize("tf32", [False, True])
def test_the_record_of_a_cell_says_whether_its_rounds_were_rounded(tf32: bool) -> None:
    with deterministic():
        assert determinism_record(tf32=tf32)["tf32"] is tf32
    with deterministic(tf32=True):
        assert determinism_record()["tf32"] is True


def test_the_default_is_in_no_id() -> None:
    axes = {"dataset": ["gaussian_ring"], "architecture": ["mlp"], "loss": ["minimax"]}
    tables: list[dict[str, Any]] = [{}, {"tf32": False}, {"tf32": True}]
    ids = [
        read_grid({"name": "g", "seeds": 1, "axes": axes, "train": train}, load_catalog()).cells[0].id
        for train in tables
    ]
    assert ids[0] == ids[1] != ids[2]
