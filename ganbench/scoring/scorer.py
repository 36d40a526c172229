"""Scores the generated samples of one cell with the metrics that its grid asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from ganbench.api.data import Dataset, Extractor, Features, Metric, Split
from ganbench.api.players import Samples
from ganbench.errors import GridError
from ganbench.scoring.extraction import extract
from ganbench.scoring.images import require_finite
from ganbench.scoring.protocol import Protocol, protocol_of
from ganbench.scoring.reference import reference_features


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """One value.

    Attributes:
        metric: the value's name, e.g. `fid` or `is_std`.
        value: may be NaN or infinite where the metric says so.
        extractor: its label; empty for a metric that needs none.
        samples: how many were generated.
        protocol: hash of how it was measured; rows of different protocols are never compared.
    """

    metric: str
    value: float
    extractor: str
    samples: int
    protocol: str


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
        """
        self._dataset = dataset
        self._split: Split = reference_split
        self._metrics = tuple(metrics)
        self._extractor = extractor
        self._label = extractor_label
        if getattr(extractor, "unofficial", False):
            self._label += " (unofficial weights)"
        self.samples = samples
        self._device = torch.device(device)

    def check(self) -> None:
        """Refuses what cannot be scored, before anything is trained.

        Raises:
            GridError: with a line for each problem.
        """
        problems = [problem for metric in self._metrics for problem in self._metric_problems(*metric[:2])]
        if any(metric.needs != "samples" for _, metric, _ in self._metrics):
            problems += self._extractor_problems()
        if not problems:
            problems = self._logits_problems()
        if problems:
            raise GridError(*problems)

    def _metric_problems(self, name: str, metric: Metric) -> list[str]:
        problems = []
        if metric.needs != "samples" and self._extractor is None:
            problems.append(f"metric {name!r} needs an extractor: set score.extractor")
        if self.samples < metric.minimum:
            problems.append(
                f"metric {name!r} needs at least {metric.minimum} samples: score.samples is {self.samples}"
            )
        if self._reference_count < metric.minimum:
            problems.append(
                f"metric {name!r} needs at least {metric.minimum} reference samples: "
                f"the {self._split} split has {self._reference_count}"
            )
        return problems

    def _extractor_problems(self) -> list[str]:
        extractor, signature = self._extractor, self._dataset.signature
        if extractor is None:
            return []
        if signature.kind != "image":
            return [
                f"score.extractor: {self._label!r} takes images, and the data are points: "
                "use a metric without one"
            ]
        channels, height, width = signature.shape
        problems = []
        if channels not in extractor.channels or channels not in (1, 3):
            accepted = " or ".join(str(number) for number in extractor.channels)
            problems.append(
                f"score.extractor: {self._label!r} takes {accepted} channels, and the data have {channels}"
            )
        if extractor.sizes is not None and (height, width) not in extractor.sizes:
            accepted = " or ".join(f"{rows}x{columns}" for rows, columns in extractor.sizes)
            problems.append(
                f"score.extractor: {self._label!r} takes images of {accepted}, "
                f"and the data have {height}x{width}"
            )
        return problems

    def _logits_problems(self) -> list[str]:
        wanting = [name for name, metric, _ in self._metrics if "logits" in metric.needs]
        if not wanting or self._extractor is None:
            return []
        # Only a trial tells: an extractor need not announce that it classifies.
        trial = extract(self._extractor, self._dataset.load(self._split).x[:2], self._device)
        if trial.logits is not None:
            return []
        return [
            f"metric {name!r} needs logits, which extractor {self._label!r} does not give" for name in wanting
        ]

    def score(self, generated: Samples) -> list[ScoreRow]:
        """Scores generated samples.

        Args:
            generated: `x` uint8 (N, C, H, W) for images or float32 (N, d) for points, N as announced.

        Returns:
            A row for each value of each metric, in the order of the metrics.

        Raises:
            NonFiniteSamples: there is NaN or infinity among the points.
            ValueError: there are not as many samples as announced.
        """
        if len(generated) != self.samples:
            raise ValueError(f"{self.samples} samples were announced, {len(generated)} given")
        require_finite(generated.x)
        features: Features | None = None
        rows: list[ScoreRow] = []
        for name, metric, _ in self._metrics:
            if metric.needs == "samples":
                values = metric(generated, self._dataset.load(self._split), self._dataset)
            else:
                if self._extractor is None:
                    raise ValueError(f"metric {name!r} needs an extractor")
                features = features or extract(self._extractor, generated.x, self._device)
                reference = reference_features(
                    self._dataset, self._split, self._extractor, self._label, self._device
                )
                values = metric(features, reference, self._dataset)
            rows += [
                ScoreRow(
                    metric=value_name,
                    value=float(value),
                    extractor=self.protocols[name].extractor,
                    samples=self.samples,
                    protocol=self.protocols[name].hash,
                )
                for value_name, value in values.items()
            ]
        return rows

    @cached_property
    def _reference_count(self) -> int:
        return len(self._dataset.load(self._split))

    @cached_property
    def protocols(self) -> Mapping[str, Protocol]:
        """How each metric is measured, by the metric's name."""
        protocols = {}
        for name, metric, options in self._metrics:
            extractor = None if metric.needs == "samples" else self._extractor
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
            )
        return protocols
