"""What an augmentation must hold to, tried on a batch before anything trains."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganbench.api import Augmentation
from ganbench.catalog.faults import Part, calling
from ganbench.errors import GridError, PluginError
from ganbench.runner.build import CellParts
from ganbench.training import CellGame


def check_augmentation(parts: CellParts, begun: Callable[[Augmentation], CellGame]) -> None:
    """Apply a cell's augmentation to a batch, and refuse one that breaks its contract.

    A plugin's is applied again from the start, and so is one that is built anew: with the same draws and
    states of the game both must give the same samples.

    Args:
        parts: of a cell that has an augmentation.
        begun: makes a game in its first turn that applies an augmentation; draws are the same in each.

    Raises:
        Unsupported: it does not fit the data.
        PluginError: a plugin's raised, gives no samples like those it is given, lets no gradient through, or
            depends on something else than the game.
        GridError: a built-in one does.
    """
    augmentation = parts.augmentation
    assert augmentation is not None
    part = parts.shared.part("augmentation", parts.cell.augmentation)
    first = _applied(part, begun(augmentation))
    if not part.foreign:
        return
    anew = parts.fresh().augmentation
    assert anew is not None
    for other in (augmentation, anew):
        again = _applied(part, begun(other))
        if not all(torch.equal(one, two) for one, two in zip(first, again, strict=True)):
            raise _refusal(
                part,
                "gives other samples although the draws are the same: it keeps something in its own "
                "attributes, which a resumed run has not (game.state is kept), or draws random numbers "
                "outside of game.uniform and game.normal",
            )


def _applied(part: Part, game: CellGame) -> list[Tensor]:
    """Apply it to three batches in turn, and tell it of scores before the last.

    The second batch is as large as real and generated samples together.
    """
    found = []
    for index, x in enumerate((game.real, torch.cat((game.real, game.real)), game.real)):
        if index == 2:
            with calling(part, "after_discriminator_scores"):
                game.tell_augmentation(torch.linspace(-1, 2, len(x)).to(x))
        inputs = x.clone().requires_grad_()
        with calling(part, "__call__"):
            seen: object = game.augmented(inputs)
        found.append(_checked(part, x, inputs, seen))
    return found


def _checked(part: Part, x: Tensor, inputs: Tensor, seen: object) -> Tensor:
    """Check the samples that an augmentation gives for others, and the gradient on the way."""
    if not isinstance(seen, Tensor):
        raise _refusal(part, f"must give samples, given {type(seen).__name__}")
    if seen.shape != x.shape or seen.dtype != x.dtype:
        wanted, given = (f"{str(each.dtype)[6:]} {tuple(each.shape)}" for each in (x, seen))
        raise _refusal(part, f"must give samples like those that it is given, {wanted}, given {given}")
    if not torch.equal(inputs.detach(), x):
        raise _refusal(part, "writes to the samples that it is given, which losses and penalties see too")
    if not torch.isfinite(seen).all():
        raise _refusal(part, "gives samples that are not finite")
    gradient = None
    if seen.requires_grad:
        # Not all alike, since what subtracts a mean has no gradient of the sum.
        weights = torch.linspace(0.5, 1.5, seen.numel(), device=seen.device, dtype=seen.dtype)
        with calling(part, "backward of __call__"):
            (gradient,) = torch.autograd.grad(
                (seen * weights.reshape(seen.shape)).sum(), inputs, allow_unused=True
            )
    if gradient is None or not gradient.any():
        raise _refusal(part, "lets no gradient through: the generator could not learn by what D sees")
    if not torch.isfinite(gradient).all():
        raise _refusal(part, "has a gradient that is not finite")
    return seen.detach()


def _refusal(part: Part, text: str) -> GridError | PluginError:
    return PluginError(part.fault(text, "__call__")) if part.foreign else GridError(f"{part.who}: {text}")
