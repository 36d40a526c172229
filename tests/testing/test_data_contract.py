"""The contract of data sets: each check fails on a planted defect."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from planted import Defect, contract_of, hold
from torch import Tensor

from ganbench import DatasetSpec, Samples, Signature
from ganbench.testing import DatasetContract


class Base:
    """Points about 0."""

    signature = Signature(shape=(2,), kind="points", classes=2)
    fingerprint = "planted 1"

    def load(self, split: str) -> Samples:
        return Samples(x=self.made(split), labels=torch.arange(40) % 2)

    def made(self, split: str) -> Tensor:
        return torch.randn(40, 2, generator=torch.Generator().manual_seed(len(split)))


class Untold(Base):
    def __init__(self, spread: float = 1.0) -> None:
        pass


class Seeding(Base):
    def __init__(self) -> None:
        torch.manual_seed(0)


class Wrong(Base):
    def made(self, split: str) -> Tensor:
        return super().made(split).double()


class Dark(Base):
    signature = Signature(shape=(1, 4, 4), kind="image", classes=2)

    def made(self, split: str) -> Tensor:
        return (torch.arange(40 * 16).reshape(40, 1, 4, 4) % 2).to(torch.uint8)


class Changing(Base):
    builds = itertools.count()

    def __init__(self) -> None:
        self.fingerprint = f"build {next(self.builds)}"


class Global(Base):
    def made(self, split: str) -> Tensor:
        return torch.randn(40, 2)


class Flat(Base):
    modes = torch.zeros(3, 5)

    def density(self, x: Tensor) -> Tensor:
        return -torch.ones(len(x), 1)


class Wordy(Base):
    def describe(self, condition: Any) -> str:
        return "two\nlines"


class Moody(Base):
    calls = itertools.count()

    def describe(self, condition: Any) -> str:
        return f"{condition}, asked {next(self.calls)} times"


class Tiny(Base):
    def load(self, split: str) -> Samples:
        return Samples(x=self.made(split)[:4], labels=torch.arange(4) % 2)


DEFECTS = [
    Defect("options_are_typed_and_documented", Untold, "option 'spread' is in no docstring"),
    Defect("build_seeds_nothing", Seeding, "build seeds torch's global generator"),
    Defect("it_loads", Wrong, "train split: x must be float32"),
    Defect("images_use_the_range", Dark, "has no value above 1 in its first 256 images"),
    Defect("each_build_gives_the_same_samples", Changing, "fingerprint is 'build .*' in one build and"),
    Defect("each_build_gives_the_same_samples", Global, "its train split differs between two builds"),
    Defect("each_build_gives_the_same_samples", Moody, "describes the same condition as '0, asked "),
    Defect("it_leaves_global_generators_alone", Global, "draws from torch's global generator, or seeds it"),
    Defect("what_else_it_offers_fits", Flat, "modes must be .*given shape"),
    Defect("what_else_it_offers_fits", Flat, "density must be .40,., finite and at least 0"),
    Defect("it_loads", Wordy, "`describe` must give one printable line"),
    Defect("it_trains", Tiny, "train.batch_size: must be at most 4"),
]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.build.__name__} {defect.check}")
def test_a_planted_defect_fails_its_check(defect: Defect) -> None:
    hold(DatasetContract, DatasetSpec, defect)


def test_each_check_has_a_defect() -> None:
    assert {defect.check for defect in DEFECTS} == set(DatasetContract.checks())


def test_sound_data_pass_all() -> None:
    sound = contract_of(DatasetContract, DatasetSpec, Base, {})
    assert [finding.check for finding in sound.findings() if finding.status != "passed"] == [
        "images_use_the_range"
    ]
