from __future__ import annotations

import torch

from ganbench.zoo.datasets.gaussian_mixtures import GaussianGrid


def test_default_is_the_recipe_of_pacgan():
    data = GaussianGrid()
    train = data.load("train")
    assert train.x.shape == (100_000, 2)
    assert data.signature.classes == 25
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(mode) for mode in data.modes.tolist()} == expected
    assert data.std == 0.05
    away = train.x - data.modes[train.labels]
    assert torch.allclose(away.std(dim=0), torch.full((2,), 0.05), rtol=0.02)
    assert (train.labels.bincount() / 1000 - 4).abs().max() < 0.3
