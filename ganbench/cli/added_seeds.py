"""Training more seeds of a change that is checked, or of its baseline, in a folder beside the change's."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.cli.console import plain, progress_console
from ganbench.cli.progress import RunProgress
from ganbench.errors import GridError

if TYPE_CHECKING:
    from ganbench.analysis.read_tables import Tables
    from ganbench.execution import Plan


class AddedSeeds:
    """Trains seeds with a grid into one folder, which keeps those of every earlier call.

    Attributes:
        out: the folder.
    """

    def __init__(self, folder: Path, grid: str | None, out: Path, **options: Any) -> None:
        """Read the grid.

        Args:
            folder: the results that seeds are added to.
            grid: the file of their grid; the one in the folder unless given.
            out: where they are trained.
            options: of `ganbench.run`.

        Raises:
            GanbenchError: the grid cannot be read, or trains otherwise than the folder's cells were.
        """
        from ganbench.analysis.external_scores import is_external
        from ganbench.catalog import load_catalog
        from ganbench.grid import read_grid
        from ganbench.grid.axes import COMBINATION_KEYS
        from ganbench.regression.checks import read_finished
        from ganbench.store import Store
        from ganbench.store.stored_grid import read_whole_grid

        if is_external(folder):
            raise GridError(
                f"--add-seeds: {folder} holds scores of another program's samples; train them there"
            )
        self.out = out
        self._options = options
        store, self._catalog = Store(folder).require(), load_catalog()
        stored = replace(read_whole_grid(store, self._catalog), folder=store.grid_folder())
        self._grid = stored if grid is None else read_grid(grid, self._catalog)
        for name in ("axes", "train", "score", "override", "exclude"):
            if self._grid.document.get(name) != stored.document.get(name):
                raise GridError(f"--grid {grid}: its [{name}] is not that of the cells in {folder}")
        for name in COMBINATION_KEYS:
            if self._grid.document.get(name) != stored.document.get(name):
                raise GridError(f"--grid {grid}: its {name} is not that of the cells in {folder}")
        self._first = read_finished(folder)

    def train(self, seeds: Sequence[int]) -> Path:
        """Train what is not finished yet, and return the folder.

        Args:
            seeds: distinct.

        Raises:
            GanbenchError: the grid cannot be run here, or by other code than the first seeds were.
            KeyboardInterrupt: the run was interrupted; the same command goes on.
        """
        from ganbench.execution import Interrupted, run
        from ganbench.grid import read_grid

        grid = read_grid(self._grid.document, self._catalog, [f"seeds={list(seeds)}"])
        console = progress_console()
        try:
            with _SameCode(self._first, console) as progress:
                run(replace(grid, folder=self._grid.folder), self.out, listener=progress, **self._options)
        except Interrupted:
            again = shlex.join(["ganbench", *sys.argv[1:]])
            console.print(plain(f"what was done is in {self.out}; go on with: {again}"), soft_wrap=True)
            raise KeyboardInterrupt from None
        return self.out


class _SameCode(RunProgress):
    """Shows a run, and refuses before it begins to train by other code than the first seeds were."""

    def __init__(self, first: Tables, *given: Any) -> None:
        super().__init__(*given)
        self._first = first

    def planned(self, plan: Plan) -> None:
        """Say what is about to happen.

        Raises:
            GridError: versions, plugins' sources or data are not those of the first seeds. Another machine is
                none of these: it is said beside the verdict.
        """
        from ganbench.grid.history import History

        contexts = self._first.contexts()
        for planned in plan.cells:
            now = planned.environment
            for row in contexts.get(self._first.context_of(planned.cell), ())[:1]:
                if changes := History.from_row(row).on_machine_of(now).differences(now):
                    raise GridError(
                        f"--add-seeds: the cells in {self._first.path} were trained by other code than is "
                        f"here: {'; '.join(changes)}; run the grid anew instead"
                    )
        super().planned(plan)
