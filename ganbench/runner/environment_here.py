"""The environment in which a cell would be trained in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ganbench.grid import Cell, Environment, environment_of
from ganbench.grid.environment import parts_with_chosen
from ganbench.runner.build import CellParts, settle_engine
from ganbench.runner.shared_parts import SharedParts
from ganbench.training import deterministic


def environment_here(
    parts: CellParts,
    *,
    threads: int,
    engine: str | None = None,
    broken: bool = False,
    model: str = "",
) -> Environment:
    """Work out the environment of a cell on a device of this machine: the one function that does.

    Args:
        parts: of the cell that would be trained, with the device.
        threads: for one operation on a CPU.
        engine: by which it would be trained; where it is not given, the one that the cell's setting means.
        broken: whether parts of the cell cannot be built; data and digests are then left out.
        model: of the device, where cells run on another machine than this one.

    Raises:
        DatasetError: the data is not there.
        GridError: the `digest` of a plugin's part is no text, or the engine that is asked for refuses.
    """
    cell, shared = parts.cell, parts.shared
    with deterministic():
        here = environment_of(
            cell,
            shared.catalog,
            device=parts.device,
            engine=engine or settle_engine(parts).name,
            threads=threads,
            data={} if broken else {cell.dataset.label: str(parts.dataset.fingerprint)},
            digests={} if broken else dict(_digests(cell, shared)),
        )
    return replace(here, device=model or here.device)


def _digests(cell: Cell, shared: SharedParts) -> Iterator[tuple[str, str]]:
    for kind, choice in parts_with_chosen(cell, shared.catalog):
        if digest := shared.digest(kind, choice):
            yield f"{kind} {choice.label}", digest
