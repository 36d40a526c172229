"""`ganbench check DIR --baseline DIR`: whether samples became worse, for continuous integration."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganbench import regression
from ganbench.catalog import load_catalog, plugins_given
from ganbench.cli.console import output, say, table
from ganbench.cli.parsing import Device, Jobs, Json, Plugins
from ganbench.errors import GanbenchError, GridError, StoreError
from ganbench.files.atomic import write_bytes

if TYPE_CHECKING:
    from ganbench.regression import SeedPlan

_HEADS = ("score", "baseline", "sd taken", "tolerance", "to pass", "to find", "beside these")


def check_command(
    baseline: Annotated[
        Path, typer.Option(metavar="DIR", help="The results to hold it against; tables are enough.")
    ],
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A results folder, or one of `score --out`; none with --plan."),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="As fid; repeatable. Default: as the grid says.")
    ] = None,
    tolerance: Annotated[
        str | None,
        typer.Option(metavar="5%|NUMBER", help="What may be lost. Default: as the grid says, or 5%."),
    ] = None,
    alpha: Annotated[float, typer.Option(help="Rate of false regressions where nothing changed.")] = 0.05,
    inconclusive_passes: Annotated[
        bool, typer.Option("--inconclusive-passes", help="Exit with 0, not 3, where seeds are too few.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say how many seeds a check needs, and stop.")] = False,
    add_seeds: Annotated[
        int | None,
        typer.Option(metavar="N", help="Train up to N more seeds of DIR, until the verdict is settled."),
    ] = None,
    grid: Annotated[
        str | None, typer.Option(metavar="GRID", help="What they are trained with. Default: the grid in DIR.")
    ] = None,
    more_baseline: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="More seeds of the baseline, which --add-seeds adds too."),
    ] = None,
    jobs: Jobs = None,
    device: Device = "auto",
    as_json: Json = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML there.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write Markdown there.")] = None,
    plugins: Plugins = None,
) -> int:
    """Print the verdict on every score, or how many seeds a check would need.

    With --add-seeds, more seeds are trained into `DIR-more-seeds` first where the verdict is not settled, and
    of the baseline into `DIR-more-baseline-seeds` where its code is here and its settings are others.

    Returns:
        0 where all pass, are identical or improved; 1 for a regression; 3 where something is inconclusive
        and must not be.

    Raises:
        GanbenchError: a folder, the pair of them, or an option cannot be used.
    """
    from ganbench.grid.tolerance import read_tolerance
    from ganbench.store import require_foreign

    metrics = metric or ()
    for file in (junit, markdown):
        if file is not None:
            require_foreign(file)
    files = _Files(junit, markdown)
    given = plugins or ()
    try:
        load_catalog(plugins=given)
        try:
            allowed = None if tolerance is None else read_tolerance(tolerance)
        except ValueError as problem:
            raise GridError(f"--tolerance: {problem}") from None
        if plan:
            if folder is not None:
                raise GridError(f"--plan looks at the baseline alone; leave out {folder}")
            if add_seeds is not None:
                raise GridError("--plan trains nothing; leave out --add-seeds")
            made = regression.plan(baseline, metrics=metrics, tolerance=allowed, alpha=alpha, plugins=given)
            _print_json(regression.plan_records(made)) if as_json else _print_plan(made)
            return 0
        if folder is None:
            raise GridError("check: missing argument 'DIR', the results folder to hold against the baseline")
        if add_seeds is None and grid is not None:
            raise GridError(f"--grid {grid}: is used with --add-seeds alone")
        if add_seeds is None and more_baseline is not None:
            raise GridError(f"--more-baseline {more_baseline}: is used with --add-seeds alone")
        options: dict[str, Any] = {
            "metrics": metrics,
            "tolerance": allowed,
            "alpha": alpha,
            "plugins": given,
        }
        if add_seeds is None:
            outcome = regression.check(folder, baseline, **options)
        else:
            from ganbench.cli.added_seeds import AddedSeeds
            from ganbench.regression.advice import folder_beside

            beside, where = functools.partial(folder_beside, folder), {"jobs": jobs, "device": device}

            def train_baseline(seeds: Sequence[int]) -> Path:
                return AddedSeeds(baseline, None, beside("-more-baseline-seeds"), **where).train(seeds)

            with plugins_given(given):
                added = AddedSeeds(folder, grid, beside("-more-seeds"), **where)
                outcome = regression.check_adding_seeds(
                    folder,
                    baseline,
                    add=add_seeds,
                    train=added.train,
                    train_baseline=train_baseline,
                    more_baseline=more_baseline,
                    **options,
                )
        files.write(regression.junit_of(outcome, inconclusive_passes), regression.markdown_of(outcome))
    except GanbenchError as error:
        files.tell(error.problems, "bad input")
        raise
    except Exception as error:
        files.tell([f"{type(error).__name__}: {error}"], "internal failure")
        raise
    if as_json:
        _print_json(regression.records(outcome))
    else:
        say(output(), regression.text_of(outcome))
    if outcome.verdict == "inconclusive" and inconclusive_passes:
        return 0
    return outcome.exit_code


@dataclass(frozen=True)
class _Files:
    """The requested files, which are written even where the check fails, for the steps after it."""

    junit: Path | None
    markdown: Path | None

    def write(self, junit: bytes, markdown: str) -> None:
        """Write them.

        Raises:
            StoreError: the file system refuses.
        """
        if self.junit is not None:
            write_bytes(self.junit, junit)
        if self.markdown is not None:
            write_bytes(self.markdown, markdown.encode())

    def tell(self, problems: Sequence[str], kind: str) -> None:
        """Write into each of them that can be written why there is no verdict."""
        for files in (_Files(self.junit, None), _Files(None, self.markdown)):
            # The problem itself is about to be said, and it counts for more.
            with contextlib.suppress(StoreError):
                files.write(
                    regression.junit_of_problems(problems, kind),
                    regression.markdown_of_problems(problems, kind),
                )


def _print_json(rows: list[dict[str, Any]]) -> None:
    json.dump(rows, sys.stdout, indent=1, allow_nan=False)
    sys.stdout.write("\n")


def _print_plan(made: SeedPlan) -> None:
    console = output()
    rows = [
        (
            f"{need.check.words}: {need.check.score}",
            f"{need.check.baseline.mean:.4g} ± {need.check.baseline.sd:.3g} over {need.n} seeds",
            f"{need.sd:.3g}",
            str(need.check.tolerance) + (f" = {need.allowed:.3g}" if need.check.tolerance.relative else ""),
            regression.seeds(need.to_pass),
            regression.seeds(need.to_find),
            "none is enough" if need.beside is None else str(need.beside),
        )
        for need in made.needs
    ]
    console.print(table(_HEADS, rows))
    for line in (
        "sd taken: the upper bound of the baseline's, at 80% confidence: few seeds may lie close by luck",
        "to pass: seeds a side with which no change passes with probability 0.8",
        "to find: seeds a side that find a loss of twice the tolerance with probability 0.9",
        f"beside these: seeds that do both against {made.baseline} as it is",
    ):
        say(console, line)
    what = "this score" if len(made.needs) == 1 else f"all {len(made.needs)} scores together"
    say(console, f"{regression.seeds(made.together)} seeds a side do both for {what}")
