from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ganbench.api import Features
from ganbench.scoring.extraction import BATCH, extract
from ganbench.scoring.feature_files import FeatureFiles
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


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("second", [(1, 3), (2, 4), (2, None)])
def test_batches_of_another_width_are_refused(
    tmp_path: Path, second: tuple[int, int | None], on_disk: bool
) -> None:
    def changing(images: Tensor) -> Features:
        width, classes = second if len(images) < BATCH else (2, 3)
        logits = None if classes is None else torch.zeros(len(images), classes)
        return Features(features=torch.zeros(len(images), width), logits=logits)

    files = FeatureFiles(tmp_path) if on_disk else None
    with pytest.raises(TypeError, match="equally many features and logits of each image"):
        extract(changing, torch.zeros(BATCH + 1, 1, 2, 2, dtype=torch.uint8), CPU, files=files)


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


class Counting:
    """Pixels as features; can stop in the middle, as if interrupted, once."""

    digest, channels, sizes = "", (1, 3), None

    def __init__(self, stop_at: int | None = None) -> None:
        self.images = 0
        self.stop_at = stop_at

    def __call__(self, images: Tensor) -> Features:
        if self.images == self.stop_at:
            raise KeyboardInterrupt
        self.images += len(images)
        return self.features(images)

    def features(self, images: Tensor) -> Features:
        rows = images.flatten(1).float()
        return Features(features=rows.sin(), logits=rows[:, :3].cos())


class OfTorch(Counting):
    """Adds noise of the global generator."""

    def features(self, images: Tensor) -> Features:
        found = super().features(images).features
        return Features(features=found + torch.rand(found.shape))


class OfItsOwn(Counting):
    """Adds noise of its own generator."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__(stop_at)
        self.random = np.random.default_rng(0)

    def features(self, images: Tensor) -> Features:
        found = super().features(images).features
        return Features(features=found + torch.from_numpy(self.random.random(found.shape)).float())


class Averaging(Counting):
    """Subtracts the mean of all batches that it has seen."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__(stop_at)
        self.seen: list[Tensor] = []

    def features(self, images: Tensor) -> Features:
        found = super().features(images).features
        self.seen.append(found.mean(0))
        return Features(features=found - torch.stack(self.seen).mean(0))


class OfLogits(OfItsOwn):
    """Adds noise to the logits alone."""

    def features(self, images: Tensor) -> Features:
        found = Counting.features(self, images)
        assert found.logits is not None
        noise = torch.from_numpy(self.random.random(found.logits.shape)).float()
        return Features(features=found.features, logits=found.logits + noise)


class NotCopied(Counting):
    """Cannot be copied, as what holds a lock."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__(stop_at)
        self.lock = threading.Lock()


def pictures(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 1, 2, 3), dtype=torch.uint8, generator=generator)


def interrupted(make: type[Counting], images: Tensor, folder: Path, after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        extract(make(after), images, CPU, files=FeatureFiles(folder))


@pytest.mark.parametrize(
    ("make", "again"),
    [(Counting, 1), (OfTorch, 4), (OfItsOwn, 4), (OfLogits, 4), (Averaging, 4), (NotCopied, 4)],
)
def test_an_extraction_goes_on_where_it_was_if_no_number_depends_on_that(
    tmp_path: Path, make: type[Counting], again: int
) -> None:
    images = pictures(3 * BATCH + 5)
    expected = extract(make(), images, CPU)
    interrupted(make, images, tmp_path, 3 * BATCH)
    extractor, files, told = make(), FeatureFiles(tmp_path), []
    assert files.rows == 3 * BATCH
    found = extract(extractor, images, CPU, files=files, told=lambda done, total: told.append(done))
    assert torch.equal(found.features, expected.features)
    if expected.logits is not None:
        assert found.logits is not None
        assert torch.equal(found.logits, expected.logits)
    begin = 3 * BATCH if again == 1 else 0
    assert extractor.images == len(images) - begin
    assert told[0] == begin
    assert told[-1] == len(images)
    # What is complete is not computed again.
    finished = make()
    assert torch.equal(
        extract(finished, images, CPU, files=FeatureFiles(tmp_path)).features, expected.features
    )
    assert finished.images == 0


def test_a_first_batch_alone_tells_nothing(tmp_path: Path) -> None:
    images = pictures(2 * BATCH)
    interrupted(OfTorch, images, tmp_path, BATCH)
    extractor = OfTorch()
    found = extract(extractor, images, CPU, files=FeatureFiles(tmp_path))
    assert torch.equal(found.features, extract(OfTorch(), images, CPU).features)
    assert extractor.images == len(images)


class Stored:
    """Images that are read, of which a call counts the readers at work."""

    digest, extremes = "", (0, 255)

    def __init__(self, images: Tensor, together: threading.Barrier | None = None) -> None:
        self.images, self.together = images, together

    @property
    def shape(self) -> tuple[int, int, int]:
        _, channels, height, width = self.images.shape
        return channels, height, width

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, start: int, stop: int) -> Tensor:
        if self.together is not None:
            self.together.wait()
        return self.images[start:stop]


@pytest.mark.parametrize(("workers", "readers"), [(1, 1), (1, 2), (2, 2)])
def test_images_are_read_side_by_side_to_the_same_bits(workers: int, readers: int) -> None:
    images = pictures(4 * BATCH)
    # Alone, one reader would wait for the other in vain.
    together = threading.Barrier(2, timeout=30) if readers > 1 else None
    found = extract(Counting(), Stored(images, together), CPU, workers=workers, readers=readers)
    expected = extract(Counting(), images, CPU)
    assert torch.equal(found.features, expected.features)
    # One that draws numbers draws them in the same order, whoever reads.
    noisy = extract(OfTorch(), Stored(images), CPU, readers=readers)
    assert torch.equal(noisy.features, extract(OfTorch(), images, CPU).features)
