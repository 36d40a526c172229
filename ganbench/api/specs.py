"""What a plugin yields: one frozen, keyword-only spec for each thing it provides.

`build`'s keyword parameters, with annotations and defaults, are the options that a grid may set.
New fields will have defaults, so a plugin written today goes on working.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ganbench.api.players import Signature

Direction = Literal["lower", "higher"]
Choice = str | Mapping[str, Any]
"""Something that a grid can name: its name, or a table with its `name` and options.

As the annotation of an option it says of which kind: `base: Annotated[Choice, "loss"] = "non_saturating"`.
"""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What every spec has.

    Attributes:
        name: lower-case letters, digits and underscores, beginning with a letter; unique among its kind.
        build: makes the thing; its keyword parameters are the options.
        summary: one line.
        reference: paper and equation, where there is one.
        details: more facts for `ganbench show`, label to text; called only there.
    """

    name: str
    build: Callable[..., Any]
    summary: str = ""
    reference: str = ""
    details: Callable[[], Mapping[str, str]] | None = None


@dataclass(frozen=True, kw_only=True)
class ArchitectureSpec(Spec):
    """A generator/discriminator pair: `build(signature, **options) -> Players`.

    `discriminator_outputs` is passed where `build` accepts it. Raises Unsupported where it does not fit.
    """


@dataclass(frozen=True, kw_only=True)
class LossSpec(Spec):
    """An objective for both players: `build(**options) -> Loss`.

    Attributes:
        formula_d: what the discriminator minimises.
        formula_g: what the generator minimises.
        discriminator_outputs: outputs that the discriminator must have, at least 1; None accepts any number.
            Or a function `(signature, options) -> int` of the data's Signature and the loss's options,
            defaults included, which may raise Unsupported.
        value: whether V(G, D) = -discriminator_loss without the penalty, so that (V + log 4) / 2
            estimates the Jensen-Shannon divergence.

    `discriminator_outputs` and `value` may be the name of an option that chooses a loss: they are then as
    those of that loss.
    """

    formula_d: str = ""
    formula_g: str = ""
    discriminator_outputs: int | str | Callable[[Signature, Mapping[str, Any]], int] | None = 1
    value: bool | str = False


@dataclass(frozen=True, kw_only=True)
class PenaltySpec(Spec):
    """A term of a player's loss: `build(**options) -> Penalty`.

    A grid may add several, each with draws and states of its own, and may give `every = n` where `build` has
    no option of that name: the penalty is then added at each n-th update of its player, times n.

    Attributes:
        formula: what is added.
        needs_logit: whether the penalty uses the loss's logit; False lets it go with a loss that has none.
        player: whose loss it joins.
    """

    formula: str = ""
    needs_logit: bool = True
    player: Literal["discriminator", "generator"] = "discriminator"


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec(Spec):
    """An optimizer: `build(parameters, lr, **options) -> torch.optim.Optimizer`.

    The first parameter and `lr` are no options: ganbench passes them, whatever their defaults. The optimizer
    keeps everything that lasts in its `state` and its `param_groups`, as tensors, numbers and texts.
    """


@dataclass(frozen=True, kw_only=True)
class UpdateSpec(Spec):
    """An update rule: `build(**options) -> UpdateRule`.

    The settings `order` and `d_steps` are passed where `build` accepts them; they are no options.

    Attributes:
        formula: one step.
        simultaneous: whether it takes both players' gradients at the same point, whatever `order` says, so
            that `d_steps` must be 1 and `order` cannot be g_then_d.
    """

    formula: str = ""
    simultaneous: bool = False


@dataclass(frozen=True, kw_only=True)
class AugmentationSpec(Spec):
    """A change of all that the discriminator sees: `build(**options) -> Augmentation`.

    Attributes:
        formula: what the discriminator sees in the place of x.
    """

    formula: str = ""


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Spec):
    """Data: `build(**options) -> Dataset`."""


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Spec):
    """A score: `build(**options) -> Metric`.

    Attributes:
        directions: for each value that the metric gives, whether `lower` or `higher` is better; a value that
            is left out (a spread, a standard error) stands in the tables and is never compared.
        biased_below: for a value whose expectation depends on the number of samples, the number below which
            the tables say so beside it.
    """

    directions: Mapping[str, Direction] = field(default_factory=dict)
    biased_below: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ExtractorSpec(Spec):
    """A feature extractor: `build(**options) -> Extractor`.

    `scored_dataset`, the Dataset that is scored, is passed where `build` accepts it; it is no option.
    """


@dataclass(frozen=True, kw_only=True)
class GridSpec:
    """A grid that `ganbench run NAME` takes.

    Attributes:
        name: letters, digits, `-`, `_` and `.`, not beginning with `.`; unique.
        path: of a TOML file; one that is not absolute lies beside the module that yields the spec. Paths in
            the grid are relative to the file's folder.
        summary: one line; without it, the file's first line, a comment.
    """

    name: str
    path: str | os.PathLike[str]
    summary: str = ""
