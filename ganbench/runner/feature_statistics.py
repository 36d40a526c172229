"""Mean and covariance of features in a file, as pytorch-fid and ADM have them, and FID against them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.api import Dataset, Extractor, Samples
from ganbench.api.data import Split
from ganbench.errors import DatasetError, GridError
from ganbench.files.arrays import read_named
from ganbench.files.atomic import write_bytes
from ganbench.grid import Choice
from ganbench.grid.problems import given
from ganbench.runner.shared_parts import SharedParts
from ganbench.scoring import (
    Protocol,
    ScoreRow,
    extractor_problems,
    features_of_gaussian,
    frechet_distance,
    mean_and_covariance,
    protocol_of,
)
from ganbench.scoring.extraction import Pace
from ganbench.scoring.sample_features import sample_features

Array = NDArray[Any]
ENDING = ".npz"
_MEAN, _COVARIANCE, _MADE = "mu", "sigma", "ganbench"
# Of a covariance's largest entry: other programs may sum in another order on each side of the diagonal.
_MAX_ASYMMETRY = 1e-6


@dataclass(frozen=True, kw_only=True)
class FeatureStatistics:
    """A Gaussian fitted to features.

    Attributes:
        mean: (d,), float32 where no digit is lost, else float64.
        covariance: (d, d), float64.
        made: how `ganbench stats` made them: extractor, weights, resizing, precision, dataset, split,
            samples; empty for files of other programs.
    """

    mean: Array
    covariance: Array
    made: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of both, however they are stored."""
        content = hashlib.sha256(f"statistics {len(self.mean)};".encode())
        for array in (self.mean, self.covariance):
            content.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return content.hexdigest()


def read_statistics(path: Path) -> FeatureStatistics | None:
    """Read the arrays `mu` and `sigma` of an .npz, and what `ganbench stats` noted beside.

    Returns:
        None where the file is another, or has not both of them.

    Raises:
        DatasetError: it cannot be read; or they are of other shapes, not finite, or no covariance.
    """
    if path.suffix.lower() != ENDING or not path.is_file():
        return None
    arrays = read_named(path, (_MEAN, _COVARIANCE, _MADE))
    mean, covariance = arrays.get(_MEAN), arrays.get(_COVARIANCE)
    if mean is None or covariance is None:
        return None
    if mean.ndim != 1 or mean.dtype.kind != "f" or not len(mean):
        raise DatasetError(f"{path}: {_MEAN!r} is {mean.dtype} of shape {mean.shape}; it must be floats (d,)")
    width = len(mean)
    if covariance.shape != (width, width) or covariance.dtype.kind != "f":
        raise DatasetError(
            f"{path}: {_COVARIANCE!r} is {covariance.dtype} of shape {covariance.shape}; it must be floats "
            f"({width}, {width})"
        )
    for name, array in ((_MEAN, mean), (_COVARIANCE, covariance)):
        if not np.isfinite(array).all():
            raise DatasetError(f"{path}: {name!r} has NaN or infinity in it")
    covariance = covariance.astype(np.float64)
    asymmetry = np.abs(covariance - covariance.T).max()
    if (covariance.diagonal() < 0).any() or asymmetry > _MAX_ASYMMETRY * np.abs(covariance).max():
        raise DatasetError(
            f"{path}: {_COVARIANCE!r} is no covariance: it must be symmetric, its diagonal >= 0"
        )
    with np.errstate(over="ignore"):
        short = mean.astype(np.float32)
    mean = short if np.array_equal(short, mean) else mean.astype(np.float64)
    return FeatureStatistics(mean=mean, covariance=covariance, made=_made(arrays.get(_MADE), path))


def write_statistics(path: Path, statistics: FeatureStatistics) -> None:
    """Write them as other programs read them: `mu` and `sigma` in float64, how they were made as JSON text.

    Raises:
        StoreError: the file cannot be written.
    """
    content = io.BytesIO()
    made = np.array(json.dumps(statistics.made, sort_keys=True))
    np.savez(content, mu=statistics.mean.astype(np.float64), sigma=statistics.covariance, ganbench=made)
    write_bytes(path, content.getvalue())


