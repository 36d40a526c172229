"""`ganbench sample DIR CELL`: the very samples that were scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ganbench.api import Samples
from ganbench.catalog import load_catalog
from ganbench.cli.console import output, plain
from ganbench.errors import GridError, StoreError
from ganbench.grid import Cell, read_grid
from ganbench.grid.seeds import score_seed
from ganbench.runner import dataset_of, generate_samples, players_of, samples_of
from ganbench.runner.picture import draw_samples, write_images
from ganbench.scoring import NonFiniteSamples
from ganbench.store import Store
from ganbench.training import deterministic, prepare_process

_MOST = 1_000_000
# Names and shapes of the weights, and more precision than the networks have here.
_SLACK = 2**24


def sample_command(folder: Path, cell: str, *, count: int, out: Path) -> int:
    """Write the first samples of a cell as a picture (.png), an archive (.npz) or a folder of pictures.

    Raises:
        GanbenchError: the folder, the cell, the count or the target cannot be used.
    """
    if not 1 <= count <= _MOST:
        raise GridError(f"--count: must be from 1 to {_MOST}, given {count}")
    if out.suffix not in (".png", ".npz", ""):
        raise GridError(f"--out: must end in .png or .npz, or be a folder, given {str(out)!r}")
    store = Store(folder).require()
    chosen = _cell(store, cell)
    # As in a worker: the number of threads decides bits.
    prepare_process(threads=1)
    signature = dataset_of(chosen.dataset).signature
    data = samples_of(chosen.dataset, "train")
    players = players_of(chosen)
    if chosen.train.precision == "float64":
        players.generator.double()
    try:
        expected = sum(tensor.nbytes for tensor in players.generator.state_dict().values())
        players.generator.load_state_dict(store.generator(cell, limit=2 * expected + _SLACK))
    except RuntimeError as error:
        raise StoreError(f"{folder}: the weights of {cell} do not fit {chosen.architecture.label}") from error
    try:
        with deterministic():
            samples = generate_samples(
                players.generator, players, signature, data, count, score_seed(chosen), torch.device("cpu")
            )
    except NonFiniteSamples as error:
        raise StoreError(f"{folder}: the weights of {cell} are damaged: {error}") from error
    try:
        _write(samples, out, lambda: draw_samples(samples, signature, data))
    except OSError as error:
        raise StoreError(f"{out}: cannot be written: {error.strerror or error}") from error
    output().print(plain(f"{count} samples of {cell}: {out}"), soft_wrap=True)
    return 0


def _cell(store: Store, wanted: str) -> Cell:
    """The cell of the folder's grid with this id, finished."""
    grid = read_grid(store.grid(), load_catalog())
    for cell in grid.cells:
        if cell.id == wanted:
            if not store.has_generator(wanted):
                raise StoreError(
                    f"{store.path}: cell {wanted} has no weights: it has not ended well, or not yet"
                )
            return cell
    raise StoreError(f"{store.path}: no cell {wanted!r} in its grid; see the first column of cells.csv")


def _write(samples: Samples, out: Path, draw: Callable[[], bytes]) -> None:
    if out.suffix == ".npz":
        out.parent.mkdir(parents=True, exist_ok=True)
        if samples.labels is None:
            np.savez(out, x=samples.x.numpy())
        else:
            np.savez(out, x=samples.x.numpy(), labels=samples.labels.numpy())
    elif out.suffix == ".png":
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(draw())
    else:
        write_images(samples, out)
