"""The bundled grids, told to the catalog by the hook that a third party uses, so that no name is taken twice.

Apart from `ganbench.grid.bundled`, which finds the files where there is no catalog.
"""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.api import GridSpec, hookimpl
from ganbench.grid.bundled import bundled_grids


@hookimpl
def ganbench_grids() -> Iterator[GridSpec]:
    """Register the bundled grids; what each is for stands in its first line."""
    for name, path in bundled_grids().items():
        yield GridSpec(name=name, path=path)
