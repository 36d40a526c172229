"""`ganbench score IMAGES`: the scores of a run, of images that another program made."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganbench.catalog import load_catalog
from ganbench.cli.console import UNBOUNDED, output, plain, progress_console, say, table, warn, warn_of_cache
from ganbench.cli.parsing import (
    Data,
    Device,
    ExtractorPrecision,
    Json,
    Plugins,
    ScoreJobs,
    Weights,
    WeightsSha256,
)
from ganbench.cli.score_request import ScoreRequest, cores_for, request_of
from ganbench.errors import DatasetError
from ganbench.files.data_paths import (
    DATA_VARIABLE,
    INCEPTION_SHA256_VARIABLE,
    INCEPTION_VARIABLE,
    data_paths_set,
)
from ganbench.files.work_folders import WorkFolders

if TYPE_CHECKING:
    from ganbench.api import Dataset, Samples, Signature
    from ganbench.cli.image_progress import ImageProgress
    from ganbench.runner import SharedParts
    from ganbench.runner.external_samples import Reading
    from ganbench.runner.feature_statistics import StatisticsScorer
    from ganbench.scoring import Scorer, ScoreRow
    from ganbench.scoring.extraction import Pace


def score_command(
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="A folder or archive, .npz or .npy; of points also .csv.")
    ],
    reference: Annotated[
        str,
        typer.Option(
            metavar="DATASET", help="The real side: a data set, images as IMAGES, or an .npz of mu and sigma."
        ),
    ],
    metrics: Annotated[str, typer.Option(metavar="LIST", help="As fid,is,kid[subset_size=100].")],
    extractor: Annotated[
        str | None, typer.Option(metavar="NAME", help="For metrics that need features.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="train|test", help="Of the data set; default: train.")
    ] = None,
    precision: ExtractorPrecision = "float32",
    range_: Annotated[
        str | None, typer.Option("--range", metavar="LOW,HIGH", help="Black and white, of arrays of floats.")
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Take all images below IMAGES, however deep they lie.")
    ] = False,
    size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Resize the images of a folder to squares.")
    ] = None,
    background: Annotated[
        str | None, typer.Option(metavar="COLOUR", help="Under transparent images: white, black or r,g,b.")
    ] = None,
    jobs: ScoreJobs = None,
    device: Device = "auto",
    data: Data = None,
    weights: Weights = None,
    weights_sha256: WeightsSha256 = None,
    plugins: Plugins = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the scores there, for `check`: a folder per seed, as seed3."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Score images, or points, against a data set, with the numbers that a run gives the same samples.

    Raises:
        GanbenchError: bad input.
    """
    from ganbench.analysis.external_scores import require_seed_folder, write_scores
    from ganbench.cli.image_progress import ImageProgress
    from ganbench.runner import SharedParts
    from ganbench.runner.devices import THREADS, resolve_device
    from ganbench.runner.external_samples import read_samples
    from ganbench.runner.point_tables import PointColumns
    from ganbench.scoring.extraction import Pace
    from ganbench.scoring.image_rows import shape_of
    from ganbench.scoring.reference import forget_references
    from ganbench.training import deterministic_process

    if out is not None:
        require_seed_folder(out)
    shared = SharedParts(load_catalog(plugins=plugins or ()))
    request = request_of(
        shared.catalog,
        reference,
        metrics,
        extractor,
        split,
        precision,
        range_=range_,
        recursive=recursive,
        size=size,
        background=background,
    )
    warn_of_cache()
    place, workers = resolve_device(device), cores_for(jobs)
    paths = {DATA_VARIABLE: data, INCEPTION_VARIABLE: weights, INCEPTION_SHA256_VARIABLE: weights_sha256}
    # As in a worker: the number of threads decides bits.
    with (
        data_paths_set(paths),
        deterministic_process(THREADS),
        WorkFolders() as folders,
        ImageProgress(progress_console()) as progress,
        ExitStack() as at_the_end,
    ):
        # Their features lie in the work folders.
        at_the_end.callback(forget_references)
        sides = {"generated": str(images), "reference": request.name}
        pace = Pace(
            workers=workers,
            readers=workers,
            told=lambda side, done, total: progress.step(f"features of {sides[side]}")(done, total),
            folder_of=folders.folder_of,
            kept_of=folders.kept_of,
        )
        reading = replace(request.reading, readers=workers, told=progress.step(f"reading {images}"))
        scorer: Scorer | StatisticsScorer
        told: list[str] = []
        notes: list[str] = []
        if request.statistics is not None:
            samples = read_samples(images, None, reading, notes=told)
            scorer = _statistics_scorer(request, shared, samples, images, place, pace)
            described = f"the statistics {request.reference}"
        else:
            real, described = open_reference(request, shared, workers, progress)
            class_names = getattr(real, "class_names", None)
            reading = replace(reading, class_names=class_names, columns=PointColumns.of(real))
            samples = read_samples(images, real.signature, reading, notes=told)
            notes = _notes(request, real, samples, images)
            scorer = _scorer(request, shared, real, samples, images, place, pace)
            scorer.check(trained_here=False)
        rows = scorer.score(samples)
    warn(shared.catalog.notes)
    for note in (*(f"{images}: {phrase}" for phrase in told), *notes):
        print(plain(f"note: {note}").plain, file=sys.stderr)
    records = [_record(row, scorer, shared) for row in rows]
    if out is not None:
        # Where it lies differs from machine to machine; what it holds is in the protocol.
        against = request.reference
        write_scores(out, records, against.name if isinstance(against, Path) else against.label)
    if as_json:
        print(json.dumps(records, indent=2))
        return 0
    noun = "images" if len(shape_of(samples)) == 3 else "points"
    say(output(), f"{len(samples)} {noun} of {images} against {described}")
    _print(rows, shared)
    return 0


