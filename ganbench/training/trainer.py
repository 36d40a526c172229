"""The training of one cell: rounds of the game, its streams of random numbers, its whole state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.api import Penalty, Players, Samples, Signature
from ganbench.errors import GridError
from ganbench.grid import TrainSettings
from ganbench.training.batch_dependence import couples_samples
from ganbench.training.batches import Batches
from ganbench.training.determinism import deterministic
from ganbench.training.diagnostics import BLOCK, Diagnostics, Diverged
from ganbench.training.eager import EagerEngine
from ganbench.training.ema import EMA
from ganbench.training.game import CellGame, own_tensors, trainable
from ganbench.training.held import settle_networks
from ganbench.training.optimizers import (
    build_optimizer,
    optimizer_state,
    restore_optimizer,
    schedule_factor,
)
from ganbench.training.train_step import Learner, Objective, TrainStep

_DTYPES = {"float32": torch.float32, "bfloat16": torch.float32, "float64": torch.float64}
_ENGINES = {"eager": EagerEngine}


def resolve_engine(engine: str, device: torch.device) -> str:
    """The engine that a setting means on a device.

    Raises:
        GridError: this version does not have it.
    """
    resolved = "eager" if engine == "auto" else engine
    if resolved not in _ENGINES:
        raise GridError(
            f"train.engine: {engine!r} does not exist on {device}; valid: auto, {', '.join(_ENGINES)}"
        )
    return resolved


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """The seeds of the streams that training draws from, each 63 bits."""

    data: int
    noise: int
    loss: int
    network: int


class Trainer:
    """One cell's training, resumable bit by bit.

    Attributes:
        step: generator updates done.
        players: the pair as it is now.
        diagnostics: the curves so far.
    """

    def __init__(
        self,
        *,
        settings: TrainSettings,
        players: Players,
        objective: Objective,
        penalty: Penalty,
        signature: Signature,
        samples: Samples,
        seeds: Seeds,
        device: torch.device,
        loss_before_freeze: Objective | None = None,
    ) -> None:
        """Set up the game at step 0.

        Args:
            settings: the cell's [train].
            players: freshly initialised; moved to the device and changed by training.
            objective: what is minimised.
            penalty: added to D's loss.
            signature: what one sample looks like.
            samples: the training split.
            seeds: of the streams.
            device: where to train.
            loss_before_freeze: what is minimised before the generator is frozen; the objective unless given.
        """
        self.step = 0
        self.diagnostics = Diagnostics()
        self._settings = settings
        self._device = device
        self._dtype = _DTYPES[settings.precision]
        self._batches = Batches(samples, settings.batch_size, seeds.data, device, self._dtype)
        self._noise = players.noise
        self._noise_stream = torch.Generator(device).manual_seed(seeds.noise)
        self._loss_stream = torch.Generator(device).manual_seed(seeds.loss)
        with _global_state(device):
            torch.manual_seed(seeds.network)
            self._global = _global_tensors(device)
        for module in (players.generator, players.discriminator):
            module.to(device, self._dtype).train()
        loss_before_freeze = loss_before_freeze or objective
        for part in (objective.loss, loss_before_freeze.loss, penalty):
            settle_networks(part, device, self._dtype)
        condition = samples.condition if samples.condition is not None else samples.labels
        self.players = players
        self._game = CellGame(
            players,
            loss_before_freeze.loss,
            couples_samples=couples_samples(players, signature, device, condition),
            loss_stream=self._loss_stream,
            device=device,
            dtype=self._dtype,
            outputs=loss_before_freeze.outputs,
        )
        self._discriminator = _learner(players.discriminator, settings.d_optimizer)
        self._generator = _learner(players.generator, settings.g_optimizer)
        self._factor = schedule_factor(settings.schedule, settings.steps)
        self._ema = EMA(players.generator, settings.ema) if settings.ema > 0 else None
        self._penalty = penalty
        self._objective = objective
        self._engine = self._begin(loss_before_freeze, self._generator)
        self._frozen = False
        self._freeze()

    @property
    def engine(self) -> str:
        """The engine that plays."""
        return self._engine.name

    @property
    def scored_generator(self) -> nn.Module:
        """The generator that is scored: the moving average where there is one."""
        return self.players.generator if self._ema is None else self._ema.module

    def advance(self, until: int, pause: Callable[[], bool] = lambda: False) -> None:
        """Play rounds up to step `until`, or until `pause` says so after a round.

        Raises:
            Diverged: a loss or a weight is not finite.
        """
        with self._own_global_state(), deterministic():
            while self.step < until:
                self._round()
                if self.diagnostics.full or self.step % BLOCK == 0:
                    self.diagnostics.settle()
                if self.step % BLOCK == 0:
                    # After the losses, which tell the step: else it would depend on when it was paused.
                    self._check_weights()
                if pause():
                    break
            self.diagnostics.settle()
            if self.step == until:
                self._check_weights()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that decides what comes next: tensors, and a JSON record.

        The tensors are live views or copies; write them before the next step.
        """
        tensors: dict[str, Tensor] = {"diagnostics": self.diagnostics.tensor()}
        for name, module in self._modules().items():
            tensors |= {f"{name}.{key}": tensor for key, tensor in own_tensors(module)}
        tensors |= {
            f"optimizer_d.{key}": t for key, t in optimizer_state(self._discriminator.optimizer).items()
        }
        tensors |= {f"optimizer_g.{key}": t for key, t in optimizer_state(self._generator.optimizer).items()}
        tensors |= {f"data.{key}": tensor for key, tensor in self._batches.state().items()}
        tensors |= {f"game.{key}": tensor for key, tensor in self._game.states.items()}
        tensors |= {f"network.{key}": tensor for key, tensor in self._global.items()}
        tensors["stream.noise"] = self._noise_stream.get_state()
        tensors["stream.loss"] = self._loss_stream.get_state()
        return tensors, {"step": self.step, "cursor": self._batches.cursor}

    def restore(self, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
        """Go on where `state` was taken.

        Raises:
            KeyError, ValueError, RuntimeError: the state is another cell's.
        """
        with torch.no_grad():
            for name, module in self._modules().items():
                for key, tensor in own_tensors(module):
                    saved = tensors[f"{name}.{key}"]
                    if saved.shape != tensor.shape:
                        raise ValueError(f"{name}.{key} has shape {tuple(saved.shape)} in the checkpoint")
                    tensor.copy_(saved)
        restore_optimizer(self._discriminator.optimizer, _below(tensors, "optimizer_d."))
        restore_optimizer(self._generator.optimizer, _below(tensors, "optimizer_g."))
        self._batches.restore(_below(tensors, "data."), int(record["cursor"]))
        for name, tensor in _below(tensors, "game.").items():
            self._game.states[name] = tensor.to(self._device)
        self._global = _below(tensors, "network.")
        self._noise_stream.set_state(tensors["stream.noise"])
        self._loss_stream.set_state(tensors["stream.loss"])
        self.diagnostics.restore(tensors["diagnostics"])
        self.step = int(record["step"])
        self._game.set_step(self.step)
        self._freeze()

    def _begin(self, objective: Objective, generator: Learner) -> EagerEngine:
        """An engine that plays for this objective from now on."""
        settings = self._settings
        self._game.judge_by(objective.loss, objective.outputs)
        return _ENGINES[resolve_engine(settings.engine, self._device)](
            TrainStep(
                game=self._game,
                loss=objective.loss,
                penalty=self._penalty,
                discriminator=self._discriminator,
                generator=generator,
                order=settings.order,
                value=objective.value,
                after_discriminator_step=getattr(objective.loss, "after_discriminator_step", None),
                autocast=torch.bfloat16 if settings.precision == "bfloat16" else None,
            )
        )

    def _freeze(self) -> None:
        """From the step that the settings name on, G only has its gradient measured."""
        at = self._settings.freeze_generator_at
        if at is not None and self.step >= at and not self._frozen:
            self._frozen = True
            self._engine = self._begin(self._objective, replace(self._generator, optimizer=None))

    def _round(self) -> None:
        settings = self._settings
        if self._factor is not None:
            factor = self._factor(self.step)
            for learner in (self._discriminator, self._generator):
                if learner.optimizer is not None:
                    learner.optimizer.param_groups[0]["lr"] = learner.learning_rate * factor
        batches = [self._batches.next() for _ in range(settings.d_steps)]
        noises = self._draw_noise(settings.d_steps + 1)
        step = self.step + 1
        observe = step == 1 or step % settings.diagnostics_every == 0
        outcome = self._engine.play(batches, noises, observe=observe)
        if self._ema is not None and not self._frozen:
            self._ema.update()
        self.step = step
        self._freeze()
        self.diagnostics.watch(step, outcome.loss_d, outcome.loss_g)
        if outcome.diagnostics is not None:
            self.diagnostics.record(step, (outcome.loss_d, outcome.loss_g, *outcome.diagnostics))

    def _draw_noise(self, count: int) -> tuple[Tensor, ...]:
        shape = (count, self._settings.batch_size, self._noise.size)
        if self._noise.distribution == "uniform":
            noise = torch.rand(shape, generator=self._noise_stream, device=self._device, dtype=self._dtype)
            noise = noise.mul_(2).sub_(1)
        else:
            noise = torch.randn(shape, generator=self._noise_stream, device=self._device, dtype=self._dtype)
        return noise.unbind()

    def _check_weights(self) -> None:
        largest = [
            tensor.detach().abs().max()
            for module in self._modules().values()
            for _, tensor in own_tensors(module)
            if tensor.is_floating_point() and tensor.numel()
        ]
        if largest and not torch.isfinite(torch.stack(largest)).all():
            raise Diverged(self.step, "a weight")

    def _modules(self) -> dict[str, nn.Module]:
        modules = {"generator": self.players.generator, "discriminator": self.players.discriminator}
        return modules if self._ema is None else {**modules, "average": self._ema.module}

    @contextmanager
    def _own_global_state(self) -> Iterator[None]:
        """Let networks draw (dropout and the like) from the cell's network stream."""
        with _global_state(self._device):
            _set_global(self._global, self._device)
            try:
                yield
            finally:
                self._global = _global_tensors(self._device)


def _learner(module: nn.Module, settings: Any) -> Learner:
    parameters = trainable(module)
    return Learner(
        module=module,
        parameters=parameters,
        optimizer=build_optimizer(settings.name, settings.options(), parameters),
        learning_rate=settings.lr,
    )


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: tensor for key, tensor in tensors.items() if key.startswith(prefix)}


@contextmanager
def _global_state(device: torch.device) -> Iterator[None]:
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def _global_tensors(device: torch.device) -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def _set_global(state: Mapping[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
