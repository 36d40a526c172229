"""The expected best score against the number of random combinations."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from fabricated_results import GRID, Folder

from ganbench.__main__ import main
from ganbench.analysis.budget import MAX_BUDGETS, budget_table, expected_best
from ganbench.analysis.context import Compared
from ganbench.report import load

SAMPLED = GRID.replace("seeds = 3\n", "seeds = 3\nsample = 5\n")


@pytest.mark.parametrize("costs", [[3.0], [2.0, -1.0, 7.5, 7.5, 0.25]])
def test_the_expected_best_is_the_mean_over_all_draws(costs: list[float]) -> None:
    budgets = range(1, len(costs) + 1)
    for k, mean, sd, low, high in zip(budgets, *expected_best(costs, budgets), strict=True):
        best = [min(draw) for draw in itertools.combinations(costs, k)]
        assert mean == pytest.approx(np.mean(best))
        assert sd == pytest.approx(np.std(best), abs=1e-12)
        assert (low, high) == tuple(np.quantile(best, (0.025, 0.975), method="inverted_cdf"))


def test_many_combinations_have_some_budgets_up_to_all() -> None:
    row = {"dataset": "d", "loss": "a", "metric": "fid", "direction": "lower", "extractor": "", "samples": 9}
    rows = [
        {**row, "protocol": "p", "engine": "", "n": 1, "failures": 0, "mean": float(i)} for i in range(3000)
    ]
    table = budget_table(pd.DataFrame(rows), Compared("loss", None))
    assert len(table) <= MAX_BUDGETS
    assert (table["budget"].iloc[0], table["budget"].iloc[-1]) == (1, 3000)
    assert table["expected_best"].iloc[0] == pytest.approx(2999 / 2)
    assert table["expected_best"].iloc[-1] == pytest.approx(0, abs=1e-9)
    assert table["expected_best"].is_monotonic_decreasing
    assert (table["low"].iloc[0], table["high"].iloc[0]) == (74, 2924)
    assert (table["low"].iloc[-1], table["high"].iloc[-1]) == (0, 0)


def _searched(make_folder: Callable[..., Folder], grid: str) -> Folder:
    """Three rates of minimax, one with a failed seed; two of non_saturating, one of which failed wholly."""
    folder = make_folder("searched", grid)
    runs = [
        ("minimax", 1, (10.0, 12.0)),
        ("minimax", 2, (20.0, None)),
        ("minimax", 3, (5.0, 5.0)),
        ("non_saturating", 1, (8.0, 8.0)),
        ("non_saturating", 2, (None, None)),
    ]
    for loss, rate, finals in runs:
        for seed, fid in enumerate(finals):
            scores = None if fid is None else {"fid": fid, "is": 100 - fid}
            status = "oom" if fid is None else "ok"
            folder.add(loss=loss, seed=seed, varied={"train.lr": rate}, status=status, scores=scores)
    folder.index()
    return folder


def test_failures_count_as_the_worst_and_values_stand_apart(make_folder: Callable[..., Folder]) -> None:
    table = load(_searched(make_folder, SAMPLED).path).budget
    fid = table[table["metric"] == "fid"]
    shown = {(row["value"], row["budget"]): row["expected_best"] for row in fid.to_dict("records")}
    assert shown == pytest.approx(
        {
            ("minimax", 1): (11 + 20 + 5) / 3,
            ("minimax", 2): (11 + 5 + 5) / 3,
            ("minimax", 3): 5,
            ("non_saturating", 1): (8 + 20) / 2,
            ("non_saturating", 2): 8,
        }
    )
    assert fid.groupby("value")["failures"].max().to_dict() == {"minimax": 0, "non_saturating": 1}
    assert fid[["low", "high"]].to_numpy().tolist() == [[5, 20], [5, 11], [5, 5], [8, 20], [8, 8]]
    # Higher is better here, by the same amounts.
    others = table[table["metric"] == "is"]
    assert others["expected_best"].tolist() == pytest.approx([100 - each for each in shown.values()])
    assert others["low"].tolist() == [100 - each for each in fid["high"]]
    assert others["high"].tolist() == [100 - each for each in fid["low"]]


def test_values_that_never_have_a_score_count_as_the_worst(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder("lost", SAMPLED)
    runs = [("minimax", 10.0), ("hinge", None), ("wasserstein", float("nan")), ("non_saturating", 30.0)]
    for loss, fid in runs:
        status = "oom" if fid is None else "ok"
        scores = None if fid is None else {"fid": fid}
        folder.add(loss=loss, status=status, scores=scores, curves=False, picture=False)
    folder.index()
    table = load(folder.path).budget.set_index("value")
    best = {"minimax": 10.0, "non_saturating": 30.0, "hinge": 30.0, "wasserstein": 30.0}
    assert table["expected_best"].to_dict() == best
    assert table["failures"].to_dict() == {name: int(name in ("hinge", "wasserstein")) for name in best}


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
def test_a_sample_has_a_file_and_a_table_on_the_page_and_other_grids_have_none(
    make_folder: Callable[..., Folder],
) -> None:
    folder = _searched(make_folder, SAMPLED)
    assert main(["report", str(folder.path)]) == 0
    assert (folder.path / "budget.csv").read_text().splitlines()[0].startswith("dataset,axis,value,metric,")
    page = (folder.path / "report.html").read_text()
    assert "Best of a random search" in page
    assert "best of 2" in page
    (folder.path / "grid.toml").write_text(GRID)
    assert load(folder.path).budget.empty
    assert main(["report", str(folder.path)]) == 0
    assert (folder.path / "budget.csv").read_text().count("\n") == 1
    assert "Best of a random search" not in (folder.path / "report.html").read_text()
