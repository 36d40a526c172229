"""`ganbench score IMAGES`: the scores of a run, of images that another program made."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganbench.catalog import load_catalog
from ganbench.cli.console import UNBOUNDED, output, plain, table, warn, warn_of_cache
from ganbench.cli.parsing import Data, Device, Json, Plugins, Weights, WeightsSha256
from ganbench.errors import DatasetError
from ganbench.files.data_paths import (
    DATA_VARIABLE,
    INCEPTION_SHA256_VARIABLE,
    INCEPTION_VARIABLE,
    data_paths_set,
)

if TYPE_CHECKING:
    from ganbench.api import Dataset, Samples
    from ganbench.catalog import Catalog
    from ganbench.grid import Choice
    from ganbench.grid.problems import Problems
    from ganbench.runner import SharedParts
    from ganbench.runner.feature_statistics import StatisticsScorer
    from ganbench.scoring import Scorer, ScoreRow


@dataclass(frozen=True, kw_only=True)
class ScoreRequest:
    """The options, once their names and types are known to be right.

    Attributes:
        reference: the real side.
        statistics: whether it is a file of a mean and a covariance.
        settings: those of `ScoreSettings`.
        span: what is black and what is white.
    """

    reference: Choice | Path
    statistics: bool
    settings: dict[str, Any]
    span: tuple[float, float] | None


def score_command(
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="A folder of images, or an array: .npz or .npy.")
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
    precision: Annotated[
        str,
        typer.Option(
            "--extractor-precision", metavar="float32|bfloat16", help="Of the extractor's arithmetic."
        ),
    ] = "float32",
    range_: Annotated[
        str | None, typer.Option("--range", metavar="LOW,HIGH", help="Black and white, of arrays of floats.")
    ] = None,
    device: Device = "auto",
    data: Data = None,
    weights: Weights = None,
    weights_sha256: WeightsSha256 = None,
    plugins: Plugins = None,
    as_json: Json = False,
) -> int:
    """Score images, or points, against a data set, with the numbers that a run gives the same samples.

    Raises:
        GanbenchError: bad input.
    """
    from ganbench.execution.executor import THREADS
    from ganbench.execution.plan import resolve_device
    from ganbench.runner import SharedParts
    from ganbench.runner.external_samples import read_samples
    from ganbench.training import deterministic_process

    shared = SharedParts(load_catalog(plugins=plugins or ()))
    request = request_of(shared.catalog, reference, metrics, extractor, split, precision, range_)
    warn_of_cache()
    place = resolve_device(device)
    paths = {DATA_VARIABLE: data, INCEPTION_VARIABLE: weights, INCEPTION_SHA256_VARIABLE: weights_sha256}
    # As in a worker: the number of threads decides bits.
    with data_paths_set(paths), deterministic_process(THREADS):
        scorer: Scorer | StatisticsScorer
        notes: list[str] = []
        if request.statistics:
            samples = read_samples(images, None, request.span)
            scorer = _statistics_scorer(request, shared, samples, images, place)
            described = f"the statistics {request.reference}"
        else:
            real, described = open_reference(request, shared)
            samples = read_samples(images, real.signature, request.span)
            notes = _notes(request, real, samples, images)
            scorer = _scorer(request, shared, real, samples, images, place)
            scorer.check(trained_here=False)
        rows = scorer.score(samples)
    warn(shared.catalog.notes)
    for note in notes:
        print(plain(f"note: {note}").plain, file=sys.stderr)
    if as_json:
        print(json.dumps([_record(row, scorer, shared) for row in rows], indent=2))
        return 0
    noun = "images" if samples.x.ndim == 4 else "points"
    output().print(plain(f"{len(samples)} {noun} of {images} against {described}"), soft_wrap=True)
    _print(rows, shared)
    return 0


def request_of(
    catalog: Catalog,
    reference: str,
    metrics: str,
    extractor: str | None,
    split: str | None,
    precision: str,
    range_: str | None,
    argument: str = "--reference",
) -> ScoreRequest:
    """Read the options that name parts, all problems at once.

    Args:
        catalog: who provides parts.
        reference: the real side.
        metrics: labels.
        extractor: a label, or None.
        split: of the reference.
        precision: of the extractor's arithmetic.
        range_: what is black and what is white, or None.
        argument: what the real side is called in messages.

    Raises:
        GridError: with a line for each that means nothing.
        DatasetError: the real side is a file that cannot be read.
    """
    from ganbench.grid.choice import choice_of
    from ganbench.grid.problems import Problems
    from ganbench.grid.schema import Schema
    from ganbench.runner.feature_statistics import holds_statistics

    problems = Problems("score")
    schema = Schema(catalog, problems)
    layer = schema.setting("score.extractor_precision", precision, "--extractor-precision")
    named = _labels(metrics, "--metrics", problems)
    if named == []:
        problems.add("--metrics", "names none")
    elif named is not None:
        layer |= schema.setting("score.metrics", named, "--metrics")
    if extractor is not None and (one := _label(extractor, "--extractor", problems)) is not None:
        layer |= schema.setting("score.extractor", one, "--extractor")
    real = _real(reference, catalog, problems, argument)
    statistics = isinstance(real, Path) and holds_statistics(real)
    if statistics:
        _require_fid_alone(layer, reference, argument, problems)
    if split is not None:
        layer |= schema.setting("score.reference", split, "--split")
        if isinstance(real, Path):
            problems.add("--split", f"{real} is not a data set, and has no splits")
    span = None if range_ is None else _span(range_, problems)
    problems.raise_any()
    assert real is not None
    settings = {key.removeprefix("score."): value for key, value in layer.items()}
    settings["metrics"] = tuple(choice_of(metric) for metric in settings["metrics"])
    if "extractor" in settings:
        settings["extractor"] = choice_of(settings["extractor"])
    return ScoreRequest(reference=real, statistics=statistics, settings=settings, span=span)


def _require_fid_alone(layer: Mapping[str, Any], reference: str, argument: str, problems: Problems) -> None:
    """Note what a mean and a covariance are not enough for."""
    from ganbench.grid.choice import choice_of

    metrics = [choice_of(metric).label for metric in layer.get("score.metrics", ())]
    if others := [metric for metric in metrics if metric != "fid"]:
        problems.add(
            argument,
            f"{reference} holds a mean and a covariance, which are enough for fid alone, not for "
            f"{', '.join(others)}: give the images, or a data set",
        )
    if "score.extractor" not in layer:
        problems.add("--extractor", "is missing: name the one that the statistics were made with")


def _labels(text: str, option: str, problems: Problems) -> list[Any] | None:
    from ganbench.grid.labels import read_labels

    try:
        return read_labels(text)
    except ValueError as error:
        problems.add(option, str(error))
        return None


def _label(text: str, option: str, problems: Problems) -> Any | None:
    named = _labels(text, option, problems)
    if named is not None and len(named) != 1:
        problems.add(option, f"must be one name, given {len(named)}")
        return None
    return named[0] if named else None


def _real(text: str, catalog: Catalog, problems: Problems, argument: str) -> Choice | Path | None:
    """Resolve the real side: a data set by its name, else a path; None, with the problem noted."""
    from ganbench.grid.choice import choice_of
    from ganbench.grid.named import read_choice

    known = [entry.name for entry in catalog.entries("dataset")]
    if not text.lstrip().startswith("{") and text.partition("[")[0].strip() not in known:
        path = Path(text)
        if path.exists() or os.sep in text:
            return path
    value = _label(text, argument, problems)
    found = None if value is None else read_choice("dataset", value, catalog, argument, problems)
    return None if found is None else choice_of(found)


def _span(text: str, problems: Problems) -> tuple[float, float] | None:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(high - low) and low < high):
        from ganbench.grid.problems import given

        problems.add("--range", f"must be two numbers, black and white, as -1,1 or 0,1, given {given(text)}")
        return None
    return low, high


def open_reference(request: ScoreRequest, shared: SharedParts) -> tuple[Dataset, str]:
    """Open the real side; return it with its name for messages."""
    from ganbench.runner.external_samples import ExternalDataset, read_samples

    if isinstance(request.reference, Path):
        samples = read_samples(request.reference)
        return ExternalDataset(samples, request.reference), f"{request.reference} ({len(samples)})"
    split = request.settings.get("reference", "train")
    real = shared.dataset(request.reference)
    return real, f"{request.reference.label} ({split}, {len(real.load(split))})"


def _notes(request: ScoreRequest, real: Dataset, samples: Samples, images: Path) -> list[str]:
    """List what is to be said of either side's brightness."""
    from ganbench.runner.data_notes import range_note

    if real.signature.kind != "image":
        return []
    sides = {str(images): samples.x}
    if isinstance(request.reference, Path):
        sides[str(request.reference)] = real.load("train").x
    else:
        split = request.settings.get("reference", "train")
        sides[f"{request.reference.label} ({split})"] = real.load(split).x
    notes = [f"{name}: its images {note}" for name, x in sides.items() if (note := range_note(x))]
    if notes and request.span is not None:
        black, white = request.span
        notes.append(f"--range={black:g},{white:g} says what black and white are")
    return notes


def _scorer(
    request: ScoreRequest, shared: SharedParts, real: Dataset, samples: Samples, images: Path, device: str
) -> Scorer:
    """Build the scorer, and check these samples for what its metrics need."""
    from ganbench.grid import Choice, ScoreSettings, check_scoring
    from ganbench.grid.problems import Problems
    from ganbench.runner.external_samples import require_labels, require_pairs
    from ganbench.scoring import WITH_LABELS

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
    return shared.scorer(named, settings, device)


def _statistics_scorer(
    request: ScoreRequest, shared: SharedParts, samples: Samples, images: Path, device: str
) -> StatisticsScorer:
    from ganbench.runner.external_samples import ExternalDataset
    from ganbench.runner.feature_statistics import StatisticsScorer, read_statistics

    assert isinstance(request.reference, Path)
    statistics = read_statistics(request.reference)
    if len(samples) < 2:
        raise DatasetError(f"{images}: holds one sample; a score needs at least 2")
    return StatisticsScorer(
        statistics,
        samples,
        ExternalDataset(samples, images),
        request.settings["extractor"],
        shared,
        device=device,
        precision=request.settings.get("extractor_precision", "float32"),
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
