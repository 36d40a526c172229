"""One cell from where it stands to its end, or to where it is told to stop."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from ganbench.api import Samples
from ganbench.errors import StoreError, Unsupported
from ganbench.grid import Cell
from ganbench.grid.seeds import Streams, score_seed
from ganbench.runner.materials import (
    dataset_of,
    directions_of,
    loss_of,
    loss_spec_of,
    penalty_of,
    players_of,
    samples_of,
    scorer_of,
)
from ganbench.runner.picture import SIDE, draw_samples
from ganbench.runner.sampling import generate_samples
from ganbench.runner.task import CellResult, Task, record_of
from ganbench.scoring import NonFiniteSamples
from ganbench.store import Store
from ganbench.training import Diverged, Seeds, Trainer, determinism_record, deterministic, symptoms

Progress = Callable[[Mapping[str, Any]], None]
_PROGRESS_SECONDS = 0.5


def run_cell(
    task: Task, stop: Callable[[], bool] = lambda: False, progress: Progress = lambda _: None
) -> CellResult:
    """Run one cell; how it ends is a result, whatever it is.

    Args:
        task: which cell, where.
        stop: asked after each step; a cell told to stop is checkpointed and `unfinished`.
        progress: told of steps and losses, a few times a second.

    Raises:
        StoreError: not even the cell's record can be written.
    """
    sitting = Sitting(task, stop, progress)
    try:
        return sitting.score_again() if task.rescore else sitting.play()
    except Diverged as failure:
        return sitting.end("diverged", str(failure), step=failure.step)
    except NonFiniteSamples as failure:
        return sitting.end("diverged", str(failure))
    except Unsupported as failure:
        return sitting.end("skipped", str(failure))
    except (MemoryError, torch.cuda.OutOfMemoryError) as failure:
        reason = "out of memory" if isinstance(failure, MemoryError) else "out of CUDA memory"
        text = traceback.format_exc()
        sitting.release()
        return sitting.end("oom", reason, text=text)
    except Exception as failure:
        last = traceback.format_exception_only(failure)[-1].strip()
        return sitting.end("error", last, text=traceback.format_exc())


class Sitting:
    """A cell being run in this process."""

    def __init__(self, task: Task, stop: Callable[[], bool], progress: Progress) -> None:
        self._task = task
        self._cell: Cell = task.cell
        self._store = Store(task.folder)
        self._device = torch.device(task.device)
        self._streams = Streams.of(task.cell)
        self._stop = stop
        self._progress = progress
        self._notes: list[str] = []
        self._rows: list[dict[str, Any]] = []
        self._begun = time.monotonic()
        self._before = 0.0
        self._trainer: Trainer | None = None
        self._constant = False

    def play(self) -> CellResult:
        """Train and score to the end, or to where `stop` says so."""
        cell, store = self._cell, self._store
        with deterministic():
            trainer = self._trainer = self._resumed() or self._fresh()
            store.write_cell(cell.id, self._record("unfinished", step=trainer.step))
            for milestone in self._milestones():
                if milestone < trainer.step:
                    continue
                while trainer.step < milestone:
                    trainer.advance(milestone, self._pause())
                    if trainer.step < milestone or self._stop():
                        self._checkpoint()
                    if self._stop() and trainer.step < cell.train.steps:
                        return self._result("unfinished", "interrupted")
                self._score(milestone, trainer.scored_generator)
                if milestone < cell.train.steps:
                    self._checkpoint()
            state = trainer.scored_generator.state_dict()
            weights = store.write_generator(cell.id, state)
            return self.end("ok", "", weights=weights)

    def score_again(self) -> CellResult:
        """Add the scores that are missing of a trained cell, from its stored weights."""
        cell, store = self._cell, self._store
        record = store.cell(cell.id)
        self._before = float(record["seconds"])
        self._rows = list(store.scores(cell.id))
        with deterministic():
            players = players_of(cell)
            generator = players.generator.to(self._device)
            if cell.train.precision == "float64":
                generator.double()
            generator.load_state_dict(store.generator(cell.id))
            self._score(cell.train.steps, generator)
        return self._result("ok", "", step=int(record["step"]))

    def end(
        self, status: str, reason: str, *, step: int | None = None, weights: str = "", text: str = ""
    ) -> CellResult:
        """Write down how the cell ended; its record comes last, so a kill leaves it unfinished."""
        cell, store, trainer = self._cell, self._store, self._trainer
        if self._task.rescore:
            # The trained cell stays as it is: only its missing scores could not be made.
            return self._result(status, reason)
        warnings: list[str] = []
        if trainer is not None:
            curves = trainer.diagnostics.columns()
            store.write_curves(cell.id, curves)
            warnings = symptoms(curves, self._constant)
        if text:
            store.write_traceback(cell.id, text)
        reached = step if step is not None else (trainer.step if trainer is not None else 0)
        store.write_cell(
            cell.id, self._record(status, reason=reason, step=reached, weights=weights, warnings=warnings)
        )
        if status in ("ok", "diverged", "skipped"):
            store.drop_unfinished(cell.id)
        return self._result(status, reason, step=reached)

    def release(self) -> None:
        """Let go of the networks, so that the next cell has the memory."""
        self._trainer = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _fresh(self) -> Trainer:
        """The cell's training at step 0."""
        cell = self._cell
        spec = loss_spec_of(cell)
        streams = self._streams
        return Trainer(
            settings=cell.train,
            players=players_of(cell),
            loss=loss_of(cell),
            penalty=penalty_of(cell),
            outputs=spec.discriminator_outputs,
            value=spec.value,
            signature=dataset_of(cell.dataset).signature,
            samples=samples_of(cell.dataset, "train"),
            seeds=Seeds(data=streams.data, noise=streams.noise, loss=streams.loss, network=streams.network),
            device=self._device,
        )

    def _resumed(self) -> Trainer | None:
        """The training as its latest usable checkpoint left it."""
        cell, store = self._cell, self._store
        for path in store.checkpoints(cell.id):
            try:
                tensors, record = store.read_checkpoint(path)
                if record["cell"] != cell.id or record["environment"] != self._task.environment.hash:
                    self._notes.append(f"{path}: made in another environment; not used")
                    continue
                trainer = self._fresh()
                trainer.restore(tensors, record["training"])
                self._before = float(record["seconds"])
                self._rows = [row for row in store.scores(cell.id) if row["step"] <= trainer.step]
                return trainer
            except StoreError as error:
                self._notes.append(f"{error}; not used")
            except (KeyError, ValueError, RuntimeError, TypeError) as error:
                self._notes.append(f"{path}: does not fit this cell ({error}); not used")
        return None

    def _milestones(self) -> list[int]:
        """The steps at which the cell is scored."""
        score, steps = self._cell.score, self._cell.train.steps
        between = range(score.every, steps, score.every) if score.every and score.metrics else ()
        return [*([0] if score.initial else []), *between, steps]

    def _score(self, step: int, generator: nn.Module) -> None:
        """Score one step, once, and draw its picture."""
        cell = self._cell
        scorer = scorer_of(cell, self._task.device)
        done = {(row["protocol"], row["repeat"]) for row in self._rows if row["step"] == step}
        wanted = {p.hash for p in scorer.protocols.values()} if scorer is not None else set()
        if wanted and all((protocol, 0) in done for protocol in wanted):
            return
        dataset = dataset_of(cell.dataset)
        data = samples_of(cell.dataset, "train")
        samples = generate_samples(
            generator,
            players_of(cell) if self._trainer is None else self._trainer.players,
            dataset.signature,
            data,
            max(cell.score.samples if scorer is not None else 0, SIDE * SIDE),
            score_seed(cell),
            self._device,
        )
        flat = samples.x.reshape(len(samples), -1)
        self._constant = bool((flat == flat[0]).all())
        if scorer is not None:
            directions = directions_of(cell)
            taken = Samples(
                x=samples.x[: scorer.samples],
                labels=None if samples.labels is None else samples.labels[: scorer.samples],
            )
            self._rows = [
                row for row in self._rows if row["step"] != step or row["protocol"] not in wanted
            ] + [
                {
                    "step": step,
                    "metric": row.metric,
                    "value": row.value,
                    "direction": directions.get(row.metric, ""),
                    "extractor": row.extractor,
                    "samples": row.samples,
                    "protocol": row.protocol,
                    "repeat": 0,
                }
                for row in scorer.score(taken)
            ]
            self._store.write_scores(cell.id, self._rows)
        shown = samples if dataset.signature.kind == "points" else Samples(x=samples.x[: SIDE * SIDE])
        self._store.write_picture(cell.id, draw_samples(shown, dataset.signature, data))

    def _pause(self) -> Callable[[], bool]:
        """Whether to leave the training loop: told to stop, or a checkpoint is due; reports on the way."""
        due = time.monotonic() + self._cell.train.checkpoint_seconds
        report = time.monotonic() + _PROGRESS_SECONDS
        trainer = self._trainer
        assert trainer is not None

        def pause() -> bool:
            nonlocal report
            if self._stop():
                return True
            now = time.monotonic()
            if now >= report:
                report = now + _PROGRESS_SECONDS
                self._report(trainer)
            return now >= due

        return pause

    def _report(self, trainer: Trainer) -> None:
        losses = trainer.diagnostics.last()
        self._progress(
            {
                "cell": self._cell.id,
                "step": trainer.step,
                "loss_d": None if losses is None else losses[0],
                "loss_g": None if losses is None else losses[1],
            }
        )

    def _checkpoint(self) -> None:
        trainer = self._trainer
        assert trainer is not None
        tensors, training = trainer.state()
        record = {
            "cell": self._cell.id,
            "environment": self._task.environment.hash,
            "seconds": self._seconds(),
            "training": training,
        }
        self._store.write_checkpoint(self._cell.id, tensors, record)

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._begun

    def _record(self, status: str, **outcome: Any) -> dict[str, Any]:
        return record_of(
            self._cell,
            self._task.environment,
            status=status,
            seconds=round(self._seconds(), 3),
            determinism=determinism_record(),
            **outcome,
        )

    def _result(self, status: str, reason: str, *, step: int | None = None) -> CellResult:
        final = self._cell.train.steps
        return CellResult(
            cell=self._cell.id,
            status=status,
            reason=reason,
            step=step if step is not None else (self._trainer.step if self._trainer is not None else 0),
            seconds=self._seconds(),
            scores={row["metric"]: row["value"] for row in self._rows if row["step"] == final},
            notes=tuple(self._notes),
        )
