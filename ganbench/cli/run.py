"""`ganbench run GRID`: train every combination, score it, write the tables."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganbench.catalog import plugins_given
from ganbench.cli.console import output, plain, progress_console, say, warn_of_cache
from ganbench.cli.parsing import Data, Device, Jobs, Plugins, Weights, WeightsSha256
from ganbench.errors import GanbenchError, GridError
from ganbench.files.data_paths import (
    DATA_VARIABLE,
    INCEPTION_SHA256_VARIABLE,
    INCEPTION_VARIABLE,
    data_paths_set,
)

if TYPE_CHECKING:
    from ganbench.execution import Rerun
    from ganbench.grid import Grid

_FAILED = ("error", "oom")


def run_command(
    grid: Annotated[
        str, typer.Argument(metavar="GRID", help="A TOML file, or a name that `list grids` has.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Default: results/<name>, of a shard results/<name>-I-of-N."),
    ] = None,
    jobs: Jobs = None,
    device: Device = "auto",
    executor: Annotated[
        str, typer.Option(metavar="local|ray|slurm", help="Where cells run: here, or on a cluster.")
    ] = "local",
    cluster: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="A table per executor, as [ray]; see the README.")
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Run the I-th of N parts of the cells; `ganbench merge` joins them."
        ),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Leave once jobs of Slurm are submitted; they go on.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    try_engines: Annotated[
        bool,
        typer.Option(
            "--try-engines", help="With --dry-run: train a moment on each engine, and compare them."
        ),
    ] = False,
    rerun: Annotated[str | None, typer.Option(metavar="stale|all", help="Run finished cells again.")] = None,
    keep_stale: Annotated[
        bool,
        typer.Option(
            "--keep-stale", help="Keep finished cells of another environment, and go on with unfinished ones."
        ),
    ] = False,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As train.steps=200; repeatable.")
    ] = None,
    plugins: Plugins = None,
    data: Data = None,
    weights: Weights = None,
    weights_sha256: WeightsSha256 = None,
    max_seconds_per_cell: Annotated[
        float | None, typer.Option(help="Longer cells end in `error: time limit`.")
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Run the other cells where a plugin is broken.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what failed.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print tracebacks of broken plugins.")] = False,
) -> int:
    """Run a grid, or print its plan.

    Returns:
        0; 1 where a cell ended in `error` or `oom`; 130 where the run was interrupted. 0 where jobs go on.

    Raises:
        GanbenchError: bad input.
    """
    from ganbench.execution import plan_run
    from ganbench.execution.grid_run import read_run_grid
    from ganbench.grid.shard import Shard

    if jobs is not None and jobs < 1:
        raise GridError(f"--jobs: must be at least 1, given {jobs}")
    if max_seconds_per_cell is not None and not max_seconds_per_cell > 0:
        raise GridError(f"--max-seconds-per-cell: must be above 0, given {max_seconds_per_cell:g}")
    if detach and dry_run:
        raise GridError("--detach and --dry-run contradict each other; give one of them")
    if try_engines and not dry_run:
        raise GridError("--try-engines: trains nothing that is kept; give --dry-run with it")
    if try_engines and executor != "local":
        raise GridError(f"--try-engines: measures this machine, not where --executor {executor} runs cells")
    choice = _rerun(rerun, keep_stale)
    part = None if shard is None else Shard.read(shard, "--shard")
    paths = {DATA_VARIABLE: data, INCEPTION_VARIABLE: weights, INCEPTION_SHA256_VARIABLE: weights_sha256}
    with data_paths_set(paths), plugins_given(plugins or ()):
        resolved = read_run_grid(grid, out, overrides or ())
        if part is not None:
            resolved = resolved.part(part)
        warn_of_cache()
        if dry_run:
            from ganbench.cli.plan_table import print_plan
            from ganbench.cli.progress import RunProgress

            with _tracebacks(verbose), RunProgress(progress_console(), quiet) as progress:
                plan, store = plan_run(
                    resolved,
                    out,
                    jobs=jobs,
                    device=device,
                    rerun=choice,
                    keep_going=keep_going,
                    executor=executor,
                    cluster=cluster,
                    trying=progress.trying,
                    waiting=progress.waiting,
                )
            print_plan(plan, store, engines_follow=try_engines)
            if try_engines:
                from ganbench.cli.engine_table import print_engine_trials

                print_engine_trials(plan, quiet=quiet)
            return 0
        return _run(
            resolved,
            out,
            jobs=jobs,
            device=device,
            rerun=choice,
            max_seconds_per_cell=max_seconds_per_cell,
            keep_going=keep_going,
            executor=executor,
            cluster=cluster,
            detach=detach,
            quiet=quiet,
            verbose=verbose,
        )


def _run(grid: Grid, out: Path | None, *, quiet: bool, verbose: bool, **options: Any) -> int:
    """Run a grid and print its comparison; `options` are those of `ganbench.run`."""
    from ganbench.cli.progress import RunProgress
    from ganbench.execution import Interrupted, run
    from ganbench.report import print_comparison
    from ganbench.store import REPORT

    console = progress_console()
    try:
        with _tracebacks(verbose), RunProgress(console, quiet, verbose) as progress:
            results = run(grid, out, listener=progress, **options)
    except Interrupted as stopped:
        arguments = _without_rerun(sys.argv[1:]) if stopped.begun else sys.argv[1:]
        done = f"what was done is in {stopped.folder}; " if stopped.begun else ""
        command = shlex.join(["ganbench", *arguments])
        console.print(plain(f"interrupted; {done}go on with: {command}"), soft_wrap=True)
        return 130
    if progress.left:
        arguments = [each for each in _without_rerun(sys.argv[1:]) if each != "--detach"]
        command = shlex.join(["ganbench", *arguments])
        line = f"{progress.left}; they go on by themselves, collect them with: {command}"
        console.print(plain(line), soft_wrap=True)
        return 0
    statuses = Counter(results.cells["status"])
    if not quiet:
        print_comparison(results, output())
    say(console, _closing(grid, statuses, results.path / REPORT))
    return 1 if progress.failed or any(statuses[status] for status in _FAILED) else 0


@contextmanager
def _tracebacks(wanted: bool) -> Iterator[None]:
    """Print the tracebacks behind an error to stderr, where they are wanted, before its lines."""
    try:
        yield
    except GanbenchError as error:
        if wanted:
            print("\n".join(error.tracebacks), file=sys.stderr)
        raise


def _without_rerun(arguments: Sequence[str]) -> list[str]:
    """Return the arguments that resume the run: without --rerun, which would start it over."""
    kept: list[str] = []
    for argument in arguments:
        if kept and kept[-1] == "--rerun":
            kept.pop()
        elif not argument.startswith("--rerun="):
            kept.append(argument)
    return kept


def _rerun(rerun: str | None, keep_stale: bool) -> Rerun:
    if keep_stale and rerun is not None:
        raise GridError(f"--keep-stale and --rerun {rerun} contradict each other; give one of them")
    if keep_stale:
        return "keep"
    if rerun is None:
        return "no"
    if rerun == "stale":
        return "stale"
    if rerun == "all":
        return "all"
    raise GridError(f"--rerun: must be stale or all, given {rerun!r}")


def _closing(grid: Grid, statuses: Counter[str], page: Path) -> str:
    counted = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    part = f", {grid.shard.words}" if grid.shard else ""
    return f"{grid.name}{part}: {counted}; report: {page}"
