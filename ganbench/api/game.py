"""The view of one turn that losses, penalties and augmentations get, and their own interfaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn


class Game(Protocol):
    """One turn: the discriminator's or the generator's.

    A loss is written for one seed, never calls `.item()` and never branches on a tensor's value; then one
    form serves every engine. `backward` and `step` belong to the training loop.
    """

    @property
    def real(self) -> Tensor:
        """(batch, *shape), the current batch of data; float32 in [-1, 1] for images.

        In the generator's turn it is the last batch of the round.
        """

    @property
    def fake(self) -> Tensor:
        """(batch, *shape), generated; detached in the discriminator's turn, attached in the generator's."""

    @property
    def noise(self) -> Tensor:
        """(batch, size), what `fake` was generated from."""

    @property
    def condition(self) -> Tensor | None:
        """(batch, ...), the data's condition, else its labels, else None."""

    @property
    def step(self) -> Tensor:
        """int64 scalar: the generator updates done so far."""

    @property
    def steps(self) -> int:
        """The generator updates that the whole training takes."""

    @property
    def progress(self) -> Tensor:
        """Scalar from 0 to below 1: `step / steps`, for what changes in the course of training."""

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The networks beside the players, by name: those of `Players.extra`.

        One that learns with the player whose turn it is learns in this turn; the others are frozen.

        Raises:
            Unsupported: one is asked for by a name that none has.
        """

    def scores(self) -> tuple[Tensor, Tensor]:
        """Compute the discriminator's raw scores of (real, fake), each (batch, outputs).

        The discriminator sees both as the cell's augmentation changes them, as in `score`.

        One forward pass where the discriminator judges each sample by itself, two where it does not.
        """

    def score(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """D's raw scores of x, (batch, outputs); this turn's condition unless one is given.

        The cell's augmentation is applied to x first, with new draws at each call.

        Raises:
            Unsupported: a condition is given, and the discriminator takes none.
        """

    def generate(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Generate samples (batch, *shape) from noise; attached to it, the idle player's weights frozen.

        Raises:
            Unsupported: a condition is given, and the generator takes none.
        """

    def logit(self, scores: Tensor) -> Tensor:
        """Turn raw scores into the logit that the loss defines, (batch,).

        Raises:
            Unsupported: the loss has no logit.
        """

    def gradient(self, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Differentiate a scalar function of x with respect to x; the gradient is itself differentiable."""

    def input_gradient(self, x: Tensor) -> Tensor:
        """Differentiate the summed logit of x with respect to x; the gradient is differentiable itself.

        Raises:
            Unsupported: the loss has no logit.
        """

    def uniform(self, *shape: int) -> Tensor:
        """U(0, 1) from the cell's loss stream; an augmentation draws from a stream of its own."""

    def normal(self, *shape: int) -> Tensor:
        """N(0, 1) from the cell's loss stream; an augmentation draws from a stream of its own."""

    def state(self, name: str, initial: float | Tensor) -> Tensor:
        """Keep a small tensor between turns and in checkpoints; update it in place, without gradient."""


@runtime_checkable
class Loss(Protocol):
    """An objective for both players; `logit`, `after_discriminator_step` and `learns_with` are optional.

    `logit(scores) -> (batch,)` makes one logit of raw scores (default: the single column; set it to None
    where a score has no such meaning). `after_discriminator_step(discriminator)` changes weights element
    by element, without gradient, after each discriminator update.

    Nothing that a loss keeps in its own attributes survives a resumed run: what it needs in later turns is
    in `game.state`, what it draws from `game.uniform` and `game.normal`. Networks in its attributes are moved
    to the device, frozen, in eval mode; it may hold no parameter that would have to learn, unless it says
    with whom. Preflight refuses a loss or a penalty that does otherwise.

    A loss that learns is a `torch.nn.Module` with the attribute `learns_with`: "generator" or
    "discriminator". The parameters that it has itself, and those in a `ParameterList` or `ParameterDict` of
    its own, are trained in that player's turn by that player's optimizer, and frozen in the other's; they are
    checkpointed, and so are its buffers. Networks that it holds stay frozen: one that is to learn belongs in
    `Players.extra`. What it draws while it is built comes from a stream of its own.
    """

    def discriminator_loss(self, game: Game) -> Tensor:
        """Compute a scalar, which is minimised over the discriminator's parameters."""

    def generator_loss(self, game: Game) -> Tensor:
        """Compute a scalar, which is minimised over the generator's parameters."""


@runtime_checkable
class Penalty(Protocol):
    """A term added to a player's loss: the discriminator's unless its spec says otherwise."""

    def __call__(self, game: Game) -> Tensor:
        """Compute a scalar, its weight included."""


@runtime_checkable
class Augmentation(Protocol):
    """A change of samples before the discriminator sees them: real and generated ones, in both turns.

    It is applied within `game.score`, so that any loss and any penalty meets it, and must be differentiable
    in the samples. Numbers that it draws come from `game.uniform` and `game.normal`, and what it keeps
    between calls is in `game.state`, under names of its own. Asking the game for scores in it is an error.

    It may define `after_discriminator_scores(logit, game)`, to steer itself by what the discriminator says of
    real samples: called without gradient in each discriminator's turn, once the turn's gradient is taken,
    with the logits of the real batch as the loss got them, (batch,) or one per pack. What it learns from them
    it keeps in `game.state`, changed in place. Cells whose loss has no logit, or asks for no scores of
    `game.real`, are then skipped.
    """

    def __call__(self, x: Tensor, game: Game) -> Tensor:
        """Change samples (batch, *shape), each by itself: same shape, same type.

        The batch may be of another size than the game's, as where real and generated samples are one batch.
        """
