"""What cells of one process share: data, extractors, scorers; and the players, freshly built for each."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ganbench.api import (
    Dataset,
    Extractor,
    Loss,
    LossSpec,
    Metric,
    MetricSpec,
    Penalty,
    Players,
    Samples,
)
from ganbench.api.data import Split
from ganbench.catalog import Kind, load_catalog
from ganbench.errors import GanbenchError, GridError
from ganbench.grid import Cell, Choice, ScoreSettings
from ganbench.grid.plugin_source import source_digest
from ganbench.grid.seeds import Streams
from ganbench.runner.dataset_contract import dataset_problems, samples_problems
from ganbench.scoring import Scorer, ScoreRow
from ganbench.training import Objective, global_stream

_CPU = torch.device("cpu")


def dataset_of(choice: Choice) -> Dataset:
    """The data set, built once in a process.

    Raises:
        DatasetError: it is not there.
        GridError: the plugin that provides it raised something else.
    """
    return _dataset(choice)


def samples_of(choice: Choice, split: Split) -> Samples:
    """One split, loaded once in a process.

    Raises:
        DatasetError: it is not there.
    """
    return _samples(choice, split)


def forget_materials() -> None:
    """Build and load anew from here on: files and plugins may have changed since this process looked."""
    for kept in (_dataset, _samples, _extractor, _scorer):
        kept.cache_clear()


def players_of(cell: Cell) -> Players:
    """The players of a cell, their weights drawn from the `init` stream on the CPU.

    Raises:
        Unsupported: the architecture does not fit the data or the loss.
    """
    catalog = load_catalog()
    outputs = loss_spec_of(cell.loss).discriminator_outputs
    context: dict[str, Any] = {"signature": dataset_of(cell.dataset).signature}
    if outputs is not None:
        context["discriminator_outputs"] = outputs
    with global_stream(Streams.of(cell).init, _CPU):
        players: Players = catalog.build(
            "architecture", cell.architecture.name, cell.architecture.options, **context
        )
    return players


def loss_spec_of(choice: Choice) -> LossSpec:
    """What a loss says of itself."""
    spec = load_catalog().entry("loss", choice.name).spec
    if not isinstance(spec, LossSpec):
        raise TypeError(f"loss {choice.name!r} has a {type(spec).__name__}")
    return spec


def objective_of(cell: Cell, choice: Choice) -> Objective:
    """A loss as a cell has it; weights that it draws come from the cell's `loss` stream."""
    spec = loss_spec_of(choice)
    with global_stream(Streams.of(cell).loss, _CPU):
        loss: Loss = load_catalog().build("loss", choice.name, choice.options)
    return Objective(loss=loss, outputs=spec.discriminator_outputs, value=spec.value)


def penalty_of(cell: Cell) -> Penalty:
    """The penalty of a cell."""
    with global_stream(Streams.of(cell).loss, _CPU):
        penalty: Penalty = load_catalog().build("penalty", cell.penalty.name, cell.penalty.options)
    return penalty


def scorer_of(cell: Cell, device: str) -> Scorer | None:
    """The scorer of a cell's [score] on its data set, shared in a process; None without metrics.

    Raises:
        WeightsError: the extractor's weights are not there.
    """
    if not cell.score.metrics:
        return None
    return scorer_against(cell.dataset, cell.score, device)


def scorer_against(reference: Choice | Dataset, score: ScoreSettings, device: str) -> Scorer:
    """The scorer of these settings, its real side a data set: one of the catalog's (shared), or any other.

    Raises:
        DatasetError: the data is not there.
        WeightsError: the extractor's weights are not there.
    """
    if isinstance(reference, Choice):
        # When and how often it is scored makes no other scorer.
        same = score.model_copy(update={"every": 0, "initial": False, "repeats": 1})
        return _scorer(reference, same, device)
    return _bound(reference, score, _built(score.extractor, reference), device)


def note_of(row: ScoreRow) -> str:
    """What the tables say beside a value; empty where there is nothing to say."""
    enough = metric_spec(row.source).biased_below.get(row.metric, 0)
    if row.fewest >= enough:
        return ""
    return f"biased: fewer than {enough} samples{' of a class' if row.fewest < row.samples else ''}"


def metric_spec(name: str) -> MetricSpec:
    """What a metric says of itself."""
    spec = load_catalog().entry("metric", name).spec
    if not isinstance(spec, MetricSpec):
        raise TypeError(f"metric {name!r} has a {type(spec).__name__}")
    return spec


