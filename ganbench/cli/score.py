"""`ganbench score IMAGES`: the scores of a run, of images that another program made."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganbench.api import Dataset, Samples
from ganbench.catalog import load_catalog
from ganbench.cli.console import output, plain, table, warn, warn_of_cache
from ganbench.errors import DatasetError
from ganbench.execution.plan import resolve_device
from ganbench.files.data_paths import (
    DATA_VARIABLE,
    INCEPTION_SHA256_VARIABLE,
    INCEPTION_VARIABLE,
    data_paths_set,
)
from ganbench.grid import Choice, ScoreSettings, check_scoring
from ganbench.grid.choice import choice_of
from ganbench.grid.labels import read_labels
from ganbench.grid.named import read_choice
from ganbench.grid.problems import Problems, given
from ganbench.grid.schema import Schema
from ganbench.runner import dataset_of, samples_of
from ganbench.runner.build import build_metric, metric_spec, note_of, scorer_against
from ganbench.runner.data_notes import range_note
from ganbench.runner.external_samples import ExternalDataset, read_samples, require_labels, require_pairs
from ganbench.scoring import WITH_LABELS, Scorer, ScoreRow
from ganbench.training import deterministic_process

# Wider than any table of scores.
_UNBOUNDED = 10_000


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What the options ask for, once their names and types are right."""

    reference: Choice | Path
    settings: dict[str, Any]
    span: tuple[float, float] | None


def score_command(
    images: Path,
    *,
    reference: str,
    metrics: str,
    extractor: str | None,
    split: str | None,
    precision: str,
    range_: str | None,
    device: str,
    data: Path | None,
    weights: Path | None,
    weights_sha256: str | None,
    as_json: bool,
) -> int:
    """Score images, or points, against a data set, with the numbers that a run gives the same samples.

    Raises:
        GanbenchError: bad input.
    """
    asked = _asked(reference, metrics, extractor, split, precision, range_)
    warn_of_cache()
    place = resolve_device(device)
    paths = {DATA_VARIABLE: data, INCEPTION_VARIABLE: weights, INCEPTION_SHA256_VARIABLE: weights_sha256}
    # As in a worker: the number of threads decides bits.
    with data_paths_set(paths), deterministic_process(threads=1):
        real, described = _reference(asked)
        samples = read_samples(images, real.signature, asked.span)
        notes = _notes(asked, real, samples, images)
        scorer = _scorer(asked, real, samples, images, place)
        scorer.check()
        rows = scorer.score(samples)
    warn(load_catalog().notes)
    for note in notes:
        print(plain(f"note: {note}").plain, file=sys.stderr)
    if as_json:
        print(json.dumps([_record(row, scorer) for row in rows], indent=2))
        return 0
    noun = "images" if samples.x.ndim == 4 else "points"
    output().print(plain(f"{len(samples)} {noun} of {images} against {described}"), soft_wrap=True)
    _print(rows)
    return 0


def _asked(
    reference: str, metrics: str, extractor: str | None, split: str | None, precision: str, range_: str | None
) -> _Asked:
    problems = Problems("score")
    schema = Schema(load_catalog(), problems)
    layer = schema.setting("score.extractor_precision", precision, "--extractor-precision")
    named = _labels(metrics, "--metrics", problems)
    if named == []:
        problems.add("--metrics", "names none")
    elif named is not None:
        layer |= schema.setting("score.metrics", named, "--metrics")
    if extractor is not None and (one := _label(extractor, "--extractor", problems)) is not None:
        layer |= schema.setting("score.extractor", one, "--extractor")
    real = _real(reference, problems)
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
    return _Asked(reference=real, settings=settings, span=span)


def _labels(text: str, option: str, problems: Problems) -> list[Any] | None:
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


def _real(text: str, problems: Problems) -> Choice | Path | None:
    """Resolve the real side: a data set by its name, else a path; None, with the problem noted."""
    catalog = load_catalog()
    known = [entry.name for entry in catalog.entries("dataset")]
    if not text.lstrip().startswith("{") and text.partition("[")[0].strip() not in known:
        path = Path(text)
        if path.exists() or os.sep in text:
            return path
    value = _label(text, "--reference", problems)
    found = None if value is None else read_choice("dataset", value, catalog, "--reference", problems)
    return None if found is None else choice_of(found)


