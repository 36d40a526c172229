"""The game loop of one cell: Algorithm 1, its engines, its diagnostics, its state."""

from ganbench.training.cell_game import CellGame, PlayersMisfit, scores_hook
from ganbench.training.determinism import (
    determinism_record,
    deterministic,
    deterministic_process,
    global_stream,
    prepare_process,
    set_again,
)
from ganbench.training.diagnostics import Diverged
from ganbench.training.eager import EagerEngine
from ganbench.training.engine import Engine
from ganbench.training.held import learning_tensors, settle_networks, values_of
from ganbench.training.lockstep import Lockstep, Stretch
from ganbench.training.memory_format import batch_format, laid_out, lay_out
from ganbench.training.optimizer_state import (
    optimizer_state,
    plain_state,
    refused_state,
    restore_plugin_optimizer,
)
from ganbench.training.optimizers import BuildOptimizer
from ganbench.training.train_step import Objective, PenaltyTerm, SeedRun, TrainStep
from ganbench.training.trained_networks import TrainedNetwork, networks_of, tell_step, trained_networks
from ganbench.training.trainer import Trainer
from ganbench.training.training_warnings import training_warnings

__all__ = [
    "BuildOptimizer",
    "CellGame",
    "Diverged",
    "EagerEngine",
    "Engine",
    "Lockstep",
    "Objective",
    "PenaltyTerm",
    "PlayersMisfit",
    "SeedRun",
    "Stretch",
    "TrainStep",
    "TrainedNetwork",
    "Trainer",
    "batch_format",
    "determinism_record",
    "deterministic",
    "deterministic_process",
    "global_stream",
    "laid_out",
    "lay_out",
    "learning_tensors",
    "networks_of",
    "optimizer_state",
    "plain_state",
    "prepare_process",
    "refused_state",
    "restore_plugin_optimizer",
    "scores_hook",
    "set_again",
    "settle_networks",
    "tell_step",
    "trained_networks",
    "training_warnings",
    "values_of",
]
