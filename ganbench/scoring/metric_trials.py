"""Plugins' metrics tried on a few samples of the reference, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganbench.api.data import Metric
from ganbench.api.players import Samples
from ganbench.api.specs import MetricSpec
from ganbench.catalog.faults import Part
from ganbench.errors import PluginError, PluginFault
from ganbench.scoring.features import FeatureSet
from ganbench.scoring.image_rows import images_at
from ganbench.scoring.values import checked_values

# Samples that a metric is tried with at first, and the most that are soon done, without and with features.
_MIN_SAMPLES, _MAX_SAMPLES, _MAX_EXTRACTED_SAMPLES = 64, 4096, 512


@dataclass(frozen=True, kw_only=True)
class MetricTrials:
    """The samples and features that metrics are tried on.

    Attributes:
        data: the reference split.
        samples: how many will be scored.
        features: makes an extractor's features of samples.
        call: calls a metric with both sides, its plugin named in what it raises.
    """

    data: Samples
    samples: int
    features: Callable[[Samples], FeatureSet]
    call: Callable[[Part, Metric, Any, Any], object]

    def try_all(self, metrics: Sequence[tuple[Part, Metric]]) -> tuple[list[str], list[PluginFault]]:
        """Try the metrics of plugins.

        Args:
            metrics: all of a cell's.

        Returns:
            What the user should know of values that will not be compared, and what is broken.
        """
        notes: list[str] = []
        faults: list[PluginFault] = []
        built_in = [part for part, _ in metrics if not part.foreign]
        taken = {value: part.who for part in built_in for value in directions_of(part)}
        for part, metric in metrics:
            if not part.foreign:
                continue
            try:
                given = self._names(part, metric)
            except PluginError as error:
                faults += error.faults
                continue
            promised = directions_of(part)
            for value in dict.fromkeys((*promised, *given)):
                if value in taken:
                    faults.append(part.fault(f"gives a value {value!r}, as {taken[value]} does"))
                taken[value] = part.who
            if beyond := [value for value in given if value not in promised]:
                names = ", ".join(map(repr, beyond))
                notes.append(f"{part.who}: its spec has no direction for {names}: stored, never compared")
        return notes, faults

    def _names(self, part: Part, metric: Metric) -> tuple[str, ...]:
        """List the values that a metric gives; none where it would take too long to try.

        Few samples first. A metric that raises on few may need more than its `minimum` says: then as many as
        will be scored, where that is soon done; otherwise the cell will tell.
        """
        whole = min(self.samples, len(self.data))
        few = min(max(metric.minimum, _MIN_SAMPLES), whole)
        most = _MAX_SAMPLES if metric.needs in ("samples", "pairs") else _MAX_EXTRACTED_SAMPLES
        for count in dict.fromkeys((few, whole)):
            if count > most:
                break
            try:
                return tuple(checked_values(part, self._given(part, metric, count), directions_of(part)))
            except PluginError as error:
                if count == whole or not all(fault.traceback for fault in error.faults):
                    raise
        return ()

    def _given(self, part: Part, metric: Metric, count: int) -> object:
        """Compute a metric for the last samples of the reference against the first."""
        rows = torch.arange(count)
        last, first = chosen_rows(self.data, rows + len(self.data) - count), chosen_rows(self.data, rows)
        if metric.needs == "samples":
            return self.call(part, metric, last, first)
        if metric.needs == "pairs":
            return self.call(part, metric, last, last)
        return self.call(part, metric, self.features(last), self.features(first))


def directions_of(part: Part) -> Mapping[str, str]:
    """Return the values that a metric's spec promises, with their directions; none where no plugin has it."""
    spec = None if part.entry is None else part.entry.spec
    return spec.directions if isinstance(spec, MetricSpec) else {}


def chosen_rows(data: Samples, rows: Tensor) -> Samples:
    """Take some of the samples, with their labels, conditions and indices."""
    return Samples(
        x=images_at(data, rows),
        labels=None if data.labels is None else data.labels[rows],
        condition=None if data.condition is None else data.condition[rows],
        index=rows,
    )
