"""The inputs of training rounds: batches with their conditions, and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganbench.api import Noise
from ganbench.training.batches import Batch, Batches


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The inputs of one round.

    Attributes:
        batches: the batches of each discriminator update, each (x, condition or None): d_steps times as
            many as are accumulated.
        noises: the noises of each discriminator update and of the generator's, each (batch, size): d_steps
            + 1 times as many as are accumulated.
    """

    batches: Sequence[Batch]
    noises: Sequence[Tensor]


class Feed:
    """Supplies the inputs of each round from the data and noise streams, whatever the loss.

    Attributes:
        cursor: samples of the data's current permutation that are used up.
        d_steps: discriminator updates per round.
    """

    def __init__(
        self,
        batches: Batches,
        noise: Noise,
        stream: torch.Generator,
        *,
        d_steps: int,
        accumulate: int = 1,
        device: torch.device,
    ) -> None:
        """Set up the feed before its first round.

        Args:
            batches: of the training data, on the device.
            noise: what the generator takes.
            stream: from which the noise is drawn.
            d_steps: discriminator updates per round.
            accumulate: batches per update.
            device: where to draw the noise.
        """
        self._batches = batches
        self._noise = noise
        self._stream = stream
        self.d_steps = d_steps
        self._accumulate = accumulate
        self._device = device

    @property
    def cursor(self) -> int:
        """See the class."""
        return self._batches.cursor

    def draw(self) -> Draws:
        """Draw the next round's inputs as new tensors."""
        batches = [self._batches.next() for _ in range(self.d_steps * self._accumulate)]
        return Draws(batches=batches, noises=self._draw_noises())

    def state(self) -> dict[str, Tensor]:
        """Return all tensors that, with the cursor, decide the draws to come."""
        data = {f"data.{key}": tensor for key, tensor in self._batches.state().items()}
        return {**data, "stream.noise": self._stream.get_state()}

    def restore(self, tensors: Mapping[str, Tensor], cursor: int) -> None:
        """Go on where `state` was taken.

        Args:
            tensors: those of `state`; others are ignored.
            cursor: as it was then.

        Raises:
            KeyError, ValueError: the state belongs to other data.
        """
        self._batches.restore({key: tensors[f"data.{key}"] for key in ("permutation", "generator")}, cursor)
        self._stream.set_state(tensors["stream.noise"])

    @property
    def _noise_shape(self) -> tuple[int, int, int]:
        return (self.d_steps + 1) * self._accumulate, self._batches.batch_size, self._noise.size

    def _draw_noises(self) -> tuple[Tensor, ...]:
        shape, dtype = self._noise_shape, self._batches.dtype
        if self._noise.distribution == "uniform":
            noise = torch.rand(shape, generator=self._stream, device=self._device, dtype=dtype)
            noise = noise.mul_(2).sub_(1)
        else:
            noise = torch.randn(shape, generator=self._stream, device=self._device, dtype=dtype)
        return noise.unbind()
