"""Which cell runs where: the plan, the workers, the run."""

from ganbench.execution.plan import Plan, PlannedCell, Rerun
from ganbench.execution.run import Interrupted, Listener, default_folder, plan_run, run

__all__ = ["Interrupted", "Listener", "Plan", "PlannedCell", "Rerun", "default_folder", "plan_run", "run"]
