"""Engines that capture a whole round in a CUDA graph: one launch for some two hundred kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.engines.compiled import compiled_round
from ganbench.engines.recorded_round import RecordedRound
from ganbench.engines.replaying import ReplayingEngine, RoundFunction
from ganbench.training.determinism import forked_generators
from ganbench.training.train_step import TrainStep

# Plays before the capture, in which libraries choose kernels and take their workspaces.
_WARM_UPS = 3


class GraphEngine(ReplayingEngine):
    """Replays each round as a CUDA graph of the recorded operations.

    Batches, noises and the parts' random numbers are drawn before the replay and copied to where the graph
    reads them; networks that draw, as dropout does, take their numbers from torch's generator of the device,
    which torch registers with each capture. All rounds of a training share one memory pool.
    """

    name: ClassVar[str] = "graph"
    # Of memory; None before the first capture.
    _pool: object = None

    @classmethod
    def refuses(cls, step: TrainStep, device: torch.device) -> str:
        """Refuse other devices, and what cannot be recorded."""
        if device.type != "cuda":
            return f"CUDA graphs need a CUDA device, and this is {device}"
        return super().refuses(step, device)

    def function(self, recorded: RecordedRound, inputs: Sequence[Tensor]) -> RoundFunction:
        """Capture a round.

        Raises:
            RuntimeError: something in it waits for the device, which a graph cannot hold.
        """
        kept = len(recorded.state)
        given = len(inputs) - len(recorded.constants)
        fixed = [tensor.clone() if kept <= index < given else tensor for index, tensor in enumerate(inputs)]
        play = self.inner(recorded, fixed)
        state = fixed[:kept]
        values = [tensor.clone() for tensor in state]
        with forked_generators(fixed[0].device):
            replay, row = self.capture(lambda: play(*fixed)[0])
        for tensor, value in zip(state, values, strict=True):
            tensor.copy_(value)

        def replayed(*tensors: Tensor) -> tuple[Tensor]:
            for place, tensor in zip(fixed[kept:given], tensors[kept:given], strict=True):
                place.copy_(tensor)
            replay()
            return (row,)

        return replayed

    def inner(self, recorded: RecordedRound, inputs: Sequence[Tensor]) -> RoundFunction:
        """Give what is captured: the operations one by one.

        Args:
            recorded: the round.
            inputs: what it takes.
        """
        return recorded.graph

    def capture(self, play: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Warm up and capture a function without arguments; the tensors that it changes are changed.

        Args:
            play: the function.

        Returns:
            What plays it again, and the tensor that then has its result.
        """
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                play()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):  # type: ignore[arg-type]
            row = play()
        return graph.replay, row


class CompiledGraphEngine(GraphEngine):
    """Replays each round as a CUDA graph of the kernels that torch's compiler makes of it."""

    name: ClassVar[str] = "graph+compiled"

    def inner(self, recorded: RecordedRound, inputs: Sequence[Tensor]) -> RoundFunction:
        """Give what is captured: the compiled round."""
        return compiled_round(recorded, inputs)
