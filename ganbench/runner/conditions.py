"""Metrics that ask what samples were generated from: whether a cell's samples will have it."""

from __future__ import annotations

from ganbench.api import Metric
from ganbench.errors import GridError
from ganbench.grid import Cell
from ganbench.grid.seeds import score_seed
from ganbench.runner.materials import dataset_of, metric_of, players_of, samples_of
from ganbench.runner.sampling import drawn_rows
from ganbench.scoring import WITH_LABELS, too_few


def check_conditions(cell: Cell) -> None:
    """Refuse metrics of a cell that its samples, drawn as they will be, are no good for.

    Data without labels or conditions are the scorer's to refuse.

    Raises:
        GridError: the generator takes no condition, or of a class too few samples will be drawn.
        Unsupported: the players cannot be built.
    """
    asking = {name: metric for name, metric in _metrics(cell) if metric.needs in ("pairs", WITH_LABELS)}
    if not asking:
        return
    players = players_of(cell)
    if not players.conditional:
        raise GridError(
            *(
                f"metric {name!r} needs samples of a conditional architecture, and "
                f"{cell.architecture.label!r} is not: give its cells other metrics with [[override]]"
                for name in asking
            )
        )
    least = max((metric.minimum for metric in asking.values() if metric.needs == WITH_LABELS), default=0)
    data, classes = samples_of(cell.dataset, cell.score.reference), dataset_of(cell.dataset).signature.classes
    if not least or data.labels is None or classes is None:
        return
    for repeat in range(cell.score.repeats):
        rows = drawn_rows(players, data, cell.score.samples, score_seed(cell, repeat))
        rare = "" if rows is None else too_few(data.labels[rows], classes, least)
        if rare:
            names = ", ".join(name for name, metric in asking.items() if metric.needs == WITH_LABELS)
            raise GridError(
                f"metric {names!r} needs at least {least} samples of each class, and of the "
                f"{cell.score.samples} that seed {cell.seed} draws {rare}: raise score.samples"
            )


def _metrics(cell: Cell) -> list[tuple[str, Metric]]:
    return [(metric.name, metric_of(metric)) for metric in cell.score.metrics]
