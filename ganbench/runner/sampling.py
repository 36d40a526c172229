"""The samples that are scored: in batches of 250, in eval mode, from a stream of their own."""

from __future__ import annotations

from collections.abc import Iterator

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
    """Generate samples, the same ones for the same weights and seed; fewer are the first of more.

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
    dtype = next((parameter.dtype for parameter in generator.parameters()), torch.float32)
    pool = data.condition if data.condition is not None else data.labels
    draws = _draws(players, None if pool is None else len(pool), count, seed)
    parts: list[Tensor] = []
    rows: list[Tensor] = []
    was_training = generator.training
    generator.eval()
    try:
        with global_stream(seed, device):
            for drawn, places in draws:
                noise = drawn.to(device, dtype)
                if places is not None and pool is not None:
                    rows.append(places)
                    made = generator(noise, pool[places].to(device))
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


def drawn_rows(players: Players, data: Samples, count: int, seed: int) -> Tensor | None:
    """List the rows of the data that `generate_samples` takes the conditions from.

    Returns:
        int64 (count,), or None where the samples have no condition.
    """
    pool = data.condition if data.condition is not None else data.labels
    draws = _draws(players, None if pool is None else len(pool), count, seed)
    rows = [places for _, places in draws if places is not None]
    return torch.cat(rows)[:count] if rows else None


def first(samples: Samples, count: int) -> Samples:
    """Take the first of some samples, with their labels, conditions and indices."""
    return chosen(samples, slice(count))


def chosen(samples: Samples, rows: Tensor | slice) -> Samples:
    """Take some of the samples, with their labels, conditions and indices."""
    parts = (samples.x, samples.labels, samples.condition, samples.index)
    x, labels, condition, index = (None if part is None else part[rows] for part in parts)
    assert x is not None
    return Samples(x=x, labels=labels, condition=condition, index=index)


def _draws(
    players: Players, pool: int | None, count: int, seed: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Draw noise (BATCH, size) and rows of a pool of conditions, or None, until there are `count`.

    Whole batches always: how many are asked for must not change the first ones' bits.
    """
    stream = torch.Generator().manual_seed(seed)
    for _ in range(0, count, BATCH):
        noise = _noise(players, stream)
        rows = None
        if players.conditional and pool is not None:
            rows = torch.randint(pool, (BATCH,), generator=stream)
        yield noise, rows


def _noise(players: Players, stream: torch.Generator) -> Tensor:
    shape = (BATCH, players.noise.size)
    if players.noise.distribution == "uniform":
        return torch.rand(shape, generator=stream).mul_(2).sub_(1)
    return torch.randn(shape, generator=stream)
