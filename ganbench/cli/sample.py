"""`ganbench sample DIR CELL`: the very samples that were scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from ganbench.catalog import load_catalog
from ganbench.cli.console import output, plain, warn
from ganbench.cli.parsing import Folder, Plugins
from ganbench.errors import GridError, StoreError, did_you_mean
from ganbench.files.atomic import make_folder, write_bytes, write_folder, write_stream

if TYPE_CHECKING:
    from ganbench.api import Samples
    from ganbench.catalog import Catalog
    from ganbench.grid import Cell
    from ganbench.runner import CellParts
    from ganbench.store import Store

_MAX_COUNT = 1_000_000


def sample_command(
    folder: Folder,
    cell: Annotated[str, typer.Argument(metavar="CELL", help="As in the first column of cells.csv.")],
    count: Annotated[int, typer.Option(help="How many.")] = 64,
    repeat: Annotated[int, typer.Option(metavar="K", help="As in scores.csv, where score.repeats > 1.")] = 0,
    out: Annotated[Path, typer.Option(help="FILE.png, FILE.npz, or a folder for one PNG each.")] = Path(
        "samples.png"
    ),
    device: Annotated[str, typer.Option(help="auto: the one that the cell was scored on.")] = "auto",
    plugins: Plugins = None,
) -> int:
    """Write the first samples of a cell as a picture (.png), an archive (.npz) or a folder of pictures.

    Raises:
        GanbenchError: the folder, the cell, a number, the device or the target cannot be used.
    """
    from ganbench.execution.executor import THREADS
    from ganbench.execution.plan import resolve_device
    from ganbench.execution.verification import device_of
    from ganbench.runner import CellParts, SharedParts
    from ganbench.store import Store, require_foreign
    from ganbench.training import deterministic_process

    if not 1 <= count <= _MAX_COUNT:
        raise GridError(f"--count: must be from 1 to {_MAX_COUNT}, given {count}")
    if out.suffix not in (".png", ".npz", ""):
        raise GridError(f"--out: must end in .png or .npz, or be a folder, given {str(out)!r}")
    require_foreign(out)
    store = Store(folder).require()
    catalog = load_catalog(plugins=plugins or ())
    chosen = _cell(store, cell, catalog)
    if not 0 <= repeat < chosen.score.repeats:
        raise GridError(
            f"--repeat: must be from 0 to {chosen.score.repeats - 1}, as score.repeats of the grid is "
            f"{chosen.score.repeats}, given {repeat}"
        )
    with deterministic_process(THREADS):
        place = device_of(store, chosen) if device == "auto" else resolve_device(device)
        parts = CellParts(chosen, SharedParts(catalog), place)
        _warn(store, parts)
        samples = _samples(store, parts, count, repeat)
        _write(samples, out, lambda: _picture(samples, parts))
    output().print(plain(f"{count} samples of {cell}: {out}"), soft_wrap=True)
    return 0


def _cell(store: Store, wanted: str, catalog: Catalog) -> Cell:
    """Find the finished cell with this id in the folder's grid."""
    from ganbench.store.stored_grid import read_stored_grid

    known = {cell.id: cell for cell in read_stored_grid(store, catalog).cells}
    if wanted not in known:
        near = did_you_mean(wanted, known)
        hint = near if near.startswith("; did") else "; see the first column of cells.csv"
        raise StoreError(f"{store.path}: no cell {wanted!r} in its grid{hint}")
    if not store.has_generator(wanted):
        raise StoreError(f"{store.path}: cell {wanted} has no weights: it has not ended well, or not yet")
    return known[wanted]


def _warn(store: Store, parts: CellParts) -> None:
    """Say on stderr where samples may come out otherwise than those that were scored."""
    from ganbench.execution.executor import THREADS
    from ganbench.execution.verification import changes_since

    cell = parts.cell
    try:
        changes = changes_since(store, parts, threads=THREADS)
        what = f"{cell.id} was scored elsewhere ({'; '.join(changes)})" if changes else ""
    except StoreError as error:
        what = f"nothing says where {cell.id} was scored ({error})"
    warn(parts.shared.catalog.notes)
    if what:
        warn([f"{what}: samples may differ from those that were scored"])


def _samples(store: Store, parts: CellParts, count: int, repeat: int) -> Samples:
    import torch

    from ganbench.grid.seeds import score_seed
    from ganbench.runner import generate_samples
    from ganbench.runner.checkpoint import load_generator
    from ganbench.scoring import NonFiniteSamples

    cell = parts.cell
    generator = load_generator(store, parts)
    try:
        return generate_samples(
            generator,
            parts.players,
            parts.dataset.signature,
            # Conditions come from the split that the scores are against.
            parts.reference,
            count,
            score_seed(cell, repeat),
            torch.device(parts.device),
        )
    except NonFiniteSamples as error:
        raise StoreError(f"{store.path}: the weights of {cell.id} are damaged: {error}") from error


def _picture(samples: Samples, parts: CellParts) -> bytes:
    from ganbench.runner.cell_pictures import frame_for
    from ganbench.runner.sample_pictures import draw_samples

    signature = parts.dataset.signature
    frame = None if signature.kind == "image" else frame_for(parts)
    return draw_samples(samples, signature, parts.train, frame)


def _write(samples: Samples, out: Path, draw: Callable[[], bytes]) -> None:
    """Write all of it or nothing."""
    from ganbench.runner.sample_pictures import write_images

    if out.suffix == "":
        write_folder(out, lambda folder: write_images(samples, folder))
        return
    make_folder(out.parent)
    if out.suffix == ".png":
        write_bytes(out, draw())
    else:
        write_stream(out, lambda stream: _write_arrays(samples, stream))


def _write_arrays(samples: Samples, stream: BinaryIO) -> None:
    import numpy as np

    parts = {
        "x": samples.x,
        "labels": samples.labels,
        "condition": samples.condition,
        "index": samples.index,
    }
    np.savez(
        stream, allow_pickle=False, **{name: part.numpy() for name, part in parts.items() if part is not None}
    )
