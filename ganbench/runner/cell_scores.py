"""The scores of one cell: which are missing, how they are measured, where they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ganbench.api import Samples
from ganbench.grid import Cell
from ganbench.grid.seeds import score_seed
from ganbench.runner.asked_discriminator import asked_discriminator
from ganbench.runner.build import CellParts
from ganbench.runner.sample_pictures import drawn
from ganbench.runner.sampling import first, generate_samples
from ganbench.runner.shared_parts import SharedParts
from ganbench.runner.task import mean_scores
from ganbench.scoring import Scorer, ScoreRow
from ganbench.store import Store


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
