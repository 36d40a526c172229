"""Which device models there are on the nodes of a cluster, and what becomes of cells that need another one.

A cell is only handed to a worker that has the model for which it was planned, or on which it was begun. A
worker on another model is no fault of the cell: it costs no try.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from ganbench.clusters.cluster_file import ClusterSettings
from ganbench.errors import GridError, did_you_mean
from ganbench.runner.events import CellNote
from ganbench.runner.task import CellResult, Task

_SHOWN = 4


class NodeModels:
    """The device models of the nodes that a run has met."""

    def __init__(self) -> None:
        self._models: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def add(self, node: str, model: str, name: str = "") -> None:
        """Take down the model of a node.

        Args:
            node: what tells it from others.
            model: of the device where it runs cells.
            name: by which messages name it; `node` unless given.
        """
        self._models[node] = model
        self._names[node] = name or node

    def keep(self, nodes: Collection[str]) -> None:
        """Forget all but these nodes: the others are gone."""
        for node in self._models.keys() - nodes:
            del self._models[node]

    def knows(self, node: str) -> bool:
        """Tell whether a node's model has been taken down."""
        return node in self._models

    def may_have(self, node: str, model: str) -> bool:
        """Tell whether a node has a model, or is not known."""
        return self._models.get(node, model) == model

    def there(self) -> set[str]:
        """Give the models that have been met."""
        return set(self._models.values())

    def without(self, model: str) -> list[str]:
        """List the nodes that are known to have another model."""
        return [node for node in self._models if not self.may_have(node, model)]

    def __str__(self) -> str:
        """Say which models there are, and where."""
        nodes: dict[str, list[str]] = {}
        for node, model in self._models.items():
            nodes.setdefault(model, []).append(self._names[node])
        named = ((model, _listed(sorted(set(names)))) for model, names in sorted(nodes.items()))
        return "; ".join(f"{model} on {names}" for model, names in named)


def require_models(settings: ClusterSettings, there: Sequence[str]) -> None:
    """Refuse device models that are not there.

    Args:
        settings: of the executor.
        there: the models that its workers have.

    Raises:
        GridError: one of `device_models` is none of them.
    """
    unknown = [name for name in settings.device_models or () if name not in there]
    if unknown:
        raise GridError(
            *(
                f"[{settings.table}] device_models: no worker has {name!r}{did_you_mean(name, there)}"
                for name in unknown
            )
        )


def unplaced_note(tasks: Iterable[Task], models: NodeModels, way_out: str) -> CellNote:
    """Say which cells wait for which device model, and what there is instead.

    Args:
        tasks: cells that no worker can run.
        models: of the nodes.
        way_out: what the user may do.
    """
    cells: dict[str, list[str]] = {}
    for task in tasks:
        cells.setdefault(task.environment.device, []).append(task.cell.id)
    waiting = "; ".join(f"{_listed(ids)} for {model}" for model, ids in sorted(cells.items()))
    note = f"cells wait for a device model that no worker has: {waiting}; there is {models}; {way_out}"
    return CellNote(cell="", note=note)


def unplaced_results(tasks: Iterable[Task], models: NodeModels) -> Iterator[CellResult]:
    """Give the results of cells that no worker can run; the next run goes on from their checkpoints.

    Args:
        tasks: of these cells.
        models: of the nodes.
    """
    for task in tasks:
        reason = f"no worker has its device model, {task.environment.device}; there is {models}"
        yield CellResult(cell=task.cell.id, status="error", reason=reason, scores={})


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
