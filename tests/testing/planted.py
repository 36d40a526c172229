"""Runs one check of a contract on a thing with a planted defect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from ganbench.testing import Contract, ContractFailure


@dataclass(frozen=True)
class Defect:
    """A check, what is to fail in it, and what the failure must say.

    Attributes:
        check: of the contract.
        build: as a spec has it.
        says: a pattern of the failure's text.
        spec: further fields of the spec.
        attributes: of the contract.
    """

    check: str
    build: Any
    says: str
    spec: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


def contract_of(
    contract: type[Contract], spec_type: Any, build: Any, spec: dict[str, Any], **attributes: Any
) -> type[Contract]:
    made = spec_type(name="planted", build=build, **spec)
    return type("Planted", (contract,), {"spec": made, **attributes})


def hold(contract: type[Contract], spec_type: Any, defect: Defect) -> None:
    """The check fails with these words, on one line that names the thing, and one that says what to do."""
    __tracebackhide__ = True
    planted = contract_of(contract, spec_type, defect.build, defect.spec, **defect.attributes)
    with pytest.raises(ContractFailure, match=defect.says) as caught:
        getattr(planted(), f"test_{defect.check}")()
    first, *rest = str(caught.value).splitlines()
    assert first.startswith(f"{contract.kind} 'planted' (plugin ")
    assert rest, "it does not say what to do"
    assert caught.value.advice == rest[-1]
    assert len(rest) <= 1 + len(caught.value.problems)
