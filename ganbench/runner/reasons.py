"""How a cell ended, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from ganbench.catalog.faults import blame, out_of_memory
from ganbench.errors import GanbenchError, PluginError, PluginFault, Unsupported, said
from ganbench.grid import Cell
from ganbench.runner.build import CellParts
from ganbench.runner.preflight import players_misfit
from ganbench.store import Store
from ganbench.training import PlayersMisfit


def memory_missing(failure: BaseException) -> str:
    """Name the memory that was too small; empty where something else failed."""
    if isinstance(failure, torch.cuda.OutOfMemoryError):
        return "out of CUDA memory"
    return "out of memory" if out_of_memory(failure) else ""


def reason_failed(failure: BaseException, parts: CellParts) -> str:
    """Name what failed, the plugin that it comes from, and the file with the traceback.

    Args:
        failure: what ended the cell, with its traceback.
        parts: of the cell.
    """
    note = _note(parts.cell)
    if isinstance(failure, PluginError):
        return "; ".join(fault.line(note) for fault in failure.faults)
    if isinstance(failure, GanbenchError):
        return f"{'; '.join(failure.problems)} ({note})"
    fault = blame(failure, parts.named)
    return f"{said(failure)} ({note})" if fault is None else fault.line(note)


def broken_reason(faults: Iterable[PluginFault], cell: Cell) -> str:
    """Name what preflight found broken of a cell's plugins, and the file with the tracebacks."""
    return "; ".join(fault.line(_note(cell)) if fault.traceback else fault.line() for fault in faults)


def reason_skipped(failure: Unsupported, parts: CellParts) -> str:
    """Name what does not fit; of what the players have not, also who asked for it."""
    if isinstance(failure, PlayersMisfit):
        given = [part for part in parts.named if part.kind in ("loss", "penalty")]
        fault = blame(failure, given)
        for part in given:
            if fault is not None and part.who == fault.who:
                architecture = parts.shared.part("architecture", parts.cell.architecture)
                return str(players_misfit(failure, part, architecture))
    return str(failure)


def not_finite(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Warn of scores that are NaN or infinite, once for each name.

    Args:
        rows: as the store keeps them.
    """
    return sorted({f"score_not_finite: {row['metric']}" for row in rows if not math.isfinite(row["value"])})


def _note(cell: Cell) -> str:
    return f"traceback: {Store.traceback_file(cell.id)}"
