"""The time below which no engine brings a round: its products, convolutions and memory traffic alone."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from ganbench.engines.matrix_products import onednn_is_faster
from ganbench.training import Trainer

_PRODUCTS = {"mm", "addmm", "bmm", "baddbmm"}
_CONVOLUTIONS = {"convolution", "convolution_backward"}
# Adam reads a weight, its gradient and two averages, and writes the weight and the averages.
_ADAM_NUMBERS = 7
# What an activation adds to a product or convolution: its output is read and written once.
_ACTIVATION_NUMBERS = 2
_SECONDS_PER_TIMING = 0.02
_MIN_TIMES = 5


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The shares of a round's floor, in seconds on one thread.

    Attributes:
        products: matrix products, each alone with its own shapes.
        convolutions: likewise, in the faster of both memory formats.
        traffic: reading and writing weights, averages and activations at the best rate of a copy.
        gflop: 10^9 operations of products and convolutions.
    """

    products: float
    convolutions: float
    traffic: float
    gflop: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.products + self.convolutions + self.traffic


@dataclass(frozen=True)
class _Shape:
    """A tensor's place in a call."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype


class _Recorder(TorchDispatchMode):
    """Notes each product and each convolution with the shapes of its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[tuple[Any, tuple[Any, ...]]] = Counter()
        self.outputs = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in _PRODUCTS | _CONVOLUTIONS:
            self.calls[func, tuple(_hashable(argument) for argument in args)] += 1
            made = result if isinstance(result, tuple) else (result,)
            self.outputs += sum(each.nbytes for each in made if isinstance(each, Tensor))
        return result


def measure_floor(trainer: Trainer) -> Floor:
    """Record one round of a trainer, and time what it is made of.

    Args:
        trainer: of an eager cell on the CPU; it moves on by two steps.
    """
    threads = torch.get_num_threads()
    recorder, flops = _Recorder(), FlopCounterMode(display=False)
    # Not both at once: each would see the other's work.
    with recorder:
        trainer.advance(trainer.step + 1)
    with flops:
        trainer.advance(trainer.step + 1)
    torch.set_num_threads(1)
    try:
        seconds: dict[str, float] = {"products": 0.0, "convolutions": 0.0}
        for (func, arguments), count in recorder.calls.items():
            kind = "products" if func.overloadpacket.__name__ in _PRODUCTS else "convolutions"
            seconds[kind] += count * _fastest(func, arguments)
        networks = (trainer.players.generator, trainer.players.discriminator)
        weights = sum(each.nbytes for network in networks for each in network.parameters())
        moved = _ADAM_NUMBERS * weights + _ACTIVATION_NUMBERS * recorder.outputs
        traffic = moved / _bytes_per_second(weights)
    finally:
        torch.set_num_threads(threads)
    return Floor(**seconds, traffic=traffic, gflop=flops.get_total_flops() / 1e9)


def _hashable(argument: Any) -> Any:
    if isinstance(argument, Tensor):
        return _Shape(tuple(argument.shape), argument.stride(), argument.dtype)
    return tuple(argument) if isinstance(argument, list) else argument


def _fastest(func: Any, arguments: Sequence[Any]) -> float:
    """Time one call alone, done in every way there is: the shortest of many, in seconds."""
    formats = [torch.contiguous_format]
    if func in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default) and onednn_is_faster():
        *bias, a, b = _filler(arguments)(torch.contiguous_format)
        product = torch.ops.ganbench.product.default
        return min(_shortest(lambda: func(*bias, a, b)), _shortest(lambda: product(a, b, *(bias or (None,)))))
    if func.overloadpacket.__name__ in _CONVOLUTIONS:
        formats.append(torch.channels_last)
    return min(_shortest(lambda filled=filled: func(*filled)) for filled in map(_filler(arguments), formats))


def _filler(arguments: Sequence[Any]) -> Callable[[torch.memory_format], list[Any]]:
    def fill(memory_format: torch.memory_format) -> list[Any]:
        filled = []
        for argument in arguments:
            if isinstance(argument, _Shape):
                tensor = torch.empty_strided(argument.size, argument.stride, dtype=argument.dtype).normal_()
                if memory_format is not torch.contiguous_format and tensor.dim() == 4:
                    tensor = tensor.contiguous(memory_format=memory_format)
                filled.append(tensor)
            else:
                filled.append(list(argument) if isinstance(argument, tuple) else argument)
        return filled

    return fill


def _shortest(call: Callable[[], object]) -> float:
    times: list[float] = []
    with torch.no_grad():
        call()
        until = time.perf_counter() + _SECONDS_PER_TIMING
        while len(times) < _MIN_TIMES or time.perf_counter() < until:
            begun = time.perf_counter()
            call()
            times.append(time.perf_counter() - begun)
    return min(times)


def _bytes_per_second(working_set: int) -> float:
    """Measure how much a copy reads and writes, over tensors of the size of a pair's weights."""
    source = torch.zeros(max(math.ceil(working_set / 4), 1024))
    target = torch.empty_like(source)
    return 2 * source.nbytes / _shortest(lambda: target.copy_(source))
