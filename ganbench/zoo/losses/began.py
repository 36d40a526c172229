"""The boundary-equilibrium GAN (Berthelot et al., 2017, section 3.4)."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Interval
from torch import Tensor

from ganbench.api import Game
from ganbench.errors import Unsupported


class Began:
    """D is an autoencoder, good on data and bad on generated samples; G makes what D reconstructs well.

    D's raw scores are the reconstruction, flattened: (batch, entries of one sample). What D gives up on
    generated samples is weighed by k, which is moved after each generator's turn so that their
    reconstruction error stays `gamma` times that of data. k and D's last error on data are states of the
    game, `began_k` and `began_real_error`.

    There is no logit: a reconstruction says how real a sample is only beside the sample itself.

    Args:
        gamma: diversity ratio, in [0, 1].
        lambda_k: step size of k, at least 0.
        exponent: 1 for absolute, 2 for squared errors (eta in the paper).
    """

    logit = None

    def __init__(
        self,
        gamma: Annotated[float, Interval(ge=0, le=1)] = 0.5,
        lambda_k: Annotated[float, Ge(0)] = 0.001,
        exponent: Literal[1, 2] = 1,
    ) -> None:
        self.gamma = gamma
        self.lambda_k = lambda_k
        self.exponent = exponent

    def discriminator_loss(self, game: Game) -> Tensor:
        """L(x) - k · L(G(z)), with L the mean reconstruction error of an entry; a scalar.

        Raises:
            Unsupported: D gives no reconstruction.
        """
        scores_real, scores_fake = game.scores()
        real = self._error(game.real, scores_real)
        fake = self._error(game.fake, scores_fake)
        game.state("began_real_error", 0.0).copy_(real.detach())
        # A copy: k may be moved before this is differentiated.
        return real - game.state("began_k", 0.0).clone() * fake

    def generator_loss(self, game: Game) -> Tensor:
        """L(G(z)), a scalar; k <- clamp(k + lambda_k · (gamma · L(x) - L(G(z))), 0, 1).

        L(x) is that of D's last turn, as in the authors' code, which works out both losses before either
        step.

        Raises:
            Unsupported: D gives no reconstruction.
        """
        fake = self._error(game.fake, game.score(game.fake))
        balance = self.gamma * game.state("began_real_error", 0.0) - fake.detach()
        game.state("began_k", 0.0).add_(self.lambda_k * balance).clamp_(0, 1)
        return fake

    def _error(self, x: Tensor, reconstruction: Tensor) -> Tensor:
        flat = x.flatten(1)
        if reconstruction.shape != flat.shape:
            raise Unsupported(
                "began needs an autoencoder as discriminator, whose outputs are the reconstruction: shape "
                f"{tuple(flat.shape)} for this batch, the discriminator gives {tuple(reconstruction.shape)}"
            )
        return (reconstruction - flat).abs().pow(self.exponent).mean()
