"""The contract of each kind, and a run of one without pytest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ganbench.catalog import Kind
from ganbench.testing.architecture_contract import ArchitectureContract
from ganbench.testing.augmentation_contract import AugmentationContract
from ganbench.testing.contract import Contract
from ganbench.testing.data_contract import DatasetContract
from ganbench.testing.extractor_contract import ExtractorContract
from ganbench.testing.findings import ContractFinding
from ganbench.testing.loss_contract import LossContract
from ganbench.testing.metric_contract import MetricContract
from ganbench.testing.optimizer_contract import OptimizerContract, UpdateContract
from ganbench.testing.penalty_contract import PenaltyContract

CONTRACTS: Mapping[Kind, type[Contract]] = {
    contract.kind: contract
    for contract in (
        LossContract,
        PenaltyContract,
        AugmentationContract,
        ArchitectureContract,
        DatasetContract,
        MetricContract,
        ExtractorContract,
        OptimizerContract,
        UpdateContract,
    )
}
"""The contract of each kind."""


def check(
    kind: Kind, name: str, options: Mapping[str, Any] | None = None, **attributes: Any
) -> Iterator[ContractFinding]:
    """Run the contract of a registered thing without pytest.

    Args:
        kind: what it is.
        name: under which it is registered.
        options: that it is built with.
        attributes: others of the contract, as `axes`.

    Yields:
        A finding for each check, and for each problem of one that failed.

    Raises:
        CatalogError: nothing is registered under the name.
    """
    members = {"name": name, "options": options or {}, **attributes}
    contract: type[Contract] = type(f"Contract_{name}", (CONTRACTS[kind],), members)
    yield from contract.findings()
