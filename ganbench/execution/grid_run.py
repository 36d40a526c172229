"""A grid from start to tables: plan, train side by side, write what is known after each scoring."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from ganbench.catalog import PluginSource, load_catalog, plugins_given
from ganbench.engines import engine_named
from ganbench.errors import GridError, StoreError
from ganbench.execution.alternatives import nothing_runs, require_runnable
from ganbench.execution.arguments import check_arguments, require_processes
from ganbench.execution.executor import EXECUTORS, Executor, Place, planned_place
from ganbench.execution.grid_check import preflight
from ganbench.execution.local import LocalExecutor, local_workers
from ganbench.execution.named_executor import DETACHABLE, DetachableExecutor, opened_executor
from ganbench.execution.plan import Plan, Rerun, make_plan, trial_device
from ganbench.execution.planned_folder import lay_out, sweep, tasks_of
from ganbench.execution.results_writer import Listener, ResultsWriter
from ganbench.execution.stopping import stopping
from ganbench.execution.task_groups import notes_on_groups
from ganbench.files.data_paths import set_grid_folder
from ganbench.grid import Grid, read_grid
from ganbench.grid.plugin_source import forget_sources
from ganbench.grid.reader import named_grid
from ganbench.grid.shard import Shard, ShardSource
from ganbench.report import Results, load
from ganbench.runner import SharedParts
from ganbench.runner.devices import resolve_device
from ganbench.store import Store
from ganbench.store.stored_grid import with_missing_plugins
from ganbench.training import deterministic


def default_folder(grid: Grid) -> Path:
    """Name the folder of a grid's results where none is given."""
    return Path("results") / f"{grid.name}{grid.shard.suffix if grid.shard else ''}"


@contextmanager
def kept_process() -> Iterator[None]:
    """Put back the environment and the warning filters when this ends.

    scikit-learn and sympy change them when they are imported, which a run does only when it needs them.
    torch's switches and the random states are kept where they are used.
    """
    environment = dict(os.environ)
    with warnings.catch_warnings():
        try:
            yield
        finally:
            for name in os.environ.keys() - environment.keys():
                del os.environ[name]
            os.environ.update(environment)


@kept_process()
def plan_run(
    grid: Grid,
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    device: str = "auto",
    rerun: Rerun = "no",
    keep_going: bool = False,
    executor: Executor | str | None = None,
    cluster: str | Path | None = None,
    plugins: Sequence[PluginSource] = (),
    shard: ShardSource | None = None,
    trying: Callable[[int, int], None] = lambda done, total: None,
    waiting: Callable[[str], None] = lambda text: None,
) -> tuple[Plan, Store]:
    """Plan what a run would do; reads, never writes.

    The arguments are those of `run`; `trying` is told how many cells have been tried out, and how many there
    are: of many architectures that takes minutes. `waiting` is told in a line what a cluster is waited for.

    Raises:
        GanbenchError: the grid cannot be run as it is, there.
    """
    check_arguments(
        grid=grid,
        out=out,
        jobs=jobs,
        device=device,
        rerun=rerun,
        keep_going=keep_going,
        executor=executor,
        cluster=cluster,
        shard=shard,
    )
    if shard is not None:
        grid = grid.part(Shard.read(shard))
    with opened_executor(executor, cluster, waiting=waiting) as chosen:
        return _plan_run(grid, out, jobs, device, rerun, keep_going, chosen, plugins, trying)


