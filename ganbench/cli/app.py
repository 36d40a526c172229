"""The command line on one screen: what each command takes, and which module does it.

A command here declares its arguments and hands them to the function of its own module, imported when the
command is invoked and not before: `ganbench list` must not pay for what `ganbench run` needs. It returns
the exit code. A new command `x` is a function here and a module `ganbench/cli/x.py`. Errors are not its
business: `ganbench.cli.invocation` turns them into lines and exit codes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganbench.cli.parsing import Command, Commands
from ganbench.errors import GanbenchError

Json = Annotated[bool, typer.Option("--json", help="Print an array of JSON objects.")]
Data = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where data sets are; default: $GANBENCH_DATA.")
]
Weights = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Another file of Inception weights; named as such.")
]
WeightsSha256 = Annotated[str | None, typer.Option(metavar="HEX", help="The SHA-256 of that file.")]


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def ganbench(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Benchmarks for generative adversarial networks: fixed seeds, honest scores, tidy tables."""
    if version:
        from ganbench.catalog.distributions import ganbench_version

        typer.echo(f"ganbench {ganbench_version()}")
        raise typer.Exit(0)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(0)


# KIND is what is left over, and not declared: like an undecided `--help`, it would import pydantic.
@app.command(
    "list", cls=Command, options_metavar="[KIND] [OPTIONS]", context_settings={"allow_extra_args": True}
)
def list_(context: typer.Context, json: Json = False) -> int:
    """What a grid can name, and the plugins that provide it.

    KIND is architectures, losses, penalties, datasets, metrics, extractors, plugins or grids; without it,
    everything is listed.
    """
    from ganbench.cli.list import list_command

    if len(context.args) > 1:
        raise GanbenchError(f"list: one KIND at most, given {' '.join(map(repr, context.args))}")
    return list_command(*context.args, as_json=json)


@app.command(cls=Command)
def run(
    grid: Annotated[str, typer.Argument(metavar="GRID", help="A TOML file, or the name of a bundled grid.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: results/<name>.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Workers; default: one a core, or one a GPU.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    rerun: Annotated[str | None, typer.Option(metavar="stale|all", help="Run finished cells again.")] = None,
    keep_stale: Annotated[
        bool,
        typer.Option(
            "--keep-stale", help="Keep finished cells of another environment, and go on with unfinished ones."
        ),
    ] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As train.steps=200; repeatable.")
    ] = None,
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
    """Train every combination of a grid, score it, write tables and a report; what is done already stays."""
    from ganbench.cli.run import run_command

    return run_command(
        grid,
        out=out,
        jobs=jobs,
        device=device,
        dry_run=dry_run,
        rerun=rerun,
        keep_stale=keep_stale,
        overrides=set_ or (),
        data=data,
        weights=weights,
        weights_sha256=weights_sha256,
        max_seconds_per_cell=max_seconds_per_cell,
        keep_going=keep_going,
        quiet=quiet,
        verbose=verbose,
    )


@app.command(cls=Command)
def show(
    name: Annotated[str, typer.Argument(help="As `ganbench list` prints it.")], json: Json = False
) -> int:
    """One entry: summary, formulas, options with types and defaults, who provides it."""
    from ganbench.cli.show import show_command

    return show_command(name, as_json=json)


@app.command(cls=Command)
def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A results folder.")],
    cell: Annotated[str, typer.Argument(metavar="CELL", help="As in the first column of cells.csv.")],
    count: Annotated[int, typer.Option(help="How many.")] = 64,
    repeat: Annotated[int, typer.Option(metavar="K", help="As in scores.csv, where score.repeats > 1.")] = 0,
    out: Annotated[Path, typer.Option(help="FILE.png, FILE.npz, or a folder for one PNG each.")] = Path(
        "samples.png"
    ),
    device: Annotated[str, typer.Option(help="auto: the one that the cell was scored on.")] = "auto",
) -> int:
    """The very samples of a cell that were scored, the first COUNT."""
    from ganbench.cli.sample import sample_command

    return sample_command(folder, cell, count=count, repeat=repeat, out=out, device=device)


@app.command(cls=Command)
def score(
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="A folder of images, or an array: .npz or .npy.")
    ],
    reference: Annotated[
        str, typer.Option(metavar="DATASET", help="The real side: a data set, or images as IMAGES.")
    ],
    metrics: Annotated[str, typer.Option(metavar="LIST", help="As fid,is,kid[subset_size=100].")],
    extractor: Annotated[
        str | None, typer.Option(metavar="NAME", help="For metrics that need features.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="train|test", help="Of the data set; default: train.")
    ] = None,
    extractor_precision: Annotated[
        str, typer.Option(metavar="float32|bfloat16", help="Of the extractor's arithmetic.")
    ] = "float32",
    range_: Annotated[
        str | None, typer.Option("--range", metavar="LOW,HIGH", help="Black and white, of arrays of floats.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    data: Data = None,
    weights: Weights = None,
    weights_sha256: WeightsSha256 = None,
    json: Json = False,
) -> int:
    """Scores of images made elsewhere, with the same numbers as a run's."""
    from ganbench.cli.score import score_command

    return score_command(
        images,
        reference=reference,
        metrics=metrics,
        extractor=extractor,
        split=split,
        precision=extractor_precision,
        range_=range_,
        device=device,
        data=data,
        weights=weights,
        weights_sha256=weights_sha256,
        as_json=json,
    )


@app.command(cls=Command)
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A results folder.")],
    figures: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write each figure there as PNG and SVG.")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="md|latex|csv|json", help="Print the comparison so.")
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write curves and scores there as event files.")
    ] = None,
    pictures: Annotated[
        float | None, typer.Option(metavar="MIB", help="Of samples, on the page; default: 6.")
    ] = None,
) -> int:
    """Tables and report.html, again, from what is stored; with an option, only what it asks for."""
    from ganbench.cli.report import report_command

    return report_command(
        folder, figures=figures, format_=format_, tensorboard=tensorboard, pictures=pictures
    )


