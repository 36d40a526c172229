"""Which cell runs where: the plan, the workers, the run.

Importing this package costs next to nothing, so that a worker can watch over its parent before torch loads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.execution.benchmark import Interrupted, Listener, default_folder, plan_run, run
    from ganbench.execution.plan import Plan, PlannedCell, Rerun

__all__ = ["Interrupted", "Listener", "Plan", "PlannedCell", "Rerun", "default_folder", "plan_run", "run"]

_PLAN = ("Plan", "PlannedCell", "Rerun")


def __getattr__(name: str) -> Any:
    if name in __all__:
        import importlib

        home = "plan" if name in _PLAN else "benchmark"
        return getattr(importlib.import_module(f"ganbench.execution.{home}"), name)
    raise AttributeError(f"module 'ganbench.execution' has no attribute {name!r}")
