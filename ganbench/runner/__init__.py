"""One Cell -> one CellResult, start to end."""

from ganbench.runner.conditions import check_conditions
from ganbench.runner.environment_here import environment_here, forget_environment
from ganbench.runner.materials import dataset_of, forget_materials, players_of, samples_of, scorer_of
from ganbench.runner.resumption import check_resumption, plugins_in_play
from ganbench.runner.sampling import generate_samples
from ganbench.runner.sitting import run_cell
from ganbench.runner.task import CellResult, Task, record_of
from ganbench.runner.trainer import settle_engine, trainer_of
from ganbench.runner.trial import try_cell

__all__ = [
    "CellResult",
    "Task",
    "check_conditions",
    "check_resumption",
    "dataset_of",
    "environment_here",
    "forget_environment",
    "forget_materials",
    "generate_samples",
    "players_of",
    "plugins_in_play",
    "record_of",
    "run_cell",
    "samples_of",
    "scorer_of",
    "settle_engine",
    "trainer_of",
    "try_cell",
]
