"""Batches of a data set that lies in one tensor: shuffled epochs, the last partial batch dropped."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench.api import Samples
from ganbench.training.memory_format import laid_out

Batch = tuple[Tensor, Tensor | None]


class Batches:
    """An endless supply of batches, in an order that only the data stream decides.

    The order is drawn on the CPU, so it is the same on every device.

    Attributes:
        batch_size: samples per batch.
        dtype: of x, and of conditions that are no whole numbers.
        cursor: samples of the current permutation that are used up.
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        seed: int,
        device: torch.device,
        dtype: torch.dtype,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        """Take hold of the data.

        Args:
            samples: the training split.
            batch_size: see the class.
            seed: of the data stream.
            device: where batches are wanted.
            dtype: see the class.
            memory_format: of images.

        Raises:
            ValueError: a batch is larger than the data.
        """
        if batch_size > len(samples):
            raise ValueError(f"batches of {batch_size} from {len(samples)} samples")
        condition = samples.condition if samples.condition is not None else samples.labels
        self._x = _on_device(samples.x, device)
        self._condition = None if condition is None else _on_device(condition, device)
        self.batch_size = batch_size
        self._device = device
        self.dtype = dtype
        self._memory_format = memory_format
        self._generator = torch.Generator().manual_seed(seed)
        self._usable = len(samples) - len(samples) % batch_size
        self._permutation = self._shuffle()
        self.cursor = 0

    def next(self) -> Batch:
        """Draw the next batch: x (batch, *shape), images in [-1, 1], and its condition or None."""
        if self.cursor >= self._usable:
            self._permutation = self._shuffle()
            self.cursor = 0
        index = self._permutation[self.cursor : self.cursor + self.batch_size]
        self.cursor += self.batch_size
        x = self._x.index_select(0, index).to(self._device)
        x = x.to(self.dtype).mul_(2 / 255).sub_(1) if x.dtype == torch.uint8 else x.to(self.dtype)
        x = laid_out(x, self._memory_format)
        if self._condition is None:
            return x, None
        condition = of_type(self._condition.index_select(0, index).to(self._device), self.dtype)
        return x, laid_out(condition, self._memory_format)

    def state(self) -> dict[str, Tensor]:
        """Return the state that decides the batches to come."""
        return {"permutation": self._permutation.cpu(), "generator": self._generator.get_state()}

    def restore(self, state: dict[str, Tensor], cursor: int) -> None:
        """Go on where `state` was taken.

        Raises:
            ValueError: the state belongs to data of another size.
        """
        if state["permutation"].shape != self._permutation.shape:
            raise ValueError("the data set has another size than the checkpoint's")
        self._permutation = state["permutation"].to(self._x.device)
        self._generator.set_state(state["generator"])
        self.cursor = cursor

    def _shuffle(self) -> Tensor:
        return torch.randperm(len(self._x), generator=self._generator).to(self._x.device)


def of_type(condition: Tensor, dtype: torch.dtype) -> Tensor:
    """Give conditions the type of the networks' numbers; whole numbers, labels among them, keep theirs."""
    return condition.to(dtype) if condition.is_floating_point() else condition


def _on_device(data: Tensor, device: torch.device) -> Tensor:
    """Move the data to the device where it takes at most half of the free memory there."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if data.nbytes > free // 2:
            return data
    return data.to(device)
