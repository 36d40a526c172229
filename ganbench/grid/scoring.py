"""Checks of a grid's scoring that need no data: extractors, samples, metrics' options, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ganbench.api import MetricSpec
from ganbench.catalog.contracts import build_part
from ganbench.catalog.faults import Part
from ganbench.errors import CatalogError, GanbenchError, PluginError, did_you_mean
from ganbench.grid.problems import Problems

if TYPE_CHECKING:
    from ganbench.catalog import Catalog
    from ganbench.grid.choice import Choice
    from ganbench.grid.settings import ScoreSettings


def check_scoring(
    score: ScoreSettings,
    catalog: Catalog,
    problems: Problems,
    *,
    metrics: str = "score.metrics",
    extractor: str = "score.extractor",
    samples: str = "score.samples",
) -> None:
    """Note each metric that lacks an extractor, or samples.

    Metrics are built for this, since what they need may depend on their options.

    Args:
        score: how some cells are scored.
        catalog: what builds metrics, and lists extractors.
        problems: where they are noted.
        metrics: what to call their setting in messages, where it is not a grid that is read.
        extractor: likewise.
        samples: likewise.
    """
    for choice in score.metrics:
        metric = _built(choice, catalog, problems, metrics)
        if metric is None:
            continue
        needs, minimum = metric.needs, metric.minimum
        if needs not in ("samples", "pairs") and score.extractor is None:
            known = ", ".join(entry.name for entry in catalog.entries("extractor")) or "none is installed"
            problems.add(
                extractor,
                f"is missing, and the metric {choice.label!r} needs {needs} of one; there is: {known}",
            )
        if score.samples < minimum:
            fewer = getattr(metric, "fewer_samples", "")
            problems.add(
                samples,
                f"must be at least {minimum} for the metric {choice.label!r}, given {score.samples}"
                f"{f'; {fewer} takes fewer' if fewer else ''}",
            )
    if score.keep_best is not None:
        _check_keep_best(score, score.keep_best, catalog, problems)


def directed_scores(score: ScoreSettings, catalog: Catalog) -> dict[str, tuple[str, str]]:
    """Map each score that has a direction to the name of its metric and the direction.

    Args:
        score: how some cells are scored.
        catalog: where metrics say which scores they give.

    Returns:
        The direction is `lower` or `higher`.
    """
    specs = {choice.name: catalog.entry("metric", choice.name).spec for choice in score.metrics}
    return {
        name: (metric, direction)
        for metric, spec in specs.items()
        if isinstance(spec, MetricSpec)
        for name, direction in spec.directions.items()
    }


def _check_keep_best(score: ScoreSettings, name: str, catalog: Catalog, problems: Problems) -> None:
    known = directed_scores(score, catalog)
    if name not in known:
        hint = did_you_mean(name, known) if known else "; there is none"
        problems.add(
            "score.keep_best",
            f"must be a score of score.metrics that has a direction, given {name!r}{hint}",
        )
    elif score.every == 0:
        problems.add(
            "score.keep_best", "chooses among scorings on the way, and score.every is 0; set it above 0"
        )


def _built(choice: Choice, catalog: Catalog, problems: Problems, at: str) -> Any | None:
    part = Part.of(catalog, "metric", choice.name, choice.label)
    try:
        return build_part(part, choice.options, catalog)
    except PluginError:
        # Preflight reports it, beside whatever else plugins have broken.
        return None
    except CatalogError as error:
        for problem in error.problems:
            problems.add(at, problem)
    except GanbenchError as error:
        problems.add(at, f"{choice.label}: {error}")
    return None
