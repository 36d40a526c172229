"""A recorded round for several seeds at once: each operation once, on all of their tensors side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx

from ganbench.engines.recorded_round import NotRecordable, RecordedRound
from ganbench.training.memory_format import is_channels_last

_ATEN = torch.ops.aten


def stacked(tensors: Sequence[Tensor]) -> Tensor:
    """Stack tensors of one shape; each lies in memory as it did.

    Args:
        tensors: at least one, each (...).

    Returns:
        (number of tensors, ...).
    """
    first = tensors[0]
    if not is_channels_last(first):
        return torch.stack(list(tensors))
    whole = first.new_empty(len(tensors) * first.numel())
    made = whole.as_strided((len(tensors), *first.shape), (first.numel(), *first.stride()))
    for place, tensor in zip(made.unbind(), tensors, strict=True):
        place.copy_(tensor)
    return made


def batched_round(
    recorded: RecordedRound,
    state: Mapping[str, Tensor],
    given: Sequence[Tensor],
    settings: Sequence[Tensor],
    constants: Sequence[Tensor],
) -> RecordedRound:
    """Make the round of several seeds from that of one.

    Args:
        recorded: of one seed.
        state: as the recorded one's, each with a further first dimension, the seeds.
        given: batches, noises and random numbers, likewise.
        settings: what all seeds share: 0-dimensional.
        constants: likewise with a further first dimension.

    Returns:
        The round; its graph returns one row of the log for each seed.

    Raises:
        NotRecordable: it draws from torch's global generators, or has an operation that cannot be batched.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    if drawing := _drawing(recorded.graph):
        raise NotRecordable(
            f"its networks draw from torch's global generator ({drawing}), which seeds that are trained "
            "together would share"
        )
    batched = torch.func.vmap(
        _Operations(recorded.graph).run,
        in_dims=(0,) * (len(state) + len(given)) + (None,) * len(settings) + (0,) * len(constants),
    )
    inputs = [*state.values(), *given, *settings, *constants]
    try:
        with torch.no_grad(), _done_seed_by_seed():
            # The round is played to record it, on copies.
            graph = make_fx(lambda *tensors: batched(*tensors))(*[tensor.clone() for tensor in inputs])
    except Exception as error:
        raise NotRecordable(
            f"it cannot be done for several seeds at once: {str(error).splitlines()[0]}"
        ) from error
    for node in graph.graph.nodes:
        node.meta.clear()
    shapes = [(tuple(tensor.shape), tensor.stride(), str(tensor.dtype)) for tensor in inputs]
    code = f"{graph.code}\n{shapes}\n{inputs[0].device}"
    return RecordedRound(
        graph=graph,
        state=state,
        calls=(),
        given=[*given, *settings],
        constants=constants,
        key=hashlib.sha256(code.encode()).hexdigest(),
    )


@contextmanager
def _done_seed_by_seed() -> Iterator[None]:
    """Let torch do what it cannot batch seed by seed, without a word about speed."""
    switch = getattr(torch._C._functorch, "_set_vmap_fallback_warning_enabled", lambda wanted: None)
    switch(False)
    try:
        yield
    finally:
        switch(True)


def _drawing(graph: fx.GraphModule) -> str:
    """Name an operation that draws random numbers; empty where there is none."""
    for node in graph.graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            return str(node.target)
    return ""


class _Operations(fx.Interpreter):
    """Runs a graph with other operations in the place of those that torch cannot batch."""

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if getattr(target, "_overloadname", "") == "out":
            # As the power iteration of a spectral norm writes its vectors.
            out = kwargs["out"]
            rest = {name: value for name, value in kwargs.items() if name != "out"}
            return out.copy_(target.overloadpacket(*args, **rest))
        return _REPLACED.get(target, target)(*args, **kwargs)


def _norms(tensors: Sequence[Tensor], order: float = 2, dtype: torch.dtype | None = None) -> list[Tensor]:
    return [torch.linalg.vector_norm(tensor, order, dtype=dtype) for tensor in tensors]


def _lerp(start: Tensor, end: Tensor, weight: float | Tensor) -> Tensor:
    return start.add_((end - start) * weight)


def _addcmul(tensor: Tensor, one: Tensor, other: Tensor, value: float = 1) -> Tensor:
    return tensor.add_(one * other * value)


def _multiply(tensors: Sequence[Tensor], by: Any) -> None:
    for tensor in tensors:
        tensor.mul_(by)


_REPLACED: Mapping[Any, Callable[..., Any]] = {
    _ATEN._foreach_norm.Scalar: _norms,
    _ATEN._foreach_mul_.Tensor: _multiply,
    _ATEN._foreach_mul_.Scalar: _multiply,
    _ATEN.lerp_.Scalar: _lerp,
    _ATEN.lerp_.Tensor: _lerp,
    _ATEN.addcmul_.default: _addcmul,
}
