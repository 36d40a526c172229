"""`ganbench export DIR CELL`: a generator that runs without ganbench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganbench.catalog import load_catalog
from ganbench.cli.console import output, plain, warn
from ganbench.cli.parsing import Best, Folder, Plugins
from ganbench.errors import GridError

if TYPE_CHECKING:
    from ganbench.runner.generator_export import Format


def export_command(
    folder: Folder,
    cell: Annotated[str, typer.Argument(metavar="CELL", help="As in the first column of cells.csv.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="A new file; its card goes to FILE.json.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="torch|onnx", help="Default: by FILE's ending, .pt2 or .onnx."),
    ] = None,
    best: Best = False,
    plugins: Plugins = None,
) -> int:
    """Write the generator of a finished cell as a torch.export archive or an ONNX model.

    For any number of samples it gives those of `ganbench sample` to 1e-5, before they are rounded.

    Raises:
        GanbenchError: the folder, the cell or the target cannot be used, or the network cannot be exported.
    """
    form = _format(format_, out)
    from ganbench.runner import SharedParts
    from ganbench.runner.cell_generator import open_generator
    from ganbench.runner.generator_export import export_generator, require_new
    from ganbench.store import Store, require_foreign

    require_foreign(out)
    require_new(out)
    store = Store(folder).require()
    catalog = load_catalog(plugins=plugins or ())
    generator = open_generator(store, cell, SharedParts(catalog), "cpu", best=best)
    warn(catalog.notes)
    card = export_generator(generator, out, form)
    which = "" if generator.best is None else f", {generator.best.words},"
    said = f"{cell}{which} as {card['format']}: {out}"
    within = f"within {card['largest_difference']:.1g} of ganbench sample"
    output().print(plain(f"{said}; {within}; card: {out}.json"), soft_wrap=True)
    return 0


def _format(given: str | None, out: Path) -> Format:
    endings: dict[str, Format] = {".pt2": "torch", ".onnx": "onnx"}
    by_ending = endings.get(out.suffix.lower())
    if given is None:
        if by_ending is None:
            raise GridError(f"--out: must end in .pt2 or .onnx, or --format be given, given {str(out)!r}")
        return by_ending
    if given not in endings.values():
        raise GridError(f"--format: must be torch or onnx, given {given!r}")
    if by_ending is not None and by_ending != given:
        raise GridError(f"--out: ends in {out.suffix}, which is not of --format {given}, given {str(out)!r}")
    return "onnx" if given == "onnx" else "torch"