def _span(text: str, problems: Problems) -> tuple[float, float] | None:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(high - low) and low < high):
        problems.add("--range", f"must be two numbers, black and white, as -1,1 or 0,1, given {given(text)}")
        return None
    return low, high


def _reference(asked: _Asked) -> tuple[Dataset, str]:
    """Open the real side; return it with its name for messages."""
    if isinstance(asked.reference, Path):
        samples = read_samples(asked.reference)
        return ExternalDataset(samples, asked.reference), f"{asked.reference} ({len(samples)})"
    split = asked.settings.get("reference", "train")
    real = dataset_of(asked.reference)
    return real, f"{asked.reference.label} ({split}, {len(samples_of(asked.reference, split))})"


def _notes(asked: _Asked, real: Dataset, samples: Samples, images: Path) -> list[str]:
    """List what is to be said of either side's brightness."""
    if real.signature.kind != "image":
        return []
    sides = {str(images): samples.x}
    if isinstance(asked.reference, Path):
        sides[str(asked.reference)] = real.load("train").x
    else:
        split = asked.settings.get("reference", "train")
        sides[f"{asked.reference.label} ({split})"] = samples_of(asked.reference, split).x
    notes = [f"{name}: its images {note}" for name, x in sides.items() if (note := range_note(x))]
    if notes and asked.span is not None:
        black, white = asked.span
        notes.append(f"--range={black:g},{white:g} says what black and white are")
    return notes


def _scorer(asked: _Asked, real: Dataset, samples: Samples, images: Path, device: str) -> Scorer:
    """Build the scorer, and check these samples for what its metrics need."""
    if len(samples) < 2:
        raise DatasetError(f"{images}: holds one sample; a score needs at least 2")
    settings = ScoreSettings(samples=len(samples), **asked.settings)
    problems = Problems("score")
    catalog = load_catalog()
    check_scoring(
        settings, catalog, problems, metrics="--metrics", extractor="--extractor", samples="samples"
    )
    problems.raise_any()
    metrics = [build_metric(metric) for metric in settings.metrics]
    if any(metric.needs == "pairs" for metric in metrics):
        require_pairs(samples, real.load(settings.reference), images)
    for metric in metrics:
        if metric.needs == WITH_LABELS:
            require_labels(samples, real.signature.classes, metric.minimum, images)
    named = asked.reference if isinstance(asked.reference, Choice) else real
    return scorer_against(named, settings, device)


def _record(row: ScoreRow, scorer: Scorer) -> dict[str, Any]:
    return {
        "metric": row.metric,
        # JSON has no NaN and no infinity.
        "value": row.value if math.isfinite(row.value) else None,
        "direction": metric_spec(row.source).directions.get(row.metric, ""),
        "extractor": row.extractor,
        "samples": row.samples,
        "protocol": row.protocol,
        "note": note_of(row),
        "measured": scorer.protocols[row.source].details,
    }


def _print(rows: Sequence[ScoreRow]) -> None:
    """Print a table, or sentences where the terminal is too narrow for unbroken numbers."""
    console = output()
    values = [f"{row.value:.6g}" for row in rows]
    texts = [
        (row.metric, value, row.extractor, str(row.samples), row.protocol)
        for row, value in zip(rows, values, strict=True)
    ]
    made = table(("metric", "value", "extractor", "samples", "protocol"), texts)
    unbounded = console.options.update(max_width=_UNBOUNDED)
    if console.measure(made, options=unbounded).maximum <= console.width:
        console.print(made)
    else:
        for row, value in zip(rows, values, strict=True):
            how = [row.extractor, f"{row.samples} samples", f"protocol {row.protocol}"]
            console.print(plain(f"{row.metric}: {value} ({', '.join(filter(None, how))})"))
    for row in rows:
        if note := note_of(row):
            console.print(plain(f"{row.metric}: {note}"))
