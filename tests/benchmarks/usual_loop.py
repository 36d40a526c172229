"""The training loop that users write, as PyTorch's DCGAN tutorial has it: what grids are compared with.

`python tests/benchmarks/usual_loop.py ring-256 --folder FOLDER` plays a few steps in a process of its own,
and prints as JSON when it began to train and the memory that it took.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from training_workloads import WORKLOADS

from ganbench.runner import CellParts


class UsualLoop:
    """Binary cross-entropy with logits, two passes of the discriminator, plain Adam, losses at each step.

    The samples lie in memory as numbers from -1 to 1: no decoding and no transform slows it down.
    """

    def __init__(self, parts: CellParts) -> None:
        """Take a cell's networks and data, and nothing else of it."""
        players, train = parts.players, parts.cell.train
        x = parts.train.x
        self._generator, self._discriminator = players.generator, players.discriminator
        self._noise = players.noise.size
        self._criterion = nn.BCEWithLogitsLoss()
        self._loader = DataLoader(
            TensorDataset(x.float() / 127.5 - 1 if x.dtype == torch.uint8 else x),
            batch_size=train.batch_size,
            shuffle=True,
            drop_last=True,
        )
        self._batches = self._endless()
        self._optimizer_d, self._optimizer_g = (
            torch.optim.Adam(player.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for player in (self._discriminator, self._generator)
        )
        self.losses: list[tuple[float, float]] = []

    def play(self, steps: int) -> None:
        """Play rounds: one update of each player."""
        for _ in range(steps):
            (real,) = next(self._batches)
            ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
            self._optimizer_d.zero_grad()
            loss_real = self._criterion(self._discriminator(real).view(-1), ones)
            loss_real.backward()
            fake = self._generator(torch.randn(len(real), self._noise))
            loss_fake = self._criterion(self._discriminator(fake.detach()).view(-1), zeros)
            loss_fake.backward()
            self._optimizer_d.step()
            self._optimizer_g.zero_grad()
            loss_g = self._criterion(self._discriminator(fake).view(-1), ones)
            loss_g.backward()
            self._optimizer_g.step()
            self.losses.append(((loss_real + loss_fake).item(), loss_g.item()))

    def _endless(self) -> Iterator[list[Tensor]]:
        while True:
            yield from self._loader


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("workload", choices=list(WORKLOADS))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    loop = UsualLoop(WORKLOADS[arguments.workload].parts(arguments.folder))
    loop.play(1)
    first = time.time()
    loop.play(arguments.steps - 1)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump({"first_step_at": first, "peak_mib": peak_mib}, sys.stdout)


if __name__ == "__main__":
    main()
