"""The compiled engine: a whole round of Algorithm 1 as one function that torch's inductor compiled."""

from __future__ import annotations

import copy
import functools
import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.engines.matrix_products import onednn_is_faster, use_faster_products
from ganbench.engines.recorded_round import RecordedRound
from ganbench.engines.replaying import ReplayingEngine, RoundFunction
from ganbench.files.cache import cache_folder, cache_problem
from ganbench.files.file_locks import waiting_lock
from ganbench.training.train_step import TrainStep

# Compiled rounds of this process by what they compute: seeds and cells share them.
_COMPILED: dict[str, RoundFunction] = {}
_CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
# Read before torch's compiler is imported, which sets it.
_CACHE_OF_USER = os.environ.get(_CACHE_VARIABLE)


class CompiledEngine(ReplayingEngine):
    """Plays each round as one compiled function; functions are kept in ganbench's cache."""

    name: ClassVar[str] = "compiled"

    @classmethod
    def refuses(cls, step: TrainStep, device: torch.device) -> str:
        """Refuse what cannot be recorded, and machines without a compiler."""
        if device.type == "cpu" and (problem := _compiler_problem()):
            return problem
        return super().refuses(step, device)

    def function(self, recorded: RecordedRound, inputs: Sequence[Tensor]) -> RoundFunction:
        """Compile a round, or take the function of an equal one.

        Raises:
            RuntimeError: the compiler of torch failed.
        """
        return compiled_round(recorded, inputs)


def compiled_round(recorded: RecordedRound, inputs: Sequence[Tensor]) -> RoundFunction:
    """Compile a round, or take the function of an equal one.

    Args:
        recorded: the round.
        inputs: what it takes, as in the recorded round.

    Raises:
        RuntimeError: the compiler of torch failed.
    """
    key = f"{recorded.key}, {torch.get_num_threads()} threads, {torch.get_float32_matmul_precision()}"
    if key not in _COMPILED:
        _COMPILED[key] = _compile(recorded, inputs)
    return _COMPILED[key]


def _compile(recorded: RecordedRound, inputs: Sequence[Tensor]) -> RoundFunction:
    with _unsaid("torch.utils.cpp_extension"), warnings.catch_warnings():
        # Of torch's own code, which the caller cannot change: torch 2.11 says so when it is imported.
        warnings.simplefilter("ignore", DeprecationWarning)
        import torch._inductor.config as settings
        from torch._inductor.compile_fx import compile_fx

    # Random numbers of networks as the eager engine draws them; no pool of processes beside the workers.
    chosen = {"fallback_random": True, "compile_threads": 1}
    graph = recorded.graph
    if inputs[0].device.type == "cpu" and onednn_is_faster():
        # The recorded graph stays as it is: other engines play it.
        graph = copy.deepcopy(graph)
        use_faster_products(graph, inputs)
    with _unsaid("torch.utils.cpp_extension"), _compilers_cache(recorded.key), settings.patch(chosen):
        return compile_fx(graph, list(inputs))  # type: ignore[return-value]


@functools.cache
def _compiler_problem() -> str:
    """Say that there is no C++ compiler by which torch compiles for a CPU; empty where there is one."""
    from torch._inductor import config as settings

    given = settings.cpp.cxx
    names = [name for name in (given if isinstance(given, tuple) else (given,)) if name]
    if any(shutil.which(name) for name in names):
        return ""
    return f"there is no C++ compiler ({' or '.join(names)}), which torch.compile needs"


@contextmanager
def _unsaid(name: str) -> Iterator[None]:
    """Leave out warnings of a logger, as that a CUDA toolkit is there and no GPU: nobody can act on them."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _compilers_cache(key: str) -> Iterator[None]:
    """Let the compiler keep what it makes among ganbench's caches, apart for each number of threads.

    Of processes that begin with the same round, one compiles it and the others wait for what it makes. A
    folder that the user names for torch's compiler stays.

    Args:
        key: of the round.
    """
    before, folder = os.environ.get(_CACHE_VARIABLE), cache_folder()
    with ExitStack() as stack:
        if _CACHE_OF_USER is None and folder is not None and not cache_problem():
            own = folder / "compiled" / f"torch-{torch.__version__}-threads-{torch.get_num_threads()}"
            os.environ[_CACHE_VARIABLE] = str(own)
            # Where nothing can be written after all, each compiles for itself.
            with suppress(OSError):
                own.mkdir(parents=True, exist_ok=True)
                stack.enter_context(waiting_lock(own / f"{key[:16]}.lock"))
        try:
            yield
        finally:
            if before is None:
                os.environ.pop(_CACHE_VARIABLE, None)
            else:
                os.environ[_CACHE_VARIABLE] = before
