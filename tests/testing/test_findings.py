"""What contracts are made of: their names, their findings, and what they need."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import ganbench.testing
from ganbench import LossSpec
from ganbench.catalog import KINDS
from ganbench.errors import PluginError
from ganbench.testing import CONTRACTS, Contract, ContractFailure, LossContract
from ganbench.zoo.losses.adversarial import NonSaturating


def test_each_kind_has_a_contract_that_is_exported() -> None:
    assert set(CONTRACTS) == set(KINDS)
    for kind, contract in CONTRACTS.items():
        assert contract.kind == kind
        assert getattr(ganbench.testing, contract.__name__) is contract
        assert contract.__name__ in ganbench.testing.__all__
        assert issubclass(contract, Contract)


def test_each_check_says_what_it_does() -> None:
    for contract in CONTRACTS.values():
        for check in contract.checks():
            assert getattr(contract, f"test_{check}").__doc__.endswith(".")


def test_contracts_need_no_pytest() -> None:
    imported = set()
    for path in Path(ganbench.testing.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    assert "ganbench" in imported
    assert "pytest" not in imported


class Odd(NonSaturating):
    """Odd."""

    def __init__(self, margin: float = 1.0) -> None:
        pass

    def generator_loss(self, game: Any) -> Any:
        return 1 / 0


class OfOdd(LossContract):
    spec = LossSpec(name="odd", build=Odd)


def test_a_failure_shows_no_line_of_the_check_and_its_cause() -> None:
    with pytest.raises(ContractFailure, match="option 'margin' is in no docstring") as caught:
        OfOdd().test_options_are_typed_and_documented()
    assert [frame.name for frame in caught.traceback][1:] == ["checked"]
    assert caught.value.__cause__ is None
    with pytest.raises(ContractFailure, match="ZeroDivisionError: division by zero") as caught:
        OfOdd().test_it_plays()
    assert isinstance(caught.value.__cause__, PluginError)
    # As pytest finds the function whose lines it shows.
    assert not hasattr(OfOdd.test_it_plays, "__wrapped__")
