from __future__ import annotations

import pytest
import torch
from torch import nn

from ganbench import Noise, Players, Signature
from ganbench.training.batch_dependence import couples_samples


class Pairs(nn.Module):
    """Packs of two samples, which divide the batch that is tried."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(0, (-1, 2)).sum(1)


class Deviation(nn.Module):
    """Minibatch standard deviation: each score sees the whole batch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x.std(0, keepdim=True)


def _coupled(*layers: nn.Module, declared: bool | None = None) -> bool:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        players = Players(
            generator=nn.Identity(),
            discriminator=nn.Sequential(nn.Linear(3, 8), *layers, nn.Linear(8, 1)),
            noise=Noise(size=3),
            couples_samples=declared,
        )
        state = {name: value.clone() for name, value in players.discriminator.state_dict().items()}
        before = torch.get_rng_state()
        signature = Signature(shape=(3,), kind="points")
        result = couples_samples(players, signature, torch.device("cpu"), None)
        assert torch.equal(torch.get_rng_state(), before)
    for name, value in players.discriminator.state_dict().items():
        assert torch.equal(value, state[name])
    return result


@pytest.mark.parametrize("layer", [nn.LeakyReLU(0.2), nn.LayerNorm(8), nn.Tanh()])
def test_nets_that_judge_each_sample_by_itself(layer: nn.Module) -> None:
    assert not _coupled(layer)


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm1d(8),
        nn.BatchNorm1d(8, track_running_stats=False),
        nn.Dropout(0.5),
        Deviation(),
        Pairs(),
        nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8)),
        nn.BatchNorm1d(8, momentum=0.0),
    ],
)
def test_nets_that_do_not(layer: nn.Module) -> None:
    assert _coupled(layer)


def test_an_author_is_believed() -> None:
    assert not _coupled(nn.BatchNorm1d(8), declared=False)
    assert _coupled(nn.Tanh(), declared=True)
