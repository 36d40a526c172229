"""Parameters that nothing would train: outside all networks of a game, or in one that no gradient reaches.

Beside the trial rounds, which watch for both.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from torch import Tensor, nn

from ganbench.catalog.faults import Part
from ganbench.errors import PluginError
from ganbench.training import TrainedNetwork


def outside(trained: Sequence[TrainedNetwork], *values: Tensor) -> list[nn.Parameter]:
    """List the parameters that values depend on and that belong to nothing that is trained.

    Args:
        trained: what is.
        values: losses and penalties.
    """
    own = {id(tensor) for one in trained for _, tensor in one.tensors()}
    waiting = [value.grad_fn for value in values if value.grad_fn is not None]
    seen: set[object] = set(waiting)
    found: dict[int, nn.Parameter] = {}
    while waiting:
        node = waiting.pop()
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, nn.Parameter) and id(leaf) not in own:
            found[id(leaf)] = leaf
        for inner, _ in node.next_functions:
            if inner is not None and inner not in seen:
                seen.add(inner)
                waiting.append(inner)
    return list(found.values())


def common(one: Sequence[nn.Parameter], other: Sequence[nn.Parameter]) -> list[nn.Parameter]:
    """List the parameters that are in both lists."""
    return [parameter for parameter in one if any(parameter is another for another in other)]


def refuse_untrained(parameters: Sequence[nn.Parameter], plugins: Sequence[Part]) -> None:
    """Refuse parameters that values depend on and that belong to nothing that is trained.

    Args:
        parameters: as `outside` lists them.
        plugins: one of which has them.

    Raises:
        PluginError: there are such parameters.
    """
    if not parameters:
        return
    shapes = ", ".join(str(tuple(parameter.shape)) for parameter in parameters[:3])
    blamed = sorted(plugins, key=lambda part: part.kind == "architecture")
    names = " or ".join(part.who for part in blamed)
    fault = blamed[0].fault(
        f"uses parameters (of shape {shapes}) that are in no network of the players, and that nothing "
        "would train: networks keep layers in torch.nn.ModuleList or as attributes, a loss or a penalty "
        "has none"
    )
    raise PluginError(replace(fault, who=names))


def refuse_idle(
    idle: Sequence[TrainedNetwork], called: Collection[str], architecture: Part, loss: Part
) -> None:
    """Refuse a network beside the players that is used and never learns, or a loss that never does.

    Args:
        idle: what no gradient has reached in any turn.
        called: names of the networks that were called.
        architecture: that has the networks.
        loss: that uses them, or learns itself.

    Raises:
        PluginError: there is one. Players are left out: their losses tell of it.
    """
    for one in idle:
        is_loss = not one.is_network
        if is_loss or one.name in called:
            name = one.name.removeprefix("extra.")
            what = "learns" if is_loss else f"has a network {name!r} that learns"
            where = "its own loss" if is_loss else loss.who
            fault = (loss if is_loss else architecture).fault(
                f"{what} with the {one.learns_with}, and no gradient of {where} reaches it in the "
                f"{one.learns_with}'s turn: nothing would train it"
            )
            raise PluginError(fault)
