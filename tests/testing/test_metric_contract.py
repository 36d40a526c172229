"""The contract of metrics: each check fails on a planted defect."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from planted import Defect, contract_of, hold

from ganbench import MetricSpec
from ganbench.testing import MetricContract

LOWER = {"directions": {"distance": "lower"}}


class Base:
    """The distance of means."""

    needs = "samples"
    minimum = 2

    def __call__(self, generated: Any, reference: Any, dataset: Any) -> dict[str, float]:
        mean = generated.x.float().mean(0) - reference.x.float().mean(0)
        return {"distance": float(mean.norm()) ** 1.5}


class Untold(Base):
    def __init__(self, power: float = 1.0) -> None:
        pass


class Seeding(Base):
    def __init__(self) -> None:
        np.random.seed(0)


class Misnamed(Base):
    def __call__(self, generated: Any, reference: Any, dataset: Any) -> dict[str, float]:
        return {"mean_distance": 1.0}


class Endless(Base):
    def __call__(self, generated: Any, reference: Any, dataset: Any) -> dict[str, float]:
        return {"distance": float("inf")}


class Counting(Base):
    calls = itertools.count()

    def __call__(self, generated: Any, reference: Any, dataset: Any) -> dict[str, float]:
        return {"distance": super().__call__(generated, reference, dataset)["distance"] + next(self.calls)}


class Writing(Base):
    def __call__(self, generated: Any, reference: Any, dataset: Any) -> dict[str, float]:
        value = super().__call__(generated, reference, dataset)
        generated.x.mul_(0.5)
        return value


class Demanding(Base):
    def __call__(self, generated: Any, reference: Any, dataset: Any) -> dict[str, float]:
        if len(generated) < 10:
            raise ValueError("too few")
        return super().__call__(generated, reference, dataset)


class Undefined(Base):
    """The deviation, of one sample."""

    minimum = 1

    def __call__(self, generated: Any, reference: Any, dataset: Any) -> dict[str, float]:
        apart = (generated.x.mean(0) - reference.x.mean(0)).norm()
        return {"distance": float(apart / generated.x.std(0).norm())}


class Copied:
    """The distance of Gaussians."""

    needs = "features"
    minimum = 2

    def __call__(self, generated: Any, reference: Any, dataset: Any) -> dict[str, float]:
        from ganbench.scoring.frechet import frechet_distance

        return {"distance": frechet_distance(generated, reference)}


DEFECTS = [
    Defect("options_are_typed_and_documented", Untold, "option 'power' is in no docstring", LOWER),
    Defect("build_seeds_nothing", Seeding, "build seeds numpy's global generator", LOWER),
    Defect("it_scores", Misnamed, "directions name 'distance', and it gave 'mean_distance'", LOWER),
    Defect("it_scores", Endless, "gives distance = inf for samples like the data", LOWER),
    Defect(
        "directions_are_right",
        Base,
        "scores samples far from the data better: distance is .*, where higher is better",
        {"directions": {"distance": "higher"}},
    ),
    Defect("the_same_samples_give_the_same_values", Counting, "distance is .* at first and .* later", LOWER),
    Defect("samples_are_left_as_they_are", Writing, "writes to the generated samples", LOWER),
    Defect("the_minimum_is_enough", Demanding, "minimum = 2, and of so many: ValueError: too few", LOWER),
    Defect("the_minimum_is_enough", Undefined, "says minimum = 1, and of so many", LOWER),
    Defect("it_is_none_of_the_registered_metrics", Copied, "numbers of the registered metric 'fid'", LOWER),
]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.build.__name__} {defect.check}")
def test_a_planted_defect_fails_its_check(defect: Defect) -> None:
    hold(MetricContract, MetricSpec, defect)


def test_each_check_has_a_defect() -> None:
    assert {defect.check for defect in DEFECTS} == set(MetricContract.checks())


@pytest.mark.slow
def test_a_sound_metric_passes_all() -> None:
    sound = contract_of(MetricContract, MetricSpec, Base, LOWER)
    assert [finding for finding in sound.findings() if finding.status != "passed"] == []


def test_a_metric_that_takes_nothing_says_what_its_check_says() -> None:
    class Choosy(Base):
        def check(self, dataset: Any) -> None:
            raise ValueError("it takes sounds")

    hold(
        MetricContract,
        MetricSpec,
        Defect("it_scores", Choosy, "takes none of the data that it was tried on: it takes sounds", LOWER),
    )
