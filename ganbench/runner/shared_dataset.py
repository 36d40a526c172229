"""A data set of the catalog as cells use it: built, checked and loaded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from ganbench.analysis.records import printable
from ganbench.api import Dataset, Samples
from ganbench.api.data import Split
from ganbench.catalog import Catalog
from ganbench.catalog.contracts import build_part
from ganbench.catalog.faults import Part, calling
from ganbench.errors import GanbenchError, GridError, PluginError
from ganbench.files.spread import spread
from ganbench.grid import Choice
from ganbench.runner.dataset_problems import (
    baseline_problems,
    caption_problem,
    dataset_problems,
    samples_problems,
)
from ganbench.runner.sampling import chosen
from ganbench.scoring import seeded

_CPU = torch.device("cpu")
# Samples whose conditions, and labels that, are described on trial.
_MAX_TRIED = 64
_MAX_LABELS_TRIED = 1000
_MAX_BASELINES_TRIED = 2

_Value = TypeVar("_Value")


class SharedDataset:
    """Build a data set of the catalog; load and check each of its splits once; name what its plugin raises.

    What a metric may ask for besides (`modes`, `std`, `density`) is the data set's own.

    Attributes:
        signature: what one sample looks like.
        fingerprint: of the content.
    """

    def __init__(self, part: Part, choice: Choice, catalog: Catalog) -> None:
        """Build the data set.

        Args:
            part: its name in messages.
            choice: its name and options.
            catalog: who provides it.

        Raises:
            DatasetError: it is not there.
            GridError: it raised something else, or does not keep to its contract.
            PluginError: the same, of a plugin.
        """
        self._part = part
        self._splits: dict[Split, Samples] = {}

        def build() -> tuple[Any, list[str]]:
            made = build_part(part, choice.options, catalog)
            with calling(part, "signature, fingerprint"):
                return made, dataset_problems(made)

        self._dataset: Dataset
        self._dataset, problems = self._naming(build)
        self._require(problems)
        self.signature = self._dataset.signature
        self.fingerprint = self._dataset.fingerprint

    def load(self, split: Split) -> Samples:
        """Load a split, once.

        Raises:
            DatasetError: it is not there.
            GridError: it raised something else, or does not keep to its contract.
            PluginError: the same, of a plugin.
        """
        if split not in self._splits:

            def load() -> tuple[Samples, list[str]]:
                with calling(self._part, "load"):
                    samples = self._dataset.load(split)
                return samples, samples_problems(samples, self._dataset)

            samples, problems = self._naming(load)
            self._require([f"{split} split: {problem}" for problem in problems])
            self._splits[split] = samples
            tried = described_on_trial(samples)
            if self._own_describe is not None:
                self.captions(tried)
            if tried.condition is not None:
                self.baselines(tried.condition[:_MAX_BASELINES_TRIED])
        return self._splits[split]

    @property
    def describes(self) -> bool:
        """Whether the data set says more of a condition than its number."""
        named = self.signature.condition is None and getattr(self._dataset, "class_names", None) is not None
        return named or self._own_describe is not None

    def captions(self, samples: Samples) -> list[str]:
        """Describe what each sample was made from, in the data set's words.

        Args:
            samples: with conditions or labels as the data have them.

        Returns:
            A line for each sample, of a label without a description the class's name or number; empty lines
            for conditions that the data set does not describe.

        Raises:
            GridError: the description of a built-in data set failed, or is no line of text.
            PluginError: the same, of a plugin.
        """
        if samples.condition is not None:
            if self._own_describe is None:
                return [""] * len(samples)
            return [self._described(condition.clone()) for condition in samples.condition]
        if samples.labels is None:
            return [""] * len(samples)
        labels: list[int] = samples.labels.tolist()
        of_label = {label: self._described(label) for label in sorted(set(labels))}
        return [of_label[label] for label in labels]

    def baselines(self, condition: Tensor) -> dict[str, Tensor]:
        """Let simple methods of the data set make images of conditions.

        Args:
            condition: (n, *shape), as the data have them.

        Returns:
            uint8 images (n, C, H, W) by the method's name; empty where the data set has no such methods.

        Raises:
            GridError: a method of a built-in data set failed, or gives something else.
            PluginError: the same, of a plugin.
        """
        own = getattr(self._dataset, "baselines", None)
        if own is None:
            return {}

        def make() -> object:
            with calling(self._part, "baselines"):
                return own(condition.clone())

        made: Any = self._naming(make)
        self._require(baseline_problems(made, len(condition), self.signature))
        return dict(made)

    @property
    def _own_describe(self) -> Callable[[Tensor | int], object] | None:
        own: Callable[[Tensor | int], object] | None = getattr(self._dataset, "describe", None)
        return own

    def _described(self, condition: Tensor | int) -> str:
        own = self._own_describe
        if own is None:
            names = getattr(self._dataset, "class_names", None)
            return str(condition) if names is None else printable(names[int(condition)])

        def describe() -> object:
            with calling(self._part, "describe"):
                return own(condition)

        caption = self._naming(describe)
        if problem := caption_problem(caption):
            self._require([problem])
        return str(caption)

    def __getattr__(self, name: str) -> Any:
        if name == "_dataset":  # a copy that has nothing yet
            raise AttributeError(name)
        return getattr(self._dataset, name)

    def _naming(self, function: Callable[[], _Value]) -> _Value:
        """Call a data set's code with the same random numbers each time; name what a built-in one raises."""
        with seeded(0, _CPU):
            try:
                return function()
            except GanbenchError:
                raise
            except Exception as error:
                what, entry = f"dataset {self._part.label!r}", self._part.entry
                if entry is not None:
                    what += f" (from {entry.plugin.origin})"
                raise GridError(f"{what} cannot be used: {type(error).__name__}: {error}") from error

    def _require(self, problems: Sequence[str]) -> None:
        """Refuse a data set that does not keep to its contract, with a line for each way."""
        part = self._part
        if problems and part.foreign:
            raise PluginError(*(part.fault(problem) for problem in problems))
        if problems:
            raise GridError(*(f"{part.who}: {problem}" for problem in problems))


def described_on_trial(samples: Samples) -> Samples:
    """Choose samples whose descriptions are tried as soon as a split is loaded; pictures show no others.

    64 of them, evenly spread; where conditions are labels, one of each of the first 1,000.
    """
    if samples.condition is not None or samples.labels is None:
        return chosen(samples, torch.tensor(spread(range(len(samples)), _MAX_TRIED)))
    counts = samples.labels.bincount()
    # The first sample of each label, in one pass over the data.
    first = torch.full(counts.shape, len(samples))
    first.scatter_reduce_(0, samples.labels, torch.arange(len(samples)), "amin")
    return chosen(samples, first[counts.nonzero().flatten()[:_MAX_LABELS_TRIED]])
