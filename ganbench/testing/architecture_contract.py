"""The contract of architectures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ganbench.catalog.contracts import build_part
from ganbench.catalog.faults import calling
from ganbench.runner import CellParts
from ganbench.scoring import seeded
from ganbench.testing.findings import NotApplicable, contract_check
from ganbench.testing.game_contract import GameContract
from ganbench.testing.stage import BATCH, CPU
from ganbench.training import tell_step
from ganbench.training.batch_dependence import couples_samples

# Of noise that shows a generator without a bound.
_LOUD = 1e3
_SLACK = 1e-4


class ArchitectureContract(GameContract):
    """What an architecture must hold to; shapes and widths are those of `it_plays`."""

    kind = "architecture"

    @contract_check("End the generator of images with torch.nn.Tanh, or say bounded=False.")
    def test_images_are_in_range(self) -> None:
        """Require finite samples, and images in [-1, 1] unless it says otherwise, whatever the noise."""
        self.require_playing()
        built = self.trained()
        signature = built.dataset.signature
        for scale in (1.0, _LOUD):
            made = self._generated(built, scale)
            self.fail_if(
                []
                if torch.isfinite(made).all()
                else [f"generates samples that are not finite (noise times {scale:g})"],
                "forward of the generator",
                "Keep activations bounded: normalise, or scale the initial weights.",
            )
            most = float(made.abs().max())
            self.fail_if(
                [f"generates images beyond [-1, 1], up to {most:.3g} (noise times {scale:g})"]
                if signature.kind == "image" and built.players.bounded and most > 1 + _SLACK
                else [],
                "forward of the generator",
                "End the generator of images with torch.nn.Tanh: 0 to 255 of data is -1 to 1 for players; or "
                "say bounded=False, and values beyond are cut where samples are scored.",
            )

    @contract_check("Let each layer of a player take part in its forward pass.")
    def test_gradients_reach_every_parameter(self) -> None:
        """Require a gradient of each parameter of a player that learns, in that player's turn."""
        self.require_playing()
        trial = self.stage().trial()
        with seeded(0, CPU):
            game, objective, _ = trial.begin()
            problems = []
            for turn, module in (
                ("discriminator", game.players.discriminator),
                ("generator", game.players.generator),
            ):
                game.begin(turn, *trial.turn(game, 0))  # type: ignore[arg-type]
                learning = {name: one for name, one in module.named_parameters() if one.requires_grad}
                if not learning:
                    continue
                loss = objective.loss
                with calling(self.part, f"forward of the {turn}"):
                    value = (
                        loss.discriminator_loss(game)
                        if turn == "discriminator"
                        else loss.generator_loss(game)
                    )
                    value.backward()  # type: ignore[no-untyped-call]
                without = [name for name, one in learning.items() if one.grad is None]
                if without:
                    shown = ", ".join(without[:3]) + (
                        f" and {len(without) - 3} more" if len(without) > 3 else ""
                    )
                    problems.append(f"the {turn} has parameters that no gradient reaches ({shown})")
        self.fail_if(
            problems,
            "",
            "Use them in forward, or freeze them with requires_grad_(False); look for .detach() and no_grad.",
        )

    @contract_check("Say couples_samples=True, or leave it out: ganbench finds out by trying.")
    def test_it_says_rightly_whether_samples_are_coupled(self) -> None:
        """Where it says `couples_samples=False`, try whether D judges each sample by itself."""
        self.require_playing()
        built = self.trained()
        players, samples = built.players, built.train
        if players.couples_samples is not False:
            raise NotApplicable("it does not say couples_samples=False")
        for module in (players.generator, players.discriminator):
            tell_step(module, 0, built.cell.train.steps)
        condition = samples.condition if samples.condition is not None else samples.labels
        found = couples_samples(
            replace(players, couples_samples=None), built.dataset.signature, CPU, condition
        )
        self.fail_if(
            ["says couples_samples=False, and its scores of a sample depend on the rest of the batch"]
            if found
            else [],
            "",
            "Say couples_samples=True, or leave it out: ganbench finds out by trying.",
        )

    @contract_check("Keep what lasts in parameters and registered buffers, persistent ones.")
    def test_stored_weights_give_the_same_samples(self) -> None:
        """Require the same samples of a fresh generator that is given another's state_dict."""
        self.require_playing()
        built = self.trained()
        with seeded(5, CPU):
            other = self._build().generator
        # A forward pass in training mode, so that running statistics differ from those of a fresh one.
        self._generated(built, 1.0, train=True)
        other.load_state_dict(built.players.generator.state_dict())
        one, two = self._generated(built, 1.0), self._generated(built, 1.0, other)
        self.fail_if(
            [] if torch.equal(one, two) else ["generates other samples from the same stored weights"],
            "forward of the generator",
            "Keep what a generator needs in parameters and registered buffers, not persistent=False.",
        )

    @contract_check("Use operations that can be differentiated twice: penalties differentiate a gradient.")
    def test_it_plays_with_every_built_in_penalty(self) -> None:
        """Play a round with each built-in penalty, where its loss has a logit."""
        self.require_playing()
        game, _, _ = self.stage().trial().begin()
        self.plays_with("penalty", self.built_in("penalty") if game.has_logit else [])

    def _build(self) -> Any:
        self.require_playing()
        stage, built = self.stage(), self.trained()
        outputs = built.loss.outputs
        context = {} if outputs is None else {"discriminator_outputs": outputs}
        return build_part(
            stage.part, stage.options, stage.catalog, signature=built.dataset.signature, **context
        )

    def _generated(
        self,
        built: CellParts,
        scale: float,
        generator: torch.nn.Module | None = None,
        *,
        train: bool = False,
    ) -> Tensor:
        players = built.players
        module = players.generator if generator is None else generator
        samples = built.train
        pool = samples.condition if samples.condition is not None else samples.labels
        given = (pool[:BATCH],) if players.takes_condition("generator") and pool is not None else ()
        noise = torch.randn(BATCH, players.noise.size, generator=torch.Generator().manual_seed(0)) * scale
        with seeded(0, CPU), torch.no_grad(), calling(self.part, "forward of the generator"):
            made: Tensor = module.train(train)(noise, *given)
        return made.detach()
