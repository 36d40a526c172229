"""The generator of a finished cell as a module that makes samples."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.api import Samples
from ganbench.catalog.faults import calling
from ganbench.errors import GridError
from ganbench.files.data_paths import GRID_VARIABLE, data_paths_set
from ganbench.grid import Cell
from ganbench.grid.seeds import best_seed, score_seed
from ganbench.runner.best_generator import KeptBest, kept_best
from ganbench.runner.build import CellParts
from ganbench.runner.checkpoint import load_generator
from ganbench.runner.devices import THREADS, device_of, resolve_device
from ganbench.runner.given_conditions import given_classes
from ganbench.runner.sampling import generate_samples
from ganbench.runner.shared_parts import SharedParts
from ganbench.scoring import NonFiniteSamples
from ganbench.store import Store
from ganbench.store.stored_grid import finished_cell
from ganbench.training import deterministic_process

MAX_SAMPLES = 1_000_000
MAX_SEED = 2**31 - 1


class CellGenerator(nn.Module):
    """The generator of a finished cell, with its stored weights, in eval mode.

    `generator(noise, condition=None)` gives float samples (n, *signature.shape) with gradients, as the
    network makes them; `sample` gives samples as they are scored.

    Attributes:
        cell: its id.
        module: the network; its state is that of the cell's generator.safetensors, or of its
            generator-best.safetensors.
        best: which scoring's weights they are, where they are those that `score.keep_best` kept; None for
            the final ones.
        noise: size and distribution of its input.
        signature: shape and kind of one sample, classes and conditions of the data.
        range: smallest and largest value of an image, which `sample` maps to 0 and 255; None for points,
            whose values have no bounds.
        classes: number of classes that it is given labels of; None where it takes no labels.
        condition: shape of one condition; None where it takes none that is not a label.
        scored_samples: number of samples that each scoring is of.
        parts: what the cell is built from.
        store: the results folder.
    """

    def __init__(self, store: Store, parts: CellParts, best: KeptBest | None = None) -> None:
        """Load the weights.

        Args:
            store: the results folder.
            parts: of the cell.
            best: given, the weights are those that were kept as the best; else the final ones.

        Raises:
            StoreError: there are none, they are damaged, or they do not fit.
        """
        super().__init__()
        self.cell = parts.cell.id
        self.module = load_generator(store, parts, best)
        self.best = best
        self.noise = parts.players.noise
        self.signature = parts.dataset.signature
        self.range = (-1.0, 1.0) if self.signature.kind == "image" else None
        conditional = parts.players.takes_condition("generator")
        self.condition = self.signature.condition if conditional else None
        self.classes = self.signature.classes if conditional and self.condition is None else None
        self.scored_samples = parts.cell.score.samples
        self.parts = parts
        self.store = store
        self.eval()

    @property
    def scored_seed(self) -> int:
        """The seed of the noise whose samples were scored."""
        return scored_seed(self.parts.cell, best=self.best is not None)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Generate float samples (n, *signature.shape).

        Args:
            noise: (n, noise.size).
            condition: labels, int64 (n,), or conditions (n, *condition), where it takes any.
        """
        samples: Tensor = self.module(noise) if condition is None else self.module(noise, condition)
        return samples

    def sample(
        self,
        n: int,
        seed: int | None = None,
        class_: int | Sequence[int] | None = None,
        *,
        repeat: int = 0,
    ) -> Samples:
        """Generate the samples that `ganbench sample` writes, bit for bit; fewer are the first of more.

        torch's switches and threads are those of a worker meanwhile, and the caller's afterwards.

        Args:
            n: how many, 1 to 1,000,000.
            seed: of the noise, 0 to 2^31 - 1, the same for the final and the best weights; unless given, the
                samples are those that were scored. (The best weights are scored anew at the end; with the
                cell's own seed the samples are those that they were chosen by.)
            class_: of which class they are; of several, they take turns. Unless given, classes and
                conditions are drawn from the data that scores are against.
            repeat: which of the sample sets that were scored, where `score.repeats` is above 1; 0 for the
                best weights.

        Returns:
            On the CPU, uint8 (n, C, H, W) for images or float32 (n, d) for points, with the labels and
            conditions that they were made from.

        Raises:
            GridError: a number is out of its range, there is no such class, or a sample is not finite.
            DatasetError: the data whose conditions it takes are not there.
        """
        cell = self.parts.cell
        n = _whole("n", n, 1, MAX_SAMPLES)
        repeat = _whole("repeat", repeat, 0, cell.score.repeats - 1 if self.best is None else 0)
        if seed is not None:
            seed = _whole("seed", seed, 0, MAX_SEED)
        with _as_in_a_worker(self.store):
            given = None
            if class_ is not None:
                classes = _classes(class_)
                if not 1 <= len(classes) <= n:
                    raise GridError(f"class_: must be 1 to {n} classes, as n is {n}, given {len(classes)}")
                given = given_classes(self.parts, classes)
            try:
                return cell_samples(
                    self.module,
                    self.parts,
                    n,
                    repeat=repeat,
                    seed=seed,
                    given=given,
                    best=self.best is not None,
                )
            except NonFiniteSamples as error:
                raise GridError(f"{cell.id}: {error}") from error


