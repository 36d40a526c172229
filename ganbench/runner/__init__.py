"""One Cell -> one CellResult, start to end."""

from ganbench.runner.build import (
    build_players,
    build_trainer,
    dataset_of,
    forget_parts,
    samples_of,
    scorer_of,
    settle_engine,
)
from ganbench.runner.cell_run import run_cell
from ganbench.runner.environment_here import environment_here, forget_environment
from ganbench.runner.preflight import check_cell, check_conditions
from ganbench.runner.resumption import check_resumption, plugins_in_play
from ganbench.runner.sampling import generate_samples
from ganbench.runner.task import CellResult, Task, record_of

__all__ = [
    "CellResult",
    "Task",
    "build_players",
    "build_trainer",
    "check_cell",
    "check_conditions",
    "check_resumption",
    "dataset_of",
    "environment_here",
    "forget_environment",
    "forget_parts",
    "generate_samples",
    "plugins_in_play",
    "record_of",
    "run_cell",
    "samples_of",
    "scorer_of",
    "settle_engine",
]
