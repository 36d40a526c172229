"""A cell's discriminator as metrics may ask it, and a trial of those metrics before anything is trained."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench.api import Players
from ganbench.catalog.faults import calling
from ganbench.errors import Unsupported
from ganbench.runner.build import CellParts
from ganbench.runner.sampling import chosen
from ganbench.scoring import ARGUMENT, Discriminator, asks_discriminator, checked_values, seeded
from ganbench.training import Objective
from ganbench.training.batches import of_type
from ganbench.training.cell_game import logit_of

# Samples at a time; packs of as many as divide it are never cut apart.
_BATCH = 240
_MAX_TRIED = 64


def asked_discriminator(players: Players, objective: Objective, device: torch.device) -> Discriminator:
    """Make a function of samples and conditions from a discriminator, for metrics.

    It is in eval mode while it is asked, and keeps its weights and its mode.

    Args:
        players: whose discriminator it is, on the device.
        objective: its loss says what the scores mean.
        device: where the players are.

    Returns:
        `(x, condition=None) -> logits`, float32 on the CPU, (N,) or one per pack; x and condition as in
        `Samples`. It raises Unsupported where a condition is given and the discriminator takes none.

    Raises:
        Unsupported: the loss has no logit.
    """
    network = players.discriminator
    logit = logit_of(objective.loss, objective.outputs)
    if logit is None:
        raise Unsupported("a metric asks for the discriminator's logit, and the loss has none")
    conditional = players.takes_condition("discriminator")

    @torch.no_grad()
    def discriminator(x: Tensor, condition: Tensor | None = None) -> Tensor:
        if condition is not None and not conditional:
            raise Unsupported("a metric gives the discriminator conditions, and it takes none")
        dtype = next((parameter.dtype for parameter in network.parameters()), torch.float32)
        logits = []
        was_training = network.training
        network.eval()
        try:
            for at in range(0, len(x), _BATCH):
                seen = x[at : at + _BATCH].to(device, dtype)
                seen = seen / 127.5 - 1 if x.dtype == torch.uint8 else seen
                if condition is None:
                    scores = network(seen)
                else:
                    scores = network(seen, of_type(condition[at : at + _BATCH].to(device), dtype))
                logits.append(logit(scores).float().cpu())
        finally:
            network.train(was_training)
        return torch.cat(logits)

    return discriminator


def check_asking_metrics(parts: CellParts) -> None:
    """Try a cell's metrics that ask the discriminator with the untrained one and a few samples.

    Args:
        parts: of the cell; its players are of no use afterwards.

    Raises:
        Unsupported: the loss has no logit, or a metric gives conditions to a discriminator that takes none.
        PluginError: the metric raised, or gave what is no number by name.
    """
    shared, cpu = parts.shared, torch.device("cpu")
    for choice in parts.cell.score.metrics:
        metric = shared.build_metric(choice)
        if not asks_discriminator(metric):
            continue
        part, data = shared.part("metric", choice), parts.reference
        few = chosen(data, torch.arange(min(max(_MAX_TRIED, metric.minimum), len(data))))
        discriminator = asked_discriminator(parts.players, parts.loss, cpu)
        with seeded(0, cpu), calling(part, "__call__"):
            given = metric(few, few, parts.dataset, **{ARGUMENT: discriminator})
        checked_values(part, given, ())
