"""Scores the generated samples of one cell with the metrics that its grid asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganbench.api.data import Dataset, Extractor, Metric, Needs, Split
from ganbench.api.players import Samples
from ganbench.errors import GridError
from ganbench.scoring.extraction import extract
from ganbench.scoring.images import require_finite
from ganbench.scoring.protocol import Protocol, protocol_of
from ganbench.scoring.reference import reference_features
from ganbench.scoring.side import Side

# What a metric needs that is told of which class each sample is.
WITH_LABELS: Needs = "features+labels"


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """One value.

    Attributes:
        metric: the value's name, e.g. `fid` or `is_std`.
        source: the name of the metric that gave it, e.g. `is`.
        value: may be NaN or infinite where the metric says so.
        extractor: its label; empty for a metric that needs none.
        samples: how many were generated.
        protocol: hash of how it was measured; rows of different protocols are never compared.
        fewest: how many the value rests on: all, or those of the rarest class where it is one of classes.
    """

    metric: str
    source: str
    value: float
    extractor: str
    samples: int
    protocol: str
    fewest: int


class Scorer:
    """The metrics of one cell, bound to their reference.

    Attributes:
        samples: how many samples to generate.
        protocols: by metric name.
    """

    def __init__(
        self,
        *,
        dataset: Dataset,
        reference_split: Split,
        metrics: Sequence[tuple[str, Metric, Mapping[str, Any]]],
        extractor: Extractor | None,
        extractor_label: str,
        samples: int,
        device: torch.device | str = "cpu",
        precision: str = "float32",
        plugins: Mapping[str, str] | None = None,
    ) -> None:
        """Binds; computes nothing yet.

        Args:
            dataset: whose split is the real side.
            reference_split: that split.
            metrics: (name, metric, its options that are not the default), in the order of the rows.
            extractor: for the metrics that need features.
            extractor_label: its name with options, as it shall stand beside the numbers.
            samples: how many samples `score` will be given.
            device: where features are computed.
            precision: of the extractor's arithmetic.
            plugins: for the metrics that a distribution other than ganbench provides, by name, its name,
                version and source; under the empty name that of the extractor.
        """
        self._dataset = dataset
        self._split: Split = reference_split
        self._metrics = tuple(metrics)
        self._extractor = extractor
        self._label = extractor_label
        if getattr(extractor, "unofficial", False):
            self._label += " (unofficial weights)"
        if precision != "float32":
            self._label += f" ({precision})"
        self.samples = samples
        self._device = torch.device(device)
        self._precision = precision
        self._plugins = dict(plugins or {})

    def check(self) -> None:
        """Refuses what cannot be scored, before anything is trained.

        Raises:
            GridError: with a line for each problem.
        """
        problems = [problem for metric in self._metrics for problem in self._metric_problems(*metric[:2])]
        if any(_extracted(metric) for _, metric, _ in self._metrics):
            problems += self._extractor_problems()
        if not problems:
            problems = self._logits_problems()
        if problems:
            raise GridError(*problems)

    def _metric_problems(self, name: str, metric: Metric) -> list[str]:
        problems = []
        fewer = getattr(metric, "fewer_samples", "")
        hint = f"; {fewer} takes fewer" if fewer else ""
        if _extracted(metric) and self._extractor is None:
            problems.append(f"metric {name!r} needs an extractor: set score.extractor")
        if self.samples < metric.minimum:
            problems.append(
                f"metric {name!r} needs at least {metric.minimum} samples: "
                f"score.samples is {self.samples}{hint}"
            )
        if self._reference_count < metric.minimum:
            problems.append(
                f"metric {name!r} needs at least {metric.minimum} reference samples: "
                f"there are {self._reference_count}{hint}"
            )
        signature = self._dataset.signature
        if metric.needs == "pairs" and signature.condition is None and signature.classes is None:
            problems.append(f"metric {name!r} needs pairs, and the data have no condition")
        if metric.needs == WITH_LABELS:
            problems += self._label_problems(name, metric.minimum)
        check = getattr(metric, "check", None)
        if check is not None:
            try:
                check(self._dataset)
            except ValueError as error:
                problems.append(f"metric {name!r}: {error}")
        return problems

    def _label_problems(self, name: str, minimum: int) -> list[str]:
        labels, classes = self._dataset.load(self._split).labels, self._dataset.signature.classes
        if labels is None or classes is None:
            return [f"metric {name!r} needs labels, and the data have none"]
        rare = too_few(labels, classes, minimum)
        needs = f"metric {name!r} needs at least {minimum} reference samples of each class"
        return [f"{needs}: {rare}"] if rare else []

    def _extractor_problems(self) -> list[str]:
        extractor, signature = self._extractor, self._dataset.signature
        if extractor is None:
            return []
        if signature.kind != "image":
            return [
                f"extractor {self._label!r} takes images, and the data are points: use a metric without one"
            ]
        channels, height, width = signature.shape
        problems = []
        if channels not in extractor.channels or channels not in (1, 3):
            accepted = " or ".join(str(number) for number in extractor.channels)
            problems.append(
                f"extractor {self._label!r} takes {accepted} channels, and the data have {channels}"
            )
        if extractor.sizes is not None and (height, width) not in extractor.sizes:
            accepted = " or ".join(f"{rows}x{columns}" for rows, columns in extractor.sizes)
            problems.append(
                f"extractor {self._label!r} takes images of {accepted}, and the data have {height}x{width}"
            )
        return problems

    def _logits_problems(self) -> list[str]:
        wanting = [
            (name, getattr(metric, "minimum_classes", 1))
            for name, metric, _ in self._metrics
            if "logits" in metric.needs
        ]
        if not wanting or self._extractor is None:
            return []
        # Only a trial tells: an extractor need not announce that it classifies.
        trial = extract(self._extractor, self._dataset.load(self._split).x[:2], self._device)
        if trial.logits is None:
            return [
                f"metric {name!r} needs logits, which extractor {self._label!r} does not give"
                for name, _ in wanting
            ]
        classes = trial.logits.shape[1]
        return [
            f"metric {name!r} needs logits of at least {least} classes: "
            f"extractor {self._label!r} has {classes}"
            for name, least in wanting
            if classes < least
        ]

    def score(self, generated: Samples, only: Collection[str] | None = None) -> list[ScoreRow]:
        """Scores generated samples.

        Args:
            generated: `x` uint8 (N, C, H, W) for images or float32 (N, d) for points, N as announced.
            only: the metrics wanted, by name; all of them unless given.

        Returns:
            A row for each value of each metric, in the order of the metrics.

        Raises:
            NonFiniteSamples: there is NaN or infinity among the points.
            ValueError: there are not as many samples as announced.
        """
        if len(generated) != self.samples:
            raise ValueError(f"{self.samples} samples were announced, {len(generated)} given")
        require_finite(generated.x)
        side: Side | None = None
        rows: list[ScoreRow] = []
        for name, metric, _ in self._metrics:
            if only is not None and name not in only:
                continue
            if metric.needs == "samples":
                values = metric(generated, self._dataset.load(self._split), self._dataset)
            elif metric.needs == "pairs":
                values = metric(generated, self._counterparts(generated), self._dataset)
            else:
                side = side or self._side(generated)
                if metric.needs == WITH_LABELS and side.labels is None:
                    raise ValueError("a metric needs labels, and the samples have none")
                values = metric(side, self._reference(), self._dataset)
            rows += [
                ScoreRow(
                    metric=value_name,
                    source=name,
                    value=float(value),
                    extractor=self.protocols[name].extractor,
                    samples=self.samples,
                    protocol=self.protocols[name].hash,
                    fewest=self._fewest(metric, generated),
                )
                for value_name, value in values.items()
            ]
        return rows

    def _side(self, generated: Samples) -> Side:
        if self._extractor is None:
            raise ValueError("no extractor was given")
        found = extract(self._extractor, generated.x, self._device, self._precision)
        return Side(features=found.features, logits=found.logits, labels=generated.labels)

    def _fewest(self, metric: Metric, generated: Samples) -> int:
        if metric.needs != WITH_LABELS or generated.labels is None:
            return self.samples
        return int(generated.labels.bincount(minlength=self._dataset.signature.classes or 0).min())

    def _reference(self) -> Side:
        assert self._extractor is not None
        return reference_features(
            self._dataset,
            self._split,
            self._extractor,
            self._label,
            self._device,
            precision=self._precision,
            plugins=tuple(filter(None, [self._plugins.get("")])),
        )

    def _counterparts(self, generated: Samples) -> Samples:
        """The samples of the reference split that the generated ones' conditions were taken from."""
        if generated.index is None:
            raise ValueError(
                "a metric needs pairs, and the samples do not say where their conditions are from"
            )
        data = self._dataset.load(self._split)
        return Samples(
            x=data.x[generated.index],
            labels=None if data.labels is None else data.labels[generated.index],
            condition=None if data.condition is None else data.condition[generated.index],
        )

    @cached_property
    def _reference_count(self) -> int:
        return len(self._dataset.load(self._split))

    @cached_property
    def protocols(self) -> Mapping[str, Protocol]:
        """How each metric is measured, by the metric's name."""
        protocols = {}
        for name, metric, options in self._metrics:
            extractor = self._extractor if _extracted(metric) else None
            plugins = {self._plugins.get(name, ""), self._plugins.get("", "") if extractor else ""} - {""}
            protocols[name] = protocol_of(
                metric=name,
                options=options,
                dataset=self._dataset.fingerprint,
                reference=self._split,
                reference_samples=self._reference_count,
                generated_samples=self.samples,
                images=self._dataset.signature.kind == "image",
                extractor=self._label if extractor is not None else "",
                weights=extractor.digest if extractor is not None else "",
                resizing=str(getattr(extractor, "resizing", "")),
                precision=self._precision if extractor is not None else "float32",
                plugins=tuple(sorted(plugins)),
            )
        return protocols


def too_few(labels: Tensor, classes: int, minimum: int) -> str:
    """Which class has fewer samples than that, in words; empty where none has.

    Args:
        labels: int64 (N,), from 0 to below `classes`.
        classes: how many there are.
        minimum: samples that each must have.
    """
    counts = labels.bincount(minlength=classes)
    rarest = int(counts.argmin())
    return f"class {rarest} has {int(counts[rarest])}" if counts[rarest] < minimum else ""


def _extracted(metric: Metric) -> bool:
    """Whether a metric takes what an extractor makes of the samples."""
    return metric.needs not in ("samples", "pairs")
