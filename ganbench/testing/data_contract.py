"""The contract of data sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ganbench.api import Dataset, Samples
from ganbench.api.data import Split
from ganbench.catalog.faults import calling
from ganbench.errors import GanbenchError
from ganbench.runner import check_cell
from ganbench.runner.global_draws import watched_draws
from ganbench.runner.shared_dataset import described_on_trial
from ganbench.scoring import seeded
from ganbench.testing.contract import Contract
from ganbench.testing.findings import NotApplicable, contract_check
from ganbench.testing.stage import CPU, TINY

_SPLITS: tuple[Split, ...] = ("train", "test")
_LOOKED_AT = 256


class DatasetContract(Contract):
    """What a data set must hold to."""

    kind = "dataset"

    @contract_check("Give Samples that fit the signature: uint8 images, float32 points, int64 labels.")
    def test_it_loads(self) -> None:
        """Check signature, fingerprint and both splits as ganbench does where it loads them."""
        loaded = self._loaded()
        for split in _SPLITS:
            loaded.load(split)

    @contract_check("Scale images to 0 to 255 before they become uint8.")
    def test_images_use_the_range(self) -> None:
        """Require a value above 1 among the first images."""
        data = self._required()
        if data.signature.kind != "image":
            raise NotApplicable("its samples are points")
        brightest = int(data.load("train").x[:_LOOKED_AT].max())
        self.fail_if(
            [f"has no value above {brightest} in its first {_LOOKED_AT} images: black is 0 and white 255"]
            if brightest <= 1
            else [],
            "load",
        )

    @contract_check("Draw from a generator of its own with a fixed seed: numpy.random.default_rng(seed).")
    def test_each_build_gives_the_same_samples(self) -> None:
        """Build it anew under another state of the global generators, and require equal samples."""
        self._required()
        problems = []
        first, second = self._build_under(11), self._build_under(12)
        if first[0] != second[0]:
            problems.append(f"fingerprint is {first[0]!r} in one build and {second[0]!r} in another")
        for split, one, other in zip(_SPLITS, first[1], second[1], strict=True):
            if not all(torch.equal(*pair) for pair in zip(_tensors(one), _tensors(other), strict=True)):
                problems.append(f"its {split} split differs between two builds")
        self.fail_if(problems, "load")
        told = [pair for pair in zip(first[2], second[2], strict=True) if pair[0] != pair[1]]
        self.fail_if(
            [
                f"describes the same condition as {one!r} in one build and {other!r} in another"
                for one, other in told[:1]
            ],
            "describe",
        )

    @contract_check("Draw from a generator of its own with a fixed seed, and seed no global one.")
    def test_it_leaves_global_generators_alone(self) -> None:
        """Require the global generators of torch, numpy and random untouched by building and loading."""
        self._required()
        with seeded(0, CPU), watched_draws() as drawn, calling(self.part, "load"):
            built = self._build()
            for split in _SPLITS:
                built.load(split)
        self.fail_if([f"draws from {' and '.join(drawn)}, or seeds it"] if drawn else [], "load")

    @contract_check("Let modes and density fit the signature, or leave them out.")
    def test_what_else_it_offers_fits(self) -> None:
        """Where they are there, require `modes` (k, d), and `density(x)` (n,), finite and at least 0."""
        data = self._required()
        samples, problems = data.load("test"), []
        modes, density = getattr(data, "modes", None), getattr(data, "density", None)
        if modes is not None and (
            not isinstance(modes, Tensor) or modes.ndim < 2 or modes.shape[1:] != samples.x.shape[1:]
        ):
            problems.append(f"modes must be (k, *{tuple(samples.x.shape[1:])}), given {_shown(modes)}")
        if density is not None:
            x = samples.x[:_LOOKED_AT]
            with calling(self.part, "density"):
                given = density(x)
            # Of the samples, which numpy may have made.
            values = torch.as_tensor(given)
            if tuple(values.shape) != (len(x),) or not torch.isfinite(values).all() or (values < 0).any():
                problems.append(f"density must be ({len(x)},), finite and at least 0, given {_shown(values)}")
        self.fail_if(problems)

    @contract_check("Mend what does not fit; ganbench's own networks take any image and any point.")
    def test_it_trains(self) -> None:
        """Play a turn of each player of the built-in mlp on it."""
        self._required()
        stage = self.stage()
        check_cell(stage.parts(stage.cell({"architecture": TINY})))

    def _loaded(self) -> Dataset:
        stage = self.stage()
        return stage.shared.dataset(stage.cell({"architecture": TINY}).dataset)

    def _required(self) -> Dataset:
        """Give the data set as ganbench loads it.

        Raises:
            NotApplicable: it does not load.
        """
        try:
            loaded = self._loaded()
            for split in _SPLITS:
                loaded.load(split)
        except GanbenchError:
            raise NotApplicable("it does not load, see `it_loads`") from None
        return loaded

    def _build_under(self, seed: int) -> tuple[str, Sequence[Samples], Sequence[str]]:
        with seeded(seed, CPU), calling(self.part, "load"):
            built = self._build()
            loaded = [built.load(split) for split in _SPLITS]
            return built.fingerprint, loaded, _descriptions(built, loaded[0])


def _descriptions(built: Any, samples: Samples) -> list[str]:
    """Describe the conditions of some samples, where the data set does that."""
    describe = getattr(built, "describe", None)
    tried = described_on_trial(samples)
    conditions = tried.condition if tried.condition is not None else tried.labels
    if describe is None or conditions is None:
        return []
    return [describe(each if tried.condition is not None else int(each)) for each in conditions]


def _tensors(samples: Samples) -> list[Tensor]:
    return [one for one in (samples.x, samples.labels, samples.condition) if one is not None]


def _shown(value: Any) -> str:
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
