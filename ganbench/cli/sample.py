"""`ganbench sample DIR CELL`: the very samples that were scored."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from ganbench.catalog import load_catalog
from ganbench.cli.console import output, say, warn
from ganbench.cli.parsing import Best, Folder, Plugins
from ganbench.errors import GridError, StoreError
from ganbench.files.atomic import make_folder, write_bytes, write_folder, write_stream

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench.api import Samples
    from ganbench.runner import CellParts
    from ganbench.runner.best_generator import KeptBest
    from ganbench.store import Store

_MAX_COUNT = 1_000_000


@dataclass(frozen=True, kw_only=True)
class _SampleRequest:
    """Which samples are wanted."""

    count: int
    repeat: int
    seed: int | None
    classes: tuple[int, ...]
    condition: Path | None
    truncation: float | None
    best: KeptBest | None

    @property
    def words(self) -> list[str]:
        """What makes them others than those that were scored."""
        numbers = ", ".join(map(str, self.classes))
        return [
            *([self.best.words] if self.best is not None else []),
            *([f"class{'es' if len(self.classes) > 1 else ''} {numbers}"] if self.classes else []),
            *([f"conditions of {self.condition.name}"] if self.condition is not None else []),
            *([f"truncation {self.truncation:g}"] if self.truncation is not None else []),
            *([f"noise of seed {self.seed}"] if self.seed is not None else []),
        ]

    @property
    def numbers(self) -> dict[str, float]:
        """What an archive says of noise that was not scored, and of weights that are not the final ones."""
        step = None if self.best is None else self.best.step
        told = {"best_step": step, "seed": self.seed, "truncation": self.truncation}
        return {name: value for name, value in told.items() if value is not None}


def sample_command(
    folder: Folder,
    cell: Annotated[str, typer.Argument(metavar="CELL", help="As in the first column of cells.csv.")],
    count: Annotated[int, typer.Option(help="How many.")] = 64,
    repeat: Annotated[int, typer.Option(metavar="K", help="As in scores.csv, where score.repeats > 1.")] = 0,
    seed: Annotated[
        int | None, typer.Option(help="Of the noise; default: that of the samples that were scored.")
    ] = None,
    classes: Annotated[
        list[int] | None,
        typer.Option("--class", metavar="N", help="Samples of this class; repeatable: they take turns."),
    ] = None,
    condition: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Made from these conditions in turn: .npy, .npz or a picture."),
    ] = None,
    best: Best = False,
    truncation: Annotated[
        float | None, typer.Option(help="Draw noise beyond this magnitude again: the truncation trick.")
    ] = None,
    out: Annotated[Path, typer.Option(help="FILE.png, FILE.npz, or a folder for one PNG each.")] = Path(
        "samples.png"
    ),
    device: Annotated[str, typer.Option(help="auto: the one that the cell was scored on.")] = "auto",
    plugins: Plugins = None,
) -> int:
    """Write the first samples of a cell as a picture (.png), an archive (.npz) or a folder of pictures.

    They are those that were scored, unless a seed, classes, conditions or a truncation are given: then what
    was given is written with them. With --best they are those that the best weights were scored anew by.

    Raises:
        GanbenchError: the folder, the cell, a number, the conditions, the device or the target cannot be
            used.
    """
    from ganbench.files.data_paths import GRID_VARIABLE, data_paths_set
    from ganbench.runner import CellParts, SharedParts
    from ganbench.runner.best_generator import kept_best
    from ganbench.runner.devices import THREADS, device_of, resolve_device
    from ganbench.store import Store, require_foreign
    from ganbench.store.stored_grid import finished_cell
    from ganbench.training import deterministic_process

    if not 1 <= count <= _MAX_COUNT:
        raise GridError(f"--count: must be from 1 to {_MAX_COUNT}, given {count}")
    if out.suffix not in (".png", ".npz", ""):
        raise GridError(f"--out: must end in .png or .npz, or be a folder, given {str(out)!r}")
    require_foreign(out)
    store = Store(folder).require()
    catalog = load_catalog(plugins=plugins or ())
    chosen = finished_cell(store, cell, catalog)
    kept = kept_best(store, chosen) if best else None
    if kept is not None and repeat:
        raise GridError(f"--repeat: must be 0 with --best, which is scored on one sample set, given {repeat}")
    if not 0 <= repeat < chosen.score.repeats:
        raise GridError(
            f"--repeat: must be from 0 to {chosen.score.repeats - 1}, as score.repeats of the grid is "
            f"{chosen.score.repeats}, given {repeat}"
        )
    request = _SampleRequest(
        count=count,
        repeat=repeat,
        seed=seed,
        classes=tuple(classes or ()),
        condition=condition,
        truncation=truncation,
        best=kept,
    )
    _require_numbers(request)
    paths = {GRID_VARIABLE: store.grid_folder() or None}
    with data_paths_set(paths), deterministic_process(THREADS):
        place = device_of(store, chosen) if device == "auto" else resolve_device(device)
        parts = CellParts(chosen, SharedParts(catalog), place)
        given = _given(request, parts)
        _warn(store, parts)
        samples = _samples(store, parts, request, given)
        described = f"{count} samples of {', '.join([cell, *request.words])}"
        description = described if request.words else ""
        many = 0 if given is None else len(given)
        _write(samples, out, lambda: _picture(samples, parts, description), request, many)
    say(output(), f"{described}: {out}")
    return 0


def _require_numbers(request: _SampleRequest) -> None:
    """Refuse options that fit no cell.

    Raises:
        GridError: a number is out of its range, or two options contradict each other.
    """
    if request.seed is not None and not 0 <= request.seed < 2**31:
        raise GridError(f"--seed: must be from 0 to {2**31 - 1}, given {request.seed}")
    if request.truncation is not None and not 0 < request.truncation < math.inf:
        raise GridError(f"--truncation: must be above 0, given {request.truncation:g}")
    if request.classes and request.condition is not None:
        raise GridError("--class: cannot be given beside --condition")
    if len(request.classes) > request.count:
        raise GridError(f"--class: {len(request.classes)} classes are given, and --count is {request.count}")


def _given(request: _SampleRequest, parts: CellParts) -> Tensor | None:
    """Give the conditions that were asked for; None for those of the data.

    Raises:
        GanbenchError: the generator takes no such conditions, or its noise cannot be truncated.
    """
    from ganbench.runner.given_conditions import given_classes, read_conditions

    noise = parts.players.noise
    if request.truncation is not None and noise.distribution != "normal":
        raise GridError(
            f"--truncation: is of normal noise, and architecture {parts.cell.architecture.label!r} draws "
            f"{noise.distribution} noise"
        )
    if request.classes:
        return given_classes(parts, request.classes)
    return None if request.condition is None else read_conditions(parts, request.condition)


def _warn(store: Store, parts: CellParts) -> None:
    """Say on stderr where samples may come out otherwise than those that were scored."""
    from ganbench.execution.verification import changes_since
    from ganbench.runner.devices import THREADS

    cell = parts.cell
    try:
        changes = changes_since(store, parts, threads=THREADS)
        what = f"{cell.id} was scored elsewhere ({'; '.join(changes)})" if changes else ""
    except StoreError as error:
        what = f"nothing says where {cell.id} was scored ({error})"
    warn(parts.shared.catalog.notes)
    if what:
        warn([f"{what}: samples may differ from those that were scored"])


def _samples(store: Store, parts: CellParts, request: _SampleRequest, given: Tensor | None) -> Samples:
    from ganbench.runner.cell_generator import cell_samples
    from ganbench.runner.checkpoint import load_generator
    from ganbench.scoring import NonFiniteSamples

    cell = parts.cell
    generator = load_generator(store, parts, request.best)
    try:
        return cell_samples(
            generator,
            parts,
            request.count,
            repeat=request.repeat,
            seed=request.seed,
            given=given,
            truncation=request.truncation,
            best=request.best is not None,
        )
    except NonFiniteSamples as error:
        if request.words:
            raise GridError(f"{cell.id}, {', '.join(request.words)}: {error}") from error
        raise StoreError(f"{store.path}: the weights of {cell.id} are damaged: {error}") from error


def _picture(samples: Samples, parts: CellParts, description: str) -> bytes:
    from ganbench.runner.captioned_pictures import content_of
    from ganbench.runner.cell_pictures import frame_for
    from ganbench.runner.sample_pictures import draw_samples

    signature = parts.dataset.signature
    frame = None if signature.kind == "image" else frame_for(parts)
    targets = None if samples.index is None or signature.kind != "image" else parts.reference.x[samples.index]
    content = content_of(samples, parts.dataset, targets)
    return draw_samples(samples, signature, parts.train, frame, content, description)


def _write(
    samples: Samples, out: Path, draw: Callable[[], bytes], request: _SampleRequest, given: int
) -> None:
    """Write all of it or nothing."""
    from ganbench.runner.sample_pictures import write_images

    if out.suffix == "":
        write_folder(out, lambda folder: write_images(samples, folder, _endings(samples, request, given)))
        return
    if out.suffix == ".png":
        content = draw()
        make_folder(out.parent)
        write_bytes(out, content)
    else:
        make_folder(out.parent)
        write_stream(out, lambda stream: _write_arrays(samples, stream, request))


def _endings(samples: Samples, request: _SampleRequest, given: int) -> list[str]:
    """Say in the name of each file of a folder what was given for it; nothing where nothing was.

    Args:
        samples: what is written.
        request: what was asked for.
        given: conditions that were given, which the samples took in turn.
    """
    noise = "".join(f"-{name}{value}" for name, value in request.numbers.items())
    if samples.labels is not None and request.classes:
        return [f"-class{label}{noise}" for label in samples.labels.tolist()]
    if samples.condition is not None and request.condition is not None:
        return [f"-condition{place % given}{noise}" for place in range(len(samples))]
    return [noise] * len(samples)


def _write_arrays(samples: Samples, stream: BinaryIO, request: _SampleRequest) -> None:
    import numpy as np

    parts = {
        "x": samples.x,
        "labels": samples.labels,
        "condition": samples.condition,
        "index": samples.index,
    }
    arrays = {name: part.numpy() for name, part in parts.items() if part is not None}
    arrays |= {name: np.asarray(value) for name, value in request.numbers.items()}
    np.savez(stream, allow_pickle=False, **arrays)
