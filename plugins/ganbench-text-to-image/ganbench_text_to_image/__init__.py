"""Text to image (Reed et al., 2016) as a plugin of ganbench: losses, nets, captioned data, metrics."""

from __future__ import annotations

from collections.abc import Iterable

from ganbench import ArchitectureSpec, DatasetSpec, GridSpec, LossSpec, MetricSpec, hookimpl
from ganbench_text_to_image.architecture import text_gan_nets
from ganbench_text_to_image.folder import CaptionedFolder
from ganbench_text_to_image.losses import (
    Interpolated,
    InterpolatedMatchingAware,
    MatchingAware,
    TextGAN,
)
from ganbench_text_to_image.metrics import GROUPS, CaptionMargin, CaptionMatch, CaptionRecall
from ganbench_text_to_image.shapes import CaptionedShapes

_PAPER = "Reed et al. (2016), Generative Adversarial Text to Image Synthesis"
_PLAIN_D = "E[softplus(-s(x, t))] + E[softplus(s(G(z, t), t))]"
_PLAIN_G = "E[softplus(-s(G(z, t), t))]"
_CLS_D = "E[softplus(-s(x, t))] + ½ E[softplus(s(x, t'))] + ½ E[softplus(s(G(z, t), t))]"
_INT_G = "½ E[softplus(-s(G(z, t), t))] + ½ E[softplus(-s(G(z, u), u))], u = (1 - β) t + β t'"


@hookimpl
def ganbench_losses() -> Iterable[LossSpec]:
    """Register the losses."""
    for name, build, summary, where, formula_d, formula_g in (
        (
            "text_gan",
            TextGAN,
            "`non_saturating` on pairs of picture and text.",
            "section 4",
            _PLAIN_D,
            _PLAIN_G,
        ),
        (
            "text_gan_cls",
            MatchingAware,
            "D also rejects real pictures with wrong texts (GAN-CLS).",
            "algorithm 1",
            _CLS_D,
            _PLAIN_G,
        ),
        (
            "text_gan_int",
            Interpolated,
            "G also serves texts between two of the data (GAN-INT).",
            "equation 5",
            _PLAIN_D,
            _INT_G,
        ),
        (
            "text_gan_int_cls",
            InterpolatedMatchingAware,
            "Both of these (GAN-INT-CLS).",
            "section 4",
            _CLS_D,
            _INT_G,
        ),
    ):
        yield LossSpec(
            name=name,
            build=build,
            summary=summary,
            reference=f"{_PAPER}, {where}",
            formula_d=formula_d,
            formula_g=formula_g,
        )


@hookimpl
def ganbench_architectures() -> Iterable[ArchitectureSpec]:
    """Register the architecture."""
    yield ArchitectureSpec(
        name="text_gan_nets",
        build=text_gan_nets,
        summary="DCGAN with an embedded text in both players; 32 or 64 pixels.",
        reference=f"{_PAPER}, section 4.1 and figure 2",
    )


@hookimpl
def ganbench_datasets() -> Iterable[DatasetSpec]:
    """Register the data sets."""
    yield DatasetSpec(
        name="captioned_shapes",
        build=CaptionedShapes,
        summary="Coloured shapes, one or two, drawn to captions in several phrasings; nothing to download.",
    )
    yield DatasetSpec(
        name="captioned_folder",
        build=CaptionedFolder,
        summary="Your own pictures with a .txt beside each, or captions.csv or captions.jsonl.",
    )


@hookimpl
def ganbench_metrics() -> Iterable[MetricSpec]:
    """Register the metrics."""
    of_match = ("caption_match", *(f"caption_match_{name}" for name in GROUPS))
    yield MetricSpec(
        name="caption_match",
        build=CaptionMatch,
        summary="Share of colours, shapes, sizes and places that are as the caption says.",
        directions=dict.fromkeys(of_match, "higher"),
    )
    yield MetricSpec(
        name="caption_margin",
        build=CaptionMargin,
        summary="D's logit of a real picture with its own caption, less that with another's.",
        directions=dict.fromkeys(("caption_margin", "caption_margin_share"), "higher"),
    )
    yield MetricSpec(
        name="caption_recall",
        build=CaptionRecall,
        summary="How often the own caption is the nearest of a hundred.",
        directions={"caption_recall": "higher"},
    )


@hookimpl
def ganbench_grids() -> Iterable[GridSpec]:
    """Register the grid."""
    yield GridSpec(name="text-to-image", path="text-to-image.toml")
