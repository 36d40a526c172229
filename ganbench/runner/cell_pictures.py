"""The pictures that a cell leaves behind: its samples as they became, real ones, and their neighbours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganbench.api import Players, Samples
from ganbench.errors import GanbenchError
from ganbench.files.png import encode_png
from ganbench.files.spread import spread
from ganbench.grid.seeds import score_seed
from ganbench.runner.between_pictures import between_conditions, content_between
from ganbench.runner.build import CellParts
from ganbench.runner.captioned_pictures import (
    Blocks,
    content_of,
    draw_small,
    has_picture_conditions,
    zooms,
)
from ganbench.runner.point_figure import PointFigure
from ganbench.runner.point_pictures import MAX_POINTS, Span, draw_plane, frame_of, surface_of
from ganbench.runner.sample_pictures import draw_samples, shown, tiled
from ganbench.runner.sampling import chosen, generate_samples
from ganbench.runner.shared_dataset import described_on_trial
from ganbench.runner.tiles import SIDE, reduced
from ganbench.scoring import NonFiniteSamples
from ganbench.store import Store
from ganbench.training.cell_game import logit_of

# Scoring often must not fill the disk: so many steps say how training went.
MAX_STEPS = 60
_MAX_CLASSES = 20
_NEIGHBOURS = 3
_PAIRS = 6
_ZOOMED_PAIRS = 3
# Of the training set, at a time.
_COMPARED_NUMBERS = 2**23


class CellPictures:
    """The pictures of one cell, written as training goes on; equal training gives equal bytes."""

    def __init__(self, store: Store, parts: CellParts, steps: Sequence[int]) -> None:
        """Settle which steps are kept.

        Args:
            store: where the pictures go.
            parts: of the cell; its loss says what the discriminator's scores mean.
            steps: those that are scored; of more than 60, as many of them, evenly spread, are kept.
        """
        self._store, self._parts, self._cell = store, parts, parts.cell
        self._kept = frozenset(spread(list(steps), MAX_STEPS))
        self._last = max(steps)
        self._signature = parts.dataset.signature
        self._data = parts.train
        self._real_shown = False

    @cached_property
    def _frame(self) -> list[Span]:
        return frame_for(self._parts) if self._signature.kind != "image" else []

    @cached_property
    def _figure(self) -> PointFigure:
        return PointFigure(self._data.x, self._frame)

    @cached_property
    def _fixed(self) -> tuple[Tensor, Tensor | None] | None:
        return fixed_conditions(self._parts)

    def keep(self, step: int, generator: nn.Module, samples: Samples, players: Players | None) -> None:
        """Draw the samples of one step.

        Conditions that are pictures, or that the data set describes, are a few of the test split, the same
        for every cell.

        Args:
            step: generator updates done.
            generator: the one that is scored.
            samples: those that are scored; the same noise at each step.
            players: as they are now; None where only the stored generator is left.

        Raises:
            StoreError: the file system refuses.
        """
        store, cell, signature = self._store, self._cell, self._signature
        seen, content = self._seen(generator, samples)
        store.write_picture(cell.id, self._picture(seen, content))
        if not self._real_shown:
            store.write_reference_picture(cell.dataset.label, self._reference())
            self._real_shown = True
        # What was drawn with the discriminator at hand stays.
        if step in self._kept and (players is not None or step not in store.sample_pictures(cell.id)):
            store.write_step_picture(
                cell.id, step, self._drawn(seen, players) if content is None else draw_small(content)
            )
        if step == self._last and signature.kind == "image":
            store.write_neighbours_picture(cell.id, self._neighbours(samples.x[:SIDE]))
        ends = between_conditions(self._parts, None if self._fixed is None else self._fixed[0])
        if step == self._last and ends is not None:
            # What is scored is finite, so the cell has not diverged.
            with contextlib.suppress(NonFiniteSamples):
                strips = content_between(generator, self._parts, ends, score_seed(cell, 0))
                store.write_between_picture(cell.id, draw_small(strips))

    def _seen(self, generator: nn.Module, samples: Samples) -> tuple[Samples, Blocks | None]:
        """Choose the samples that the pictures show, and the words that go with them."""
        dataset, targets = self._parts.dataset, None
        seen = shown(samples, self._signature)
        if samples.condition is not None and self._fixed is not None:
            given, targets = self._fixed
            # What is scored is finite, so the cell has not diverged.
            with contextlib.suppress(NonFiniteSamples):
                seen = generate_samples(
                    generator,
                    self._parts.players,
                    self._signature,
                    self._parts.reference,
                    len(given) * (SIDE if targets is None else 1),
                    score_seed(self._cell, 0),
                    torch.device(self._parts.device),
                    given=given,
                )
        if seen.index is not None:
            targets = None
        return seen, content_of(seen, dataset, targets)

    def _picture(self, seen: Samples, content: Blocks | None) -> bytes:
        if self._signature.kind == "image":
            return draw_samples(seen, self._signature, self._data, content=content)
        return encode_png(self._figure.draw(seen.x))

    def _drawn(self, seen: Samples, players: Players | None) -> bytes:
        if self._signature.kind == "image":
            return encode_png(tiled(_reduced(seen)))
        surface = None
        conditional = players is not None and players.takes_condition("discriminator")
        if players is not None and not conditional and not players.couples_samples:
            logit = logit_of(self._parts.loss.loss, self._parts.loss.outputs)
            if logit is not None and self._signature.shape == (len(self._frame),):
                surface = self._surface(players.discriminator, logit)
        return encode_png(draw_plane(self._data.x, seen.x, surface, self._frame))

    def _surface(self, discriminator: nn.Module, logit: Callable[[Tensor], Tensor]) -> NDArray[Any] | None:
        """D over the plane, or nothing where D cannot be asked: no picture is worth a cell."""
        # A net may draw noise of its own: training has its stream to itself, so nothing of it moves.
        try:
            return surface_of(discriminator, logit, self._frame, torch.device(self._parts.device))
        except Exception:  # a plugin's net that takes batches of one size only, or cannot be copied
            return None

    def _reference(self) -> bytes:
        """Real samples, placed as generated ones are: by class where there are classes."""
        data, signature = self._data, self._signature
        if signature.kind != "image":
            return encode_png(draw_plane(data.x, None, None, frame_of(data.x)))
        few = signature.classes is not None and signature.classes <= _MAX_CLASSES
        if data.labels is not None and few:
            return encode_png(tiled(_reduced(shown(data, signature))))
        # Data may lie sorted.
        rows = torch.tensor(spread(range(len(data)), SIDE * SIDE))
        return encode_png(tiled(_reduced(Samples(x=data.x[rows]))))

    def _neighbours(self, x: Tensor) -> bytes:
        """Draw generated images in the first row; below each its nearest training images, nearest first."""
        nearest = nearest_rows(x, self._data.x, _NEIGHBOURS)
        places = nearest.T.flatten()
        filled = torch.cat([x, chosen(self._data, places).x])
        return encode_png(tiled(_reduced(Samples(x=filled))))


def fixed_conditions(parts: CellParts) -> tuple[Tensor, Tensor | None] | None:
    """Choose conditions of the test split that the pictures of all cells show.

    Six where conditions are pictures, three where these have a zoom; else eight, as far as there are so many
    that are described in different words.

    Returns:
        The conditions, and of pictures the data's own images of them, uint8; None where conditions are
        labels, or there is no way to show them.
    """
    dataset = parts.dataset
    signature = dataset.signature
    pairs = has_picture_conditions(signature)
    if signature.kind != "image" or signature.condition is None or not (pairs or dataset.describes):
        return None
    try:
        data = dataset.load("test")
    except GanbenchError:
        data = parts.reference
    tried = described_on_trial(data)
    assert tried.condition is not None
    if pairs:
        rows = torch.tensor(spread(range(len(tried)), _ZOOMED_PAIRS if zooms(signature) else _PAIRS))
        return tried.condition[rows], tried.x[rows]
    # Neighbours in the data may be alike.
    rows_by_caption: dict[str, int] = {}
    for row, caption in enumerate(dataset.captions(tried)):
        rows_by_caption.setdefault(caption, row)
    return tried.condition[torch.tensor(list(rows_by_caption.values())[:SIDE])], None


def frame_for(parts: CellParts) -> list[Span]:
    """Give the part of the plane that a cell's pictures show: its data, and where its generator begins.

    It depends on neither the loss nor the step: the generator is built anew, on the CPU.
    """
    data, begun = parts.train.x, None
    players = parts.fresh().players
    with contextlib.suppress(NonFiniteSamples):
        begun = generate_samples(
            players.generator,
            players,
            parts.dataset.signature,
            parts.reference,
            MAX_POINTS,
            score_seed(parts.cell, 0),
            torch.device("cpu"),
        ).x
    return frame_of(data, begun)


def nearest_rows(x: Tensor, data: Tensor, count: int, at_once: int = _COMPARED_NUMBERS) -> Tensor:
    """Find the rows of the data nearest to each image, by the squared distance of their pixels.

    Args:
        x: uint8 (n, C, H, W).
        data: uint8 (N, C, H, W), read a part at a time.
        count: how many for each; as many as there are at most.
        at_once: numbers of the data that are compared at a time; decides memory alone.

    Returns:
        int64 (n, count), nearest first.
    """
    wanted = x.flatten(1).float()
    best, rows = torch.empty(len(x), 0), torch.empty(len(x), 0, dtype=torch.int64)
    size = max(1, at_once // wanted.shape[1])
    for at in range(0, len(data), size):
        part = data[at : at + size].flatten(1).float()
        # Without the images' own norms, which order nothing.
        distances = part.square().sum(1) - 2 * wanted @ part.T
        best = torch.cat([best, distances], 1)
        places = torch.arange(at, at + len(part)).expand(len(x), -1)
        rows = torch.cat([rows, places], 1)
        best, kept = best.topk(min(count, best.shape[1]), largest=False)
        rows = rows.gather(1, kept)
    return rows


def _reduced(samples: Samples) -> Samples:
    """Reduce images to at most 64 pixels per side, by averaging; conditions are left out."""
    return Samples(x=reduced(samples.x), labels=samples.labels)
