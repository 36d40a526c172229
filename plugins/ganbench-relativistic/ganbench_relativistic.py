"""The relativistic least-squares GAN as a plugin of ganbench (Jolicoeur-Martineau, 2018)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganbench import LossSpec, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench import Game


class Relativistic:
    """D scores how much more real a sample is than those of the other kind; G turns the comparison round.

    Args:
        margin: how far real scores should lie above generated ones.
        average: compare each sample with the mean score of the other kind (RaLSGAN); without it, each real
            sample is compared with one generated sample.

    Raises:
        ValueError: the margin is not positive, so there is nothing to tell apart; a grid that says so is
            refused by name before anything trains.
    """

    def __init__(self, margin: float = 1.0, average: bool = True) -> None:
        if margin <= 0:
            raise ValueError(f"margin must be above 0, given {margin:g}")
        self.margin = margin
        self.average = average

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean squared distance of the comparisons from the margin, real samples above."""
        real, fake = game.scores()
        return self._distance(real, fake)

    def generator_loss(self, game: Game) -> Tensor:
        """The same with the kinds exchanged.

        In the generator's turn `game.scores()` has the real batch too, and the generated scores are attached
        to the generator.
        """
        real, fake = game.scores()
        return self._distance(fake, real)

    def logit(self, scores: Tensor) -> Tensor:
        """What diagnostics and penalties take for log-odds: the score in units of the margin.

        A comparison has no zero of its own, so D(x) = sigmoid(logit) is no probability here: adding a number
        to every score changes no loss. Gradients do not depend on it, and penalties are made of those. Where
        a score has no such use at all, `logit = None` says so, and penalties are refused.

        Args:
            scores: (batch, 1).

        Returns:
            (batch,).
        """
        return scores[:, 0] / self.margin

    def _distance(self, above: Tensor, below: Tensor) -> Tensor:
        if not self.average:
            return (above - below - self.margin).square().mean()
        over = (above - below.mean() - self.margin).square().mean()
        under = (below - above.mean() + self.margin).square().mean()
        return over + under


@hookimpl
def ganbench_losses() -> Iterable[LossSpec]:
    """The one objective."""
    yield LossSpec(
        name="relativistic",
        build=Relativistic,
        summary="D says how much more real a sample is than those of the other kind, by least squares",
        reference="Jolicoeur-Martineau (2018), The Relativistic Discriminator, section 3 (RaLSGAN)",
        formula_d="E[(s(x) - E[s(G(z))] - margin)²] + E[(s(G(z)) - E[s(x)] + margin)²]",
        formula_g="E[(s(G(z)) - E[s(x)] - margin)²] + E[(s(x) - E[s(G(z))] + margin)²]",
    )
