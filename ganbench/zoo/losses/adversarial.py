"""The losses of adversarial games: what D and G minimise, given D's scores of real and generated samples."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from annotated_types import Ge, Interval
from torch import Tensor, nn
from torch.nn.functional import log_softmax, relu, softplus

from ganbench.api import Game


class CrossEntropy:
    """The discriminator's binary cross-entropy on logits, which several objectives share."""

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean softplus(-s_real) + mean softplus(s_fake) = -V(G, D); a scalar."""
        real, fake = game.scores()
        return softplus(-real).mean() + softplus(fake).mean()


class Minimax(CrossEntropy):
    """The zero-sum game (Goodfellow et al., 2014, equation 1)."""

    def generator_loss(self, game: Game) -> Tensor:
        """Mean log(1 - sigmoid(s_fake)) = -mean softplus(s_fake); a scalar, at most 0."""
        return -softplus(game.score(game.fake)).mean()


class NonSaturating(CrossEntropy):
    """The generator raises log D(G(z)) instead (Goodfellow et al., 2014, section 3)."""

    def generator_loss(self, game: Game) -> Tensor:
        """Mean -log sigmoid(s_fake) = mean softplus(-s_fake); a scalar, at least 0."""
        return softplus(-game.score(game.fake)).mean()


_REAL, _FAKE = 0, 1


class Softmax:
    """Cross-entropy over two output nodes of the discriminator, the first for real, the second for fake.

    With d the difference of the two, p(real) = sigmoid(d): as functions of d both forms are those of
    Goodfellow et al. (2014). D moves both nodes, so d moves twice as far in a step of equal size.

    Args:
        form: what G minimises: `non_saturating` -log p(real | G(z)), or `minimax` log p(fake | G(z)).
    """

    def __init__(self, form: Literal["non_saturating", "minimax"] = "non_saturating") -> None:
        self.form = form

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean -log p(real | x) + mean -log p(fake | G(z)) = -V(G, D), a scalar."""
        real, fake = game.scores()
        return -log_softmax(real, dim=1)[:, _REAL].mean() - log_softmax(fake, dim=1)[:, _FAKE].mean()

    def generator_loss(self, game: Game) -> Tensor:
        """Mean -log p(real | G(z)), or mean log p(fake | G(z)); a scalar."""
        log_p = log_softmax(game.score(game.fake), dim=1)
        return log_p[:, _FAKE].mean() if self.form == "minimax" else -log_p[:, _REAL].mean()

    def logit(self, scores: Tensor) -> Tensor:
        """Compute the log-odds of real against fake.

        Args:
            scores: (batch, 2).

        Returns:
            (batch,).
        """
        return scores[:, _REAL] - scores[:, _FAKE]


class Switched(CrossEntropy):
    """G minimises log(1 - D(G(z))) · (2·round(D(G(z))) - 1), as a widely copied tutorial gives it.

    Where D takes a generated sample for real, the factor is 1 and G raises the logit, as in `minimax`; where
    D recognises it, the factor is -1 and G lowers it still further. The size of the gradient is that of
    `minimax`, sigmoid(s), in either case. The factor is a constant of the gradient: round has none.

    Args:
        threshold: the D(G(z)) above which a sample counts as taken for real, in (0, 1); 0.5 is round.
    """

    def __init__(self, threshold: Annotated[float, Interval(gt=0, lt=1)] = 0.5) -> None:
        # Compared on the logit, where no sigmoid has rounded to 0 or 1.
        self.cut = math.log(threshold) - math.log1p(-threshold)

    def generator_loss(self, game: Game) -> Tensor:
        """Mean of ±log(1 - sigmoid(s_fake)), a scalar; + above the threshold, - below it and on it."""
        scores = game.score(game.fake)
        direction = (scores.detach() > self.cut).to(scores.dtype) * 2 - 1
        return -(direction * softplus(scores)).mean()


class LeastSquares:
    """Both players regress the discriminator's score onto targets.

    Targets of 0, 1 and 1 are equation 9 of the paper; -1, 1 and 0 are equation 8, whose value at the best D
    is a Pearson chi-squared divergence.

    Args:
        fake_target: D's target for a generated sample (a in the paper).
        real_target: D's target for a real sample (b).
        generator_target: what G wants D to give a generated sample (c); None is the real target.

    Raises:
        ValueError: the real or the generator's target is the fake one, and there is nothing to play for.
    """

    def __init__(
        self, fake_target: float = 0.0, real_target: float = 1.0, generator_target: float | None = None
    ) -> None:
        self.fake_target = fake_target
        self.real_target = real_target
        self.generator_target = real_target if generator_target is None else generator_target
        if fake_target in (self.real_target, self.generator_target):
            raise ValueError(
                "fake_target must differ from real_target and generator_target, given "
                f"{fake_target:g}, {real_target:g} and {self.generator_target:g}"
            )

    def discriminator_loss(self, game: Game) -> Tensor:
        """Half the mean squared distances of real and generated scores to their targets, a scalar."""
        real, fake = game.scores()
        return ((real - self.real_target).square().mean() + (fake - self.fake_target).square().mean()) / 2

    def generator_loss(self, game: Game) -> Tensor:
        """Half the mean squared distance of generated samples' scores to the generator's target, a scalar."""
        return (game.score(game.fake) - self.generator_target).square().mean() / 2

    def logit(self, scores: Tensor) -> Tensor:
        """Compute how far a score is on the real side of the middle between D's two targets.

        It is no log-odds: D(x) is 1/2 where D cannot tell and is in order, but is not calibrated. The score's
        own scale is kept, so that a gradient penalty weighs as it does in the literature.

        Args:
            scores: (batch, 1).

        Returns:
            (batch,).
        """
        middle = (self.real_target + self.fake_target) / 2
        return (scores[:, 0] - middle) * math.copysign(1.0, self.real_target - self.fake_target)


class WassersteinLoss:
    """D is a critic, kept Lipschitz by clipping its weights: the difference of its means bounds a distance.

    The critic's score is fixed up to a constant only: D(x) and D(G(z)) in the curves are no probabilities.

    Args:
        clip: bound on every weight of D after each of its steps (c in the paper); 0 turns clipping off, and
            then a penalty must keep D Lipschitz, or its loss has no lower bound.
    """

    def __init__(self, clip: Annotated[float, Ge(0)] = 0.01) -> None:
        self.clip = clip

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean s_fake - mean s_real, a scalar."""
        real, fake = game.scores()
        return fake.mean() - real.mean()

    def generator_loss(self, game: Game) -> Tensor:
        """Mean -s_fake, a scalar."""
        return -game.score(game.fake).mean()

    def after_discriminator_step(self, discriminator: nn.Module) -> None:
        """Clip every parameter to [-clip, clip], as the paper does."""
        if self.clip > 0:
            for parameter in discriminator.parameters():
                parameter.clamp_(-self.clip, self.clip)


class Hinge:
    """D separates real from generated scores by a margin; G raises the scores of its samples.

    While every score is inside the margin, |s| < 1, the gradients of both players are those of `wasserstein`.
    """

    def discriminator_loss(self, game: Game) -> Tensor:
        """Mean relu(1 - s_real) + mean relu(1 + s_fake), a scalar, at least 0."""
        real, fake = game.scores()
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator_loss(self, game: Game) -> Tensor:
        """Mean -s_fake, a scalar."""
        return -game.score(game.fake).mean()
