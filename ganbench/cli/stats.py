"""`ganbench stats DATASET`: mean and covariance of a data set's features, for scores without the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from ganbench.catalog import load_catalog
from ganbench.cli.console import output, progress_console, say, warn, warn_of_cache
from ganbench.cli.parsing import Data, Device, ExtractorPrecision, Plugins, ScoreJobs, Weights, WeightsSha256
from ganbench.errors import GridError
from ganbench.files.data_paths import (
    DATA_VARIABLE,
    INCEPTION_SHA256_VARIABLE,
    INCEPTION_VARIABLE,
    data_paths_set,
)
from ganbench.files.work_folders import WorkFolders


def stats_command(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="A data set, or images as `ganbench score` takes them.")
    ],
    extractor: Annotated[str, typer.Option(metavar="NAME", help="What makes the features.")],
    out: Annotated[Path, typer.Option(metavar="FILE.npz", help="Where they go; an older file is replaced.")],
    split: Annotated[str | None, typer.Option(metavar="train|test", help="Default: train.")] = None,
    precision: ExtractorPrecision = "float32",
    jobs: ScoreJobs = None,
    device: Device = "auto",
    data: Data = None,
    weights: Weights = None,
    weights_sha256: WeightsSha256 = None,
    plugins: Plugins = None,
) -> int:
    """Write `mu` and `sigma` of the features of a data set.

    Raises:
        GanbenchError: bad input.
    """
    from ganbench.api.data import Split
    from ganbench.cli.image_progress import ImageProgress
    from ganbench.cli.score import open_reference
    from ganbench.cli.score_request import cores_for, request_of
    from ganbench.runner import SharedParts
    from ganbench.runner.devices import THREADS, resolve_device
    from ganbench.runner.feature_statistics import ENDING, statistics_of, write_statistics
    from ganbench.scoring.extraction import Pace
    from ganbench.training import deterministic_process

    if out.suffix.lower() != ENDING:
        raise GridError(f"--out: must end in {ENDING}, given {str(out)!r}")
    if out.is_dir():
        raise GridError(f"--out: {out} is a folder")
    shared = SharedParts(load_catalog(plugins=plugins or ()))
    request = request_of(shared.catalog, dataset, "fid", extractor, split, precision, argument="DATASET")
    if request.statistics is not None:
        raise GridError(f"DATASET: {dataset} holds statistics already")
    warn_of_cache()
    place, workers = resolve_device(device), cores_for(jobs)
    paths = {DATA_VARIABLE: data, INCEPTION_VARIABLE: weights, INCEPTION_SHA256_VARIABLE: weights_sha256}
    chosen = request.settings["extractor"]
    with (
        data_paths_set(paths),
        deterministic_process(THREADS),
        WorkFolders() as folders,
        ImageProgress(progress_console()) as progress,
    ):
        real, described = open_reference(request, shared, workers, progress)
        built = shared.build_extractor(chosen, real)
        assert built is not None
        side: Split = next(each for each in get_args(Split) if each == (split or "train"))
        found = statistics_of(
            real,
            side,
            built,
            label=chosen.label,
            device=place,
            precision=precision,
            plugins=tuple(filter(None, [shared.provider("extractor", chosen)])),
            pace=Pace(
                workers=shared.extraction_workers(chosen, place, workers),
                readers=workers,
                told=lambda side, done, total: progress.step(f"features of {dataset}")(done, total),
                folder_of=folders.folder_of,
            ),
        )
        write_statistics(out, found)
    warn(shared.catalog.notes)
    say(output(), f"{len(found.mean)} features ({chosen.label}) of {described}: {out}")
    return 0
