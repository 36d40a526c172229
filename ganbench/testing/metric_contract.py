"""The contract of metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from ganbench.api import Dataset, Features, Metric, MetricSpec, Samples
from ganbench.catalog.faults import Part, calling
from ganbench.errors import PluginError, Unsupported
from ganbench.scoring import ARGUMENT, WITH_LABELS, asks_discriminator, seeded, stand_in
from ganbench.scoring.features import FeatureSet
from ganbench.scoring.values import checked_values
from ganbench.testing.contract import Contract
from ganbench.testing.findings import NotApplicable, contract_check
from ganbench.testing.made_up_data import NAME
from ganbench.testing.stage import CPU, TINY

_CALL = "__call__"
_WIDTH, _CLASSES = 4, 10
_FEWEST = 64
# Where a metric of samples is tried, in this order, until its `check` and a call take it.
_DATA: tuple[Mapping[str, Any], ...] = (
    {"name": NAME, "shape": [2]},
    {"name": NAME, "shape": [1, 8, 8], "classes": 10},
    {"name": NAME, "shape": [1, 16, 16], "classes": 10},
    {"name": "gaussian_ring"},
    {"name": "gaussian_1d"},
    {"name": NAME, "shape": [3, 32, 32], "classes": 10},
    {"name": NAME, "shape": [3, 16, 16], "condition": [3, 16, 16]},
)
_Side = Samples | Features


class MetricContract(Contract):
    """What a metric must hold to.

    Attributes:
        values: names of the spec's `directions` that it gives with the contract's options; all unless given.
    """

    kind = "metric"
    values: ClassVar[Sequence[str] | None] = None

    @contract_check(
        "Give a mapping of names to numbers; every name in the spec's `directions` must be there."
    )
    def test_it_scores(self) -> None:
        """Require values by name, those of `directions` among them, finite for samples like the data."""
        values = self._values(self._setting.good)
        spoilt = [name for name in self._directions if not math.isfinite(values[name])]
        self.fail_if(
            [f"gives {name} = {values[name]} for samples like the data" for name in spoilt],
            _CALL,
            "Look for divisions by 0 and logarithms of 0; add a small number, or raise `minimum`.",
        )

    @contract_check("Turn the direction in MetricSpec(directions=...) round, or the value's sign.")
    def test_directions_are_right(self) -> None:
        """Require that samples like the data score no worse than samples far from them."""
        setting = self._required()
        good, bad = self._values(setting.good), self._values(setting.bad)
        problems = [
            f"scores samples far from the data better: {name} is {bad[name]:.6g}, and {good[name]:.6g} of "
            f"samples like them, where {better} is better"
            for name, better in self._directions.items()
            if (bad[name] < good[name] if better == "lower" else bad[name] > good[name])
        ]
        self.fail_if(problems, _CALL)

    @contract_check("Keep nothing between calls; what it draws from global generators is seeded by ganbench.")
    def test_the_same_samples_give_the_same_values(self) -> None:
        """Require the same values of a second call, and of a fresh object after other samples."""
        setting = self._required()
        first = self._values(setting.good)
        self._values(setting.bad)
        used, fresh = self._values(setting.good), self._values(setting.good, metric=self._build())
        differs = [
            f"{name} is {first[name]:.9g} at first and {later[name]:.9g} later"
            for later in (used, fresh)
            for name in first
            if not _equal(first[name], later.get(name, math.nan))
        ]
        self.fail_if(differs[:1], _CALL)

    @contract_check("Copy what it changes: samples.x.float().")
    def test_samples_are_left_as_they_are(self) -> None:
        """Require both sides to stay as they are."""
        setting = self._required()
        sides = setting.good, setting.reference
        before = [[tensor.clone() for tensor in _tensors(side)] for side in sides]
        self._values(setting.good)
        changed = [
            name
            for name, side, was in zip(("generated", "reference"), sides, before, strict=True)
            if not all(torch.equal(*pair) for pair in zip(_tensors(side), was, strict=True))
        ]
        self.fail_if([f"writes to the {name} samples" for name in changed], _CALL)

    @contract_check("Raise `minimum` to the fewest samples for which the value is defined.")
    def test_the_minimum_is_enough(self) -> None:
        """Require its values for as few samples as `minimum` says."""
        setting = self._required()
        metric = self._build()
        count = metric.minimum * (_CLASSES if metric.needs == WITH_LABELS else 1)
        few = _rows(setting.good, count)
        try:
            values = self._values(few, reference=_rows(setting.reference, count))
        except PluginError as error:
            problems = [f"says minimum = {metric.minimum}, and of so many: {error.faults[0].error}"]
        else:
            problems = [
                f"says minimum = {metric.minimum}, and of so many gives {name} = {values[name]}"
                for name in self._directions
                if math.isnan(values[name])
            ]
        self.fail_if(problems, _CALL)

    @contract_check("Use the registered metric.")
    def test_it_is_none_of_the_registered_metrics(self) -> None:
        """Refuse the numbers of a registered metric, unless summary or docstring names that one."""
        setting = self._required()
        needs = self._build().needs
        own = [sorted(self._values(side).values()) for side in (setting.good, setting.bad)]

        def alike(name: str) -> bool:
            stage = self.stage()
            metric = stage.catalog.build("metric", name, {})
            if metric.needs != needs or metric.minimum > setting.count:
                return False
            part = Part.of(stage.catalog, "metric", name, name)
            found = [
                sorted(self._values(side, metric=metric, part=part).values())
                for side in (setting.good, setting.bad)
            ]
            return all(
                len(one) == len(two) and all(map(_equal, one, two))
                for one, two in zip(own, found, strict=True)
            )

        same = self.same_as(alike)
        self.fail_if(
            [f"gives the numbers of the registered metric {same!r}"] if same else [],
            "",
            f"Use {same!r}, or name it in the summary or docstring; a contract may have like = [{same!r}].",
        )

    @property
    def _directions(self) -> Mapping[str, str]:
        assert self.part.entry is not None
        spec = self.part.entry.spec
        promised = spec.directions if isinstance(spec, MetricSpec) else {}
        return {name: promised[name] for name in promised if self.values is None or name in self.values}

    def _required(self) -> _Setting:
        try:
            return self._setting
        except Exception:
            raise NotApplicable("it does not score, see `it_scores`") from None

    @property
    def _setting(self) -> _Setting:
        """Data that the metric takes, found once."""
        contract = type(self)
        if "_found" not in vars(contract):
            contract._found = self._find_setting()
        return contract._found

    _found: ClassVar[_Setting]

    def _find_setting(self) -> _Setting:
        """Find data that the metric takes.

        Raises:
            PluginError: it raises for all of them.
            Unsupported: its `check` refuses all of them.
        """
        metric: Metric = self._build()
        count = max(_FEWEST, metric.minimum)
        if metric.needs == WITH_LABELS:
            count = max(_FEWEST, metric.minimum * _CLASSES)
        refusals: list[Exception] = []
        for data in self._candidates(count):
            check = getattr(metric, "check", None)
            try:
                if check is not None:
                    check(data)
                setting = _Setting(data, metric, count)
                self._values(setting.good, setting=setting)
                return setting
            except PluginError as error:
                refusals.insert(0, error)
            except ValueError as error:
                refusals.append(Unsupported(f"takes none of the data that it was tried on: {error}"))
        raise refusals[0]

    def _candidates(self, count: int) -> Iterator[Dataset]:
        stage = self.stage()
        named = stage.axes.get("dataset")
        for choice in _DATA if named is None else (named,):
            given = choice
            if isinstance(choice, Mapping) and named is None:
                given = {**choice, "samples": count}
            yield stage.shared.dataset(stage.cell({"dataset": given, "architecture": TINY}).dataset)

    def _values(
        self,
        generated: _Side,
        *,
        reference: _Side | None = None,
        setting: _Setting | None = None,
        metric: Metric | None = None,
        part: Part | None = None,
    ) -> dict[str, float]:
        setting, part = setting or self._setting, part or self.part
        called = metric or setting.metric
        side: Any = setting.reference if reference is None else reference
        given: Any = generated
        if isinstance(given, Features):
            # Statistics that are kept with features belong to one metric.
            given, side = _bare(given), _bare(side)
        with seeded(0, CPU), calling(part, _CALL):
            asked: dict[str, Any] = {ARGUMENT: stand_in} if asks_discriminator(called) else {}
            found = called(given, side, setting.data, **asked)
        return checked_values(part, found, self._directions if part is self.part else ())


class _Setting:
    """Two sides that are alike, and one that is far from both.

    Args:
        data: of which the reference is.
        metric: says what it needs.
        count: of samples on each side.
    """

    def __init__(self, data: Dataset, metric: Metric, count: int) -> None:
        self.data, self.metric, self.count = data, metric, count
        self.good: _Side
        self.bad: _Side
        self.reference: _Side
        if metric.needs in ("samples", "pairs"):
            self._set_samples(metric.needs == "pairs")
        else:
            self.reference, self.good, self.bad = (
                _features(0, count),
                _features(1, count),
                _features(2, count, far=True),
            )

    def _set_samples(self, pairs: bool) -> None:
        whole = self.data.load("test")
        reference = _rows(whole, min(self.count, len(whole)))
        assert isinstance(reference, Samples)
        good = _rows(self.data.load("train"), len(reference))
        assert isinstance(good, Samples)
        stream = torch.Generator().manual_seed(0)
        if reference.x.dtype == torch.uint8:
            far = torch.randint(0, 256, reference.x.shape, generator=stream, dtype=torch.uint8)
            near = (reference.x.int() + torch.randint(-2, 3, far.shape, generator=stream)).clamp(0, 255)
            x = near.to(torch.uint8) if pairs else good.x
        else:
            far = reference.x + 50 + torch.randn(reference.x.shape, generator=stream)
            x = reference.x + 1e-3 if pairs else good.x
        index = torch.arange(len(reference))
        self.reference = reference
        self.good = replace(reference if pairs else good, x=x, index=index)
        self.bad = replace(self.good, x=far)


def _features(seed: int, count: int, *, far: bool = False) -> FeatureSet:
    """Make up features of images: of ten classes that are told apart with certainty, or far from them."""
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % _CLASSES
    noise = torch.randn(count, _WIDTH, generator=stream)
    certain = torch.nn.functional.one_hot(labels, _CLASSES).float() * 10
    doubt = 0.1 * torch.rand(count, _CLASSES, generator=stream)
    if far:
        # All of one class, as a generator that has collapsed.
        return FeatureSet(features=20 + 0.1 * noise, logits=doubt, labels=labels)
    features = noise + labels[:, None].float() * 0.3
    return FeatureSet(features=features, logits=certain + doubt, labels=labels)


def _bare(side: Features) -> FeatureSet:
    return FeatureSet(features=side.features, logits=side.logits, labels=side.labels)


def _rows(side: _Side, count: int) -> Any:
    """Take the first samples of a side."""
    names = (
        ("features", "logits", "labels")
        if isinstance(side, Features)
        else ("x", "labels", "condition", "index")
    )
    cut: dict[str, Any] = {
        name: None if (value := getattr(side, name)) is None else value[:count] for name in names
    }
    return FeatureSet(**cut) if isinstance(side, Features) else Samples(**cut)


def _tensors(side: _Side) -> list[Tensor]:
    names = ("features", "logits", "labels", "x", "condition")
    return [value for name in names if isinstance(value := getattr(side, name, None), Tensor)]


def _equal(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(one) and math.isnan(other))