def _plan_run(
    grid: Grid,
    out: str | Path | None,
    jobs: int | None,
    device: str,
    rerun: Rerun,
    keep_going: bool,
    executor: Executor | None,
    plugins: Sequence[PluginSource],
    trying: Callable[[int, int], None],
) -> tuple[Plan, Store]:
    """Plan for an executor that is open; None for worker processes of this machine."""
    set_grid_folder(grid.folder)
    place = Place.here(resolve_device(device)) if executor is None else planned_place(executor)
    others = () if executor is None else _others(executor.places(), place)
    store = Store(out if out is not None else default_folder(grid))
    store.require_own()
    if rerun != "all" and store.has_only_tables():
        raise StoreError(
            f"{store.path}: holds tables of cells without the cells, as a baseline in a repository does, and "
            "a run would replace them; give another folder with --out, or --rerun all to train them anew"
        )
    # A notebook plans again and again, and pictures may have come to a folder in between.
    forget_sources()
    shared = SharedParts(load_catalog(plugins=plugins))
    # An engine that records rounds is asked about each game when all else has been tried: half of the way.
    settings = {cell.train.engine for cell in grid.cells} - {"auto"}
    parts = 1 if all(engine_named(setting).universal for setting in settings) else 2
    with deterministic():
        tried = preflight(
            grid,
            trial_device(place),
            shared,
            keep_going=keep_going,
            trying=lambda done, total: trying(done // parts, total),
        )
    plan = make_plan(
        grid,
        store,
        place=place,
        others=others,
        tried=tried,
        rerun=rerun,
        shared=shared,
        asking=lambda done, total: None if parts == 1 else trying((total + done) // parts, total),
    )
    workers = local_workers(place.device, jobs) if executor is None else getattr(executor, "workers", "")
    notes = plan.notes
    if any(cell.needs for cell in grid.cells) and not getattr(executor, "serves_needs", False):
        notes += (
            "cluster.num_gpus and cluster.mem_gb are left aside: only --executor ray and slurm use them",
        )
    training = [(cell.cell, cell.environment) for cell in plan.cells if cell.action == "train"]
    notes += tuple(
        notes_on_groups(training, together=executor is None or isinstance(executor, LocalExecutor))
    )
    plan = replace(plan, workers=str(workers), notes=notes)
    if grid.shard is None:
        # A shard's own cells may all be skipped where those of others are not.
        require_runnable(plan, store)
    return plan, store


@kept_process()
def run(
    grid: str | Path | Mapping[str, Any] | Grid,
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    device: str = "auto",
    rerun: Rerun = "no",
    overrides: Sequence[str] = (),
    max_seconds_per_cell: float | None = None,
    keep_going: bool = False,
    listener: Listener | None = None,
    executor: Executor | str | None = None,
    cluster: str | Path | None = None,
    plugins: Sequence[PluginSource] = (),
    shard: ShardSource | None = None,
    detach: bool = False,
) -> Results:
    """Train, score and compare every cell of a grid; what is done already stays.

    Args:
        grid: a TOML file, a name that `ganbench list grids` has, a mapping as in a file, or a Grid.
        out: the results folder; default `results/<name>`, of a shard `results/<name>-3-of-16`.
        jobs: worker processes; default one per CPU core, or per GPU, as far as quotas and memory go.
        device: auto, cpu, cuda or cuda:N.
        rerun: what happens to finished cells of another environment: `no` refuses, `stale` runs them again,
            `keep` keeps them; `all` runs every cell again.
        overrides: settings as `train.steps=200`, over those of the grid.
        max_seconds_per_cell: longer cells end in `error: time limit`.
        keep_going: whether cells whose plugins are broken end in `error`, and the others are run; otherwise
            a broken plugin is bad input.
        listener: told how the run goes.
        executor: runs the cells: `local`, worker processes of this machine; `ray`; `slurm`; or an object,
            which serves one run at a time. jobs and device apply to `local` alone, max_seconds_per_cell to
            executors given by their names.
        cluster: a TOML file with a table for each executor on other machines, which says how it runs cells.
        plugins: plugins without a package, beside those that are installed: paths of `.py` files, names of
            importable modules, or modules. Workers import them too, so nothing of `__main__` will do.
        shard: `3/16` or (3, 16) runs the third of sixteen parts of the cells alone; `ganbench.merge` joins
            the folders of the parts.
        detach: with executor `slurm`, whether to return once jobs are submitted; they go on, and the same
            call without it, or `ganbench run`, collects them.

    Returns:
        The tables; those of a run that was detached have cells that are unfinished.

    Raises:
        GanbenchError: bad input, or not one cell can be built; nothing is trained.
        Interrupted: SIGINT, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2; the same call goes on where it stopped.
    """
    check_arguments(
        grid=grid,
        out=out,
        jobs=jobs,
        device=device,
        rerun=rerun,
        overrides=overrides,
        max_seconds_per_cell=max_seconds_per_cell,
        keep_going=keep_going,
        listener=listener,
        executor=executor,
        cluster=cluster,
        shard=shard,
        detach=detach,
    )
    require_processes()
    folder = Path(out) if out is not None else None
    with stopping(lambda: _folder_of(grid, folder)) as stopper, plugins_given(plugins), ExitStack() as stack:
        if not isinstance(grid, Grid):
            grid = read_run_grid(grid, out, overrides)
        if shard is not None:
            grid = grid.part(Shard.read(shard))
        set_grid_folder(grid.folder)
        # A listener need not have it, nor `trying`, nor `detached`.
        waiting = getattr(listener, "waiting", lambda text: None)
        chosen = stack.enter_context(opened_executor(executor, cluster, max_seconds_per_cell, waiting))
        detachable = cast(DetachableExecutor, chosen) if executor in DETACHABLE else None
        if detach and detachable is not None:
            detachable.detach()
        plan, store = plan_run(
            grid,
            folder,
            jobs=jobs,
            device=device,
            rerun=rerun,
            keep_going=keep_going,
            executor=chosen,
            trying=getattr(listener, "trying", lambda done, total: None),
        )
        with store.lock():
            _refuse_jobs(store, executor, rerun)
            # Another run may have been here since.
            plan = _planned_again(plan, store, rerun)
            if listener is not None:
                listener.planned(plan)
            else:
                for note in plan.notes:
                    warnings.warn(note, stacklevel=2)
            left_jobs = detachable is not None and store.jobs_folder.exists()
            lay_out(plan, store, detachable.adopt(store) if detachable is not None and left_jobs else ())
            stopper.begun = True
            writer = ResultsWriter(plan, store, listener)
            writer.write(page=False)
            tasks = tasks_of(plan, store)
            if tasks or left_jobs:
                if chosen is None:
                    chosen = EXECUTORS["local"](plan.device, jobs=jobs, max_seconds=max_seconds_per_cell)
                stopper.executor = chosen
                writer.follow(chosen, tasks)
                # Workers that were killed in this run may have been writing.
                sweep(store)
            writer.write(page=True)
            if detachable is not None and detachable.left:
                getattr(listener, "detached", lambda left: None)(detachable.left)
        # A plugin's file may be gone by now, and the tables do without.
        results = replace(load(store.path), plugins=tuple(plugins))
        if grid.shard is None and (results.cells["status"] == "skipped").all():
            # What preflight did not find: a plugin says only in a worker that it does not fit.
            cells = {planned.cell.id: planned.cell for planned in plan.cells}
            rows = zip(results.cells["reason"], results.cells["cell"], strict=True)
            raise nothing_runs(plan.grid.name, {reason: cells[cell] for reason, cell in rows}, plan.shared)
        return results


def read_run_grid(
    source: str | os.PathLike[str] | Mapping[str, Any],
    out: str | os.PathLike[str] | None,
    overrides: Sequence[str] = (),
) -> Grid:
    """Read a grid that is to be run, with the catalog of this process.

    Args:
        source: as for `run`.
        out: likewise; a plugin that cells there were made with, and that is missing now, is named.
        overrides: likewise.

    Raises:
        GridError: everything that is wrong.
    """
    catalog = load_catalog()
    try:
        return read_grid(source, catalog, overrides)
    except GridError as error:
        name = named_grid(source, catalog) if out is None else ""
        if out is None and not name:
            raise
        folder = Path("results") / name if out is None else Path(out)
        raise with_missing_plugins(error, Store(folder), catalog) from None


def _refuse_jobs(store: Store, executor: Executor | str | None, rerun: Rerun) -> None:
    """Refuse to begin cells that jobs of an earlier run may be at.

    Raises:
        StoreError: there are jobs that this run does not collect.
    """
    if executor != "slurm" or rerun in ("stale", "all"):
        store.require_collected()


def _folder_of(grid: object, out: Path | None) -> Path:
    if out is not None:
        return out
    return default_folder(grid) if isinstance(grid, Grid) else Path("results")


def _planned_again(plan: Plan, store: Store, rerun: Rerun) -> Plan:
    again = make_plan(
        plan.grid,
        store,
        place=plan.place,
        others=plan.others,
        tried=plan.tried,
        rerun=rerun,
        shared=plan.shared,
    )
    return replace(again, workers=plan.workers, notes=tuple(dict.fromkeys((*again.notes, *plan.notes))))


def _others(places: Sequence[Place], planned: Place) -> tuple[Place, ...]:
    """List one place of each further device model."""
    return tuple({place.model: place for place in places if place.model != planned.model}.values())
