"""The four losses of Reed et al. (2016): plain, matching-aware (CLS), interpolated (INT), and both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from annotated_types import Interval

from ganbench import Unsupported

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench import Game


class TextGAN:
    """The conditional GAN loss: `non_saturating`, where D sees each picture with its text."""

    def discriminator_loss(self, game: Game) -> Tensor:
        """Score real pictures with their texts up, generated ones down."""
        from torch.nn.functional import softplus

        real, fake = game.scores()
        return softplus(-real).mean() + softplus(fake).mean()

    def generator_loss(self, game: Game) -> Tensor:
        """Have pictures of the data's texts scored up."""
        from torch.nn.functional import softplus

        return softplus(-game.score(game.fake)).mean()


class MatchingAware(TextGAN):
    """GAN-CLS (algorithm 1): D also rejects real pictures with the text of another picture of the batch."""

    def discriminator_loss(self, game: Game) -> Tensor:
        """Score the right text up; the wrong text and generated pictures down, half the weight each."""
        from torch.nn.functional import softplus

        real, fake = game.scores()
        wrong = game.score(game.real, condition=other_texts(game))
        return softplus(-real).mean() + (softplus(wrong).mean() + softplus(fake).mean()) / 2


class Interpolated(TextGAN):
    """GAN-INT (equation 5): G also serves texts between two of the data.

    Args:
        between: the place of these texts, from 0 (the one) to 1 (the other).
    """

    def __init__(self, between: Annotated[float, Interval(ge=0, le=1)] = 0.5) -> None:
        self.between = between

    def generator_loss(self, game: Game) -> Tensor:
        """Average the loss for the data's texts and that for texts between them."""
        import torch
        from torch.nn.functional import softplus

        blended = torch.lerp(texts(game), other_texts(game), self.between)
        made = game.generate(game.noise, condition=blended)
        of_blended = softplus(-game.score(made, condition=blended)).mean()
        return (softplus(-game.score(game.fake)).mean() + of_blended) / 2


class InterpolatedMatchingAware(Interpolated, MatchingAware):
    """GAN-INT-CLS: D as in GAN-CLS, G as in GAN-INT.

    Args:
        between: the place of G's additional texts between two of the data, from 0 to 1.
    """


def texts(game: Game) -> Tensor:
    """The embedded text of each row of the batch, (batch, numbers).

    Raises:
        Unsupported: the data have none.
    """
    if game.condition is None or not game.condition.is_floating_point():
        raise Unsupported("the losses of texts need embedded captions as conditions, and the data have none")
    return game.condition


def other_texts(game: Game) -> Tensor:
    """For each row of the batch the text of the row before."""
    return texts(game).roll(1, 0)
