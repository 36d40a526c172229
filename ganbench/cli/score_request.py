"""What the options of `ganbench score` and `ganbench stats` ask for, with all of their problems at once."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import GridError

if TYPE_CHECKING:
    from ganbench.catalog import Catalog
    from ganbench.files.pictures import Background
    from ganbench.grid import Choice
    from ganbench.grid.problems import Problems
    from ganbench.runner.external_samples import Reading
    from ganbench.runner.feature_statistics import FeatureStatistics


@dataclass(frozen=True, kw_only=True)
class ScoreRequest:
    """The options, once their names and types are known to be right.

    Attributes:
        reference: the real side.
        statistics: what it holds where it is a file of a mean and a covariance, else None.
        settings: those of `ScoreSettings`.
        reading: how the samples are read.
    """

    reference: Choice | Path
    statistics: FeatureStatistics | None
    settings: dict[str, Any]
    reading: Reading

    @property
    def name(self) -> str:
        """The real side, for messages."""
        return str(self.reference) if isinstance(self.reference, Path) else self.reference.label


def request_of(
    catalog: Catalog,
    reference: str,
    metrics: str,
    extractor: str | None,
    split: str | None,
    precision: str,
    *,
    range_: str | None = None,
    recursive: bool = False,
    size: int | None = None,
    background: str | None = None,
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
        recursive: whether images of a folder are read however deep they lie.
        size: side to which they are resized, or None.
        background: what transparent ones are laid over, or None.
        argument: what the real side is called in messages.

    Raises:
        GridError: with a line for each that means nothing.
        DatasetError: the real side is a file that cannot be read.
    """
    from ganbench.grid.choice import choice_of
    from ganbench.grid.problems import Problems
    from ganbench.grid.schema import Schema
    from ganbench.runner.external_samples import Reading
    from ganbench.runner.feature_statistics import read_statistics

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
    statistics = read_statistics(real) if isinstance(real, Path) else None
    if statistics is not None:
        _require_fid_alone(layer, reference, argument, problems)
    if split is not None:
        layer |= schema.setting("score.reference", split, "--split")
        if isinstance(real, Path):
            problems.add("--split", f"{real} is not a data set, and has no splits")
    reading = Reading(
        span=None if range_ is None else _span(range_, problems),
        recursive=recursive,
        size=None if size is None else _size(size, problems),
        background=None if background is None else _background(background, problems),
    )
    problems.raise_any()
    assert real is not None
    settings = {key.removeprefix("score."): value for key, value in layer.items()}
    settings["metrics"] = tuple(choice_of(metric) for metric in settings["metrics"])
    if "extractor" in settings:
        settings["extractor"] = choice_of(settings["extractor"])
    return ScoreRequest(reference=real, statistics=statistics, settings=settings, reading=reading)


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
    from ganbench.files.arrays import ARRAY_ENDINGS
    from ganbench.files.number_tables import TABLE_ENDINGS
    from ganbench.grid.choice import choice_of
    from ganbench.grid.named import read_choice

    known = [entry.name for entry in catalog.entries("dataset")]
    if not text.lstrip().startswith("{") and text.partition("[")[0].strip() not in known:
        path = Path(text)
        if path.exists() or os.sep in text or path.suffix.lower() in (*ARRAY_ENDINGS, *TABLE_ENDINGS):
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


def cores_for(jobs: int | None) -> int:
    """Decide how many batches are computed side by side: as asked for, or one per core that may be used.

    Fewer where there is not the memory that each of them takes.

    Raises:
        GridError: fewer than one is asked for.
    """
    from ganbench.execution.resources import resources_here, worker_count

    if jobs is not None and jobs < 1:
        raise GridError(f"--jobs: must be at least 1, given {jobs}")
    return worker_count(resources_here(), jobs=jobs).count


def _size(size: int, problems: Problems) -> int | None:
    from ganbench.files.resizing import MAX_SIDE, MIN_SIDE

    if not MIN_SIDE <= size <= MAX_SIDE:
        problems.add("--size", f"must be from {MIN_SIDE} to {MAX_SIDE}, given {size}")
        return None
    return size


def _background(text: str, problems: Problems) -> Background | None:
    if text == "white":
        return "white"
    if text == "black":
        return "black"
    try:
        red, green, blue = (int(part) for part in text.split(","))
    except ValueError:
        red = green = blue = -1
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        from ganbench.grid.problems import given

        problems.add(
            "--background", f"must be white, black or red,green,blue from 0 to 255, given {given(text)}"
        )
        return None
    return red, green, blue
