"""What the cells of one process share: data sets with their samples, extractors and scorers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar

import torch

from ganbench.api import Dataset, Extractor, LossSpec, Metric, MetricSpec, PenaltySpec, Signature
from ganbench.catalog import Catalog, Kind
from ganbench.catalog.catalog import split_choice
from ganbench.catalog.contracts import build_part
from ganbench.catalog.faults import Part
from ganbench.engines import EngineChoice
from ganbench.errors import GanbenchError, GridError
from ganbench.grid import Choice, ScoreSettings
from ganbench.grid.plugin_source import source_digest
from ganbench.runner.shared_dataset import SharedDataset
from ganbench.scoring import Scorer, ScoreRow
from ganbench.scoring.extraction import Pace
from ganbench.training import global_stream

_CPU = torch.device("cpu")
_MAX_DATASETS = 8
_MAX_EXTRACTORS = 8
_MAX_SCORERS = 32
_MAX_DIGESTS = 64
_MAX_ENGINES = 1000

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class SharedParts:
    """Build from a catalog what is costly and the same for many cells, and keep what was used last.

    One object serves all cells of a process. A new one looks anew: files and plugins may have changed.

    Attributes:
        catalog: who provides parts.
    """

    def __init__(self, catalog: Catalog) -> None:
        """Build nothing yet.

        Args:
            catalog: who provides parts.
        """
        self.catalog = catalog
        self._datasets: _Recent[Choice, SharedDataset] = _Recent(_MAX_DATASETS)
        self._extractors: _Recent[tuple[Choice | None, Choice], Extractor | None] = _Recent(_MAX_EXTRACTORS)
        self._scorers: _Recent[tuple[object, ...], Scorer] = _Recent(_MAX_SCORERS)
        self._digests: _Recent[tuple[Kind, Choice], str] = _Recent(_MAX_DIGESTS)
        self._engines: _Recent[tuple[object, ...], EngineChoice | GridError] = _Recent(_MAX_ENGINES)

    def part(self, kind: Kind, choice: Choice) -> Part:
        """Give a choice as error messages name it."""
        return Part.of(self.catalog, kind, choice.name, choice.label)

    def dataset(self, choice: Choice) -> SharedDataset:
        """Build a data set, once; each of its splits is loaded once.

        Raises:
            DatasetError: it is not there.
            GridError: a built-in data set raised something else, or does not keep to its contract.
            PluginError: a plugin's did.
        """
        part = self.part("dataset", choice)
        return self._datasets.get(choice, lambda: SharedDataset(part, choice, self.catalog))

    def engine_choice(
        self, alike: tuple[object, ...], choose: Callable[[], EngineChoice | GridError]
    ) -> EngineChoice | GridError:
        """Give the engine of cells that are alike, or its refusal; chosen where it is not kept.

        Args:
            alike: equal for cells that get the same.
            choose: chooses it.
        """
        return self._engines.get(alike, choose)

    def build_metric(self, choice: Choice) -> Metric:
        """Build a metric, anew at each call.

        Raises:
            PluginError: it cannot be built, or does not keep to its contract.
        """
        metric: Metric = build_part(self.part("metric", choice), choice.options, self.catalog)
        return metric

    def scorer(
        self,
        reference: Choice | Dataset,
        score: ScoreSettings,
        device: str,
        *,
        generated: Signature | None = None,
        generated_images: str = "",
        pace: Pace | None = None,
    ) -> Scorer:
        """Build the scorer of some settings, once where its real side is a data set of the catalog.

        Args:
            reference: the real side: a data set of the catalog, or any other.
            score: with at least one metric.
            device: where features are computed, as torch names it.
            generated: what a sample looks like where images may have another size than the reference's.
            generated_images: what the protocol says of them.
            pace: how images are taken through the extractor; its workers are at most those that
                `extraction_workers` allows, and metrics may use as many cores as it has readers.

        Raises:
            DatasetError: the data is not there.
            WeightsError: the extractor's weights are not there.
        """
        pace = pace or Pace()
        built = partial(
            self._build_scorer,
            device=device,
            generated=generated,
            generated_images=generated_images,
            pace=replace(pace, workers=self.extraction_workers(score.extractor, device, pace.workers)),
        )
        if not isinstance(reference, Choice):
            return built(reference, self.build_extractor(score.extractor, reference), score)
        # When and how often it is scored makes no other scorer.
        same = score.model_copy(update={"every": 0, "initial": False, "repeats": 1})

        def build() -> Scorer:
            data, chosen = self.dataset(reference), score.extractor
            key = (chosen, reference)
            extractor = self._extractors.get(key, lambda: self.build_extractor(chosen, data))
            return built(data, extractor, same)

        return self._scorers.get((reference, same, device, generated, generated_images), build)

    def extraction_workers(self, choice: Choice | None, device: str, wanted: int) -> int:
        """Decide how many batches of images an extractor computes side by side.

        Args:
            choice: the extractor; a plugin's need not bear to be called in several threads.
            device: where features are computed; a GPU gains nothing.
            wanted: at most so many.
        """
        if (
            choice is None
            or device != "cpu"
            or not self.catalog.entry("extractor", choice.name).plugin.builtin
        ):
            return 1
        return wanted

    def loss_spec(self, choice: Choice) -> LossSpec:
        """Give what a loss says of itself, and of what it wraps, where it says so."""
        spec = self.catalog.entry("loss", choice.name).spec
        if not isinstance(spec, LossSpec):
            raise TypeError(f"loss {choice.name!r} has a {type(spec).__name__}")
        for name in ("discriminator_outputs", "value"):
            if (telling := self.telling(choice, name)) is not choice:
                spec = replace(spec, **{name: getattr(self.loss_spec(telling), name)})
        return spec

    def telling(self, choice: Choice, name: str) -> Choice:
        """Return the loss whose spec tells of something: the loss itself, or one that it wraps.

        Args:
            choice: the loss.
            name: of the spec's field, which may name an option that is a choice of a loss.
        """
        option = getattr(self.catalog.entry("loss", choice.name).spec, name)
        if not isinstance(option, str):
            return choice
        default = self.catalog.options("loss", choice.name)[option].default
        return self.telling(Choice(*split_choice(choice.options.get(option, default))), name)

    def penalty_spec(self, choice: Choice) -> PenaltySpec:
        """Give what a penalty says of itself."""
        spec = self.catalog.entry("penalty", choice.name).spec
        if not isinstance(spec, PenaltySpec):
            raise TypeError(f"penalty {choice.name!r} has a {type(spec).__name__}")
        return spec

    def metric_spec(self, name: str) -> MetricSpec:
        """Give what a metric says of itself."""
        spec = self.catalog.entry("metric", name).spec
        if not isinstance(spec, MetricSpec):
            raise TypeError(f"metric {name!r} has a {type(spec).__name__}")
        return spec

    def note(self, row: ScoreRow) -> str:
        """Say what the tables have beside a value; empty where there is nothing to say."""
        enough = self.metric_spec(row.source).biased_below.get(row.metric, 0)
        if row.fewest >= enough:
            return ""
        return f"biased: fewer than {enough} samples{' of a class' if row.fewest < row.samples else ''}"

    def digest(self, kind: Kind, choice: Choice) -> str:
        """Read the attribute `digest` of a plugin's part, once; empty where it has none.

        Raises:
            GridError: it is no text.
        """
        return self._digests.get((kind, choice), lambda: self._read_digest(kind, choice))

    def _read_digest(self, kind: Kind, choice: Choice) -> str:
        # Built-ins are covered by ganbench's numerics; these kinds have no such attribute.
        if (
            kind in ("architecture", "optimizer", "update")
            or self.catalog.entry(kind, choice.name).plugin.builtin
        ):
            return ""
        try:
            with global_stream(0, _CPU):
                part: Any = (
                    self.dataset(choice)
                    if kind == "dataset"
                    else self.catalog.build(kind, choice.name, choice.options)
                )
        except GanbenchError:
            raise
        except Exception:
            # The cell fails for that reason, and says so.
            return ""
        return self._digest_of(kind, choice, part)

    def _digest_of(self, kind: Kind, choice: Choice, part: object) -> str:
        digest: object = getattr(part, "digest", None)
        if digest is None:
            return ""
        if not isinstance(digest, str):
            provider = self.catalog.entry(kind, choice.name).plugin
            raise GridError(
                f"{kind} {choice.name!r} (from {provider.origin}): its digest must be a string, "
                f" given {type(digest).__name__}"
            )
        return digest

    def build_extractor(self, choice: Choice | None, data: Dataset) -> Extractor | None:
        """Build an extractor anew; None where none is chosen.

        Args:
            choice: its name and options.
            data: what is scored; some are trained on it.

        Raises:
            WeightsError: its weights are not there.
            PluginError: it cannot be built, or does not keep to its contract.
        """
        if choice is None:
            return None
        part = self.part("extractor", choice)
        extractor: Extractor = build_part(part, choice.options, self.catalog, scored_dataset=data)
        return extractor

    def _build_scorer(
        self,
        data: Dataset,
        extractor: Extractor | None,
        score: ScoreSettings,
        *,
        device: str,
        generated: Signature | None,
        generated_images: str,
        pace: Pace,
    ) -> Scorer:
        built: list[tuple[str, Metric, Any]] = [
            (metric.name, self.build_metric(metric), metric.options) for metric in score.metrics
        ]
        plugins = {
            metric.name: self.provider("metric", metric, self._digest_of("metric", metric, made))
            for metric, (_, made, _) in zip(score.metrics, built, strict=True)
        }
        if score.extractor is not None:
            plugins[""] = self.provider("extractor", score.extractor)
        return Scorer(
            dataset=data,
            reference_split=score.reference,
            metrics=built,
            extractor=extractor,
            extractor_label="" if score.extractor is None else score.extractor.label,
            samples=score.samples,
            device=device,
            precision=score.extractor_precision,
            plugins=plugins,
            catalog=self.catalog,
            generated=generated,
            generated_images=generated_images,
            pace=pace,
        )

    def provider(self, kind: Kind, choice: Choice, digest: str = "") -> str:
        """Name who provides a part and what it chooses, with version and source; empty for ganbench."""
        chosen = self.catalog.chosen_within(kind, choice.name, choice.options)
        outer = self.catalog.entry(kind, choice.name).plugin
        inner = [self.catalog.entry(each, name).plugin for each, name, _ in chosen]
        said = {
            f"{plugin.origin} {plugin.digest or source_digest(plugin.distribution)} "
            f"{digest if plugin is outer else ''}".rstrip(): None
            for plugin in (outer, *inner)
            if not plugin.builtin
        }
        return "; ".join(said)


class _Recent(Generic[_Key, _Value]):
    """Keep the values that were used last, a limited number of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[_Key, _Value] = OrderedDict()

    def get(self, key: _Key, make: Callable[[], _Value]) -> _Value:
        """Give the value of a key, made where it is not kept; what raises is not kept."""
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]
