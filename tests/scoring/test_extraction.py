from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor

from ganbench.api import Features
from ganbench.scoring.features import BATCH, extract
from ganbench.zoo.extractors.classifier import shipped

CPU = torch.device("cpu")


class Recording:
    """Remembers the batches that it is given."""

    digest = ""
    channels = (1, 3)
    sizes = None

    def __init__(self):
        self.batches = []

    def __call__(self, images):
        self.batches.append(images)
        rows = images.double().flatten(1).requires_grad_()
        return Features(features=rows * 2, logits=rows[:, :3])


def test_features_come_in_order_as_float32_without_gradient():
    images = torch.arange(2 * BATCH + 3, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    extractor = Recording()
    out = extract(extractor, images, CPU)
    assert out.features.dtype == out.logits.dtype == torch.float32
    assert torch.equal(out.features[:, 0], 2.0 * images[:, 0, 0, 0])
    assert not out.features.requires_grad
    assert [len(batch) for batch in extractor.batches] == [BATCH, BATCH, 3]
    assert all(batch.shape[1] == 3 and batch.dtype == torch.uint8 for batch in extractor.batches)


@pytest.mark.parametrize(
    "answer",
    [
        torch.zeros(4, 2),
        Features(features=torch.zeros(3, 2)),
        Features(features=torch.zeros(4)),
    ],
)
def test_an_extractor_that_breaks_its_contract_is_named(answer):
    def careless(images):
        return answer

    with pytest.raises(TypeError, match="extractor function must give Features"):
        extract(careless, torch.zeros(4, 1, 2, 2, dtype=torch.uint8), CPU)


def test_bfloat16_is_that_of_matrix_products_alone():
    weights = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))

    class Product(Recording):
        def __call__(self, images):
            return Features(features=images.float().flatten(1) @ weights)

    images = torch.randint(256, (BATCH + 1, 3, 2, 2), dtype=torch.uint8)
    for extractor, changed in ((Product(), True), (Recording(), False)):
        exact, rough = (extract(extractor, images, CPU, name).features for name in ("float32", "bfloat16"))
        assert rough.dtype == torch.float32
        assert torch.equal(exact, rough) is not changed
        assert (exact - rough).norm() / exact.norm() < 1e-2
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("count", [1, BATCH, 5 * BATCH + 3])
def test_batches_side_by_side_give_the_same_bits_in_their_order(count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 1, 8, 8), dtype=torch.uint8, generator=generator)
    extractor = shipped("digits_cnn")
    one, several = (extract(extractor, images, CPU, workers=workers) for workers in (1, 3))
    assert torch.equal(one.features, several.features)
    assert one.logits is not None
    assert several.logits is not None
    assert torch.equal(one.logits, several.logits)
    assert not several.features.requires_grad


def test_batches_are_computed_side_by_side_and_a_failure_is_raised() -> None:
    together = threading.Barrier(2, timeout=30)

    class Meeting:
        digest, channels, sizes = "", (1,), None

        def __call__(self, images: Tensor) -> Features:
            # Alone, one would wait for the other in vain.
            together.wait()
            return Features(features=images.flatten(1).float())

    images = torch.zeros(4 * BATCH, 1, 2, 2, dtype=torch.uint8)
    assert len(extract(Meeting(), images, CPU, workers=2).features) == 4 * BATCH

    class Failing(Meeting):
        def __call__(self, images: Tensor) -> Features:
            raise ValueError("no features today")

    with pytest.raises(ValueError, match="no features today"):
        extract(Failing(), images, CPU, workers=2)
