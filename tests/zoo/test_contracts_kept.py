"""What is built in keeps to the contracts that plugins are held to."""

from __future__ import annotations

from typing import Any

import pytest
from test_names_trained import ARCHITECTURES, DATASETS

from ganbench.catalog import KINDS, Kind, load_catalog
from ganbench.testing import CONTRACTS, ContractFinding, check

LOCAL = {
    "digits",
    "gaussian_ring",
    "gaussian_grid",
    "gaussian_1d",
    "point_mass",
    "parallel_lines",
    "swiss_roll",
}


def built_in(kind: Kind) -> list[str]:
    """The names of a kind; `none` is the absence of a penalty or an augmentation."""
    entries = [entry for entry in load_catalog().entries(kind) if entry.plugin.builtin]
    return [entry.name for entry in entries if entry.name != "none"]


def not_passed(
    kind: Kind, name: str, options: dict[str, Any] | None = None, **attributes: Any
) -> list[ContractFinding]:
    return [finding for finding in check(kind, name, options, **attributes) if finding.status != "passed"]


@pytest.mark.parametrize("kind", KINDS)
def test_all_options_are_typed_and_documented(kind: Kind) -> None:
    for name in built_in(kind):
        contract = type("Documented", (CONTRACTS[kind],), {"name": name})
        contract().test_options_are_typed_and_documented()


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("loss"))
def test_losses(name: str) -> None:
    assert not_passed("loss", name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("penalty"))
def test_penalties(name: str) -> None:
    assert not_passed("penalty", name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("augmentation"))
def test_augmentations(name: str) -> None:
    found = not_passed("augmentation", name)
    # `ada` begins with a probability of 0.
    assert [finding.error for finding in found if name != "ada"] == []
    assert {finding.status for finding in found} <= {"not applicable"}


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("architecture"))
def test_architectures(name: str) -> None:
    found = not_passed("architecture", name, ARCHITECTURES[name])
    assert [finding for finding in found if finding.status == "failed"] == []
    # Most leave it to ganbench to find out whether samples are coupled.
    assert {finding.check for finding in found} <= {"it_says_rightly_whether_samples_are_coupled"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LOCAL))
def test_data_sets_that_are_no_download(name: str) -> None:
    found = not_passed("dataset", name, DATASETS[name])
    assert {(finding.check, finding.status) for finding in found} <= {
        ("images_use_the_range", "not applicable")
    }


# Of one spec that names the values of both its methods.
GIVEN = {"wasserstein": ["wasserstein"]}
SMALL = {"kid": {"subset_size": 20, "subsets": 3}}


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("metric"))
def test_metrics(name: str) -> None:
    assert not_passed("metric", name, SMALL.get(name), values=GIVEN.get(name)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits_cnn", "fashion_cnn"])
def test_extractors_that_are_no_download(name: str) -> None:
    assert not_passed("extractor", name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("optimizer"))
def test_optimizers(name: str) -> None:
    assert not_passed("optimizer", name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in("update"))
def test_update_rules(name: str) -> None:
    assert not_passed("update", name) == []
