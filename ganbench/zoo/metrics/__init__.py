"""The built-in metrics: specs only; the arithmetic is in the modules beside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganbench.api.hookspecs import hookimpl
from ganbench.api.specs import MetricSpec

if TYPE_CHECKING:
    from ganbench.api.data import Metric


def build_fid() -> Metric:
    """Fréchet distance between the features of generated and of real images."""
    from ganbench.zoo.metrics.fid import Fid

    return Fid()


def build_inception_score(splits: int = 10) -> Metric:
    """How sure a classifier is of each image and how varied its answers are; mean over `splits` parts."""
    from ganbench.zoo.metrics.inception_score import InceptionScore

    return InceptionScore(splits=splits)


@hookimpl
def ganbench_metrics() -> Iterable[MetricSpec]:
    """The metrics that come with ganbench."""
    yield MetricSpec(
        name="fid",
        build=build_fid,
        directions={"fid": "lower"},
        summary="Fréchet distance of Gaussians fitted to an extractor's features; torch-fidelity's number.",
        reference="Heusel et al., 2017, equation 6",
    )
    yield MetricSpec(
        name="is",
        build=build_inception_score,
        directions={"is": "higher"},
        summary="Inception Score on an extractor's logits, and its deviation over splits; torch-fidelity's.",
        reference="Salimans et al., 2016, section 4",
    )
