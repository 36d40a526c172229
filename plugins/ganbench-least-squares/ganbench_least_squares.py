"""The least-squares GAN as a plugin of ganbench (Mao et al., 2017, equation 9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganbench import LossSpec, Unsupported, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench import Game


class LeastSquares:
    """Both players regress the discriminator's score onto targets, by least squares.

    Args:
        real_target: the score of a real sample (b in the paper), which the generator wants too (c).
        fake_target: the score of a generated sample (a in the paper).

    Raises:
        Unsupported: the targets are equal, so there is nothing to tell apart.
    """

    def __init__(self, real_target: float = 1.0, fake_target: float = 0.0) -> None:
        if real_target == fake_target:
            raise Unsupported(f"real_target and fake_target must differ, given {real_target} for both")
        self.real_target = real_target
        self.fake_target = fake_target

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean squared distance of real scores to one target and of generated scores to the other."""
        real, fake = game.scores()
        return (real - self.real_target).square().mean() + (fake - self.fake_target).square().mean()

    def generator_loss(self, game: Game) -> Tensor:
        """Mean squared distance of the generated samples' scores to the real target."""
        return (game.score(game.fake) - self.real_target).square().mean()

    def logit(self, scores: Tensor) -> Tensor:
        """A score's place between the targets: 0 half-way, positive on the real side.

        The score is no log-odds. For diagnostics and penalties it is scaled so that 1 away from the middle,
        on an axis where the targets are -1 and 1, is a logit of 1; D(x) is then a probability in its order,
        though not a calibrated one.

        Args:
            scores: (batch, 1).

        Returns:
            (batch,).
        """
        middle = (self.real_target + self.fake_target) / 2
        return (scores[:, 0] - middle) * (2 / (self.real_target - self.fake_target))


@hookimpl
def ganbench_losses() -> Iterable[LossSpec]:
    """The one objective."""
    yield LossSpec(
        name="least_squares",
        build=LeastSquares,
        summary="D and G regress scores onto targets: gradients grow with the distance instead of vanishing",
        reference="Mao et al. (2017), Least Squares Generative Adversarial Networks, equation 9",
        formula_d="E[(s(x) - b)²] + E[(s(G(z)) - a)²], b = real_target, a = fake_target",
        formula_g="E[(s(G(z)) - b)²]",
    )