def digest_of(kind: Kind, name: str, part: object) -> str:
    """Read what a part of a plugin says of itself with its attribute `digest`; empty where it says nothing.

    Raises:
        GridError: it is no text.
    """
    digest: object = getattr(part, "digest", None)
    if digest is None:
        return ""
    if not isinstance(digest, str):
        provider = load_catalog().entry(kind, name).plugin
        raise GridError(
            f"{kind} {name!r} (from {provider.distribution} {provider.version}): its digest must be a "
            f"string, given {type(digest).__name__}"
        )
    return digest


@lru_cache(maxsize=8)
def _dataset(choice: Choice) -> Dataset:
    with _fixed_randomness():
        try:
            dataset: Dataset = load_catalog().build("dataset", choice.name, choice.options)
            problems = dataset_problems(dataset)
        except GanbenchError:
            raise
        except Exception as error:
            raise _of_plugin("dataset", choice, error) from error
    _raise_broken_contract("dataset", choice, problems)
    return dataset


@lru_cache(maxsize=8)
def _samples(choice: Choice, split: Split) -> Samples:
    with _fixed_randomness():
        try:
            samples = dataset_of(choice).load(split)
            problems = samples_problems(samples, dataset_of(choice))
        except GanbenchError:
            raise
        except Exception as error:
            raise _of_plugin("dataset", choice, error) from error
    _raise_broken_contract("dataset", choice, [f"{split} split: {problem}" for problem in problems])
    return samples


class _Shared:
    """A data set as scorers see it: a split is loaded once, and what its plugin raises is named."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._dataset = dataset_of(choice)
        self.signature = self._dataset.signature
        self.fingerprint = self._dataset.fingerprint

    def load(self, split: Split) -> Samples:
        return samples_of(self._choice, split)

    def __getattr__(self, name: str) -> Any:
        # What a metric may ask for besides: modes, std, density.
        return getattr(self._dataset, name)


@lru_cache(maxsize=8)
def _extractor(choice: Choice | None, dataset: Choice) -> Extractor | None:
    return _built(choice, _Shared(dataset))


def _built(choice: Choice | None, data: Dataset) -> Extractor | None:
    if choice is None:
        return None
    extractor: Extractor = load_catalog().build("extractor", choice.name, choice.options, scored_dataset=data)
    return extractor


@lru_cache(maxsize=32)
def _scorer(dataset: Choice, score: ScoreSettings, device: str) -> Scorer:
    return _bound(_Shared(dataset), score, _extractor(score.extractor, dataset), device)


def _bound(data: Dataset, score: ScoreSettings, extractor: Extractor | None, device: str) -> Scorer:
    catalog = load_catalog()
    built: list[tuple[str, Metric, Any]] = [
        (metric.name, catalog.build("metric", metric.name, metric.options), metric.options)
        for metric in score.metrics
    ]
    plugins = {
        metric.name: _provider("metric", metric, digest_of("metric", metric.name, made))
        for metric, (_, made, _) in zip(score.metrics, built, strict=True)
    }
    if score.extractor is not None:
        plugins[""] = _provider("extractor", score.extractor)
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
    )


def _provider(kind: Kind, choice: Choice, digest: str = "") -> str:
    """The distribution that a metric or an extractor is from, with version and source; empty for ganbench."""
    plugin = load_catalog().entry(kind, choice.name).plugin
    if plugin.builtin:
        return ""
    return f"{plugin.distribution} {plugin.version} {source_digest(plugin.distribution)} {digest}".rstrip()


def _of_plugin(kind: Kind, choice: Choice, error: Exception) -> GridError:
    return GridError(f"{_provided(kind, choice)} cannot be used: {type(error).__name__}: {error}")


def _raise_broken_contract(kind: Kind, choice: Choice, problems: Sequence[str]) -> None:
    """Raise GridError with a line for each way in which a plugin does not keep to its contract."""
    if problems:
        raise GridError(*(f"{_provided(kind, choice)}: {problem}" for problem in problems))


def _provided(kind: Kind, choice: Choice) -> str:
    provider = load_catalog().entry(kind, choice.name).plugin
    return f"{kind} {choice.label!r} (from {provider.distribution} {provider.version})"


@contextmanager
def _fixed_randomness() -> Iterator[None]:
    """A data set that draws from the process-wide generators draws the same each time."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    np.random.seed(0)
    random.seed(0)
    try:
        with global_stream(0, _CPU):
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
