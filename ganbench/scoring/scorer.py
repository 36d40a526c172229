"""Scoring: the generated samples of one cell, measured by the metrics of its grid."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import torch

from ganbench.api.data import Dataset, Extractor, Features, Metric, Split
from ganbench.api.players import Samples, Signature
from ganbench.catalog import Catalog
from ganbench.catalog.faults import Part, calling, device_errors_pass
from ganbench.errors import GridError, PluginError, PluginFault
from ganbench.grid.choice import label_of
from ganbench.scoring.asking_metrics import ARGUMENT, Discriminator, asks_discriminator, stand_in
from ganbench.scoring.extraction import Pace
from ganbench.scoring.feature_files import as_side
from ganbench.scoring.features import FeatureSet
from ganbench.scoring.image_rows import StreamedSamples, first_images
from ganbench.scoring.images import require_finite
from ganbench.scoring.metric_trials import MetricTrials, chosen_rows, directions_of
from ganbench.scoring.protocol import Protocol, protocol_of
from ganbench.scoring.reference import reference_features
from ganbench.scoring.requirements import WITH_LABELS, extracted, extractor_problems, label_problems
from ganbench.scoring.sample_features import sample_features
from ganbench.scoring.seeded import seeded
from ganbench.scoring.values import checked_values


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
        asking: names of the metrics that ask the discriminator.
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
        catalog: Catalog | None = None,
        generated: Signature | None = None,
        generated_images: str = "",
        pace: Pace | None = None,
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
            catalog: who provides metrics and extractor; without it, what they raise is named as ganbench's.
            generated: what a sample looks like where images may have another size than the reference's.
            generated_images: what the protocol says of them.
            pace: how images are taken through the extractor; one batch at a time unless given. Metrics may
                use as many CPU cores on features as it has readers.
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
        self.asking = frozenset(name for name, metric, _ in self._metrics if asks_discriminator(metric))
        self._device = torch.device(device)
        self._precision = precision
        self._generated = generated or dataset.signature
        self._generated_images = generated_images
        self._pace = pace or Pace()
        self._plugins = dict(plugins or {})
        self._extractor_plugins = tuple(filter(None, [self._plugins.get("")]))
        part = Part if catalog is None else partial(Part.of, catalog)
        self._parts = {
            name: part(kind="metric", name=name, label=label_of({**options, "name": name}))
            for name, _, options in self._metrics
        }
        name = extractor_label.partition("[")[0]
        self._extractor_part = part(kind="extractor", name=name, label=extractor_label)

    def check(self, *, trained_here: bool = True) -> list[str]:
        """Refuses what cannot be scored, before anything is trained; tries what plugins provide.

        Args:
            trained_here: whether there will be a discriminator to ask.

        Returns:
            What the user should know of values that will not be compared, a line for each metric.

        Raises:
            GridError: with a line for each problem.
            PluginError: plugins' metrics or extractor are broken, and there is no other problem.
        """
        problems: list[str] = []
        faults: list[PluginFault] = []
        if not trained_here:
            problems += [
                f"metric {name!r} asks the discriminator, and samples from elsewhere have none"
                for name, _, _ in self._metrics
                if name in self.asking
            ]
        for name, metric, _ in self._metrics:
            try:
                problems += self._metric_problems(name, metric)
            except PluginError as error:
                faults += error.faults
        if any(extracted(metric) for _, metric, _ in self._metrics):
            problems += extractor_problems(self._extractor, self._label, self._dataset.signature)
        problems += self.size_problems()
        notes: list[str] = []
        if not problems and not faults:
            with device_errors_pass():
                try:
                    self._try_extractor()
                    problems = self._logits_problems()
                    if not problems:
                        notes, faults = self._try_metrics()
                except PluginError as error:
                    faults += error.faults
        if problems:
            raise GridError(
                *problems,
                *(fault.line() for fault in faults),
                tracebacks=tuple(fault.traceback for fault in faults if fault.traceback),
            )
        if faults:
            raise PluginError(*faults)
        return notes

    def _try_extractor(self) -> None:
        """Give a plugin's extractor two images of the reference."""
        if self._extractor_part.foreign and any(extracted(metric) for _, metric, _ in self._metrics):
            self._extract_two()

    def _try_metrics(self) -> tuple[list[str], list[PluginFault]]:
        trials = MetricTrials(
            data=self._dataset.load(self._split),
            samples=self.samples,
            features=self._side,
            call=self._called,
        )
        return trials.try_all([(self._parts[name], metric) for name, metric, _ in self._metrics])

    def _called(
        self,
        part: Part,
        metric: Metric,
        generated: Any,
        reference: Any,
        seed: int = 0,
        discriminator: Discriminator = stand_in,
    ) -> object:
        """Call a metric; its draws from the global generators depend on the seed alone."""
        asked = {ARGUMENT: discriminator} if asks_discriminator(metric) else {}
        with calling(part, "__call__"), seeded(seed, self._device):
            return metric(generated, reference, self._dataset, **asked)

    def _extract(self, samples: Samples, pace: Pace | None = None) -> Features:
        """Make the features of samples; without a pace, those of a trial, which is neither told nor kept."""
        if self._extractor is None:
            raise ValueError("no extractor was given")
        with calling(self._extractor_part, "__call__"):
            return sample_features(
                samples,
                self._extractor,
                self._label,
                self._device,
                precision=self._precision,
                plugins=self._extractor_plugins,
                pace=pace or Pace(workers=self._pace.workers),
            )

    def _side(self, samples: Samples, pace: Pace | None = None) -> FeatureSet:
        return as_side(self._extract(samples, pace), samples.labels, self._pace.readers)

    def _extract_two(self) -> Features:
        return self._extract(Samples(x=first_images(self._dataset.load(self._split), 2)))

    def _metric_problems(self, name: str, metric: Metric) -> list[str]:
        problems = []
        fewer = getattr(metric, "fewer_samples", "")
        hint = f"; {fewer} takes fewer" if fewer else ""
        if extracted(metric) and self._extractor is None:
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
            data = self._dataset.load(self._split)
            problems += label_problems(name, metric.minimum, data.labels, signature.classes)
        check = getattr(metric, "check", None)
        if check is not None:
            with calling(self._parts[name], "check"):
                try:
                    check(self._dataset)
                except ValueError as error:
                    problems.append(f"{self._parts[name].who}: {error}")
        return problems

    def size_problems(self) -> list[str]:
        """Say which metrics and extractors do not take images of another size than the reference's."""
        if self._generated.shape == self._dataset.signature.shape:
            return []
        alone = [name for name, metric, _ in self._metrics if not extracted(metric)]
        problems = [f"metric {name!r} compares the images themselves" for name in alone]
        if len(alone) < len(self._metrics):
            problems += extractor_problems(self._extractor, self._label, self._generated)
        return problems

    def _logits_problems(self) -> list[str]:
        with_logits = [(name, metric) for name, metric, _ in self._metrics if "logits" in metric.needs]
        wanting = [(name, getattr(metric, "minimum_classes", 1)) for name, metric in with_logits]
        if not wanting or self._extractor is None:
            return []
        # Only a trial tells: an extractor need not announce that it classifies.
        trial = self._extract_two()
        if trial.logits is None:
            lacking = f"needs logits, which extractor {self._label!r} does not give"
            return [f"metric {name!r} {lacking}" for name, _ in wanting]
        classes = trial.logits.shape[1]
        return [
            f"metric {name!r} needs logits of at least {least} classes: "
            f"extractor {self._label!r} has {classes}"
            for name, least in wanting
            if classes < least
        ]

    def score(
        self,
        generated: Samples,
        only: Collection[str] | None = None,
        *,
        seed: int = 0,
        discriminator: Discriminator | None = None,
    ) -> list[ScoreRow]:
        """Scores generated samples.

        Args:
            generated: `x` uint8 (N, C, H, W) for images or float32 (N, d) for points, N as announced.
            only: the metrics wanted, by name; all of them unless given.
            seed: of what a metric draws from global generators, 0 to 2^63 - 1.
            discriminator: for the metrics that ask it; see `asked_discriminator`.

        Returns:
            A row for each value of each metric, in the order of the metrics.

        Raises:
            NonFiniteSamples: there is NaN or infinity among the points.
            ValueError: the number of samples is not the announced one, or a metric asks the discriminator
                and there is none.
            PluginError: a plugin's metric or extractor raised, or gave what is no number by name.
        """
        if len(generated) != self.samples:
            raise ValueError(f"{self.samples} samples were announced, {len(generated)} given")
        if not isinstance(generated, StreamedSamples):
            require_finite(generated.x)
        side: FeatureSet | None = None
        rows: list[ScoreRow] = []
        for name, metric, _ in self._metrics:
            if only is not None and name not in only:
                continue
            if metric.needs == "samples":
                sides: tuple[Any, Any] = generated, self._dataset.load(self._split)
            elif metric.needs == "pairs":
                sides = generated, self._counterparts(generated)
            else:
                side = side or self._side(generated, self._pace)
                if metric.needs == WITH_LABELS and side.labels is None:
                    raise ValueError("a metric needs labels, and the samples have none")
                sides = side, self._reference()
            if name in self.asking and discriminator is None:
                raise ValueError(f"metric {name!r} asks the discriminator, and there is none")
            part = self._parts[name]
            promised = directions_of(part) if part.foreign else ()
            found = self._called(part, metric, *sides, seed, discriminator or stand_in)
            values = checked_values(part, found, promised)
            rows += [
                ScoreRow(
                    metric=value_name,
                    source=name,
                    value=value,
                    extractor=self.protocols[name].extractor,
                    samples=self.samples,
                    protocol=self.protocols[name].hash,
                    fewest=self._fewest(metric, generated),
                )
                for value_name, value in values.items()
            ]
        return rows

    def _fewest(self, metric: Metric, generated: Samples) -> int:
        if metric.needs != WITH_LABELS or generated.labels is None:
            return self.samples
        return int(generated.labels.bincount(minlength=self._dataset.signature.classes or 0).min())

    def _reference(self) -> FeatureSet:
        assert self._extractor is not None
        with calling(self._extractor_part, "__call__"):
            return reference_features(
                self._dataset,
                self._split,
                self._extractor,
                self._label,
                self._device,
                precision=self._precision,
                plugins=self._extractor_plugins,
                pace=self._pace,
            )

    def _counterparts(self, generated: Samples) -> Samples:
        """Find the samples of the reference split whose conditions the generated ones were given."""
        if generated.index is None:
            raise ValueError(
                "a metric needs pairs, and the samples do not say where their conditions are from"
            )
        return replace(chosen_rows(self._dataset.load(self._split), generated.index), index=None)

    @cached_property
    def _reference_count(self) -> int:
        return len(self._dataset.load(self._split))

    @cached_property
    def protocols(self) -> Mapping[str, Protocol]:
        """How each metric is measured, by the metric's name."""
        protocols = {}
        for name, metric, options in self._metrics:
            extractor = self._extractor if extracted(metric) else None
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
                generated_images=self._generated_images,
            )
        return protocols
