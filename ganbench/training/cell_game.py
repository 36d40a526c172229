"""The game of one cell, turn by turn, as its loss, penalties and augmentation see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn

from ganbench.api import Augmentation, Players
from ganbench.api.updates import Turn
from ganbench.errors import Unsupported
from ganbench.training.game_draws import GameDraws, StreamDraws
from ganbench.training.part_game import AugmentationGame
from ganbench.training.trained_networks import TrainedNetwork, trained_networks

RULE_STATES = "update."
"""What an update rule keeps stands among the game's states under names that begin so."""


class PlayersMisfit(Unsupported):
    """A loss or a penalty asks of the players what they have not.

    Attributes:
        needs: what it needs them to have.
    """

    needs = "conditional players"


class _Networks(dict[str, nn.Module]):
    """The networks beside the players; a cell whose loss needs another one is skipped."""

    def __missing__(self, name: str) -> nn.Module:
        misfit = PlayersMisfit(f"there {'are ' + ', '.join(self) if self else 'is none'}")
        misfit.needs = f"a network {name!r} beside the players"
        raise misfit


class CellGame:
    """The `Game` that losses and penalties see, for one cell.

    The training loop begins each turn; losses and penalties only read.

    Attributes:
        couples_samples: whether real and fake need two passes through the discriminator.
        steps: generator updates of the whole training; see Game.steps.
        states: what losses, penalties and the augmentation keep between turns.
        observed: the discriminator's last raw scores of this turn's (real, fake), for the diagnostics.
        draws: where random numbers of losses, penalties and the augmentation come from.
    """

    def __init__(
        self,
        players: Players,
        loss: Any,
        *,
        couples_samples: bool,
        loss_stream: torch.Generator,
        device: torch.device,
        dtype: torch.dtype,
        steps: int,
        outputs: int | None = 1,
        augmentation: Augmentation | None = None,
        augmentation_stream: torch.Generator | None = None,
        trained: Sequence[TrainedNetwork] | None = None,
    ) -> None:
        """Set up the game at step 0.

        Args:
            players: on the device.
            loss: gives scores the meaning of a logit.
            couples_samples: see the class.
            loss_stream: from which `uniform` and `normal` draw.
            device: of all tensors.
            dtype: of all numbers that are not whole.
            steps: generator updates of the whole training.
            outputs: raw scores that the loss takes for each sample, or None for any number.
            augmentation: changes all that the discriminator sees; None where nothing does.
            augmentation_stream: from which the augmentation draws; needed where there is one.
            trained: what learns; the players, the networks beside them and this loss unless given.
        """
        self.players = players
        self.steps = steps
        self.couples_samples = couples_samples
        self.states: dict[str, Tensor] = {}
        self._initial_states: dict[str, Tensor] = {}
        self.observed: tuple[Tensor | None, Tensor | None] = (None, None)
        self._logit = logit_of(loss, outputs)
        self._stream = loss_stream
        self.draws: GameDraws = StreamDraws(device, dtype)
        self._augmentation = augmentation
        self._augmentation_stream = augmentation_stream
        self._device = device
        self._dtype = dtype
        self._learn(trained_networks(players, {"loss": loss}) if trained is None else trained)
        self._step = torch.zeros((), dtype=torch.int64, device=device)
        self._turn: Turn = "discriminator"
        self._joint = False
        self._fake: Tensor | None = None
        self._scores: tuple[Tensor, Tensor] | None = None
        self._real: Tensor
        self._noise: Tensor
        self._condition: Tensor | None = None

    # For the training loop

    def begin(
        self, turn: Turn, real: Tensor, condition: Tensor | None, noise: Tensor, *, joint: bool = False
    ) -> None:
        """Begin a turn: what learns with the player whose turn it is learns, the rest is frozen.

        Args:
            turn: whose turn it is.
            real: the batch.
            condition: of the batch.
            noise: of the generated samples.
            joint: whether the gradients of this turn and of others are differentiated with respect to both
                players: then none is frozen, and `fake` is attached in both turns.
        """
        self._turn, self._joint = turn, joint
        self._spare_states()
        self._real, self._condition, self._noise = real, condition, noise
        self._fake = None
        self._scores = None
        self.observed = (None, None)
        for player, parameters in self._parameters.items():
            learns = joint or player == turn
            for parameter in parameters:
                parameter.requires_grad_(learns)

    def _spare_states(self) -> None:
        """Leave to a turn that is differentiated later the values that it saw, before they are changed."""
        if self._joint:
            self.states = {
                name: value if name.startswith(RULE_STATES) else value.clone()
                for name, value in self.states.items()
            }

    def tell_augmentation(self, logit: Tensor | None = None) -> None:
        """Show the augmentation the logits of real samples, where it asks for them.

        To be called in each discriminator's turn, after its gradient was taken: what changes here may be
        needed for it.

        Args:
            logit: one for each sample or pack; those of this turn's scores unless given.
        """
        hook, scores = scores_hook(self._augmentation), self.observed[0]
        if hook is None:
            return
        with torch.no_grad():
            if logit is None and scores is not None and self._logit is not None:
                logit = self._logit(scores)
            if logit is not None:
                assert self._augmentation_stream is not None, "an augmentation needs a stream"
                self._spare_states()
                hook(logit, AugmentationGame(self, self._augmentation_stream))

    def judge_by(
        self, loss: Any, outputs: int | None, trained: Sequence[TrainedNetwork] | None = None
    ) -> None:
        """Take the logit from another loss from now on.

        Args:
            loss: the other one.
            outputs: raw scores that it takes for each sample, or None for any number.
            trained: what learns from now on; as before unless given.
        """
        self._logit = logit_of(loss, outputs)
        if trained is not None:
            self._learn(trained)

    def _learn(self, trained: Sequence[TrainedNetwork]) -> None:
        """Note whose parameters are frozen in whose turn."""
        self._parameters = {
            turn: [each for one in trained if one.learns_with == turn for each in one.parameters]
            for turn in get_args(Turn)
        }

    def end_turn(self) -> None:
        """Release the turn's tensors."""
        self._fake = None
        self._scores = None

    def end_round(self) -> None:
        """Count a round; release its tensors."""
        self._step += 1
        self.end_turn()

    def reset_states(self, known: Mapping[str, Tensor]) -> None:
        """Set states to these values, and those that are not among them to their initial values.

        Args:
            known: values by name.
        """
        for name in self.states:
            self.states[name] = known.get(name, self._initial_states.get(name, self.states[name])).clone()

    def keep_states(self, tensors: Mapping[str, Tensor], *, created: bool) -> None:
        """Let states be these tensors again.

        Args:
            tensors: by name.
            created: whether states that were created since stay, with their initial values.
        """
        new = [name for name in self.states if name not in tensors]
        self.states = {**tensors, **{name: self._initial_states[name].clone() for name in new if created}}

    def set_step(self, step: int) -> None:
        """Set the count of rounds, when a run is resumed."""
        self._step.fill_(step)

    @property
    def has_logit(self) -> bool:
        """Whether the loss gives a score the meaning of a logit."""
        return self._logit is not None

    # For losses and penalties

    @property
    def real(self) -> Tensor:
        """See Game.real."""
        return self._real

    @property
    def noise(self) -> Tensor:
        """See Game.noise."""
        return self._noise

    @property
    def condition(self) -> Tensor | None:
        """See Game.condition."""
        return self._condition

    @property
    def step(self) -> Tensor:
        """See Game.step."""
        return self._step

    @property
    def progress(self) -> Tensor:
        """See Game.progress."""
        return self._step.to(self._dtype) / self.steps

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """See Game.networks."""
        return _Networks((name, extra.module) for name, extra in self.players.extra.items())

    @property
    def fake(self) -> Tensor:
        """See Game.fake; generated when first asked for."""
        if self._fake is None:
            with torch.set_grad_enabled(self._joint or self._turn == "generator"):
                self._fake = self.generate(self._noise)
        return self._fake

    def scores(self) -> tuple[Tensor, Tensor]:
        """Implement Game.scores; the scores are computed once per turn."""
        if self._scores is None:
            if self.couples_samples:
                self._scores = self.score(self._real), self.score(self.fake)
            else:
                both = torch.cat((self._real, self.fake))
                # A player that takes no condition is given none, whatever the data have.
                takes = self.players.takes_condition("discriminator")
                condition = self._condition if takes else None
                twice = None if condition is None else torch.cat((condition, condition))
                real, fake = self.score(both, twice).chunk(2)
                self._scores = real, fake
                self.observed = real.detach(), fake.detach()
        return self._scores

    def score(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Implement Game.score.

        Raises:
            PlayersMisfit: a condition is given, and the discriminator takes none.
        """
        self._require_conditional(condition, "game.score", "discriminator")
        seen = self.augmented(x)
        if self.players.takes_condition("discriminator"):
            raw = self.players.discriminator(seen, self._condition if condition is None else condition)
        else:
            raw = self.players.discriminator(seen)
        scores: Tensor = raw.to(self._dtype)
        if x is self._real:
            self.observed = (scores.detach(), self.observed[1])
        elif x is self._fake:
            self.observed = (self.observed[0], scores.detach())
        return scores

    def generate(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Implement Game.generate.

        Raises:
            PlayersMisfit: a condition is given, and the generator takes none.
        """
        self._require_conditional(condition, "game.generate", "generator")
        if self.players.takes_condition("generator"):
            made = self.players.generator(noise, self._condition if condition is None else condition)
        else:
            made = self.players.generator(noise)
        samples: Tensor = made.to(self._dtype)
        return samples

    def augmented(self, x: Tensor) -> Tensor:
        """Change samples as the discriminator is to see them; each call draws anew."""
        if self._augmentation is None:
            return x
        assert self._augmentation_stream is not None, "an augmentation needs a stream"
        return self._augmentation(x, AugmentationGame(self, self._augmentation_stream))

    def augment_by(self, augmentation: Augmentation | None) -> None:
        """Change samples by another object of the same augmentation from now on."""
        self._augmentation = augmentation

    def _require_conditional(self, condition: Tensor | None, call: str, player: Turn) -> None:
        if condition is not None and not self.players.takes_condition(player):
            raise PlayersMisfit(f"{call} is given a condition, and the {player} takes none")

    def logit(self, scores: Tensor) -> Tensor:
        """Implement Game.logit."""
        if self._logit is None:
            raise Unsupported("the loss has no logit, which this needs")
        return self._logit(scores)

    def gradient(self, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Implement Game.gradient."""
        with torch.enable_grad():
            inputs = x if x.requires_grad else x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(function(inputs), inputs, create_graph=True)
        return gradient

    def input_gradient(self, x: Tensor) -> Tensor:
        """Implement Game.input_gradient."""
        return self.gradient(lambda inputs: self.logit(self.score(inputs)).sum(), x)

    def uniform(self, *shape: int) -> Tensor:
        """Implement Game.uniform."""
        return self.draw_uniform(shape, self._stream)

    def normal(self, *shape: int) -> Tensor:
        """Implement Game.normal."""
        return self.draw_normal(shape, self._stream)

    def draw_uniform(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Draw U(0, 1) of a shape from a stream."""
        return self.draws.uniform(shape, stream)

    def draw_normal(self, shape: Sequence[int], stream: torch.Generator) -> Tensor:
        """Draw N(0, 1) of a shape from a stream."""
        return self.draws.normal(shape, stream)

    def state(self, name: str, initial: float | Tensor) -> Tensor:
        """Implement Game.state."""
        if name not in self.states:
            value = torch.as_tensor(initial, device=self._device)
            self.states[name] = (
                value.detach().to(self._dtype if value.is_floating_point() else value.dtype).clone()
            )
            self._initial_states[name] = self.states[name].clone()
        return self.states[name]


def scores_hook(augmentation: Augmentation | None) -> Callable[[Tensor, Any], None] | None:
    """Return an augmentation's `after_discriminator_scores`, or None where it has none."""
    hook: Callable[[Tensor, Any], None] | None = getattr(augmentation, "after_discriminator_scores", None)
    return hook


def logit_of(loss: Any, outputs: int | None) -> Callable[[Tensor], Tensor] | None:
    """Choose how a loss turns raw scores into a logit: its own method, the single column, or none."""
    if hasattr(loss, "logit"):
        own: Callable[[Tensor], Tensor] | None = loss.logit
        return own
    return _single_column if outputs in (1, None) else None


def _single_column(scores: Tensor) -> Tensor:
    if scores.shape[-1] != 1:
        raise Unsupported(f"a loss without a logit of its own needs one output, not {scores.shape[-1]}")
    return scores.squeeze(-1)