@app.command(cls=Command)
def compare(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A results folder.")],
    axis: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to compare; default: as the grid says.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="VALUE", help="As in cells.csv; default: the first.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="AXIS=VALUE", help="Take these cells only; repeatable.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Compare these scores only; repeatable.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="table|md|latex|csv|json", help="How to print it.")
    ] = "table",
) -> int:
    """Another question of the same results: another axis or baseline, some of the cells; trains nothing."""
    from ganbench.cli.compare import compare_command

    return compare_command(
        folder, axis=axis, baseline=baseline, where=where or (), metrics=metric or (), format_=format_
    )


@app.command(cls=Command)
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A results folder.")],
    cells: Annotated[
        list[str] | None, typer.Argument(metavar="[CELL ...]", help="Default: every finished cell.")
    ] = None,
    sample: Annotated[int | None, typer.Option(metavar="N", help="Draw N of them at random.")] = None,
    device: Annotated[str, typer.Option(help="auto: the one that the cells were trained on.")] = "auto",
    jobs: Annotated[int | None, typer.Option(help="Workers; default: one a core, or one a GPU.")] = None,
    tolerance: Annotated[
        float, typer.Option(help="Relative, for scores of cells made in another environment.")
    ] = 0.25,
) -> int:
    """Run cells again, elsewhere, and compare weights and scores with those stored, bit by bit."""
    from ganbench.cli.verify import verify_command

    return verify_command(folder, cells or (), sample=sample, device=device, jobs=jobs, tolerance=tolerance)


@app.command(cls=Command)
def check(
    baseline: Annotated[
        Path, typer.Option(metavar="DIR", help="The results to hold it against; tables are enough.")
    ],
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A results folder; none with --plan.")
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
    json: Json = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML there.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write Markdown there.")] = None,
) -> int:
    """Whether samples are worse than a baseline's: 0 they are not, 1 they are, 3 the seeds cannot tell."""
    from ganbench.cli.check import check_command

    return check_command(
        folder,
        baseline=baseline,
        metrics=metric or (),
        tolerance=tolerance,
        alpha=alpha,
        inconclusive_passes=inconclusive_passes,
        plan_only=plan,
        as_json=json,
        junit=junit,
        markdown=markdown,
    )


@app.command(cls=Command)
def doctor() -> int:
    """Versions, devices, determinism, extractor weights, plugins."""
    from ganbench.cli.doctor import doctor_command

    return doctor_command()