def open_generator(
    store: Store, cell: str, shared: SharedParts, device: str = "auto", *, best: bool = False
) -> CellGenerator:
    """Load the generator of a finished cell.

    Args:
        store: the results folder.
        cell: the cell's id.
        shared: builds the cell's parts.
        device: where it is put; `auto` is the device that the cell was trained on, where this machine has it.
        best: whether to load the weights that `score.keep_best` kept in place of the final ones.

    Raises:
        GanbenchError: the grid needs a plugin that is missing, the cell is not in it, is not finished or has
            kept no best, the weights are damaged, or the device is not there.
    """
    chosen = finished_cell(store, cell, shared.catalog)
    kept = kept_best(store, chosen) if best else None
    with _as_in_a_worker(store):
        place = device_of(store, chosen) if device == "auto" else resolve_device(device)
        return CellGenerator(store, CellParts(chosen, shared, place), kept)


def scored_seed(cell: Cell, *, repeat: int = 0, seed: int | None = None, best: bool = False) -> int:
    """Derive the seed of the noise of samples.

    Args:
        cell: which.
        repeat: index of the sample set.
        seed: in place of the cell's own; of such noise the final and the best generator make samples alike.
        best: whether the generator is the best, whose scored samples have noise of their own.
    """
    if best and seed is None:
        return best_seed(cell)
    return score_seed(cell if seed is None else replace(cell, seed=seed), repeat)


def cell_samples(
    generator: nn.Module,
    parts: CellParts,
    count: int,
    *,
    repeat: int = 0,
    seed: int | None = None,
    given: Tensor | None = None,
    truncation: float | None = None,
    best: bool = False,
) -> Samples:
    """Generate samples of a cell as they are scored.

    Args:
        generator: of the parts' players, with its stored weights.
        parts: of the cell, with the device where the generator is.
        count: how many.
        repeat: index of the sample set.
        seed: of the noise; that of the samples that were scored unless given.
        given: as for `generate_samples`.
        truncation: likewise.
        best: whether the weights are those that were kept as the best.

    Raises:
        NonFiniteSamples: there is NaN or infinity among them.
        PluginError: the generator's code failed.
    """
    cell, players, signature = parts.cell, parts.players, parts.dataset.signature
    # Conditions come from the split that the scores are against.
    data = parts.reference if players.takes_condition("generator") else Samples(x=torch.empty(0, 1))
    device = next((tensor.device for tensor in generator.parameters()), torch.device(parts.device))
    with calling(parts.shared.part("architecture", cell.architecture), "forward of the generator"):
        return generate_samples(
            generator,
            players,
            signature,
            data,
            count,
            scored_seed(cell, repeat=repeat, seed=seed, best=best),
            device,
            given=given,
            truncation=truncation,
        )


@contextmanager
def _as_in_a_worker(store: Store) -> Iterator[None]:
    """Set threads, torch's switches and the grid's folder as they are where a cell of a folder is scored."""
    with data_paths_set({GRID_VARIABLE: store.grid_folder() or None}), deterministic_process(THREADS):
        yield


def _whole(name: str, value: object, low: int, high: int) -> int:
    number = _index(value)
    if number is None or not low <= number <= high:
        raise GridError(f"{name}: must be a whole number from {low} to {high}, given {value!r}")
    return number


def _classes(given: Any) -> list[int]:
    one = _index(given)
    if one is not None:
        return [one]
    try:
        numbers = [_index(each) for each in given]
    except TypeError:  # also of an array or tensor without dimensions
        numbers = [None]
    classes = [number for number in numbers if number is not None]
    if len(classes) < len(numbers):
        raise GridError(f"class_: must be a whole number or a list of them, given {given!r}")
    return classes


def _index(value: Any) -> int | None:
    """Read a whole number of Python, numpy or torch; None where it is something else."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None
