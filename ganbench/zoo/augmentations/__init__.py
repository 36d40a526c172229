"""The built-in augmentations, their specs on one screen; they are in the modules beside this one."""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.api import AugmentationSpec, hookimpl
from ganbench.api.lazy import lazy


@hookimpl
def ganbench_augmentations() -> Iterator[AugmentationSpec]:
    """Register the built-in augmentations."""
    yield AugmentationSpec(
        name="none",
        build=lazy("ganbench.zoo.augmentations.flip:NoAugmentation"),
        summary="No augmentation.",
        formula="x",
    )
    yield AugmentationSpec(
        name="flip",
        build=lazy("ganbench.zoo.augmentations.flip:Flip"),
        summary="Mirrors images, left for right, each with a probability.",
        formula="x or its mirror image",
    )
    yield AugmentationSpec(
        name="diffaugment",
        build=lazy("ganbench.zoo.augmentations.diffaugment:DiffAugment"),
        summary="Changes colours, moves, and cuts out a square of images, differentiably.",
        formula="cutout(translation(color(x)))",
        reference="Zhao et al. (2020), Differentiable Augmentation for Data-Efficient GAN Training, and the "
        "authors' code",
    )
    yield AugmentationSpec(
        name="ada",
        build=lazy("ganbench.zoo.augmentations.ada:Ada"),
        summary="Changes places and colours of images as often as the discriminator overfits.",
        formula="x changed with probability p; p follows the sign of s(x)",
        reference="Karras et al. (2020), Training Generative Adversarial Networks with Limited Data, and the "
        "authors' code",
    )
