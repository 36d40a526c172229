"""One Cell -> one CellResult, start to end."""

from ganbench.runner.asked_discriminator import check_asking_metrics
from ganbench.runner.build import CellParts, build_loss, build_trainer, settle_engine
from ganbench.runner.cell_group import run_cell, run_cells
from ganbench.runner.environment_here import environment_here
from ganbench.runner.preflight import check_cell, check_conditions
from ganbench.runner.resumption import check_optimizers, check_resumption, check_update, plugins_in_play
from ganbench.runner.sampling import generate_samples
from ganbench.runner.shared_parts import SharedParts
from ganbench.runner.task import CellResult, Task, record_of

__all__ = [
    "CellParts",
    "CellResult",
    "SharedParts",
    "Task",
    "build_loss",
    "build_trainer",
    "check_asking_metrics",
    "check_cell",
    "check_conditions",
    "check_optimizers",
    "check_resumption",
    "check_update",
    "environment_here",
    "generate_samples",
    "plugins_in_play",
    "record_of",
    "run_cell",
    "run_cells",
    "settle_engine",
]
