"""The samples that are scored: in batches of 250, in eval mode, from a stream of their own."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ganbench.api import Players, Samples, Signature
from ganbench.grid.seeds import stream_seed
from ganbench.scoring import NonFiniteSamples, to_uint8
from ganbench.training import global_stream
from ganbench.training.batches import of_type

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
    *,
    given: Tensor | None = None,
    truncation: float | None = None,
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
        given: conditions (n, ...), or labels where the data have no conditions, that the samples take in
            turn in place of those of the data; the noise stays the same.
        truncation: the largest magnitude of an entry of the noise (Brock et al., 2019): entries beyond it
            are drawn again until they are within, the others stay. Above 0; for normal noise only.

    Returns:
        uint8 (count, C, H, W) for images, float32 (count, d) for points, on the CPU; with the labels and
        conditions that they were made from, and the rows of the data where those stand.

    Raises:
        NonFiniteSamples: there is NaN or infinity among them.
    """
    pool = data.condition if data.condition is not None else data.labels
    draws = _draws(players, None if pool is None else len(pool), count, seed, truncation)
    parts: list[Tensor] = []
    rows: list[Tensor] = []
    made_from = pool if given is None else given
    with global_stream(seed, device):
        for noise, places in draws:
            condition = None
            if places is not None and made_from is not None:
                if given is not None:
                    places = torch.arange(len(rows) * BATCH, (len(rows) + 1) * BATCH) % len(given)
                rows.append(places)
                condition = made_from[places]
            parts.append(generated(generator, noise, condition, signature, device))
    x = torch.cat(parts)[:count]
    if not rows or made_from is None:
        return Samples(x=x)
    index = torch.cat(rows)[:count]
    if given is not None:
        told = given[index]
        return Samples(x=x, labels=told) if data.condition is None else Samples(x=x, condition=told)
    labels = None if data.labels is None else data.labels[index]
    return Samples(
        x=x, labels=labels, condition=None if data.condition is None else data.condition[index], index=index
    )


@torch.no_grad()
def generated(
    generator: nn.Module,
    noise: Tensor,
    condition: Tensor | None,
    signature: Signature,
    device: torch.device,
) -> Tensor:
    """Generate one batch in eval mode.

    Args:
        generator: its mode is put back.
        noise: (n, size).
        condition: (n, ...) where it takes one, else None.
        signature: what one sample looks like.
        device: where the generator is.

    Returns:
        uint8 (n, C, H, W) for images, float32 (n, d) for points, on the CPU.

    Raises:
        NonFiniteSamples: there is NaN or infinity among them.
    """
    dtype = next((parameter.dtype for parameter in generator.parameters()), torch.float32)
    was_training = generator.training
    generator.eval()
    try:
        taken = () if condition is None else (of_type(condition.to(device), dtype),)
        made = generator(noise.to(device, dtype), *taken)
    finally:
        generator.train(was_training)
    if not torch.isfinite(made).all():
        raise NonFiniteSamples("a generated sample is not finite")
    return to_uint8(made).cpu() if signature.kind == "image" else made.float().cpu()


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
    players: Players, pool: int | None, count: int, seed: int, truncation: float | None = None
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Draw noise (BATCH, size) and rows of a pool of conditions, or None, until there are `count`.

    Whole batches always: how many are asked for must not change the first ones' bits.
    """
    stream = torch.Generator().manual_seed(seed)
    # Of its own, so that the entries within the truncation are those of the whole noise.
    again = torch.Generator().manual_seed(stream_seed(seed, "truncation", {}))
    for _ in range(0, count, BATCH):
        noise = draw_noise(players, stream)
        if truncation is not None:
            noise = torch.where(noise.abs() <= truncation, noise, _truncated(noise.shape, truncation, again))
        rows = None
        if players.takes_condition("generator") and pool is not None:
            rows = torch.randint(pool, (BATCH,), generator=stream)
        yield noise, rows


def draw_noise(players: Players, stream: torch.Generator) -> Tensor:
    """Draw the noise of one batch, (BATCH, size)."""
    shape = (BATCH, players.noise.size)
    if players.noise.distribution == "uniform":
        return torch.rand(shape, generator=stream).mul_(2).sub_(1)
    return torch.randn(shape, generator=stream)


def _truncated(shape: torch.Size, truncation: float, stream: torch.Generator) -> Tensor:
    """Draw from N(0, 1) within so much of 0, as drawing until an entry is within gives it."""
    within = math.erf(truncation / math.sqrt(2))
    share = torch.rand(shape, generator=stream, dtype=torch.float64).mul_(2).sub_(1)
    drawn = torch.erfinv(share * within) * math.sqrt(2)
    return drawn.float().clamp(-truncation, truncation)