def open_reference(
    request: ScoreRequest, shared: SharedParts, readers: int, progress: ImageProgress
) -> tuple[Dataset, str]:
    """Open the real side; return it with its name for messages."""
    from ganbench.runner.external_samples import ExternalDataset, Reading

    if isinstance(request.reference, Path):
        reading = Reading(
            background=request.reading.background,
            readers=readers,
            told=progress.step(f"reading {request.reference}"),
        )
        data = ExternalDataset.read(request.reference, reading)
        return data, f"{request.reference} ({len(data.load('train'))})"
    split = request.settings.get("reference", "train")
    real = shared.dataset(request.reference)
    return real, f"{request.reference.label} ({split}, {len(real.load(split))})"


def _notes(request: ScoreRequest, real: Dataset, samples: Samples, images: Path) -> list[str]:
    """List what is to be said of either side's brightness."""
    from ganbench.runner.data_notes import range_note
    from ganbench.scoring.image_rows import images_of

    if real.signature.kind != "image":
        return []
    sides = {str(images): images_of(samples)}
    if isinstance(request.reference, Path):
        sides[str(request.reference)] = images_of(real.load("train"))
    else:
        split = request.settings.get("reference", "train")
        sides[f"{request.reference.label} ({split})"] = images_of(real.load(split))
    notes = [f"{name}: its images {note}" for name, x in sides.items() if (note := range_note(x))]
    if notes and request.reading.span is not None:
        black, white = request.reading.span
        notes.append(f"--range={black:g},{white:g} says what black and white are")
    return notes


