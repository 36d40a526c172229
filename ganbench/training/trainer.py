"""The training of one cell: its streams of random numbers, its whole state, its freeze and divergence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.api import Augmentation, Players, Samples, Signature, UpdateRule
from ganbench.grid import TrainSettings
from ganbench.grid.seeds import Streams
from ganbench.training.batch_dependence import couples_samples
from ganbench.training.batches import Batches
from ganbench.training.cell_game import CellGame
from ganbench.training.determinism import (
    deterministic,
    forked_generators,
    generator_states,
    set_generators,
)
from ganbench.training.diagnostics import BLOCK, Diagnostics, Diverged, StepLog
from ganbench.training.eager import EagerEngine
from ganbench.training.ema import EMA
from ganbench.training.engine import Engine
from ganbench.training.feed import Feed
from ganbench.training.held import settle_networks
from ganbench.training.lockstep import Lockstep, Stretch
from ganbench.training.memory_format import batch_format, is_channels_last, laid_out, lay_out
from ganbench.training.optimizer_state import (
    optimizer_state,
    plain_state,
    restore_optimizer,
    restore_plugin_optimizer,
)
from ganbench.training.optimizers import BuildOptimizer, ema_decay
from ganbench.training.plain_optimizers import is_torchs_own
from ganbench.training.train_step import Learner, Objective, PenaltyTerm, SeedRun, TrainStep
from ganbench.training.trained_networks import (
    networks_of,
    own_tensors,
    tell_step,
    trained_networks,
)
from ganbench.training.update import Alternating

_DTYPES = {"float32": torch.float32, "bfloat16": torch.float32, "float64": torch.float64}

# How checkpoints call the optimizers' tensors.
_OPTIMIZER_KEYS = {"discriminator": "optimizer_d", "generator": "optimizer_g"}


class Trainer:
    """One cell's training, resumable bit by bit.

    Attributes:
        players: the pair as it is now.
        diagnostics: the curves so far.
        device: where it is trained.
    """

    def __init__(
        self,
        *,
        settings: TrainSettings,
        players: Players,
        objective: Objective,
        penalties: Sequence[PenaltyTerm],
        signature: Signature,
        samples: Samples,
        streams: Streams,
        device: torch.device,
        loss_before_freeze: Objective | None = None,
        update: UpdateRule | None = None,
        optimizers: Mapping[str, BuildOptimizer] = MappingProxyType({}),
        augmentation: Augmentation | None = None,
        engine: type[Engine] = EagerEngine,
        stream_device: torch.device | None = None,
        watch: bool = True,
        seed: int = 0,
    ) -> None:
        """Set up the game at step 0.

        Args:
            settings: the cell's [train]; `engine` says what its `engine` was resolved to.
            players: freshly initialised; moved to the device and changed by training.
            objective: what is minimised.
            penalties: added to the players' losses.
            signature: what one sample looks like.
            samples: the training split.
            streams: the seeds of the streams that training draws from.
            device: where to train.
            loss_before_freeze: what is minimised before the generator is frozen; the objective unless given.
            update: turns gradients into steps; the alternating rule unless given.
            optimizers: builds optimizers that are not torch's own, by name.
            augmentation: changes all that the discriminator sees; the streams must have a seed for it.
            engine: plays the rounds.
            stream_device: where the random generators of noise, loss and augmentation live; the device unless
                given.
            watch: whether losses and weights are looked at, which needs their values: without it nothing
                diverges and there are no curves, and a device without values will do (torch's `meta`).
            seed: of the cell, which tells it from others that are trained together with it.
        """
        self.diagnostics = Diagnostics()
        self.players = players
        self._settings = settings
        self.device = device
        self._seed = seed
        self._watch = watch
        dtype = _DTYPES[settings.precision]
        noise_stream, self._loss_stream = (
            torch.Generator(stream_device or device).manual_seed(seed)
            for seed in (streams.noise, streams.loss)
        )
        memory_format = batch_format(settings.memory_format, networks_of(players))
        self._feed = Feed(
            Batches(samples, settings.batch_size, streams.data, device, dtype, memory_format),
            players.noise,
            noise_stream,
            d_steps=settings.d_steps,
            accumulate=settings.accumulate,
            device=device,
        )
        with forked_generators(device):
            torch.manual_seed(streams.network)
            self._global = generator_states(device)
        for module in networks_of(players):
            module.to(device, dtype).train()
            lay_out(module, memory_format)
            tell_step(module, 0, settings.steps)
        self._objective = objective
        self._update = update or Alternating(settings.order, settings.d_steps)
        self._loss_before_freeze = loss_before_freeze or objective
        losses = (objective.loss, self._loss_before_freeze.loss)
        for part in (*losses, *(term.penalty for term in penalties), augmentation):
            settle_networks(part, device, dtype, memory_format)
        before = {} if loss_before_freeze is None else {"loss_before_freeze": loss_before_freeze.loss}
        self._trained = trained_networks(players, {"loss": objective.loss, **before})
        self._augmentation_stream = (
            None
            if streams.augmentation is None
            else torch.Generator(stream_device or device).manual_seed(streams.augmentation)
        )
        condition = samples.condition if samples.condition is not None else samples.labels
        self._game = CellGame(
            players,
            self._loss_before_freeze.loss,
            couples_samples=couples_samples(players, signature, device, condition),
            loss_stream=self._loss_stream,
            device=device,
            dtype=dtype,
            steps=settings.steps,
            outputs=self._loss_before_freeze.outputs,
            augmentation=augmentation,
            augmentation_stream=self._augmentation_stream,
            trained=self._trained,
        )
        self._penalty_streams = [
            torch.Generator(stream_device or device).manual_seed(seed) for seed in streams.penalties
        ]
        self._penalties = list(zip_longest(penalties, self._penalty_streams))
        self._learners = {
            "discriminator": Learner.of("discriminator", self._trained, settings, optimizers),
            "generator": Learner.of("generator", self._trained, settings, optimizers),
        }
        decay = ema_decay(settings)
        serving = {
            name: extra.module for name, extra in players.extra.items() if extra.learns_with == "generator"
        }
        self._ema = EMA(players.generator, decay, serving) if decay != 0 else None
        self._log = StepLog(device, settings.diagnostics_every)
        self._engine_type = engine
        self._alone = Lockstep(engine)

    @property
    def step(self) -> int:
        """Generator updates done."""
        return self._log.step

    @property
    def seed_runs(self) -> list[SeedRun]:
        """The training as engines take it: twice where the generator is frozen during it, else once."""
        at = self._settings.freeze_generator_at
        phases = [False] if at is None else [True] if at == 0 else [False, True]
        return [self._seed_run(frozen) for frozen in phases]

    @property
    def scored_generator(self) -> nn.Module:
        """The generator that is scored, as it is at this step: the moving average where there is one."""
        generator = self.players.generator if self._ema is None else self._ema.module
        tell_step(generator, self.step, self._settings.steps)
        return generator

    def advance(self, until: int, pause: Callable[[], bool] = lambda: False) -> None:
        """Play rounds up to step `until`, or until `pause` says so after a round.

        Raises:
            Diverged: a loss or a weight is not finite.
            RuntimeError: the engine refuses.
        """
        for _, failure in self._alone.advance([Stretch(member=self, until=until, pause=pause)]).ended:
            if failure is not None:
                raise failure

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return what decides the rest of the training: tensors, and a JSON record.

        The tensors are live views or copies; write them before the next step.
        """
        tensors: dict[str, Tensor] = {"diagnostics": self.diagnostics.tensor()}
        tensors |= self._weights()
        for name, learner in self._learners.items():
            prefix = _OPTIMIZER_KEYS[name]
            tensors |= {f"{prefix}.{key}": t for key, t in optimizer_state(learner.optimizer).items()}
        tensors |= self._feed.state()
        tensors |= {f"game.{key}": tensor for key, tensor in self._game.states.items()}
        tensors |= {f"network.{key}": tensor for key, tensor in self._global.items()}
        tensors |= {f"stream.{name}": stream.get_state() for name, stream in self._streams.items()}
        plain = {
            name: plain_state(learner.optimizer)
            for name, learner in self._learners.items()
            if learner.optimizer is not None and not is_torchs_own(learner.optimizer)
        }
        record: dict[str, Any] = {"step": self.step, "cursor": self._feed.cursor}
        if plain:
            record["optimizers"] = plain
        # A stored tensor does not say how it lay in memory; networks and optimizers say it for their own.
        if last := sorted(key for key, tensor in self._game.states.items() if is_channels_last(tensor)):
            record["channels_last"] = last
        return tensors, record

    def restore(self, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
        """Go on where `state` was taken.

        Raises:
            KeyError, ValueError, RuntimeError: the state is another cell's.
        """
        with torch.no_grad():
            for name, tensor in self._weights().items():
                saved = tensors[name]
                if saved.shape != tensor.shape:
                    raise ValueError(f"{name} has shape {tuple(saved.shape)} in the checkpoint")
                tensor.copy_(saved)
        for name, learner in self._learners.items():
            kept = _below(tensors, f"{_OPTIMIZER_KEYS[name]}.")
            if learner.optimizer is None or is_torchs_own(learner.optimizer):
                restore_optimizer(learner.optimizer, kept)
            else:
                restore_plugin_optimizer(learner.optimizer, kept, record["optimizers"][name])
        self._feed.restore(tensors, int(record["cursor"]))
        for name, tensor in _below(tensors, "game.").items():
            last = name in record.get("channels_last", ())
            order = torch.channels_last if last else torch.contiguous_format
            self._game.states[name] = laid_out(tensor.to(self.device), order)
        self._global = _below(tensors, "network.")
        for name, stream in self._streams.items():
            stream.set_state(tensors[f"stream.{name}"])
        self.diagnostics.restore(tensors["diagnostics"])
        self._log.restart(int(record["step"]))
        self._game.set_step(self.step)
        # The engine may hold on to tensors that the restored ones replace.
        self._alone = Lockstep(self._engine_type)

    @property
    def _streams(self) -> dict[str, torch.Generator]:
        """The generators from which parts of the game draw, by the names that checkpoints give them."""
        streams = {"loss": self._loss_stream}
        streams |= {f"penalty{index}": stream for index, stream in enumerate(self._penalty_streams)}
        if self._augmentation_stream is not None:
            streams["augmentation"] = self._augmentation_stream
        return streams

    def _seed_run(self, frozen: bool) -> SeedRun:
        settings = self._settings
        learners = self._learners
        if frozen:
            learners = {**learners, "generator": replace(learners["generator"], optimizer=None)}
        step = TrainStep(
            game=self._game,
            objective=self._objective if frozen else self._loss_before_freeze,
            penalties=self._penalties,
            learners=learners,
            update=self._update,
            ema=None if frozen else self._ema,
            autocast=torch.bfloat16 if settings.precision == "bfloat16" else None,
            gradient_clip=settings.gradient_clip,
            accumulate=settings.accumulate,
            generators=self._streams,
        )
        return SeedRun(step=step, feed=self._feed, log=self._log, seed=self._seed)

    @property
    def is_frozen(self) -> bool:
        """Whether the generator only has its gradient measured in the coming round."""
        at = self._settings.freeze_generator_at
        return at is not None and self.step >= at

    def coming_run(self) -> SeedRun:
        """Let the game be judged as in the coming round; give the training as engines take it.

        It stays the same until the generator is frozen, where it is.
        """
        run = self._seed_run(self.is_frozen)
        self._game.judge_by(run.step.objective.loss, run.step.objective.outputs)
        return run

    def rounds_until(self, until: int) -> int:
        """Count the rounds to play before something else is due, at most up to step `until`."""
        at = self._settings.freeze_generator_at
        due = [self._engine_type.rounds_per_call, until - self.step, BLOCK - self.step % BLOCK]
        return min(due if at is None or self.is_frozen else [*due, at - self.step])

    def look(self, *, weights: bool) -> None:
        """Move the log's rows to the curves and look for values that are not finite.

        Args:
            weights: whether to look at weights too, and not at losses alone.

        Raises:
            Diverged: there is one.
        """
        if not self._watch:
            self._log.clear()
            return
        # The losses first: they tell the step, which else would depend on when the run was paused.
        self.diagnostics.settle(self._log)
        if weights:
            self._check_weights()

    def _check_weights(self) -> None:
        largest = [
            tensor.detach().abs().max()
            for tensor in self._weights().values()
            if tensor.is_floating_point() and tensor.numel()
        ]
        if largest and not torch.isfinite(torch.stack(largest)).all():
            raise Diverged(self.step, "a weight")

    def _weights(self) -> dict[str, Tensor]:
        """Return parameters and buffers of all that is trained, and of averages, as checkpoints call them."""
        weights = {f"{one.name}.{key}": tensor for one in self._trained for key, tensor in one.tensors()}
        if self._ema is not None:
            averages = {f"average_extra.{name}": network for name, network in self._ema.networks.items()}
            for name, network in {"average": self._ema.module, **averages}.items():
                weights |= {f"{name}.{key}": tensor for key, tensor in own_tensors(network)}
        return weights

    @contextmanager
    def in_rounds(self) -> Iterator[None]:
        """Set torch's switches; let networks draw (dropout and the like) from the cell's network stream."""
        with forked_generators(self.device), deterministic(tf32=self._settings.tf32):
            set_generators(self._global, self.device)
            try:
                yield
            finally:
                self._global = generator_states(self.device)


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: tensor for key, tensor in tensors.items() if key.startswith(prefix)}
