"""`ganbench sample DIR CELL`: the very samples that were scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from ganbench.catalog import load_catalog
from ganbench.cli.console import output, plain, warn
from ganbench.cli.parsing import Folder
from ganbench.errors import GridError, StoreError, did_you_mean
from ganbench.files.atomic import make_folder, write_bytes, write_folder, write_stream

if TYPE_CHECKING:
    from ganbench.api import Players, Samples
    from ganbench.grid import Cell
    from ganbench.store import Store

_MAX_COUNT = 1_000_000
# Names and shapes of the weights, and more precision than the networks have here.
_SLACK = 2**24


def sample_command(
    folder: Folder,
    cell: Annotated[str, typer.Argument(metavar="CELL", help="As in the first column of cells.csv.")],
    count: Annotated[int, typer.Option(help="How many.")] = 64,
    repeat: Annotated[int, typer.Option(metavar="K", help="As in scores.csv, where score.repeats > 1.")] = 0,
    out: Annotated[Path, typer.Option(help="FILE.png, FILE.npz, or a folder for one PNG each.")] = Path(
        "samples.png"
    ),
    device: Annotated[str, typer.Option(help="auto: the one that the cell was scored on.")] = "auto",
) -> int:
    """Write the first samples of a cell as a picture (.png), an archive (.npz) or a folder of pictures.

    Raises:
        GanbenchError: the folder, the cell, a number, the device or the target cannot be used.
    """
    from ganbench.execution.executor import THREADS
    from ganbench.execution.plan import resolve_device
    from ganbench.execution.verification import device_of
    from ganbench.store import Store, require_foreign
    from ganbench.training import deterministic_process

    if not 1 <= count <= _MAX_COUNT:
        raise GridError(f"--count: must be from 1 to {_MAX_COUNT}, given {count}")
    if out.suffix not in (".png", ".npz", ""):
        raise GridError(f"--out: must end in .png or .npz, or be a folder, given {str(out)!r}")
    require_foreign(out)
    store = Store(folder).require()
    chosen = _cell(store, cell)
    if not 0 <= repeat < chosen.score.repeats:
        raise GridError(
            f"--repeat: must be from 0 to {chosen.score.repeats - 1}, as score.repeats of the grid is "
            f"{chosen.score.repeats}, given {repeat}"
        )
    with deterministic_process(THREADS):
        place = device_of(store, chosen) if device == "auto" else resolve_device(device)
        _warn(store, chosen, place)
        samples = _samples(store, chosen, count, repeat, place)
        _write(samples, out, lambda: _picture(samples, chosen))
    output().print(plain(f"{count} samples of {cell}: {out}"), soft_wrap=True)
    return 0


def _cell(store: Store, wanted: str) -> Cell:
    """Find the finished cell with this id in the folder's grid."""
    from ganbench.grid import read_grid

    known = {cell.id: cell for cell in read_grid(store.grid(), load_catalog()).cells}
    if wanted not in known:
        near = did_you_mean(wanted, known)
        hint = near if near.startswith("; did") else "; see the first column of cells.csv"
        raise StoreError(f"{store.path}: no cell {wanted!r} in its grid{hint}")
    if not store.has_generator(wanted):
        raise StoreError(f"{store.path}: cell {wanted} has no weights: it has not ended well, or not yet")
    return known[wanted]


def _warn(store: Store, cell: Cell, device: str) -> None:
    """Say on stderr where samples may come out otherwise than those that were scored."""
    from ganbench.execution.executor import THREADS
    from ganbench.execution.verification import changes_since

    try:
        changes = changes_since(store, cell, device=device, threads=THREADS)
        what = f"{cell.id} was scored elsewhere ({'; '.join(changes)})" if changes else ""
    except StoreError as error:
        what = f"nothing says where {cell.id} was scored ({error})"
    warn(load_catalog().notes)
    if what:
        warn([f"{what}: samples may differ from those that were scored"])


def _samples(store: Store, cell: Cell, count: int, repeat: int, place: str) -> Samples:
    import torch

    from ganbench.grid.seeds import score_seed
    from ganbench.runner import build_players, dataset_of, generate_samples, samples_of
    from ganbench.scoring import NonFiniteSamples

    device = torch.device(place)
    players = build_players(cell)
    _load(store, cell, players)
    try:
        return generate_samples(
            players.generator.to(device),
            players,
            dataset_of(cell.dataset).signature,
            # Conditions come from the split that the scores are against.
            samples_of(cell.dataset, cell.score.reference),
            count,
            score_seed(cell, repeat),
            device,
        )
    except NonFiniteSamples as error:
        raise StoreError(f"{store.path}: the weights of {cell.id} are damaged: {error}") from error


def _load(store: Store, cell: Cell, players: Players) -> None:
    generator = players.generator
    if cell.train.precision == "float64":
        generator.double()
    try:
        expected = sum(tensor.nbytes for tensor in generator.state_dict().values())
        generator.load_state_dict(store.generator(cell.id, limit=2 * expected + _SLACK))
    except RuntimeError as error:
        raise StoreError(
            f"{store.path}: the weights of {cell.id} do not fit {cell.architecture.label}"
        ) from error


def _picture(samples: Samples, cell: Cell) -> bytes:
    from ganbench.runner import dataset_of, samples_of
    from ganbench.runner.cell_pictures import frame_for
    from ganbench.runner.sample_pictures import draw_samples

    signature = dataset_of(cell.dataset).signature
    frame = None if signature.kind == "image" else frame_for(cell)
    return draw_samples(samples, signature, samples_of(cell.dataset, "train"), frame)


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