def _scorer(
    request: ScoreRequest,
    shared: SharedParts,
    real: Dataset,
    samples: Samples,
    images: Path,
    device: str,
    pace: Pace,
) -> Scorer:
    """Build the scorer, and check these samples for what its metrics need."""
    from ganbench.grid import Choice, ScoreSettings, check_scoring
    from ganbench.grid.problems import Problems
    from ganbench.runner.external_samples import (
        describe_signature,
        require_labels,
        require_pairs,
        signature_of,
    )
    from ganbench.scoring import WITH_LABELS
    from ganbench.scoring.image_rows import StreamedSamples

    if len(samples) < 2:
        raise DatasetError(f"{images}: holds one sample; a score needs at least 2")
    settings = ScoreSettings(samples=len(samples), **request.settings)
    problems = Problems("score")
    check_scoring(
        settings, shared.catalog, problems, metrics="--metrics", extractor="--extractor", samples="samples"
    )
    problems.raise_any()
    metrics = [shared.build_metric(metric) for metric in settings.metrics]
    if any(metric.needs == "pairs" for metric in metrics):
        require_pairs(samples, real.load(settings.reference), images)
    for metric in metrics:
        if metric.needs == WITH_LABELS:
            require_labels(samples, real.signature.classes, metric.minimum, images)
    named = request.reference if isinstance(request.reference, Choice) else real
    ours, theirs = signature_of(samples), real.signature
    scorer = shared.scorer(
        named,
        settings,
        device,
        generated=ours,
        generated_images=_changes(request.reading, ours, theirs),
        pace=pace,
    )
    if problems_of_size := scorer.size_problems():
        resized = f"; --size {theirs.shape[1]} resizes them" if isinstance(samples, StreamedSamples) else ""
        raise DatasetError(
            f"{images}: has {describe_signature(ours)}; the reference has {describe_signature(theirs)}, and "
            f"{'; '.join(problems_of_size)}{resized}"
        )
    return scorer


def _changes(reading: Reading, ours: Signature, theirs: Signature) -> str:
    """Say for the protocol what sets the images apart from those that a run would score."""
    changes = []
    if reading.size is not None:
        changes.append(f"resized to {reading.size}x{reading.size} by Pillow's bilinear filter")
    elif ours.shape != theirs.shape:
        changes.append("x".join(map(str, ours.shape[1:])))
    if reading.background is not None:
        changes.append(f"laid over {reading.background}")
    return ", ".join(changes)


def _statistics_scorer(
    request: ScoreRequest,
    shared: SharedParts,
    samples: Samples,
    images: Path,
    device: str,
    pace: Pace,
) -> StatisticsScorer:
    from ganbench.runner.external_samples import ExternalDataset
    from ganbench.runner.feature_statistics import StatisticsScorer

    assert request.statistics is not None
    if len(samples) < 2:
        raise DatasetError(f"{images}: holds one sample; a score needs at least 2")
    return StatisticsScorer(
        request.statistics,
        samples,
        ExternalDataset(samples, images),
        request.settings["extractor"],
        shared,
        device=device,
        precision=request.settings.get("extractor_precision", "float32"),
        pace=pace,
    )


def _record(row: ScoreRow, scorer: Scorer | StatisticsScorer, shared: SharedParts) -> dict[str, Any]:
    return {
        "metric": row.metric,
        # JSON has no NaN and no infinity.
        "value": row.value if math.isfinite(row.value) else None,
        "direction": shared.metric_spec(row.source).directions.get(row.metric, ""),
        "extractor": row.extractor,
        "samples": row.samples,
        "protocol": row.protocol,
        "note": shared.note(row),
        "measured": scorer.protocols[row.source].details,
    }


def _print(rows: Sequence[ScoreRow], shared: SharedParts) -> None:
    """Print a table, or sentences where the terminal is too narrow for unbroken numbers."""
    from ganbench.analysis.numbers import number

    console = output()
    values = [number(row.value, 6) for row in rows]
    texts = [
        (row.metric, value, row.extractor, str(row.samples), row.protocol)
        for row, value in zip(rows, values, strict=True)
    ]
    made = table(("metric", "value", "extractor", "samples", "protocol"), texts)
    unbounded = console.options.update(max_width=UNBOUNDED)
    if console.measure(made, options=unbounded).maximum <= console.width:
        console.print(made)
    else:
        for row, value in zip(rows, values, strict=True):
            how = [row.extractor, f"{row.samples} samples", f"protocol {row.protocol}"]
            console.print(plain(f"{row.metric}: {value} ({', '.join(filter(None, how))})"))
    for row in rows:
        if note := shared.note(row):
            console.print(plain(f"{row.metric}: {note}"))
