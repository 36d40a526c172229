"""The built-in update rules, their specs on one screen; the rules are in the modules beside this one."""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.api import UpdateSpec, hookimpl
from ganbench.api.lazy import lazy


@hookimpl
def ganbench_updates() -> Iterator[UpdateSpec]:
    """Register the built-in rules; w are a player's weights, v(w) the gradients of both players' losses."""
    yield UpdateSpec(
        name="alternating",
        build=lazy("ganbench.training.update:Alternating"),
        summary="The players take turns, each with steps along its own gradient; `order` says who begins.",
        formula="w ← w - η v(w)",
        reference="Goodfellow et al. (2014), Generative Adversarial Networks, algorithm 1",
    )
    yield UpdateSpec(
        name="extragradient",
        build=lazy("ganbench.zoo.updates.gradient_play:Extragradient"),
        summary="Steps from where both players are, with the gradients where a step would have taken them.",
        formula="w ← w - η v(w - η v(w))",
        reference="Korpelevich (1976), The extragradient method for finding saddle points; "
        "Gidel et al. (2019), A Variational Inequality Perspective on Generative Adversarial Networks",
        simultaneous=True,
    )
    yield UpdateSpec(
        name="optimistic",
        build=lazy("ganbench.zoo.updates.gradient_play:Optimistic"),
        summary="Steps along the gradient and its change since the player's last step.",
        formula="w ← w - η (2 v(w) - v(w'))",
        reference="Daskalakis et al. (2018), Training GANs with Optimism",
    )
    yield UpdateSpec(
        name="consensus",
        build=lazy("ganbench.zoo.updates.gradient_play:Consensus"),
        summary="Both players also make the gradients of both losses smaller.",
        formula="w ← w - η (v(w) + weight/2 · ∇|v(w)|²)",
        reference="Mescheder et al. (2017), The Numerics of GANs, algorithm 2",
        simultaneous=True,
    )
