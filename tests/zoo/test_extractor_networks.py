from __future__ import annotations

import pytest
import torch

from ganbench.zoo.extractors.networks import SmallClassifier, stages_for


def test_folding_changes_the_last_places_alone():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SmallClassifier(shape=(3, 16, 16), stages=stages_for(16, 16), features=20, classes=3)
        images = torch.randint(256, (40, 3, 16, 16), dtype=torch.uint8)
        net.train()(images)  # moves the running means and variances
    net.eval()
    with torch.no_grad():
        before = net(images)
        net.fold()
        after = net(images)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in net.modules())
    for old, new in zip(before, after, strict=True):
        assert (new - old).norm() / old.norm() < 1e-5


@pytest.mark.parametrize(
    "shape",
    [(1, 8, 8), (3, 9, 30), (1, 12, 12), (1, 28, 28), (3, 32, 32), (3, 64, 48), (3, 64, 64), (1, 8, 64)],
)
def test_a_network_for_any_size_sees_maps_of_a_few_pixels(shape):
    stages = stages_for(*shape[1:])
    net = SmallClassifier(shape=shape, stages=stages, features=20, classes=3).eval()
    features, logits = net(torch.randint(256, (2, *shape), dtype=torch.uint8))
    assert features.shape == (2, 20)
    assert logits.shape == (2, 3)
    with torch.no_grad():
        maps = net.body(torch.zeros(1, *shape))
    assert 3 <= min(maps.shape[2:]) <= 6
    assert net.hidden.in_features == maps[0].numel()
