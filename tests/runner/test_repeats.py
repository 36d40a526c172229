"""From a grid to the tables: how often a final model was scored, and what that tells."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts_here import shared

import ganbench
from ganbench.catalog import load_catalog
from ganbench.execution import plan_run
from ganbench.grid import read_grid
from ganbench.report import write_tables
from ganbench.runner import Task, cell_run, run_cell
from ganbench.store import Store

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 2,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["minimax", "non_saturating"],
    },
    "train": {"steps": 10, "batch_size": 16},
    "score": {"metrics": ["fid", "is"], "extractor": "digits_cnn", "samples": 64, "every": 5},
}


def run(out: Path, expected: list[str], only: int | None = None, **score: Any) -> ganbench.Results:
    """Do in this process what `ganbench run` would have its workers do.

    Args:
        out: the folder.
        expected: what the plan must say of each cell.
        only: the one cell to do, by its place; all of them unless given.
        score: changes of [score].
    """
    grid = read_grid({**GRID, "score": {**GRID["score"], **score}}, load_catalog())
    plan, store = plan_run(grid, out, device="cpu")
    assert [planned.action for planned in plan.cells] == expected
    store.make()
    store.write_grid(grid.to_toml())
    for place, planned in enumerate(plan.cells):
        if planned.action in ("train", "score") and only in (None, place):
            task = Task(
                cell=planned.cell,
                folder=str(out),
                device="cpu",
                environment=planned.environment,
                rescore=planned.action == "score",
            )
            assert run_cell(task, shared()).status == "ok"
    return write_tables(store, [cell.id for cell in grid.cells])


@pytest.mark.slow
def test_missing_repeats_are_added_without_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = run(tmp_path / "at once", ["train"] * 4, repeats=3)
    out = tmp_path / "later"
    once = run(out, ["train"] * 4)
    assert once.comparison["repeats"].tolist() == [1, 1]
    assert once.comparison["noise_value"].isna().all()
    assert set(once.scores["repeat"]) == {0}
    monkeypatch.setattr(cell_run, "Trainer", None)
    # One cell of a group has its repeats, the other not yet: compared, and said.
    partly = run(out, ["score"] * 4, only=0, repeats=3)
    assert partly.comparison["n"].tolist() == [2, 2]
    assert partly.comparison["repeats"].tolist() == [1, 1]
    assert partly.comparison["note"].str.contains("unequal repeats: 1 to 3 a cell").all()
    assert partly.comparison["noise_baseline"].notna().all()
    assert partly.comparison["noise_value"].isna().all()
    whole = run(out, ["keep", "score", "score", "score"], repeats=3)
    assert not whole.comparison["note"].str.contains("unequal").any()
    for name in ("scores.csv", "comparison.csv"):
        assert (out / name).read_bytes() == (at_once.path / name).read_bytes()
    run(out, ["keep"] * 4, repeats=3)


@pytest.mark.slow
def test_both_spreads_are_what_the_rows_say(tmp_path: Path) -> None:
    results = run(tmp_path, ["train"] * 4, repeats=3)
    scores = results.scores
    # Only the final model is scored more than once, on sample sets that differ.
    assert set(scores[scores["step"] == 5]["repeat"]) == {0}
    final = scores[(scores["step"] == 10) & (scores["metric"] == "fid")]
    by_cell = final.groupby(["loss", "seed"])["value"]
    assert by_cell.nunique().tolist() == [3] * 4
    row = results.comparison.set_index("metric").loc["fid"]
    for group in ("baseline", "value"):
        within, means = by_cell.var()[row[group]], by_cell.mean()[row[group]]
        assert row[f"noise_{group}"] == pytest.approx(math.sqrt(within.mean()))
        assert row[f"sd_{group}"] == pytest.approx(np.std(means, ddof=1))
    spread = results.final.set_index(["loss", "metric"]).loc[("minimax", "is_std")]
    values = scores[(scores["step"] == 10) & (scores["metric"] == "is_std") & (scores["loss"] == "minimax")]
    assert spread["mean"] == pytest.approx(values["value"].mean())
    assert "is_std" not in set(results.comparison["metric"])


@pytest.mark.slow
def test_another_protocol_is_refused_by_name_with_repeats_too(tmp_path: Path) -> None:
    run(tmp_path, ["train"] * 4, repeats=2)
    other = run(tmp_path, ["score"] * 4, only=0, repeats=2, samples=80)
    store = Store(tmp_path)
    # The baseline's first cell has both; take from it what the other cells have, so that nothing pairs.
    first = store.cell_ids()[0]
    assert {row["samples"] for row in store.scores(first)} == {64, 80}
    store.write_scores(first, [row for row in store.scores(first) if row["samples"] == 80])
    assert len(other.comparison) == 4
    table = write_tables(store).comparison
    refused = table[table["verdict"].str.startswith("not compared: protocols differ")]
    assert len(refused) == 2
    assert refused["verdict"].str.contains("digits_cnn, 80 samples, protocol").all()
    assert refused["noise_baseline"].isna().all()
    compared = table[table["n"] > 0]
    assert compared["n"].tolist() == [1, 1]
    assert set(compared["samples"]) == {64}
