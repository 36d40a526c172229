"""Samples between two conditions of the data: one noise per row, and the condition in equal steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganbench.runner.build import CellParts
from ganbench.runner.captioned_pictures import Block, Blocks, has_picture_conditions
from ganbench.runner.sampling import draw_noise, generated
from ganbench.runner.tiles import SIDE
from ganbench.training import global_stream


def between_conditions(parts: CellParts, given: Tensor | None) -> Tensor | None:
    """Choose the conditions that strips of a cell lead from and to.

    Args:
        parts: of the cell.
        given: the conditions that its pictures show, (n, ...); None where they are the data's labels.

    Returns:
        (rows, 2, ...): the first to the second, the third to the fourth and so on. None where nothing lies
        between two conditions, or there are no words for them: they are whole numbers or pictures, the
        generator takes none, or the data set does not describe them.
    """
    if (
        given is None
        or not given.is_floating_point()
        or has_picture_conditions(parts.dataset.signature)
        or not parts.dataset.describes
        or not parts.players.takes_condition("generator")
    ):
        return None
    rows = len(given) // 2
    return given[: 2 * rows].reshape(rows, 2, *given.shape[1:]) if rows else None


def content_between(generator: nn.Module, parts: CellParts, ends: Tensor, seed: int) -> Blocks:
    """Generate the strips.

    Args:
        generator: the one that is scored; its mode is put back.
        parts: of its cell.
        ends: as `between_conditions` gives them.
        seed: of the noise, one vector per row.

    Raises:
        NonFiniteSamples: there is NaN or infinity among them.
    """
    noise = draw_noise(parts.players, torch.Generator().manual_seed(seed))[: len(ends)]
    shares = torch.linspace(0, 1, SIDE, dtype=ends.dtype).reshape(1, SIDE, *(1 for _ in ends.shape[2:]))
    conditions = torch.lerp(ends[:, :1], ends[:, 1:], shares).flatten(0, 1)
    device = torch.device(parts.device)
    with global_stream(seed, device):
        x = generated(
            generator,
            noise.repeat_interleave(SIDE, 0),
            conditions,
            parts.dataset.signature,
            device,
        )
    strips = x.reshape(len(ends), SIDE, *x.shape[1:])
    return Blocks(blocks=[Block(images=strip, number=str(2 * row + 1)) for row, strip in enumerate(strips)])
