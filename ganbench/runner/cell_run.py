"""One cell from where it stands to its end, or to where it is told to stop."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Generator
from functools import cached_property
from typing import Any

import torch
from torch import nn

from ganbench.api import Samples
from ganbench.errors import StoreError, Unsupported
from ganbench.grid import Cell
from ganbench.grid.history import History
from ganbench.runner.best_generator import BestGenerator
from ganbench.runner.build import CellParts, build_trainer
from ganbench.runner.cell_cost import CellCost
from ganbench.runner.cell_pictures import CellPictures
from ganbench.runner.cell_scores import CellScores
from ganbench.runner.checkpoint import OtherEnvironment, load_generator, resume
from ganbench.runner.data_notes import recorded_names, recorded_notes
from ganbench.runner.environment_here import environment_here
from ganbench.runner.events import CellNote, CellProgress, CellScored, Event
from ganbench.runner.preflight import check_cell
from ganbench.runner.reasons import memory_missing, not_finite, reason_failed, reason_skipped
from ganbench.runner.stopwatch import Stopwatch
from ganbench.runner.task import CellResult, Task, record_of
from ganbench.scoring import NonFiniteSamples
from ganbench.store import Store
from ganbench.training import (
    Diverged,
    Stretch,
    Trainer,
    determinism_record,
    set_again,
    training_warnings,
)

_PROGRESS_SECONDS = 0.5


# What a cell's run asks for: rounds to play; it is sent the seconds that they took.
Work = Generator[Stretch, float, CellResult]


class CellRun:
    """A cell being run in this process.

    Attributes:
        task: which cell, where.
        parts: its data, networks, losses and scorer.
        watch: counts the seconds that it takes.
    """

    def __init__(
        self, task: Task, parts: CellParts, stop: Callable[[], bool], on_event: Callable[[Event], None]
    ) -> None:
        self.task = task
        self._cell: Cell = task.cell
        self.parts = parts
        self._store = Store(task.folder)
        self._device = torch.device(task.device)
        self._stop = stop
        self._on_event = on_event
        self._rescoring = task.rescore
        self._scores = CellScores(self._cell, self._store)
        self._best = BestGenerator(self._cell, self._store)
        self._cost = CellCost(self._device)
        self.watch = Stopwatch()
        self._before = 0.0
        self._trainer: Trainer | None = None
        self._constant = self._told = False
        self._history = History.of(task.environment)

    @cached_property
    def _pictures(self) -> CellPictures:
        return CellPictures(self._store, self.parts, self._milestones())

    def to_end(self) -> Work:
        """Run the cell; how it ends is a result, whatever it is.

        Raises:
            GanbenchError: not even the cell's record can be written.
        """
        try:
            return (yield from self.score_again() if self.task.rescore else self.play())
        except Diverged as failure:
            return self.end("diverged", str(failure), step=failure.step)
        except NonFiniteSamples as failure:
            return self.end("diverged", str(failure))
        except Unsupported as failure:
            return self.end("skipped", reason_skipped(failure, self.parts))
        except (StoreError, OtherEnvironment) as failure:
            return self.end("error", str(failure))
        except GeneratorExit:
            raise
        except BaseException as failure:
            # Also what ends a process, as sys.exit() in a plugin: the other cells go on.
            memory = memory_missing(failure)
            reason = memory or reason_failed(failure, self.parts)
            return self.end("oom" if memory else "error", reason, text=traceback.format_exc())

    def play(self) -> Work:
        """Train and score to the end, or to where `stop` says so.

        Raises:
            OtherEnvironment: this process, or the checkpoint, is of another environment than was planned.
        """
        cell, store = self._cell, self._store
        self._take_place()
        if self._history.last.plugins:
            # What a plugin imports when it is first used may change switches: once before it counts.
            with contextlib.suppress(Exception):
                check_cell(CellParts(cell, self.parts.shared))
            self._set_again()
        resumed = resume(self.task, self.parts, self._history.last, store, self._note)
        trainer = None
        if resumed is not None:
            self.parts, trainer, self._history, self._before, rows, self._constant, cost, best = resumed
            self._cost.restore(cost)
            self._best.kept = best
            self._scores.rows = rows
            self._trainer = trainer
        else:
            # What an earlier attempt left, scores first of all, is not this one's.
            store.drop_cell(cell.id)
        # Before the nets are built: tables of the run that are written meanwhile name every cell.
        self._write_unfinished()
        if trainer is None:
            trainer = self._trainer = build_trainer(self.parts, self.task.environment.engine)
        for milestone in self._milestones():
            if milestone < trainer.step:
                continue
            while trainer.step < milestone:
                self._set_again()
                first = trainer.step
                seconds = yield Stretch(member=trainer, until=milestone, pause=self._pause())
                self._cost.add(trainer.step - first, seconds)
                # Before scoring too: it can take longer than the training.
                if trainer.step < milestone or self._stop() or cell.score.metrics:
                    self._checkpoint()
                if self._stop():
                    return self._result("unfinished", "interrupted")
            self._set_again()
            self._score(milestone, trainer.scored_generator)
            self._best.consider(milestone, trainer.scored_generator, self._scores.rows, self.parts)
            if milestone < cell.train.steps:
                # For whoever looks at the run while it goes on.
                store.write_curves(cell.id, trainer.diagnostics.columns())
                self._report(trainer, CellScored)
        state = trainer.scored_generator.state_dict()
        weights = store.write_generator(cell.id, state)
        # The last use of these networks: their weights become those of the best.
        self._scores.measure_best(self._best.kept, trainer.scored_generator, self.parts, self._device)
        return self.end("ok", "", weights=weights)

    def score_again(self) -> Work:
        """Add the scores that are missing of a trained cell, from its stored weights.

        A cell whose files are damaged is trained again, and one that lacks a score for which the
        discriminator is needed, which is not stored: that gives the same bits.

        Raises:
            OtherEnvironment: this process is of another environment than was planned.
        """
        self._take_place()
        cell, store = self._cell, self._store
        record = store.cell(cell.id)
        self._before = float(record["seconds"])
        try:
            generator = load_generator(store, self.parts)
            if store.weights(cell.id) != record.get("weights"):
                raise StoreError(f"{cell.id}: the stored weights are not those that its record names")
            self._scores.rows = list(store.scores(cell.id))
            if asking := self._scores.missing_that_ask(self.parts.scorer):
                names = ", ".join(map(repr, asking))
                raise StoreError(f"{cell.id}: metric {names} asks the discriminator, which is not stored")
            if self._scores.lacks_best(self.parts):
                raise StoreError(f"{cell.id}: no best generator was kept as score.keep_best now asks")
        except StoreError as error:
            self._note(f"{error}; the cell is trained again")
            self._rescoring, self._scores.rows, self.parts = False, [], self.parts.fresh()
            store.drop_cell(cell.id)
            return (yield from self.play())
        self._score(cell.train.steps, generator)
        warnings = list(dict.fromkeys((*record["warnings"], *not_finite(self._scores.rows))))
        if warnings != list(record["warnings"]):
            store.write_cell(cell.id, {**record, "warnings": warnings})
        # Of an attempt at these scores that failed.
        with contextlib.suppress(StoreError):
            store.drop_unfinished(cell.id)
        return self._result("ok", "", step=int(record["step"]))

    def end(
        self, status: str, reason: str, *, step: int | None = None, weights: str = "", text: str = ""
    ) -> CellResult:
        """Write down how the cell ended; its record comes last, so a kill leaves it unfinished.

        Raises:
            StoreError: the record cannot be written.
        """
        cell, store, trainer = self._cell, self._store, self._trainer
        if self._rescoring:
            # The trained cell stays as it is: only its missing scores could not be made.
            if text:
                with contextlib.suppress(StoreError):
                    store.write_traceback(cell.id, text)
            return self._result(status, reason)
        reached = step if step is not None else (trainer.step if trainer is not None else 0)
        warnings: list[str] = []
        best: dict[str, Any] = {}
        try:
            if status in ("ok", "diverged"):
                best = self._best.settle()
            if trainer is not None:
                curves = trainer.diagnostics.columns()
                store.write_curves(cell.id, curves)
                warnings = training_warnings(curves, self._constant)
            warnings += not_finite(self._scores.rows)
            if text:
                store.write_traceback(cell.id, text)
        except StoreError:
            # On a full disk the short record may still find room, and it says more.
            if status == "ok":
                raise
        outcome = {"reason": reason, "step": reached, "weights": weights, "warnings": warnings, **best}
        store.write_cell(cell.id, self._record(status, **outcome))
        if status in ("ok", "diverged", "skipped"):
            # What stays behind does no harm, and the next run removes it.
            with contextlib.suppress(StoreError):
                store.drop_unfinished(cell.id)
        if status in ("oom", "error"):
            self._release()
        return self._result(status, reason, step=reached)

    def _release(self) -> None:
        """Let go of the networks, so that the next cell has the memory."""
        self._trainer, self.parts = None, self.parts.fresh()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _take_place(self) -> None:
        """Record the environment of this process, and refuse one that is not as planned."""
        here = environment_here(self.parts, threads=torch.get_num_threads())
        self._history = History.of(here)
        if changes := self.task.environment.differences(here):
            raise OtherEnvironment(
                f"this worker's environment is not the planned one: {'; '.join(changes)}; "
                "nothing was trained; the same command tries again"
            )

    def _milestones(self) -> list[int]:
        """List the steps at which the cell is scored."""
        score, steps = self._cell.score, self._cell.train.steps
        between = range(score.every, steps, score.every) if score.every and score.metrics else ()
        return [*([0] if score.initial else []), *between, steps]

    def _score(self, step: int, generator: nn.Module) -> None:
        """Draw the pictures of one step, and score it where that is not done."""

        def first_set(samples: Samples) -> None:
            flat = samples.x.reshape(len(samples), -1)
            self._constant = bool((flat == flat[0]).all())
            players = None if self._trainer is None else self.parts.players
            self._pictures.keep(step, generator, samples, players)

        self._scores.measure(step, generator, self.parts, self._device, first_set)

    def _pause(self) -> Callable[[], bool]:
        """Report progress, and tell whether to leave the training loop: to stop, or for a checkpoint."""
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

    def _report(self, trainer: Trainer, kind: type[CellProgress] = CellProgress) -> None:
        loss_d, loss_g = trainer.diagnostics.last() or (None, None)
        self._on_event(kind(cell=self._cell.id, step=trainer.step, loss_d=loss_d, loss_g=loss_g))

    def _checkpoint(self) -> None:
        trainer = self._trainer
        assert trainer is not None
        tensors, training = trainer.state()
        best, said = self._best.checkpoint(self.parts)
        record = {
            "cell": self._cell.id,
            "environment": self._history.hash,
            "environments": self._history.as_list(),
            "data": self.parts.dataset.fingerprint,
            "seconds": self._seconds(),
            "constant": self._constant,
            "cost": self._cost.state(),
            "training": training,
            **said,
        }
        self._store.write_checkpoint(self._cell.id, {**tensors, **best}, record)
        self._write_unfinished()

    def _write_unfinished(self) -> None:
        step = 0 if self._trainer is None else self._trainer.step
        self._store.write_cell(self._cell.id, self._record("unfinished", step=step))

    def _set_again(self) -> None:
        """Set torch's switches again, and name those that a plugin's code has changed, once."""
        if (changes := set_again(self._history.last.threads)) and not self._told:
            self._told = True
            self._note(
                f"{self._cell.id}: torch's switches were changed while the cell ran ({', '.join(changes)}) "
                "by code of a plugin; they are set back before each part of the training"
            )

    def _note(self, text: str) -> None:
        """Tell the user what is not as expected, at once: the cell may never end."""
        self._on_event(CellNote(cell=self._cell.id, note=text))

    def _seconds(self) -> float:
        return self._before + self.watch.seconds

    def _record(self, status: str, **outcome: Any) -> dict[str, Any]:
        if names := recorded_names(self.parts.dataset):
            outcome["class_names"] = names
        if notes := recorded_notes(self.parts.dataset):
            outcome["data_notes"] = notes
        if self._trainer is not None:
            outcome["cost"] = self._cost.as_record(self.parts.players)
        return record_of(
            self._cell,
            self._history,
            self.parts.shared.catalog,
            status=status,
            seconds=round(self._seconds(), 3),
            determinism=determinism_record(tf32=self._cell.train.tf32 and self._device.type == "cuda"),
            **outcome,
        )

    def _result(self, status: str, reason: str, *, step: int | None = None) -> CellResult:
        return CellResult(
            cell=self._cell.id,
            status=status,
            reason=reason,
            step=step if step is not None else (self._trainer.step if self._trainer is not None else 0),
            seconds=self._seconds(),
            scores=self._scores.final(),
        )
