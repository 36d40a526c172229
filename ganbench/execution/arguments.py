"""The arguments of a run as a script gives them, checked before anything is read or written."""

from __future__ import annotations

import multiprocessing
import numbers
import os
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from ganbench.errors import GanbenchError, GridError, did_you_mean
from ganbench.execution.executor import EXECUTORS
from ganbench.execution.named_executor import DETACHABLE, LOCAL
from ganbench.execution.plan import Rerun
from ganbench.grid import Grid
from ganbench.grid.shard import Shard

_LISTENER = ("planned", "event", "finished")
_EXECUTOR = ("places", "run", "stop", "kill")


def check_arguments(
    *,
    grid: Any,
    out: Any = None,
    jobs: Any = None,
    device: Any = "auto",
    rerun: Any = "no",
    overrides: Any = (),
    max_seconds_per_cell: Any = None,
    keep_going: Any = False,
    listener: Any = None,
    executor: Any = None,
    cluster: Any = None,
    shard: Any = None,
    detach: Any = False,
) -> None:
    """Refuse arguments of `ganbench.run` that mean nothing, all of them at once.

    Raises:
        GridError: with a line for each that is not of its type, or outside its range.
    """
    found = [
        _grid(grid),
        _out(out),
        jobs_problem(jobs),
        _device(device),
        _rerun(rerun),
        _overrides(overrides, grid),
        _seconds(max_seconds_per_cell),
        "" if isinstance(keep_going, bool) else f"keep_going: must be True or False, given {keep_going!r}",
        _lacks("listener", listener, _LISTENER),
        executor_problem(
            executor,
            {
                "jobs": jobs is not None,
                "device": device != "auto",
                "max_seconds_per_cell": max_seconds_per_cell is not None,
            },
        ),
        _cluster(cluster, executor),
        _shard(shard),
        _detach(detach, executor),
    ]
    problems = [problem for problem in found if problem]
    if problems:
        raise GridError(*problems)


def jobs_problem(jobs: Any) -> str:
    """Say what is wrong with a number of worker processes; empty where nothing is."""
    if jobs is None or (is_whole(jobs) and jobs >= 1):
        return ""
    return f"jobs: must be a whole number from 1, or None for one per core or GPU, given {jobs!r}"


def executor_problem(executor: Any, given: Mapping[str, bool]) -> str:
    """Say what is wrong with an executor; empty where nothing is.

    Args:
        executor: what is given as one, its name, or None.
        given: by its name, whether an argument is given that applies to the local executor alone.
    """
    if executor is None:
        return ""
    if isinstance(executor, str):
        return _named_problem(executor, given)
    if problem := _lacks("executor", executor, _EXECUTOR):
        return problem
    if getattr(executor, "stopped", None) is not None:
        return "executor: was told to stop, and begins nothing more; give a new one"
    names = [name for name, is_given in given.items() if is_given]
    return f"{names[0]}: leave it out beside an executor, which decides that itself" if names else ""


def _named_problem(name: str, given: Mapping[str, bool]) -> str:
    if name not in EXECUTORS:
        return f"executor: no executor is named {name!r}{did_you_mean(name.lower(), tuple(EXECUTORS))}"
    if name == LOCAL:
        return ""
    instead = {
        "jobs": "its cluster file says how many cells run side by side",
        "device": "its cluster file says where cells run, by num_gpus and device_models",
    }
    names = [each for each, is_given in given.items() if is_given and each in instead]
    return f"{names[0]}: leave it out with executor {name!r}; {instead[names[0]]}" if names else ""


def _cluster(cluster: Any, executor: Any) -> str:
    if cluster is None:
        return ""
    if not isinstance(cluster, str | os.PathLike) or "\0" in os.fspath(cluster):
        return f"cluster: must be the path of a TOML file, given {cluster!r}"
    if not isinstance(executor, str) or executor == LOCAL:
        names = " or ".join(repr(name) for name in EXECUTORS if name != LOCAL)
        return f"cluster: is for an executor on other machines; give executor {names} with it"
    return ""


def _shard(shard: Any) -> str:
    try:
        if shard is not None:
            Shard.read(shard)
    except GridError as error:
        return str(error)
    return ""


def _detach(detach: Any, executor: Any) -> str:
    if not isinstance(detach, bool):
        return f"detach: must be True or False, given {detach!r}"
    if not detach or (isinstance(executor, str) and executor in DETACHABLE):
        return ""
    names = " or ".join(repr(name) for name in DETACHABLE)
    return f"detach: is for executor {names}, whose jobs go on without this process; leave it out"


def is_whole(value: Any) -> bool:
    """Tell whether a value is an integer, numpy's included; booleans are not."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Tell whether a value is a real number, numpy's included; booleans are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def require_processes() -> None:
    """Refuse a process that may not start others.

    Raises:
        GanbenchError: it is a daemon, as the workers of multiprocessing.Pool are.
    """
    if multiprocessing.current_process().daemon:
        raise GanbenchError(
            "this process is a daemon, as the workers of multiprocessing.Pool are, and may not start the "
            "workers of a run; run the grid in the main process, or in a worker of "
            "concurrent.futures.ProcessPoolExecutor"
        )


def _grid(grid: Any) -> str:
    if isinstance(grid, str | os.PathLike | Mapping | Grid):
        return ""
    return f"grid: must be a TOML file, the name of a bundled grid, a mapping or a Grid, given {grid!r}"


def _out(out: Any) -> str:
    if out is None or (isinstance(out, str | os.PathLike) and isinstance(os.fspath(out), str)):
        return "out: must be a path, given one with a null character" if "\0" in os.fspath(out or "") else ""
    return f"out: must be a path, given {out!r}"


def _device(device: Any) -> str:
    return "" if isinstance(device, str) else f"device: must be auto, cpu, cuda or cuda:N, given {device!r}"


def _rerun(rerun: Any) -> str:
    valid = get_args(Rerun)
    if isinstance(rerun, str):
        return (
            "" if rerun in valid else f"rerun: no such choice {rerun!r}{did_you_mean(rerun.lower(), valid)}"
        )
    return f"rerun: must be one of {', '.join(valid)}, given {rerun!r}"


def _overrides(overrides: Any, grid: Any) -> str:
    settings = isinstance(overrides, Sequence) and not isinstance(overrides, str | bytes)
    if not settings or not all(isinstance(setting, str) for setting in overrides):
        return f"overrides: must be a list of settings, as ['train.steps=200'], given {overrides!r}"
    if overrides and isinstance(grid, Grid):
        return "overrides: a Grid is resolved already; give them to `read_grid`, or give its file or mapping"
    return ""


def _seconds(seconds: Any) -> str:
    if seconds is None or (is_number(seconds) and seconds > 0):
        return ""
    return f"max_seconds_per_cell: must be a number above 0, or None for no limit, given {seconds!r}"


def _lacks(name: str, given: Any, methods: Sequence[str]) -> str:
    missing = [method for method in methods if not callable(getattr(given, method, None))]
    if given is None or not missing:
        return ""
    return f"{name}: must have the methods {', '.join(methods)}; lacks {', '.join(missing)}"
