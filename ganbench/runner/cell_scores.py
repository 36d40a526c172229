"""The scores of one cell: which are missing, how they are measured, where they are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ganbench.api import Samples
from ganbench.grid import Cell
from ganbench.grid.scoring import directed_scores
from ganbench.grid.seeds import best_seed, score_seed
from ganbench.runner.asked_discriminator import asked_discriminator
from ganbench.runner.best_generator import BestScoring, best_protocol
from ganbench.runner.build import CellParts
from ganbench.runner.sample_pictures import drawn
from ganbench.runner.sampling import first, generate_samples
from ganbench.runner.shared_parts import SharedParts
from ganbench.runner.task import mean_scores
from ganbench.scoring import Scorer, ScoreRow
from ganbench.store import Store
from ganbench.training import tell_step


class CellScores:
    """The scores of a cell that is run in this process.

    Attributes:
        rows: those that are known, as the cell's scores.csv has them.
    """

    def __init__(self, cell: Cell, store: Store) -> None:
        """Begin without any.

        Args:
            cell: whose they are.
            store: where they are written.
        """
        self.rows: list[dict[str, Any]] = []
        self._cell = cell
        self._store = store

    def measure(
        self,
        step: int,
        generator: nn.Module,
        parts: CellParts,
        device: torch.device,
        on_samples: Callable[[Samples], None],
    ) -> None:
        """Generate samples of one step, and score them where that is not done.

        Args:
            step: the generator's; at the last one as many sample sets are scored as the settings say.
            generator: as it is at that step.
            parts: the cell's players, loss, scorer and reference.
            device: where the players are.
            on_samples: given the first set of samples before it is scored.

        Raises:
            NonFiniteSamples: there is NaN or infinity among the samples.
            PluginError: a plugin's metric or extractor failed.
        """
        cell, scorer = self._cell, parts.scorer
        players, signature = parts.players, parts.dataset.signature
        for_picture = drawn(signature, conditional=players.takes_condition("generator"))
        for repeat in range(cell.score.repeats if step == cell.train.steps else 1):
            wanted = set() if scorer is None else self._missing(scorer, step, repeat)
            if not wanted and repeat:
                continue
            seed = score_seed(cell, repeat)
            samples = generate_samples(
                generator,
                players,
                signature,
                parts.reference,
                max(cell.score.samples if scorer is not None else 0, 0 if repeat else for_picture),
                seed,
                device,
            )
            if repeat == 0:
                on_samples(samples)
            if scorer is not None and wanted:
                asked = wanted & scorer.asking
                rows = scorer.score(
                    first(samples, scorer.samples),
                    wanted,
                    seed=seed,
                    discriminator=asked_discriminator(players, parts.loss, device) if asked else None,
                )
                self._add(step, repeat, rows, parts.shared)

    def measure_best(
        self, best: BestScoring | None, generator: nn.Module, parts: CellParts, device: torch.device
    ) -> None:
        """Score the best generator anew, on a sample set that it was not chosen by.

        Three rows of the last step: its score, without a direction the value that it was chosen by, and the
        step. They are NaN where no scoring gave a finite value. Nothing where the cell keeps no best.

        Args:
            best: what is kept of it.
            generator: given its weights, which it keeps.
            parts: the cell's players, scorer and reference.
            device: where the players are.

        Raises:
            NonFiniteSamples: there is NaN or infinity among the samples.
            PluginError: a plugin's metric or extractor failed.
        """
        cell, scorer, protocol = self._cell, parts.scorer, best_protocol(parts)
        if protocol is None or scorer is None:
            return
        seed, name = best_seed(cell), str(cell.score.keep_best)
        metric, direction = directed_scores(cell.score, parts.shared.catalog)[name]
        value = chosen = step = math.nan
        note = ""
        if best is not None:
            generator.load_state_dict(best.state)
            tell_step(generator, best.step, cell.train.steps)
            samples = generate_samples(
                generator,
                parts.players,
                parts.dataset.signature,
                parts.reference,
                scorer.samples,
                seed,
                device,
            )
            scored = scorer.score(first(samples, scorer.samples), {metric}, seed=seed)
            row = next(row for row in scored if row.metric == name)
            value, note = row.value, parts.shared.note(row)
            chosen, step = best.value, float(best.step)
        found = {"": (value, direction, note), "_chosen": (chosen, "", ""), "_step": (step, "", "")}
        self.rows = [row for row in self.rows if row["protocol"] != protocol.hash]
        self.rows += [
            {
                "step": cell.train.steps,
                "metric": f"{cell.score.best_score}{suffix}",
                "value": number,
                "direction": better,
                "extractor": protocol.extractor,
                "samples": scorer.samples,
                "protocol": protocol.hash,
                "repeat": 0,
                "note": said,
                "current": True,
            }
            for suffix, (number, better, said) in found.items()
        ]
        self._store.write_scores(cell.id, self.rows)

    def lacks_best(self, parts: CellParts) -> bool:
        """Tell whether the cell keeps the best generator and has no score of it."""
        protocol = best_protocol(parts)
        return protocol is not None and all(row["protocol"] != protocol.hash for row in self.rows)

    def missing_that_ask(self, scorer: Scorer | None) -> list[str]:
        """List the metrics without a score of the last step for which the discriminator is needed."""
        if scorer is None:
            return []
        return sorted(scorer.asking & self._missing(scorer, self._cell.train.steps, 0))

    def final(self) -> Mapping[str, Mapping[str, float]]:
        """Give the scores of the last step by extractor and metric, repeats averaged."""
        return mean_scores(row for row in self.rows if row["step"] == self._cell.train.steps)

    def _missing(self, scorer: Scorer, step: int, repeat: int) -> set[str]:
        """List the metrics that have no rows yet for one sample set."""
        done = {row["protocol"] for row in self.rows if (row["step"], row["repeat"]) == (step, repeat)}
        return {name for name, protocol in scorer.protocols.items() if protocol.hash not in done}

    def _add(self, step: int, repeat: int, scored: Sequence[ScoreRow], shared: SharedParts) -> None:
        """Add rows, on disk too."""
        for row in scored:
            self.rows.append(
                {
                    "step": step,
                    "metric": row.metric,
                    "value": row.value,
                    "direction": shared.metric_spec(row.source).directions.get(row.metric, ""),
                    "extractor": row.extractor,
                    "samples": row.samples,
                    "protocol": row.protocol,
                    "repeat": repeat,
                    "note": shared.note(row),
                    "current": True,
                }
            )
        self._store.write_scores(self._cell.id, self.rows)