def statistics_of(
    dataset: Dataset,
    split: Split,
    extractor: Extractor,
    *,
    label: str,
    device: str,
    precision: str = "float32",
    plugins: tuple[str, ...] = (),
    pace: Pace | None = None,
) -> FeatureStatistics:
    """Fit a Gaussian to the features of a whole split.

    Args:
        dataset: of images.
        split: which.
        extractor: what makes the features.
        label: its name with options.
        device: where they are computed, as torch names it.
        precision: of the extractor's arithmetic.
        plugins: version and source of the distribution that provides the extractor, where it is not ganbench.
        pace: how images are taken through the extractor; one batch at a time unless given.

    Raises:
        GridError: the extractor does not take these images, or there are fewer than two.
    """
    problems = extractor_problems(extractor, label, dataset.signature)
    samples = dataset.load(split)
    if len(samples) < 2:
        problems.append(f"a covariance needs at least 2 images, and the {split} split has {len(samples)}")
    if problems:
        raise GridError(*problems)
    features = sample_features(
        samples,
        extractor,
        label,
        torch.device(device),
        precision=precision,
        plugins=plugins,
        pace=pace or Pace(),
    )
    mean, covariance = mean_and_covariance(features)
    made = {
        "extractor": label,
        "weights": extractor.digest,
        "resizing": str(getattr(extractor, "resizing", "")),
        "precision": precision,
        "dataset": dataset.fingerprint,
        "split": split,
        "samples": len(samples),
    }
    return FeatureStatistics(mean=mean, covariance=covariance, made=made)


class StatisticsScorer:
    """FID of samples against statistics; what a `Scorer` is for a data set.

    Attributes:
        protocols: how it is measured, under the name `fid`.
    """

    def __init__(
        self,
        statistics: FeatureStatistics,
        samples: Samples,
        dataset: Dataset,
        extractor: Choice,
        shared: SharedParts,
        *,
        device: str,
        precision: str,
        pace: Pace,
    ) -> None:
        """Build the extractor, and hold it against the statistics.

        Args:
            statistics: the real side.
            samples: the generated side.
            dataset: what the samples make where an extractor asks for a data set.
            extractor: its choice.
            shared: builds it.
            device: where features are computed.
            precision: of the extractor's arithmetic.
            pace: how images are taken through the extractor, as for `SharedParts.scorer`.

        Raises:
            GridError: the extractor takes other images, or is not the one of the statistics.
            WeightsError: its weights are not there.
        """
        built = shared.build_extractor(extractor, dataset)
        assert built is not None
        label = extractor.label
        problems = extractor_problems(built, label, dataset.signature)
        resizing = str(getattr(built, "resizing", ""))
        for name, own in (("extractor", label), ("weights", built.digest), ("precision", precision)):
            theirs = statistics.made.get(name, own)
            if theirs != own and not problems:
                problems.append(
                    f"the statistics are of {name} {given(theirs)}, and {given(own)} is asked for"
                )
        if problems:
            raise GridError(*problems)
        self._extractor, self._device, self._precision = built, torch.device(device), precision
        self._statistics, self._count = statistics, len(samples)
        self._label = label
        self._plugins = tuple(filter(None, [shared.provider("extractor", extractor)]))
        self._pace = replace(pace, workers=shared.extraction_workers(extractor, device, pace.workers))
        self.protocols: Mapping[str, Protocol] = {
            "fid": protocol_of(
                metric="fid",
                options={},
                dataset=f"statistics {statistics.digest}",
                reference="statistics",
                reference_samples=int(statistics.made.get("samples", 0)),
                generated_samples=self._count,
                images=True,
                extractor=f"{label} (unofficial weights)" if getattr(built, "unofficial", False) else label,
                weights=built.digest,
                resizing=resizing,
                precision=precision,
                plugins=self._plugins,
            )
        }

    def score(self, samples: Samples) -> list[ScoreRow]:
        """Compute `fid`.

        Raises:
            GridError: the statistics are of another number of features.
        """
        found = sample_features(
            samples,
            self._extractor,
            self._label,
            self._device,
            precision=self._precision,
            plugins=self._plugins,
            pace=self._pace,
        )
        width = len(self._statistics.mean)
        if found.features.shape[1] != width:
            raise GridError(
                f"the statistics are of {width} features, and the extractor gives {found.features.shape[1]}"
            )
        real = features_of_gaussian(self._statistics.mean, self._statistics.covariance)
        value = frechet_distance(found, real)
        protocol = self.protocols["fid"]
        return [
            ScoreRow(
                metric="fid",
                source="fid",
                value=value,
                extractor=protocol.extractor,
                samples=self._count,
                protocol=protocol.hash,
                fewest=self._count,
            )
        ]


def _made(array: Array | None, path: Path) -> Mapping[str, Any]:
    if array is None:
        return {}
    try:
        made = json.loads(str(array))
        if isinstance(made, dict) and isinstance(made.get("samples", 0), int):
            return made
    except (ValueError, RecursionError):
        pass
    raise DatasetError(f"{path}: {_MADE!r} does not say how the statistics were made")
