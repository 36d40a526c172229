"""`ganbench verify DIR`: cells run again and compared bit by bit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from ganbench.cli.console import output, say, warn
from ganbench.cli.parsing import Folder, Jobs, Plugins
from ganbench.errors import GridError

if TYPE_CHECKING:
    from ganbench.execution import VerifiedCell


def verify_command(
    folder: Folder,
    cells: Annotated[
        list[str] | None, typer.Argument(metavar="[CELL ...]", help="Default: every finished cell.")
    ] = None,
    sample: Annotated[int | None, typer.Option(metavar="N", help="Draw N of them at random.")] = None,
    device: Annotated[str, typer.Option(help="auto: the one that the cells were trained on.")] = "auto",
    jobs: Jobs = None,
    tolerance: Annotated[
        float, typer.Option(help="Relative, for scores of cells made in another environment.")
    ] = 0.25,
    plugins: Plugins = None,
) -> int:
    """Run finished cells again, elsewhere, and say what differs from what is stored.

    Returns:
        0 where nothing does, 1 where anything does or cannot be told.

    Raises:
        GanbenchError: the folder, a cell or a number cannot be used.
    """
    from ganbench.execution import plan_verification, verify
    from ganbench.grid.cell import cells_counted

    if jobs is not None and jobs < 1:
        raise GridError(f"--jobs: must be at least 1, given {jobs}")
    if not (tolerance >= 0 and math.isfinite(tolerance)):
        raise GridError(f"--tolerance: must be a number from 0, given {tolerance:g}")
    plan = plan_verification(folder, cells or (), sample=sample, device=device, plugins=plugins or ())
    warn(plan.shared.catalog.notes)
    console = output()
    say(console, f"{cells_counted(len(plan.cells))} of {folder} to run again on {plan.device}")
    identical = near = different = unrepeatable = 0
    for verdict in verify(plan, tolerance=tolerance, jobs=jobs):
        if verdict.unrepeatable:
            unrepeatable += 1
        elif verdict.differences:
            different += 1
        elif verdict.changes:
            near += 1
        else:
            identical += 1
        say(console, f"{_name(verdict)}: {_finding(verdict, tolerance)}")
    if not near and not different and not unrepeatable:
        every = "The one cell is" if identical == 1 else f"All {identical} cells are"
        say(console, f"{every} bit-identical: weights and scores.")
    else:
        parts = [
            f"{cells_counted(count)} {what}"
            for count, what in (
                (identical, "bit-identical"),
                (near, f"of another environment, with scores within {tolerance:.0%}"),
                (different, "not as stored"),
                (unrepeatable, "that cannot be repeated"),
            )
            if count
        ]
        say(console, "; ".join(parts) + ".")
    return 1 if different or unrepeatable else 0


def _finding(verdict: VerifiedCell, tolerance: float) -> str:
    if verdict.unrepeatable:
        return f"CANNOT BE REPEATED: {verdict.unrepeatable}"
    elsewhere = ""
    if verdict.changes:
        elsewhere = f"made in another environment ({'; '.join(verdict.changes)}), weights not compared; "
    if verdict.differences:
        return f"{elsewhere}DIFFERS: {'; '.join(verdict.differences)}"
    if not verdict.changes:
        return f"bit-identical ({verdict.compared} scores)"
    if not verdict.compared:
        return f"{elsewhere}no scores of the same protocol to compare"
    return f"{elsewhere}{verdict.compared} scores within a tolerance of {tolerance:.0%}"


def _name(verdict: VerifiedCell) -> str:
    cell = verdict.cell
    parts = [cell.dataset.label, cell.architecture.label, cell.loss.label, cell.penalty.label]
    parts += [f"{key}={value}" for key, value in cell.varied.items()]
    return f"{cell.id} ({' '.join(parts)} seed {cell.seed})"
