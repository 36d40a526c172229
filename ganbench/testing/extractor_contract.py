"""The contract of feature extractors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganbench.api import Extractor, Features
from ganbench.catalog.contracts import build_part
from ganbench.catalog.faults import calling
from ganbench.scoring import to_rgb
from ganbench.scoring.extraction import extract
from ganbench.testing.contract import Contract
from ganbench.testing.findings import contract_check
from ganbench.testing.made_up_data import MadeUpData
from ganbench.testing.stage import CPU

_CALL = "__call__"
_IMAGES = 5
# Of the announced sizes; one without is tried with the smallest at which Inception works.
_ANY_SIZE = (32, 32)
_TOLERANCE = 1e-3


class ExtractorContract(Contract):
    """What an extractor must hold to."""

    kind = "extractor"

    @contract_check("Take uint8 (N, 3, H, W) of each size and number of channels that is announced.")
    def test_it_extracts(self) -> None:
        """Require finite features (N, d), and logits (N, classes) or None, of all sizes that it announces."""
        built = self._build()
        for channels in built.channels:
            for size in built.sizes or (_ANY_SIZE,):
                found = self._extracted(built, _images(channels, size))
                wrong = [] if torch.isfinite(found.features).all() else ["features"]
                if found.logits is not None and not torch.isfinite(found.logits).all():
                    wrong.append("logits")
                shape = f"{channels}x{size[0]}x{size[1]}"
                self.fail_if(
                    [f"gives {' and '.join(wrong)} that are not finite for {shape} images"] if wrong else [],
                    _CALL,
                    "Scale images to 0 to 1 before the network, and look for divisions by 0.",
                )

    @contract_check("Make `digest` of the weights: SHA-256 of their bytes, the same in each build.")
    def test_the_digest_is_that_of_the_weights(self) -> None:
        """Require the same digest and the same features of two builds."""
        first, second = self._build(), self._build()
        problems = []
        if first.digest != second.digest:
            problems.append(f"digest is {first.digest!r} in one build and {second.digest!r} in another")
        images = _images(first.channels[0], (first.sizes or (_ANY_SIZE,))[0])
        one, other = self._extracted(first, images), self._extracted(second, images)
        if first.digest == second.digest and not torch.equal(one.features, other.features):
            problems.append("two builds of the same digest give different features")
        self.fail_if(problems, "", "Load fixed weights, or train them from a fixed seed; digest their bytes.")

    @contract_check("Put the network into eval mode, and draw nothing.")
    def test_each_image_is_judged_by_itself(self) -> None:
        """Require the same features of an image in a batch and alone."""
        built = self._build()
        images = _images(built.channels[0], (built.sizes or (_ANY_SIZE,))[0])
        together = self._extracted(built, images).features
        apart = torch.cat([self._extracted(built, images[row : row + 1]).features for row in range(_IMAGES)])
        problems = []
        if together.shape != apart.shape:
            problems.append(
                f"gives {together.shape[1]} features in a batch and {apart.shape[1]} of one image"
            )
        elif not torch.allclose(
            together, apart, rtol=_TOLERANCE, atol=_TOLERANCE * float(together.abs().max())
        ):
            problems.append("gives an image other features in another batch")
        self.fail_if(problems, _CALL)

    @contract_check("Copy images before they are changed: images.float() / 255.")
    def test_images_are_left_as_they_are(self) -> None:
        """Require the images that it is given to stay as they are."""
        built = self._build()
        images = to_rgb(_images(built.channels[0], (built.sizes or (_ANY_SIZE,))[0])).contiguous()
        before = images.clone()
        with torch.no_grad(), calling(self.part, _CALL):
            built(images)
        self.fail_if([] if torch.equal(images, before) else ["writes to the images that it is given"], _CALL)

    def _extracted(self, built: Extractor, images: Tensor) -> Features:
        with calling(self.part, _CALL):
            return extract(built, images, CPU)

    def _build(self) -> Any:
        stage = self.stage()
        # One that is trained on the data that are scored takes these.
        data = MadeUpData(shape=(1, *_ANY_SIZE), classes=3)
        return build_part(stage.part, stage.options, stage.catalog, scored_dataset=data)


def _images(channels: int, size: tuple[int, ...]) -> Tensor:
    data = MadeUpData(shape=(channels, *size), samples=_IMAGES)
    return data.load("test").x
