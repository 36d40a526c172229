"""Packing: a discriminator that judges several samples together (PacGAN, Lin et al., 2018)."""

from __future__ import annotations

from torch import Tensor, nn

from ganbench.errors import Unsupported


class Pack(nn.Module):
    """Neighbours in a batch become one input: (batch, c, ...) to (batch / size, size · c, ...).

    Points are joined end to end, images along their channels. A pack holds samples of one kind, real or fake,
    because each turn scores the two apart.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Join samples to packs.

        Raises:
            Unsupported: the batch does not divide into packs.
        """
        if len(x) % self.size:
            raise Unsupported(f"pack must divide the batch, given pack = {self.size} and a batch of {len(x)}")
        return x.reshape(len(x) // self.size, self.size * x.shape[1], *x.shape[2:])
