"""Cells that differ in the loss alone are true pairs, from the grid file to the weights."""

from __future__ import annotations

import torch
from parts_here import parts

from ganbench.catalog import load_catalog
from ganbench.grid import Cell, read_grid
from ganbench.grid.seeds import Streams, score_seed
from ganbench.runner import generate_samples


def _cells(architecture: str) -> list[Cell]:
    document = {
        "name": "pairs",
        "seeds": [3],
        "axes": {
            "dataset": ["digits"],
            "architecture": [architecture],
            "loss": ["minimax", "non_saturating"],
        },
    }
    return list(read_grid(document, load_catalog()).cells)


def test_initial_weights_and_streams_are_the_same_bits() -> None:
    for architecture in ("mlp", "dcgan"):
        minimax, non_saturating = _cells(architecture)
        assert Streams.of(minimax) == Streams.of(non_saturating)
        assert score_seed(minimax) == score_seed(non_saturating)
        one, other = parts(minimax).players, parts(non_saturating).players
        for player in ("generator", "discriminator"):
            mine, theirs = getattr(one, player).state_dict(), getattr(other, player).state_dict()
            assert mine.keys() == theirs.keys()
            assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_fewer_samples_are_the_first_of_more() -> None:
    cell = _cells("dcgan")[0]
    players = parts(cell).players
    players.generator.train()
    buffers = {name: value.clone() for name, value in players.generator.named_buffers()}
    made = [
        generate_samples(
            players.generator,
            players,
            parts(cell).dataset.signature,
            parts(cell).train,
            count,
            score_seed(cell),
            torch.device("cpu"),
        ).x
        for count in (3, 300, 501)
    ]
    assert [len(x) for x in made] == [3, 300, 501]
    assert made[0].dtype == torch.uint8
    assert torch.equal(made[0], made[2][:3])
    assert torch.equal(made[1], made[2][:300])
    # Scoring leaves no trace in training.
    assert players.generator.training
    assert all(torch.equal(value, buffers[name]) for name, value in players.generator.named_buffers())
