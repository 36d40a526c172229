"""The environment in which a cell would be trained in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch

from ganbench.catalog import Kind, load_catalog
from ganbench.errors import GanbenchError
from ganbench.grid import Cell, Choice, Environment, environment_of
from ganbench.grid.environment import parts_of
from ganbench.grid.plugin_source import forget_sources
from ganbench.runner.build import dataset_of, digest_of, forget_parts, settle_engine
from ganbench.training import deterministic, global_stream

_CPU = torch.device("cpu")


def environment_here(
    cell: Cell,
    *,
    device: str,
    threads: int,
    engine: str | None = None,
    broken: bool = False,
    model: str = "",
) -> Environment:
    """Work out the environment of a cell on a device of this machine: the one function that does.

    Args:
        cell: what would be trained.
        device: as torch names it.
        threads: for one operation on a CPU.
        engine: by which it would be trained; where it is not given, the one that the cell's setting means.
        broken: whether parts of the cell cannot be built; data and digests are then left out.
        model: of the device, where cells run on another machine than this one.

    Raises:
        DatasetError: the data is not there.
        GridError: the `digest` of a plugin's part is no text, or the engine that is asked for refuses.
    """
    with deterministic():
        here = environment_of(
            cell,
            load_catalog(),
            device=device,
            engine=engine or settle_engine(cell, device).name,
            threads=threads,
            data={} if broken else {cell.dataset.label: str(dataset_of(cell.dataset).fingerprint)},
            digests={} if broken else dict(_digests(cell)),
        )
    return replace(here, device=model or here.device)


def forget_environment() -> None:
    """Look anew from here on: files, plugins and their parts may have changed since this process looked."""
    forget_parts()
    forget_sources()
    _digest.cache_clear()


def _digests(cell: Cell) -> Iterator[tuple[str, str]]:
    for kind, choice in parts_of(cell):
        if digest := _digest(kind, choice):
            yield f"{kind} {choice.label}", digest


@lru_cache(maxsize=64)
def _digest(kind: Kind, choice: Choice) -> str:
    # Built-ins are covered by ganbench's numerics; players have no such attribute.
    if kind == "architecture" or load_catalog().entry(kind, choice.name).plugin.builtin:
        return ""
    try:
        with global_stream(0, _CPU):
            part: Any = (
                dataset_of(choice)
                if kind == "dataset"
                else load_catalog().build(kind, choice.name, choice.options)
            )
    except GanbenchError:
        raise
    except Exception:
        # The cell fails for that reason, and says so.
        return ""
    return digest_of(kind, choice.name, part)
