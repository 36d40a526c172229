"""The contract of augmentations."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ganbench.catalog.faults import Part, calling
from ganbench.errors import PluginError
from ganbench.runner.global_draws import watched_draws
from ganbench.runner.trial_rounds import TrialGame
from ganbench.scoring import seeded
from ganbench.testing.findings import NotApplicable, contract_check
from ganbench.testing.game_contract import FROM_THE_GAME, GameContract
from ganbench.testing.planted_scores import equal_numbers
from ganbench.testing.stage import CPU

_CALL = "__call__"


class AugmentationContract(GameContract):
    """What an augmentation must hold to; its shapes, its gradient and its draws are those of `it_plays`."""

    kind = "augmentation"

    @contract_check(FROM_THE_GAME)
    def test_it_draws_from_the_game_alone(self) -> None:
        """Require the global generators of torch, numpy and random untouched when it is applied."""
        self.require_playing()
        trial = self.stage().trial()
        with seeded(0, CPU):
            game, _, _ = trial.begin()
            game.begin("discriminator", *trial.turn(game, 0))
            with watched_draws() as drawn, calling(self.part, _CALL):
                game.augmented(game.real)
        self.fail_if([f"draws from {' and '.join(drawn)}"] if drawn else [], _CALL)

    @contract_check(
        "Change each sample by its own draws: game.uniform(len(x), 1, 1, 1), not one for the batch."
    )
    def test_each_sample_is_changed_by_itself(self) -> None:
        """Require the same of a sample whatever else is in its batch."""
        self.require_playing()
        (x, seen), (other, seen_beside) = self._applied(None), self._applied("others")
        first = seen[0], seen_beside[0]
        assert torch.equal(x[0], other[0])
        self.fail_if(
            []
            if torch.allclose(*first, rtol=1e-4, atol=1e-5)
            else ["changes a sample by what else is in its batch"],
            _CALL,
            "Take means and the like over each sample's own entries, x.mean((1, 2, 3), keepdim=True).",
        )

    @contract_check("Write to no tensor that you are given; give what is finite.")
    def test_values_and_gradients_are_finite_at_extreme_samples(self) -> None:
        """Apply it to samples of one value throughout: -1, 0 and 1."""
        self.require_playing()
        for level in (-1.0, 0.0, 1.0):
            x, seen = self._applied(level)
            wrong = [] if torch.isfinite(seen).all() else ["a value"]
            if seen.requires_grad:
                (gradient,) = torch.autograd.grad(seen.sum(), x, allow_unused=True)
                wrong += [] if gradient is None or torch.isfinite(gradient).all() else ["a gradient"]
            self.fail_if(
                [f"has {' and '.join(wrong)} that is not finite where samples are {level:g} throughout"]
                if wrong
                else [],
                _CALL,
                "Divide by nothing that may be 0: add a small number, or clamp.",
            )

    @contract_check("Use the registered augmentation.")
    def test_it_is_none_of_the_registered_augmentations(self) -> None:
        """Refuse what a registered one makes of the same draws, unless summary or docstring names it."""
        self.require_playing()
        own = list(self._fingerprint(self.stage().trial(), self.part))
        x, seen = self._applied(None)
        if torch.equal(x, seen):
            raise NotApplicable("it changes nothing in the first turn")

        def alike(name: str) -> bool:
            other = Part.of(self.stage().catalog, "augmentation", name, name)
            return equal_numbers(own, self._fingerprint(self.stage().trial({"augmentation": name}), other))

        same = self.same_as(alike)
        self.fail_if(
            [f"makes what the registered augmentation {same!r} makes"] if same else [],
            "",
            f"Use {same!r}, or name it in the summary or docstring; a contract may have like = [{same!r}].",
        )

    @contract_check("Take samples as they are, and ask the game for draws and states alone.")
    def test_it_plays_with_every_built_in_loss_and_penalty(self) -> None:
        """Play a round under each built-in loss with a logit, and beside each built-in penalty."""
        self.require_playing()
        self.plays_with("loss", self.built_in("loss", ("began", "elbo")))
        self.plays_with("penalty", self.built_in("penalty"))

    def _applied(self, change: float | str | None) -> tuple[Tensor, Tensor]:
        """Apply it to a batch: the data's, one with other samples beside the first, or one of a level."""
        return self._of(self.stage().trial(), self.part, change)

    def _of(self, trial: TrialGame, part: Part, change: float | str | None) -> tuple[Tensor, Tensor]:
        with seeded(0, CPU):
            game, _, _ = trial.begin()
            batch = trial.turn(game, 0)
            game.begin("discriminator", *batch)
            x = batch[0].clone()
            if isinstance(change, float):
                x = torch.full_like(x, change)
            elif change is not None:
                x[1:] = -0.5 * x[1:].flip(0)
            x.requires_grad_()
            with calling(part, _CALL):
                seen: object = game.augmented(x)
            if not isinstance(seen, Tensor):
                raise PluginError(part.fault(f"must give samples, given {type(seen).__name__}", _CALL))
        return x, seen

    def _fingerprint(self, trial: TrialGame, part: Part) -> Iterator[Tensor]:
        yield self._of(trial, part, None)[1].detach()
        yield self._of(trial, part, "others")[1].detach()
