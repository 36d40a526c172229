"""The networks that a training changes: the players, those beside them, and losses that learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.api import Players
from ganbench.api.updates import Turn

CONTAINERS_OF_PARAMETERS = (nn.ParameterList, nn.ParameterDict)
"""Modules whose parameters are those of the module that holds them."""


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """A module that is trained, with what a checkpoint holds of it.

    Attributes:
        name: in checkpoints: `generator`, `discriminator`, `extra.NAME`, `loss`, `loss_before_freeze`.
        module: the network, or a loss that learns.
        learns_with: in whose turn.
        parameters: those that learn; what an author froze stays frozen.
    """

    name: str
    module: nn.Module
    learns_with: Turn
    parameters: Sequence[nn.Parameter]

    def tensors(self) -> list[tuple[str, Tensor]]:
        """List parameters and buffers by name; of a loss its own, since networks that it holds stay."""
        if self.is_network:
            return list(own_tensors(self.module))
        return [*parameters_of_loss(self.module), *self.module.named_buffers(recurse=False)]

    @property
    def is_network(self) -> bool:
        """Whether it is a network, no loss: it is called with tensors, and told the step."""
        return not self.name.startswith("loss")

    def copy_from(self, other: TrainedNetwork) -> None:
        """Take over the values of another one of the same build.

        Args:
            other: the one.
        """
        kept = dict(other.tensors())
        with torch.no_grad():
            for name, tensor in self.tensors():
                tensor.copy_(kept[name])


def trained_networks(players: Players, losses: Mapping[str, Any]) -> list[TrainedNetwork]:
    """List what a training changes, each player before the others that learn with it.

    To be called before any turn begins, since a turn freezes parameters.

    Args:
        players: with the networks beside them.
        losses: by their names in checkpoints; those that do not learn are left out.
    """
    modules: list[tuple[str, nn.Module, Turn]] = [
        ("discriminator", players.discriminator, "discriminator"),
        ("generator", players.generator, "generator"),
        # In order of their names: the optimizer's state is by the parameters' places.
        *(
            (f"extra.{name}", extra.module, extra.learns_with)
            for name, extra in sorted(players.extra.items())
        ),
    ]
    found = [
        TrainedNetwork(
            name=name,
            module=module,
            learns_with=turn,
            parameters=trainable(module),
        )
        for name, module, turn in modules
    ]
    for name, loss in losses.items():
        turn = learns_with(loss)
        if turn is not None:
            own = [parameter for _, parameter in parameters_of_loss(loss) if parameter.requires_grad]
            found.append(TrainedNetwork(name=name, module=loss, learns_with=turn, parameters=own))
    return found


def networks_of(players: Players) -> list[nn.Module]:
    """List the players and the networks beside them."""
    return [players.generator, players.discriminator, *(extra.module for extra in players.extra.values())]


def learns_with(loss: Any) -> Turn | None:
    """Return the player in whose turn a loss learns; None where it does not."""
    turn: Turn | None = getattr(loss, "learns_with", None)
    return turn if isinstance(loss, nn.Module) else None


def parameters_of_loss(loss: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """List the parameters that a loss has itself, by name; not those of networks that it holds."""
    yield from loss.named_parameters(recurse=False)
    for name, child in loss.named_children():
        if isinstance(child, CONTAINERS_OF_PARAMETERS):
            yield from ((f"{name}.{key}", parameter) for key, parameter in child.named_parameters())


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """List the parameters that learn; what an author froze stays frozen."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def tell_step(module: nn.Module, step: int, steps: int) -> None:
    """Call a network's `at_step(step, steps)` where it has one: the rounds done, and all rounds."""
    at_step = getattr(module, "at_step", None)
    if callable(at_step):
        at_step(step, steps)


def own_tensors(module: nn.Module) -> Iterable[tuple[str, Tensor]]:
    """List the parameters and buffers of a module by name, buffers outside its state_dict included."""
    yield from module.named_parameters()
    yield from module.named_buffers()
