"""Which cell runs where: the plan, the workers, the run.

Importing this package costs next to nothing, so that a worker can watch over its parent before torch loads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.execution.executor import EXECUTORS, Executor, Place
    from ganbench.execution.grid_run import default_folder, plan_run, run
    from ganbench.execution.local import LocalExecutor
    from ganbench.execution.merging import merge
    from ganbench.execution.plan import Plan, PlannedCell, Rerun
    from ganbench.execution.results_writer import Listener
    from ganbench.execution.stopping import Interrupted
    from ganbench.execution.verification import Verification, VerifiedCell, plan_verification, verify

_HOMES = {
    "EXECUTORS": "executor",
    "Executor": "executor",
    "Interrupted": "stopping",
    "Listener": "results_writer",
    "LocalExecutor": "local",
    "Place": "executor",
    "Plan": "plan",
    "PlannedCell": "plan",
    "Rerun": "plan",
    "VerifiedCell": "verification",
    "Verification": "verification",
    "default_folder": "grid_run",
    "merge": "merging",
    "plan_run": "grid_run",
    "plan_verification": "verification",
    "run": "grid_run",
    "verify": "verification",
}

__all__ = [
    "EXECUTORS",
    "Executor",
    "Interrupted",
    "Listener",
    "LocalExecutor",
    "Place",
    "Plan",
    "PlannedCell",
    "Rerun",
    "Verification",
    "VerifiedCell",
    "default_folder",
    "merge",
    "plan_run",
    "plan_verification",
    "run",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"ganbench.execution.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ganbench.execution' has no attribute {name!r}")
