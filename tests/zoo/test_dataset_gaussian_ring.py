from __future__ import annotations

import torch

from ganbench.zoo.datasets.gaussian_mixtures import GaussianRing


def test_default_is_the_recipe_of_pacgan():
    data = GaussianRing()
    train = data.load("train")
    assert train.x.shape == (100_000, 2)
    assert train.x.dtype == torch.float32
    assert data.modes.shape == (8, 2)
    assert data.signature.kind == "points"
    assert data.signature.classes == 8
    assert torch.allclose(data.modes.norm(dim=1), torch.ones(8))
    away = train.x - data.modes[train.labels]
    assert torch.allclose(away.std(dim=0), torch.full((2,), 0.01), rtol=0.02)
    assert away.mean(dim=0).abs().max() < 1e-3
    assert (train.labels.bincount() / 1000 - 12.5).abs().max() < 0.5
