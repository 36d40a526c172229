"""Where a contract plays: among built-in parts, what comes with the thing, or what its author names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from planted import contract_of
from torch import Tensor

from ganbench import LossSpec, Unsupported
from ganbench.catalog import load_catalog
from ganbench.errors import CatalogError
from ganbench.testing import ArchitectureContract, ContractFailure, LossContract, NotApplicable
from ganbench.testing.made_up_data import NAME
from ganbench.zoo.losses.adversarial import NonSaturating

PLUGIN = """
from torch import nn

from ganbench import ArchitectureSpec, Extra, LossSpec, Noise, Players, Unsupported, hookimpl
from ganbench.zoo.losses.adversarial import NonSaturating


def nets(signature, discriminator_outputs):
    if discriminator_outputs != 3:
        raise Unsupported("it has three outputs")
    return Players(
        generator=nn.Linear(4, 2), discriminator=nn.Linear(2, 3), noise=Noise(size=4),
        extra={"coder": Extra(nn.Linear(2, 4), "generator")},
    )


class Coded:
    def discriminator_loss(self, game):
        real, fake = game.scores()
        return (fake - real).square().mean() + (fake - real).mean()

    def generator_loss(self, game):
        missed = game.networks["coder"](game.fake) - game.noise
        return missed.square().mean() - game.score(game.fake).mean()

    def logit(self, scores):
        return scores.sum(1)


@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="nets", build=nets)


@hookimpl
def ganbench_losses():
    yield LossSpec(name="coded", build=Coded, discriminator_outputs=3)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("contract", "name"), [(LossContract, "coded"), (ArchitectureContract, "nets")])
def test_what_belongs_together_is_played_together(contract: Any, name: str, tmp_path: Path) -> None:
    file = tmp_path / "coded.py"
    file.write_text(PLUGIN)
    both = type("Both", (contract,), {"name": name, "plugins": [str(file)]})
    around = both.stage().around
    assert around["dataset"]["name"] == NAME
    assert {around.get("loss", "coded"), around.get("architecture", "nets")} == {"coded", "nets"}
    failed = [finding for finding in both.findings() if finding.status == "failed"]
    assert failed == []


def test_the_author_names_what_it_is_played_with() -> None:
    class OfNumbers(NonSaturating):
        """A loss of points on a line."""

        def generator_loss(self, game: Any) -> Tensor:
            if game.real.shape[1:] != (1,):
                raise Unsupported("it takes single numbers")
            return super().generator_loss(game) * 2

    unnamed = contract_of(LossContract, LossSpec, OfNumbers, {})
    with pytest.raises(ContractFailure, match=r"it takes single numbers.*\n.*contract's `axes`"):
        unnamed().test_it_plays()  # type: ignore[attr-defined]
    with pytest.raises(NotApplicable, match="see `it_plays`"):
        unnamed().test_gradients_have_the_right_sign()  # type: ignore[attr-defined]
    axes = {"dataset": {"name": "gaussian_1d", "samples": 40}}
    named = contract_of(LossContract, LossSpec, OfNumbers, {}, axes=axes)
    named().test_it_plays()  # type: ignore[attr-defined]
    cell = named.stage().cell(named.stage().around)
    assert (cell.dataset.name, cell.loss.name) == ("gaussian_1d", "planted")


def test_a_contract_has_a_name_or_a_spec() -> None:
    for members in ({}, {"name": "hinge", "spec": LossSpec(name="x", build=NonSaturating)}):
        with pytest.raises(TypeError, match="must have either a name or a spec of a loss"):
            type("Odd", (LossContract,), members).stage()  # type: ignore[attr-defined]
    with pytest.raises(CatalogError, match="did you mean 'hinge'"):
        type("Odd", (LossContract,), {"name": "hing"}).stage()  # type: ignore[attr-defined]


def test_the_catalog_of_others_stays_as_it_is() -> None:
    catalog = load_catalog()
    stage = type("Copy", (LossContract,), {"name": "hinge"}).stage()  # type: ignore[attr-defined]
    assert stage.part.foreign
    assert catalog.entry("loss", "hinge").plugin.builtin
    assert catalog.find(NAME) == ()


def test_conditions_that_are_numbers_are_played_in_their_own_precision() -> None:
    class Scaled(NonSaturating):
        """A loss that weighs samples by their condition."""

        def generator_loss(self, game: Any) -> Tensor:
            assert game.condition.dtype == game.real.dtype
            return super().generator_loss(game) * 2

    axes = {"dataset": {"name": NAME, "shape": [2], "condition": [3]}}
    scaled = contract_of(LossContract, LossSpec, Scaled, {}, axes=axes)
    scaled().test_gradients_have_the_right_sign()  # type: ignore[attr-defined]
    scaled().test_it_is_none_of_the_registered_losses()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_what_cannot_be_built_is_told_once() -> None:
    class Absent(NonSaturating):
        """A loss that needs what is not there."""

        def __init__(self) -> None:
            raise FileNotFoundError("vgg.pt")

    absent = contract_of(LossContract, LossSpec, Absent, {})
    failed = [finding for finding in absent.findings() if finding.status == "failed"]
    assert [finding.check for finding in failed] == ["it_plays"]
    assert failed[0].error == "FileNotFoundError: vgg.pt"
