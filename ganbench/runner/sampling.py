"""The samples that are scored: in batches of 250, in eval mode, from a stream of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganbench.api import Players, Samples, Signature
from ganbench.scoring import NonFiniteSamples, to_uint8
from ganbench.training import global_stream

BATCH = 250


@torch.no_grad()
def generate_samples(
    generator: nn.Module,
    players: Players,
    signature: Signature,
    data: Samples,
    count: int,
    seed: int,
    device: torch.device,
) -> Samples:
    """Samples of a generator, the same ones for the same weights and seed; fewer are the first of more.

    Args:
        generator: the one that is scored; its mode is put back.
        players: what noise it takes, whether it takes a condition.
        signature: what one sample looks like.
        data: the reference split: conditions are drawn from it, as often as they occur there.
        count: how many.
        seed: of the `score` stream.
        device: where the generator is.

    Returns:
        uint8 (count, C, H, W) for images, float32 (count, d) for points, on the CPU; with the labels and
        conditions that they were made from, and the rows of the data where those stand.

    Raises:
        NonFiniteSamples: there is NaN or infinity among them.
    """
    stream = torch.Generator().manual_seed(seed)
    dtype = next((parameter.dtype for parameter in generator.parameters()), torch.float32)
    pool = data.condition if data.condition is not None else data.labels
    parts: list[Tensor] = []
    rows: list[Tensor] = []
    was_training = generator.training
    generator.eval()
    try:
        with global_stream(seed, device):
            for _ in range(0, count, BATCH):
                # Whole batches always: how many are asked for must not change the first ones' bits.
                noise = _noise(players, stream).to(device, dtype)
                if players.conditional and pool is not None:
                    rows.append(torch.randint(len(pool), (BATCH,), generator=stream))
                    made = generator(noise, pool[rows[-1]].to(device))
                else:
                    made = generator(noise)
                if not torch.isfinite(made).all():
                    raise NonFiniteSamples("a generated sample is not finite")
                parts.append(to_uint8(made).cpu() if signature.kind == "image" else made.float().cpu())
    finally:
        generator.train(was_training)
    x = torch.cat(parts)[:count]
    if not rows or pool is None:
        return Samples(x=x)
    index = torch.cat(rows)[:count]
    labels = None if data.labels is None else data.labels[index]
    return Samples(
        x=x, labels=labels, condition=None if data.condition is None else data.condition[index], index=index
    )


def first(samples: Samples, count: int) -> Samples:
    """The first of some samples, with whatever belongs to them."""
    parts = (samples.x, samples.labels, samples.condition, samples.index)
    x, labels, condition, index = (None if part is None else part[:count] for part in parts)
    assert x is not None
    return Samples(x=x, labels=labels, condition=condition, index=index)


def _noise(players: Players, stream: torch.Generator) -> Tensor:
    shape = (BATCH, players.noise.size)
    if players.noise.distribution == "uniform":
        return torch.rand(shape, generator=stream).mul_(2).sub_(1)
    return torch.randn(shape, generator=stream)
