"""What contracts are made of: their names, their findings, and what they need."""

from __future__ import annotations

import ast
from pathlib import Path

import ganbench.testing
from ganbench.catalog import KINDS
from ganbench.testing import CONTRACTS, Contract


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
