"""The contract of extractors: each check fails on a planted defect."""

from __future__ import annotations

import itertools

import pytest
import torch
from planted import Defect, contract_of, hold
from torch import Tensor

from ganbench import ExtractorSpec, Features
from ganbench.testing import ExtractorContract


class Base:
    """Means and deviations of the pixels of rows."""

    digest = "0" * 64
    channels = (1, 3)
    sizes = ((8, 8), (16, 16))

    def features(self, images: Tensor) -> Tensor:
        x = images.float() / 255
        return torch.cat((x.mean((2, 3)), x.std((2, 3))), 1)

    def __call__(self, images: Tensor) -> Features:
        return Features(features=self.features(images))


class Untold(Base):
    def __init__(self, depth: int = 1) -> None:
        pass


class Seeding(Base):
    def __init__(self) -> None:
        torch.manual_seed(0)


class Dividing(Base):
    def features(self, images: Tensor) -> Tensor:
        return super().features(images) / (images.shape[2] - 16)


class Undigested(Base):
    builds = itertools.count()

    def __init__(self) -> None:
        self.digest = f"{next(self.builds):064}"


class Random(Base):
    def __init__(self) -> None:
        self.weights = torch.rand(6)

    def features(self, images: Tensor) -> Tensor:
        return super().features(images) * self.weights


class Normalising(Base):
    def features(self, images: Tensor) -> Tensor:
        found = super().features(images)
        return found - found.mean(0)


class Writing(Base):
    def features(self, images: Tensor) -> Tensor:
        images.clamp_(max=100)
        return super().features(images)


DEFECTS = [
    Defect("options_are_typed_and_documented", Untold, "option 'depth' is in no docstring"),
    Defect("build_seeds_nothing", Seeding, "build seeds torch's global generator"),
    Defect("it_extracts", Dividing, "gives features that are not finite for 1x16x16 images"),
    Defect("the_digest_is_that_of_the_weights", Undigested, "digest is '.*' in one build and '.*' in"),
    Defect("the_digest_is_that_of_the_weights", Random, "builds of the same digest give different features"),
    Defect("each_image_is_judged_by_itself", Normalising, "gives an image other features in another batch"),
    Defect("images_are_left_as_they_are", Writing, "writes to the images that it is given"),
]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.build.__name__} {defect.check}")
def test_a_planted_defect_fails_its_check(defect: Defect) -> None:
    hold(ExtractorContract, ExtractorSpec, defect)


def test_each_check_has_a_defect() -> None:
    assert {defect.check for defect in DEFECTS} == set(ExtractorContract.checks())


def test_a_sound_extractor_passes_all() -> None:
    sound = contract_of(ExtractorContract, ExtractorSpec, Base, {})
    assert [finding for finding in sound.findings() if finding.status != "passed"] == []
