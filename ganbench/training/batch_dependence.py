"""The dependence of a discriminator's scores on the rest of the batch."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from ganbench.api import Players, Signature
from ganbench.training.batches import of_type
from ganbench.training.trained_networks import own_tensors

_PROBE = 8
# Joined and apart differ by rounding alone where samples are not coupled; coupling shows in the first digits.
_TOLERANCE = 1e-4


def couples_samples(
    players: Players, signature: Signature, device: torch.device, condition: Tensor | None
) -> bool:
    """Try it: a copy of the discriminator, in training mode, on two batches joined and apart.

    A difference, randomness or a changed buffer means that real and fake need a pass each.
    `players.couples_samples`, where it is not None, is believed instead.

    Args:
        players: the pair; left as it is.
        signature: what one sample looks like.
        device: where to try.
        condition: conditions of at least 8 samples where the discriminator takes one.
    """
    if players.couples_samples is not None:
        return players.couples_samples
    try:
        discriminator = copy.deepcopy(players.discriminator).to(device).train()
    except (RuntimeError, TypeError):
        # A net that cannot be copied cannot be tried without being changed; two passes are always right.
        return True
    dtype = next((parameter.dtype for parameter in discriminator.parameters()), torch.float32)
    probe = torch.Generator().manual_seed(0)
    first = (torch.rand(_PROBE, *signature.shape, generator=probe, dtype=torch.float64) * 2 - 1).to(
        device, dtype
    )
    # Another scale and place, so that statistics over a batch show.
    second = first.flip(0) * 0.3 + 0.5
    takes = players.takes_condition("discriminator")
    given = of_type(condition[:_PROBE].to(device), dtype) if takes and condition is not None else None

    def judge(x: Tensor) -> Tensor:
        extra = () if given is None else (torch.cat([given] * (len(x) // _PROBE)),)
        scores: Tensor = discriminator(x, *extra)
        return scores

    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        before = {name: tensor.clone() for name, tensor in own_tensors(discriminator)}
        try:
            joined = judge(torch.cat((first, second)))
            again = judge(torch.cat((first, second)))
            apart = torch.cat((judge(first), judge(second)))
        except (RuntimeError, ValueError):
            # A net that takes only some batch sizes (packing, a reshape) is given the size it expects.
            return True
        changed = any(not torch.equal(before[name], tensor) for name, tensor in own_tensors(discriminator))
    # Fewer rows than samples: it packs them, and not every batch divides into packs as the probe's do.
    packs = len(joined) != 2 * _PROBE
    if packs or changed or joined.shape != apart.shape or not torch.equal(joined, again):
        return True
    scale = float(joined.abs().max()) or 1.0
    return bool((joined - apart).abs().max() > _TOLERANCE * scale)
