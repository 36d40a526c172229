"""The evidence lower bound of a variational autoencoder (Kingma & Welling, 2014): no game, but a baseline."""

from __future__ import annotations

import math
from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from ganbench.api import Game
from ganbench.errors import Unsupported


class Elbo:
    """An encoder in the discriminator's place and the generator as decoder minimise one and the same loss.

    The encoder's raw scores are mean and log-variance of q(z|x), beside each other: (batch, 2 · entries of
    the noise). p(z) is N(0, I), p(x|z) is N(G(z), variance · I), for images in [-1, 1] and for points alike;
    a generated sample is the mean G(z), without the noise of p(x|z). Each player's turn draws its own z; in
    `simultaneous` order both gradients are taken at the same weights, as in joint training.

    Multiplying the KL term by beta, as a beta-VAE does, is the same objective up to its scale as multiplying
    the variance by beta; hence one option, under which the value stays a bound on the likelihood.

    There is no logit, for nothing is told apart.

    Args:
        variance: of an entry of the data around the decoder's mean, above 0.
    """

    logit = None

    def __init__(self, variance: Annotated[float, Gt(0)] = 0.1) -> None:
        self.variance = variance

    def discriminator_loss(self, game: Game) -> Tensor:
        """Compute the negative ELBO of the real batch in nats, mean over samples; minimised over the encoder.

        Raises:
            Unsupported: the outputs are not mean and log-variance of the noise.
        """
        return self._negative_elbo(game)

    def generator_loss(self, game: Game) -> Tensor:
        """Compute the same, minimised over the decoder.

        Raises:
            Unsupported: the outputs are not mean and log-variance of the noise.
        """
        return self._negative_elbo(game)

    def _negative_elbo(self, game: Game) -> Tensor:
        x = game.real.flatten(1)
        code = game.score(game.real)
        wanted = (len(x), 2 * game.noise.shape[1])
        if code.shape != wanted:
            raise Unsupported(
                "elbo needs an encoder as discriminator, whose outputs are mean and log-variance of the "
                f"noise: shape {wanted} for this batch, the discriminator gives {tuple(code.shape)}"
            )
        mean, log_variance = code.chunk(2, dim=1)
        # The reparameterisation of section 2.4.
        z = mean + (log_variance / 2).exp() * game.normal(*mean.shape)
        squares = (x - game.generate(z).flatten(1)).square().sum(1)
        reconstruction = squares / self.variance + x.shape[1] * math.log(2 * math.pi * self.variance)
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum(1)
        return (reconstruction + divergence).mean() / 2
