"""Scores that the settings no longer measure stay in the tables, marked, and enter no mean."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ganbench
from ganbench.analysis.context import compared
from ganbench.analysis.recompare import recompare
from ganbench.regression import check
from ganbench.report import write_page
from ganbench.store import Store

SCORE = {"metrics": ["wasserstein"], "samples": 128, "every": 0}
GRID: dict[str, Any] = {
    "name": "remeasured",
    "seeds": 2,
    "axes": {
        "dataset": ["gaussian_1d"],
        "architecture": [{"name": "mlp", "generator_widths": [4], "discriminator_widths": [4]}],
        "loss": ["minimax", "non_saturating"],
    },
    "train": {"steps": 2, "batch_size": 16},
    "score": SCORE,
}


def grid(**score: Any) -> dict[str, Any]:
    return {**GRID, "score": {**SCORE, **score}}


@pytest.fixture(scope="module")
def out(in_process: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was scored on 128 samples, then on 64."""
    out = tmp_path_factory.mktemp("remeasured") / "out"
    ganbench.run(GRID, out, jobs=1)
    ganbench.run(grid(samples=64), out, jobs=1)
    return out


def current(scores: pd.DataFrame) -> set[int]:
    return set(scores.loc[scores["current"], "samples"])


@pytest.mark.slow
def test_rows_of_an_earlier_protocol_are_marked_and_compared_no_more(out: Path) -> None:
    for results in (ganbench.load(out), ganbench.run(grid(samples=64), out)):
        assert set(results.scores["samples"]) == {64, 128}
        assert current(results.scores) == {64}
        for table in (results.comparison, results.final):
            assert set(table["samples"]) == {64}
        asked = recompare(out, results.cells, results.scores, compared(Store(out).grid()))
        assert set(asked.comparison["samples"]) == {64}
    stored = pd.read_csv(out / "scores.csv")
    assert current(stored) == {64}
    assert {finding.check.measure.samples for finding in check(out, out).findings} == {64}
    alone = out.parent / "alone"
    alone.mkdir()
    for name in ("grid.toml", "cells.csv", "scores.csv"):
        shutil.copy(out / name, alone)
    tables = ganbench.load(alone)
    assert current(tables.scores) == {64}
    assert set(tables.comparison["samples"]) == {64}
    write_page(Store(out), results)
    assert ": no scores" not in (out / "report.html").read_text()
    lost = out.parent / "lost"
    shutil.copytree(out, lost)
    Store(lost).mark_current(Store(lost).cell_ids()[0], frozenset())
    write_page(Store(lost), ganbench.load(lost))
    assert (lost / "report.html").read_text().count(": no scores") == 1


@pytest.mark.slow
def test_the_marks_follow_the_settings_without_training(out: Path) -> None:
    # What was measured once is measured no second time, so only the marks move.
    back = ganbench.run(GRID, out)
    assert current(back.scores) == {128}
    assert set(back.comparison["samples"]) == {128}
    unscored = ganbench.run(grid(metrics=[]), out)
    assert current(unscored.scores) == set()
    assert unscored.comparison["metric"].tolist() == []
    assert current(ganbench.run(grid(samples=64), out).scores) == {64}


@pytest.mark.slow
def test_a_folder_without_marks_counts_every_row(out: Path) -> None:
    for path in out.glob("cells/*/scores.csv"):
        pd.read_csv(path).drop(columns="current").to_csv(path, index=False)
    results = ganbench.load(out)
    assert current(results.scores) == {64, 128}
    pd.read_csv(out / "scores.csv").drop(columns="current").to_csv(out / "scores.csv", index=False)
    assert check(out, out).verdict == "identical"
