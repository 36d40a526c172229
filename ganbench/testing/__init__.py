"""Contracts for the tests of plugins: one class per kind, which an author subclasses.

```python
from ganbench.testing import LossContract


class TestMyLoss(LossContract):
    name = "my_loss"
```

pytest collects the checks as tests; `check("loss", "my_loss")` runs them without it, and
`ganbench doctor --plugin NAME` those of everything that a package brings.
"""

from __future__ import annotations

from ganbench.testing.architecture_contract import ArchitectureContract
from ganbench.testing.augmentation_contract import AugmentationContract
from ganbench.testing.contract import Contract
from ganbench.testing.contract_runs import CONTRACTS, check
from ganbench.testing.data_contract import DatasetContract
from ganbench.testing.extractor_contract import ExtractorContract
from ganbench.testing.findings import ContractFailure, ContractFinding, NotApplicable
from ganbench.testing.loss_contract import LossContract
from ganbench.testing.metric_contract import MetricContract
from ganbench.testing.optimizer_contract import OptimizerContract, UpdateContract
from ganbench.testing.penalty_contract import PenaltyContract

__all__ = [
    "CONTRACTS",
    "ArchitectureContract",
    "AugmentationContract",
    "Contract",
    "ContractFailure",
    "ContractFinding",
    "DatasetContract",
    "ExtractorContract",
    "LossContract",
    "MetricContract",
    "NotApplicable",
    "OptimizerContract",
    "PenaltyContract",
    "UpdateContract",
    "check",
]
