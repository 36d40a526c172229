"""What cells of one process share: data, extractors, scorers; and the parts that each has of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import nn

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
from ganbench.catalog.contracts import build_part
from ganbench.catalog.faults import Part, calling
from ganbench.errors import GanbenchError, GridError, PluginError
from ganbench.grid import Cell, Choice, ScoreSettings, environment
from ganbench.grid.plugin_source import source_digest
from ganbench.grid.seeds import Streams, build_seed
from ganbench.runner.dataset_contract import dataset_problems, samples_problems
from ganbench.scoring import Scorer, ScoreRow, seeded
from ganbench.training import (
    AUTO,
    ENGINES,
    Engine,
    EngineChoice,
    Objective,
    Trainer,
    TrainStep,
    choose_engine,
    learning_tensors,
)

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


def forget_parts() -> None:
    """Build and load anew from here on: files and plugins may have changed since this process looked."""
    for kept in (_dataset, _samples, _extractor, _scorer):
        kept.cache_clear()


def build_players(cell: Cell) -> Players:
    """The players of a cell, their weights drawn from the `init` stream on the CPU.

    Raises:
        Unsupported: the architecture does not fit the data or the loss.
    """
    outputs = loss_spec_of(cell.loss).discriminator_outputs
    context: dict[str, Any] = {"signature": dataset_of(cell.dataset).signature}
    if outputs is not None:
        context["discriminator_outputs"] = outputs
    with seeded(Streams.of(cell).init, _CPU):
        players: Players = build_part(
            part_of("architecture", cell.architecture), cell.architecture.options, **context
        )
    return players


def loss_spec_of(choice: Choice) -> LossSpec:
    """What a loss says of itself."""
    spec = load_catalog().entry("loss", choice.name).spec
    if not isinstance(spec, LossSpec):
        raise TypeError(f"loss {choice.name!r} has a {type(spec).__name__}")
    return spec


def build_loss(cell: Cell, choice: Choice) -> Objective:
    """Build a loss of a cell; weights that it draws come from the stream `loss_init`.

    Raises:
        PluginError: it cannot be built, lacks a method, or holds parameters, which nothing would train.
    """
    spec = loss_spec_of(choice)
    with seeded(build_seed(cell, "loss", choice.name), _CPU):
        loss: Loss = _not_learning("loss", choice)
    return Objective(loss=loss, outputs=spec.discriminator_outputs, value=spec.value)


def build_penalty(cell: Cell) -> Penalty:
    """Build the penalty of a cell; weights that it draws come from the stream `penalty_init`.

    Raises:
        PluginError: it cannot be built, or holds parameters, which nothing would train.
    """
    with seeded(build_seed(cell, "penalty", cell.penalty.name), _CPU):
        penalty: Penalty = _not_learning("penalty", cell.penalty)
    return penalty


def build_metric(choice: Choice) -> Metric:
    """A metric, freshly built."""
    metric: Metric = build_part(part_of("metric", choice), choice.options)
    return metric


def part_of(kind: Kind, choice: Choice) -> Part:
    """A choice as error messages name it."""
    return Part(kind=kind, name=choice.name, label=choice.label)


def parts_of(cell: Cell) -> list[Part]:
    """Everything that takes part in training and scoring a cell."""
    extractor = [] if cell.score.extractor is None else [cell.score.extractor]
    return [
        *(part_of(kind, choice) for kind, choice in environment.parts_of(cell)),
        *(part_of("metric", metric) for metric in cell.score.metrics),
        *(part_of("extractor", chosen) for chosen in extractor),
    ]


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
    with seeded(0, _CPU):
        try:
            part = part_of("dataset", choice)
            dataset: Dataset = build_part(part, choice.options)
            with calling(part, "signature, fingerprint"):
                problems = dataset_problems(dataset)
        except GanbenchError:
            raise
        except Exception as error:
            raise _of_builtin(choice, error) from error
    _raise_broken_contract(choice, problems)
    return dataset


@lru_cache(maxsize=8)
def _samples(choice: Choice, split: Split) -> Samples:
    with seeded(0, _CPU):
        try:
            dataset = dataset_of(choice)
            with calling(part_of("dataset", choice), "load"):
                samples = dataset.load(split)
            problems = samples_problems(samples, dataset)
        except GanbenchError:
            raise
        except Exception as error:
            raise _of_builtin(choice, error) from error
    _raise_broken_contract(choice, [f"{split} split: {problem}" for problem in problems])
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
    extractor: Extractor = build_part(part_of("extractor", choice), choice.options, scored_dataset=data)
    return extractor


@lru_cache(maxsize=32)
def _scorer(dataset: Choice, score: ScoreSettings, device: str) -> Scorer:
    return _bound(_Shared(dataset), score, _extractor(score.extractor, dataset), device)


def _bound(data: Dataset, score: ScoreSettings, extractor: Extractor | None, device: str) -> Scorer:
    built: list[tuple[str, Metric, Any]] = [
        (metric.name, build_metric(metric), metric.options) for metric in score.metrics
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


def _not_learning(kind: Kind, choice: Choice) -> Any:
    """A loss or a penalty, freshly built, with nothing in it that would have to be trained.

    Raises:
        PluginError: it holds parameters, or tensors that require a gradient.
    """
    part = part_of(kind, choice)
    built = build_part(part, choice.options)
    found = learning_tensors(built)
    if found and part.foreign:
        shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        way = (
            "freeze them with requires_grad_(False), or hold the network in a class that is none"
            if isinstance(built, nn.Module)
            else "use numbers or tensors without a gradient, or hold a torch.nn.Module, which stays frozen"
        )
        raise PluginError(
            part.fault(
                f"holds parameters that nothing would train ({shown}); a {kind} that learns is not "
                f"supported: {way}"
            )
        )
    return built


def _raise_broken_contract(choice: Choice, problems: Sequence[str]) -> None:
    """Raise an error with a line for each way in which a data set does not keep to its contract."""
    part = part_of("dataset", choice)
    if problems and part.foreign:
        raise PluginError(*(part.fault(problem) for problem in problems))
    if problems:
        raise GridError(*(f"{part.who}: {problem}" for problem in problems))


def _of_builtin(choice: Choice, error: Exception) -> GridError:
    provider = load_catalog().entry("dataset", choice.name).plugin
    return GridError(
        f"dataset {choice.label!r} (from {provider.distribution} {provider.version}) cannot be used: "
        f"{type(error).__name__}: {error}"
    )


def build_trainer(cell: Cell, device: torch.device, engine: str = "eager") -> Trainer:
    """Build a cell's training at step 0, with everything that decides its bits; anew at each call.

    Args:
        cell: which.
        device: where to train.
        engine: resolved, as `settle_engine` gives it.

    Raises:
        DatasetError: the data is not there.
        Unsupported: the combination cannot be built.
    """
    before = cell.train.loss_before_freeze
    return Trainer(
        settings=cell.train,
        players=build_players(cell),
        objective=build_loss(cell, cell.loss),
        loss_before_freeze=None if before is None else build_loss(cell, before),
        penalty=build_penalty(cell),
        signature=dataset_of(cell.dataset).signature,
        samples=samples_of(cell.dataset, "train"),
        streams=Streams.of(cell),
        device=device,
        engine=ENGINES[engine],
    )


def settle_engine(
    cell: Cell,
    device: str,
    *,
    engines: Mapping[str, type[Engine]] = ENGINES,
    auto: Mapping[str, tuple[str, ...]] = AUTO,
) -> EngineChoice:
    """Choose the engine of a cell; its networks are built only where an engine has to be asked.

    Args:
        cell: which.
        device: where it is to be trained, as torch names it.
        engines: by name.
        auto: names that `auto` tries, by type of device.

    Raises:
        GridError: the engine that the cell asks for refuses it.
    """

    def make_steps() -> list[TrainStep]:
        try:
            return build_trainer(cell, torch.device(device)).train_steps
        except Exception:
            # The cell is skipped or fails, for a reason that is told elsewhere: no engine will play it.
            return []

    return choose_engine(cell.train.engine, torch.device(device), make_steps, engines=engines, auto=auto)
